"""Photographs with the gaze of people who looked at them freely: what the image sets share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset
from datasets_av.frame_images import image_size
from datasets_av.frame_positions import fixations_by_frame

__all__ = ["Photograph", "PhotographDataset", "gaze_of_viewers"]


@dataclass(frozen=True)
class Photograph:
    """One picture of a data set and how its gaze is read; the fields are those of a `Recording`."""

    id: str
    path: Path
    split: Split | None = None
    category: str | None = None
    load_fixations: Callable[[], Fixations] | None = None
    load_density: Callable[[int], NDArray[np.float32]] | None = None


class PhotographDataset(Dataset):
    """A data set of photographs.

    A photograph is a video of one frame, so that everything that reads videos reads it: `Recording.frames`
    is the image file, `num_frames` 1, and all of its gaze lies on frame 0. As clips of more frames are made
    of it, every frame is the same.
    """

    @abstractmethod
    def _photographs(self) -> Iterator[Photograph]:
        """The published pictures in the published order, whether or not their files are here."""

    def _recordings(self) -> Iterator[Recording]:
        return self._usable((one.id, one.split, partial(self._recording, one)) for one in self._photographs())

    def _recording(self, photograph: Photograph) -> Recording:
        image_size(photograph.path)  # or it cannot be used
        facts = {entry.name: getattr(photograph, entry.name) for entry in fields(photograph)}
        return Recording(frames=facts.pop("path"), dataset=self.info.name, num_frames=1, **facts)


def gaze_of_viewers(
    viewers: Sequence[NDArray[np.float64]], path: Path, size: tuple[int, int] | None, keep_first: bool
) -> Fixations:
    """Put the fixations of several viewers of one photograph together, all on frame 0.

    Args:
        viewers: of each an (N, 2) array: x and y in pixels, in the order of time; N may be 0.
        path: path of the picture.
        size: (height, width) of the picture as watched; points are scaled where the file at hand is of
            another. None: of the file.
        keep_first: whether to keep each viewer's first fixation. Viewing began at a cross in the centre, so
            that the first fixation tells where the cross was, not what the picture drew.

    Returns:
        Observers are numbered from 1 in the order of `viewers`. `dropped` counts first fixations, those
        without a position and those outside the picture.

    Raises:
        DatasetError: the picture cannot be read.
    """
    shown = image_size(path)
    size = size or shown
    skipped = 0 if keep_first else 1
    points = np.concatenate([np.empty((0, 2)), *(viewer[skipped:] for viewer in viewers)])
    observer = np.concatenate(
        [np.empty(0, np.int64), *(np.full(len(v[skipped:]), n) for n, v in enumerate(viewers, 1))]
    )
    first = {"first fixations of a viewer": sum(min(skipped, len(viewer)) for viewer in viewers)}
    frame, (x, y) = np.zeros(len(points), np.int64), points.T
    fixations = fixations_by_frame(frame, x, y, observer, size, 1, dropped=first, what="fixations")
    return fixations if size == shown else fixations.scaled(shown)
