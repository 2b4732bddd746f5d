"""What every output of predictions is told, and what it does."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from avsal.errors import MediaError
from avsal.media.atomic import sweep
from avsal.media.frames import VideoInfo
from avsal.render.overlay import OverlayStyle

if TYPE_CHECKING:
    from avsal.prediction import Prediction

__all__ = ["Output", "OutputRequest"]


@dataclass(frozen=True)
class OutputRequest:
    """What all outputs of one video are told.

    Attributes:
        source: the video or folder of images that was predicted; None where predictions bring their pictures
            along.
        info: of the source.
        sound_from: the file whose sound goes with the overlay video, None for a silent one.
        sound_stream: number of its sound stream, None for the default one.
        frame_rate: of a folder of images.
        start: of the predicted part in seconds, None for the video's start.
        end: of the predicted part in seconds, None for the video's end.
        colormap: of the overlay.
        alpha: opacity of the overlay at the map's peak.
        style: of the overlay, ``heat`` or ``contour``.
        caption: written into the overlay's lower left corner with the time, such as the model's name; None
            for no caption.
        bits: of a PNG sample, 8 or 16.
        about: settings and versions, kept inside files that can hold them.
        cuts: seconds of the frames that begin a shot, known up to the prediction that is written.
        roi_strength: of encoders' maps: the largest quantiser offset.
        pictures: whether predictions carry their frames' pictures; else the video is read again for them.
    """

    source: Path | None
    info: VideoInfo
    sound_from: Path | None = None
    sound_stream: int | None = None
    frame_rate: float | None = None
    start: float | None = None
    end: float | None = None
    colormap: str = "inferno"
    alpha: float = 0.7
    style: OverlayStyle = "heat"
    caption: str | None = None
    bits: int = 8
    about: Mapping[str, Any] | None = None
    cuts: Sequence[float] = ()
    roi_strength: float = 6.0
    pictures: bool = False


class Output(ABC):
    """One kind of file made from a video's predictions; a context manager, written to frame by frame.

    Attributes:
        suffix: what follows the video's name.
        seconds: of work so far, by part.
    """

    suffix: str

    def __init__(self, path: Path, request: OutputRequest) -> None:
        self.path, self.request = path, request
        self.seconds: dict[str, float] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            sweep(self.path)
            with self._stack:
                self._open()
                self._stack = self._stack.pop_all()
        except OSError as error:
            raise MediaError(
                f"cannot write {error.filename or self.path}: {error.strerror or error}; "
                "choose another place with -o"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @abstractmethod
    def _open(self) -> None:
        """Begin; everything to be closed is entered on `_stack`, which learns of errors."""

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Add one frame's map."""

    def remarks(self) -> dict[str, Any]:
        """What a summary should say of the file, when all is written."""
        return {}

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add what is done meanwhile to `seconds`."""
        began = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began
