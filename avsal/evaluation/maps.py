"""Where maps come from, as evaluation sees it: an iterator of frame, time and map for each video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation.truth import VideoTruth

__all__ = ["MapSource", "PredictedMap", "size_problem"]


class PredictedMap(NamedTuple):
    """A map of one frame.

    Attributes:
        frame: 0-based index in the video.
        time: seconds on the video clock, None where the source does not know.
        map: (H, W), larger where people are expected to look; None where it cannot be read.
        problem: why it cannot, or how it differs from what was expected; None where all is well.
        condition_maps: maps of the same frame with other sounds, by the name of a row of their own.
    """

    frame: int
    time: float | None
    map: NDArray[np.generic] | None
    problem: str | None = None
    condition_maps: Mapping[str, NDArray[np.generic]] = MappingProxyType({})


class MapSource(Protocol):
    """Gives the maps of a video: a model that predicts, or files.

    Attributes:
        name: the row's name in tables.
    """

    name: str

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap] | None:
        """The maps of a video in the order of its frames; None where there are none of this video.

        Frames that are not wanted (`VideoTruth.frames`) may be among them and are left alone.
        """
        ...

    def unused(self, videos: Sequence[str]) -> list[str]:
        """What the source holds for videos besides `videos`, by name, each as one line."""
        ...


def size_problem(path: Path, size: tuple[int, ...], truth: VideoTruth) -> str | None:
    """How a map's (height, width) differs from its video's; None where it does not."""
    if tuple(size) == truth.video_size:
        return None
    height, width = truth.video_size
    return f"{path} is {size[1]}x{size[0]}, expected {width}x{height}"
