"""Frames of a store in a fraction of their bytes: short pieces of video, each decodable by itself.

Eight frames make a piece: H.264 without subsampling of colours, no frame of which refers to another piece, so
that a window anywhere costs at most seven frames more than it has. The coarsest quantiser is taken at which a
piece differs from its frames by no more than `MOST_ERROR`, measured on the decoded frames.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avsal.types import Closable

__all__ = ["MOST_ERROR", "FrameChunks", "GreyImages", "read_frames", "read_grey"]

MOST_ERROR = 2.0
"""Root of the mean squared error of a piece, in grey levels of 255."""

LENGTH = 8
"""Frames of a piece."""

_FIRST_QUANTISER = 18
_COARSEST = 30


class _Pieces(Closable):
    """A file of pieces of bytes, and beside it where each begins; complete when it is left without an
    error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._starts = [0]

    def add(self, piece: bytes) -> None:
        self._file.write(piece)
        self._starts.append(self._starts[-1] + len(piece))

    def finish(self) -> None:
        """Called at the end, where no error came."""

    def _leave(self, failed: bool) -> None:
        with self._file:
            if not failed:
                self.finish()
        np.save(_index(self._path), np.array(self._starts, np.int64))


class FrameChunks(_Pieces):
    """Writes frames; use it as a context manager.

    Args:
        path: path of the file; an existing one is replaced.

    Attributes:
        num_rows: frames taken so far.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.num_rows = 0
        self._waiting: list[NDArray[np.uint8]] = []
        self._quantiser = _FIRST_QUANTISER

    def append(self, row: NDArray[np.uint8]) -> None:
        """Take the next frame, (H, W, 3) uint8 RGB."""
        self._waiting.append(np.ascontiguousarray(row))
        self.num_rows += 1
        if len(self._waiting) == LENGTH:
            self.finish()

    def finish(self) -> None:
        """Write the frames that wait for a piece to be full."""
        if not self._waiting:
            return
        while True:
            piece = encoded(self._waiting, self._quantiser)
            error = rms(decoded(piece), self._waiting)
            if error <= MOST_ERROR or self._quantiser == 0:
                break
            self._quantiser = max(0, self._quantiser - (2 if error > 1.2 * MOST_ERROR else 1))
        self.add(piece)
        self._waiting = []
        if error < 0.85 * MOST_ERROR:
            self._quantiser = min(_COARSEST, self._quantiser + 1)


class GreyImages(_Pieces):
    """Writes maps as 8-bit images without loss; use it as a context manager."""

    def append(self, row: NDArray[np.generic]) -> None:
        """Take the next map, (H, W) of 0 to 1, rounded to 255 levels."""
        levels = np.round(np.asarray(row, np.float32) * 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(levels).save(stream, "PNG")
        self.add(stream.getvalue())


def encoded(frames: Sequence[NDArray[np.uint8]], quantiser: int) -> bytes:
    """A piece of video of (H, W, 3) uint8 RGB frames, 0 being the finest quantiser."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = frames[0].shape[:2]
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv444p"
    codec.time_base, codec.thread_count = Fraction(1, 25), 1
    codec.options = {"preset": "fast", "qp": str(quantiser), "bf": "0", "g": "250"}
    found = []
    for number, image in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv444p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG
        )
        frame.pts = number
        found += [bytes(packet) for packet in codec.encode(frame)]
    found += [bytes(packet) for packet in codec.encode(None)]
    return b"".join(found)


def decoded(piece: bytes) -> list[NDArray[np.uint8]]:
    """The (H, W, 3) uint8 RGB frames of a piece.

    Raises:
        ValueError: it cannot be decoded.
    """
    import av
    from av.video.reformatter import ColorRange, Colorspace

    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.thread_count = 1
    try:
        packets = [*codec.parse(piece), *codec.parse(None)]
        frames = [frame for packet in packets for frame in codec.decode(packet)]
        frames += codec.decode(None)
    except av.FFmpegError as error:
        raise ValueError(f"a piece of the frames is damaged: {error}") from error
    images = [
        frame.reformat(
            format="rgb24",
            src_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG,
        ).to_ndarray()
        for frame in frames
    ]
    return [image.astype(np.uint8, copy=False) for image in images]


def rms(frames: Sequence[NDArray[np.uint8]], others: Sequence[NDArray[np.uint8]]) -> float:
    """Root of the mean squared difference in grey levels."""
    squares = [
        np.square(one.astype(np.float32) - other).mean() for one, other in zip(frames, others, strict=True)
    ]
    return float(np.sqrt(np.mean(squares)))


def read_frames(path: Path, indices: Sequence[int], size: tuple[int, int], count: int) -> NDArray[np.uint8]:
    """Frames of a file that `FrameChunks` wrote.

    Args:
        path: path of the file.
        indices: 0-based; they may repeat and run backwards.
        size: (h, w) that the frames must have.
        count: frames that the file must hold.

    Returns:
        (T, h, w, 3) uint8 RGB.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be read.
    """
    starts = _starts(path, -(-count // LENGTH))
    found: dict[int, NDArray[np.uint8]] = {}
    with path.open("rb") as file:
        for number in sorted({index // LENGTH for index in indices}):
            file.seek(int(starts[number]))
            frames = decoded(file.read(int(starts[number + 1] - starts[number])))
            if len(frames) != min(LENGTH, count - number * LENGTH):
                raise ValueError(f"piece {number} has {len(frames)} frames")
            found |= {number * LENGTH + place: frame for place, frame in enumerate(frames)}
    if any(frame.shape[:2] != size for frame in found.values()):
        raise ValueError(f"its frames are not of {size[0]}x{size[1]}")
    return np.stack([found[index] for index in indices])


def read_grey(path: Path, index: int, size: tuple[int, int], count: int) -> NDArray[np.float32]:
    """(h, w) of 0 to 1: one image of a file that `GreyImages` wrote; see `read_frames`."""
    starts = _starts(path, count)
    with path.open("rb") as file:
        file.seek(int(starts[index]))
        content = file.read(int(starts[index + 1] - starts[index]))
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != size[::-1] or image.mode != "L":
                raise ValueError(f"image {index} is {image.mode} of {image.size}")
            return np.divide(np.asarray(image), 255, dtype=np.float32)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"image {index} is damaged: {error}") from error


def _index(path: Path) -> Path:
    return path.with_suffix(".index.npy")


def _starts(path: Path, pieces: int) -> NDArray[np.int64]:
    starts: NDArray[np.int64] = np.load(_index(path), allow_pickle=False)
    ascending = starts.shape == (pieces + 1,) and starts.dtype == np.int64
    if not ascending or any(a > b for a, b in pairwise(starts.tolist())) or starts[0] != 0:
        raise ValueError(f"{_index(path).name} is not where {pieces} pieces begin")
    if starts[-1] != path.stat().st_size:
        raise ValueError(f"it has {path.stat().st_size} bytes instead of {starts[-1]}")
    return starts
