"""What predictions are written as: overlay video, grey video, PNG images, HDF5, npz, zarr, CSV.

Every output appears under its name only when it is whole; one that was not finished leaves nothing behind.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, MediaError
from avsal.media.atomic import atomic_path, partial_name
from avsal.media.frames import Frame
from avsal.media.images import is_still
from avsal.media.planes import PictureConverter
from avsal.media.video import open_frames
from avsal.media.writer import VideoWriter
from avsal.render.array_outputs import HDF5, NumPy, Zarr
from avsal.render.colormap import colormap, to_unit_peak
from avsal.render.encoder_maps import OffsetGrid, SvtAv1Offsets, X265Offsets
from avsal.render.output import Output, OutputRequest
from avsal.render.overlay import CLEAR, FAINT
from avsal.render.painter import Painter
from avsal.render.shots import Shots

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from avsal.prediction import Prediction

__all__ = ["BY_SHOTS", "OUTPUTS", "Output", "OutputRequest", "output_of"]


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
        self.count = self.faint = self.blank = 0
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
        self._begin()

    def _begin(self) -> None:
        request = self.request
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
            caption = self._caption(caption, prediction)
        with self.timed("painting"):
            painted = self.paint(self.convert(picture), prediction.map, caption)
            self.count += 1
            self.faint += self.paint.contrast < CLEAR
            self.blank += self.paint.contrast <= FAINT
        with self.timed("encoding"):
            self._put(painted, prediction)

    def _caption(self, caption: str, prediction: Prediction) -> str:
        return f"{caption}   {prediction.time:.2f} s".strip()

    def _put(self, painted: VideoFrame, prediction: Prediction) -> None:
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
            if self.blank:
                found["low contrast"] += f", {self.blank} of them not at all"
        if info.bits > 8 or info.hdr:
            kept = "" if info.hdr is None else f"; {info.hdr} is not tone-mapped, so that colours look pale"
            found["colours"] = f"{info.bits} bits a sample became 8{kept}"
        return found


class OverlayPicture(OverlayVideo):
    """A photograph with its map painted over it, as PNG; see `OverlayVideo`."""

    suffix = "_overlay.png"

    def _begin(self) -> None:
        self.partial = self._stack.enter_context(atomic_path(self.path))

    def _caption(self, caption: str, prediction: Prediction) -> str:
        return caption

    def _put(self, painted: VideoFrame, prediction: Prediction) -> None:
        from PIL import Image

        Image.fromarray(painted.to_ndarray(format="rgb24")).save(self.partial)


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
        saliency = _at_size(prediction, self.request)
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

        saliency = _at_size(prediction, self.request)
        top, kind = (255, np.uint8) if self.request.bits == 8 else (65535, np.uint16)
        image = Image.fromarray((saliency * top + 0.5).astype(kind))
        image.save(self.folder / f"{prediction.index + 1:05d}.png", compress_level=3)


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
def _at_size(prediction: Prediction, request: OutputRequest) -> NDArray[np.float32]:
    """The map at the video's size, its peak 1."""
    from avsal.clips import resize_map

    return to_unit_peak(resize_map(prediction.map, request.info.size))


OUTPUTS: dict[str, type[Output]] = {
    "overlay": OverlayVideo,
    "map": MapVideo,
    "png": Images,
    "h5": HDF5,
    "npz": NumPy,
    "zarr": Zarr,
    "csv": Table,
    "shots": Shots,
    "roi": OffsetGrid,
    "svtav1": SvtAv1Offsets,
    "x265": X265Offsets,
}

#: those that ask where shots begin
BY_SHOTS = frozenset({"shots", "roi", "svtav1", "x265"})


def output_of(kind: str, source: object) -> type[Output]:
    """What writes a kind of `OUTPUTS`: the overlay of a photograph is a picture, not a video of one frame."""
    is_path = isinstance(source, str | os.PathLike)
    if kind == "overlay" and is_path and is_still(Path(source)):  # type: ignore[arg-type]
        return OverlayPicture
    return OUTPUTS[kind]
