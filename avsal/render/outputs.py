"""What predictions are written as: overlay video, grey video, PNG images, HDF5, CSV.

Every output appears under its name only when it is whole; one that was not finished leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from avsal.clips import resize_map
from avsal.errors import AvsalRuntimeError, ConfigError, MediaError
from avsal.media.atomic import atomic_path, partial_name, sweep
from avsal.media.frames import Frame, VideoInfo
from avsal.media.planes import PictureConverter
from avsal.media.video import open_frames
from avsal.media.writer import VideoWriter
from avsal.prediction import Prediction
from avsal.render.colormap import colormap, to_unit_peak
from avsal.render.overlay import CLEAR, OverlayStyle, contrast
from avsal.render.painter import Painter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["OUTPUTS", "Output", "OutputRequest"]


RESERVE = 8 * 2**20
"""Bytes of the disk that are left for what HDF5 writes when a file is closed."""


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


class OverlayVideo(Output):
    """The video with its map painted over it, H.264 that plays in a browser, with the original sound.

    Each map is painted by its height over its ground, in parts of its peak's: the colour says where in the
    frame, not how salient the frame is. A map without contrast fades, and the summary tells of it.
    """

    suffix = "_overlay.mp4"

    def _open(self) -> None:
        request = self.request
        self.convert = PictureConverter(request.info.size)
        self.paint = Painter(colormap(request.colormap), request.alpha, request.style)
        self.count = self.faint = 0
        self.frames: Iterator[Frame] = iter(())
        if request.source is not None and not request.pictures:
            reader = open_frames(
                request.source,
                frame_rate=request.frame_rate,
                stream=request.info.stream if request.frame_rate is None else None,
                start=request.start,
                end=request.end,
                gives="pictures",
            )
            self.frames = iter(self._stack.enter_context(reader))
        self.video = self._stack.enter_context(
            VideoWriter(
                self.path,
                request.info.size,
                time_base=request.info.time_base,
                frame_rate=request.info.frame_rate,
                sound_from=request.sound_from,
                sound_stream=request.sound_stream,
                origin=request.info.origin if request.sound_from == request.source else None,
                start=request.start or 0.0,
                end=request.end,
            )
        )

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        picture = self._read(prediction.time) if prediction.frame is None else prediction.frame
        caption = self.request.caption
        if caption is not None:
            caption = f"{caption}   {prediction.time:.2f} s".strip()
        with self.timed("painting"):
            painted = self.paint(self.convert(picture), prediction.map, caption)
            self.count += 1
            self.faint += contrast(prediction.map) < CLEAR
        with self.timed("encoding"):
            self.video.write(painted, prediction.time, prediction.duration)

    def _read(self, seconds: float) -> VideoFrame | NDArray[np.uint8]:
        """The picture of the next frame, from the video itself."""
        if self.request.source is None:
            raise ConfigError("an overlay of what is read only once needs its pictures: pictures=True")
        with self.timed("decoding again"):
            frame = next(self.frames, None)
        if frame is None or frame.picture is None or abs(frame.time - seconds) > 1e-6:
            raise MediaError(
                f"{self.request.source}: reading the video again did not give the frame at "
                f"{seconds:.3f} s; was the file changed meanwhile?"
            )
        return frame.picture

    def remarks(self) -> dict[str, Any]:
        """How many maps are painted faintly, for they have little contrast; what became of deep colours."""
        info, found = self.request.info, {}
        if self.faint:
            found["low contrast"] = f"{self.faint} of {self.count} maps, painted faintly"
        if info.bits > 8 or info.hdr:
            kept = "" if info.hdr is None else f"; {info.hdr} is not tone-mapped, so that colours look pale"
            found["colours"] = f"{info.bits} bits a sample became 8{kept}"
        return found


class MapVideo(Output):
    """The maps alone as a silent grey video of the video's size; each map's peak is white."""

    suffix = "_map.mp4"

    def _open(self) -> None:
        info = self.request.info
        self.video = self._stack.enter_context(
            VideoWriter(
                self.path,
                info.size,
                time_base=info.time_base,
                frame_rate=info.frame_rate,
                grey=True,
                start=self.request.start or 0.0,
                end=self.request.end,
            )
        )

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        saliency = to_unit_peak(resize_map(prediction.map, self.request.info.size))
        self.video.write((saliency * 255 + 0.5).astype(np.uint8), prediction.time, prediction.duration)


class Images(Output):
    """A folder of PNG images of the video's size, 8 or 16 bit, numbered from 00001; each map's peak is white.

    Eight bits lose the tail of peaky maps: take 16 for scoring.
    """

    suffix = "_maps"

    def _open(self) -> None:
        self.folder = self.path.with_name(partial_name(self.path))
        self.folder.mkdir()
        self._stack.push(self._finish)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            if self.path.is_dir():
                shutil.rmtree(self.path)
            self.folder.rename(self.path)
        else:
            shutil.rmtree(self.folder)

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        from PIL import Image

        saliency = to_unit_peak(resize_map(prediction.map, self.request.info.size))
        top, kind = (255, np.uint8) if self.request.bits == 8 else (65535, np.uint16)
        image = Image.fromarray((saliency * top + 0.5).astype(kind))
        image.save(self.folder / f"{prediction.index + 1:05d}.png", compress_level=3)


class HDF5(Output):
    """Float maps of the model's size as it gave them, with times: `maps` (N, H, W), `time`, `duration` (s).

    `interpolated` marks maps of frames that were not computed. Attributes: `about` (JSON) and `video_size`.
    """

    suffix = ".h5"

    def _open(self) -> None:
        import h5py

        temporary = self._stack.enter_context(atomic_path(self.path))
        self.file = self._stack.enter_context(h5py.File(temporary, "w"))
        self.file.attrs["about"] = json.dumps(self.request.about or {})
        self.file.attrs["video_size"] = self.request.info.size
        self.columns = {
            name: self.file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(1024,))
            for name, kind in (("time", "f8"), ("duration", "f8"), ("interpolated", "?"))
        }
        self.maps: Any = None

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        if self.maps is None:
            size = prediction.map.shape
            self.maps = self.file.create_dataset(
                "maps",
                (0, *size),
                "f4",
                maxshape=(None, *size),
                chunks=(1, *size),
                compression="lzf",
                shuffle=True,
            )
        # HDF5 that meets a full disk crashes the process at its end: it stops while there is room to finish
        if shutil.disk_usage(self.path.parent).free < RESERVE + 4 * prediction.map.nbytes:
            raise AvsalRuntimeError(f"no room is left for {self.path}: free some, or write elsewhere with -o")
        count = prediction.index + 1
        self.maps.resize(count, axis=0)
        self.maps[-1] = prediction.map
        for name, column in self.columns.items():
            column.resize(count, axis=0)
            column[-1] = getattr(prediction, name)


class Table(Output):
    """A CSV line a frame: peak and centre of mass in pixels of the video, and entropy in bits.

    `peak_x`, `peak_y`: centre of the map's highest pixel. `mean_x`, `mean_y`: mean of the map taken as a
    density. `entropy`: of that density over the map's pixels, 0 for a single pixel and log2 of their number
    for a uniform map.
    """

    suffix = ".csv"
    columns = ("frame", "time", "peak", "peak_x", "peak_y", "mean_x", "mean_y", "entropy", "interpolated")

    def _open(self) -> None:
        temporary = self._stack.enter_context(atomic_path(self.path))
        stream = self._stack.enter_context(temporary.open("w", newline=""))
        self.writer = csv.writer(stream)
        self.writer.writerow(self.columns)

    def write(self, prediction: Prediction) -> None:
        """Add one line."""
        saliency = prediction.map.astype(np.float64)
        height, width = self.request.info.size
        rows, columns = saliency.shape
        row, column = np.unravel_index(int(saliency.argmax()), saliency.shape)
        total = saliency.sum()
        density = saliency / total if total > 0 else np.full(saliency.shape, 1 / saliency.size)
        mean_y = density.sum(1) @ (np.arange(rows) + 0.5)
        mean_x = density.sum(0) @ (np.arange(columns) + 0.5)
        some = density[density > 0]
        self.writer.writerow(
            [
                prediction.index,
                f"{prediction.time:.6f}",
                f"{saliency.max():.6g}",
                f"{(column + 0.5) * width / columns:.2f}",
                f"{(row + 0.5) * height / rows:.2f}",
                f"{mean_x * width / columns:.2f}",
                f"{mean_y * height / rows:.2f}",
                f"{-(some * np.log2(some)).sum():.4f}",
                int(prediction.interpolated),
            ]
        )


#: by the name one types
OUTPUTS: dict[str, type[Output]] = {
    "overlay": OverlayVideo,
    "map": MapVideo,
    "png": Images,
    "h5": HDF5,
    "csv": Table,
}
