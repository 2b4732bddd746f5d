"""Where a video comes from: whatever is named ends here as frames with stamps and samples on one clock."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from glob import glob, has_magic
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, MediaError
from avsal.media.audio import SoundReader
from avsal.media.damage import Damage
from avsal.media.frames import FrameReader, VideoInfo
from avsal.media.images import is_pattern
from avsal.media.video import open_frames
from avsal.types import Scaling

__all__ = ["FileSource", "Source", "WindowedSound", "as_source", "is_many", "named_paths"]

#: files that are looked for in folders
VIDEO_SUFFIXES = frozenset(
    (
        ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
        ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    )
)  # fmt: skip

CAMERA = re.compile(r"\d{1,2}|/dev/video\d+")
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")

CHUNK = 2**20
"""Bytes that are copied at once from standard input or an address to a temporary file."""


class WindowedSound(Protocol):
    """Mono samples read forward, window by window; see `SoundReader`."""

    sample_rate: int

    @property
    def damage(self) -> Damage:
        """What could not be read so far."""
        ...

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """The samples between two seconds of the video clock."""
        ...

    def hold(self, spans: Iterable[tuple[float, float]]) -> None:
        """Keep the sound of some seconds."""
        ...


class Source(ABC):
    """A video that can be read: frames with time stamps, and sound on the same clock.

    Attributes:
        name: that it is told by, and that outputs are named after.
        info: what is known of the video before it is read.
        path: the file, or folder of images, that picture and sound lie in; None where there is none.
        live: it is read as it comes, once, and may have no end.
        ahead: frames may be read in another thread before they are asked for.
    """

    name: str
    info: VideoInfo
    path: Path | None = None
    live: bool = False
    ahead: bool = True

    def __str__(self) -> str:
        return str(self.path or self.name)

    @abstractmethod
    def frames(
        self,
        size: tuple[int, int],
        *,
        start: float | None = None,
        threads: int | None = None,
        scaling: Scaling = "area",
        pictures: bool = False,
    ) -> FrameReader:
        """A reader of the frames.

        Args:
            size: (H, W) that frames are scaled to.
            start: seconds on the video clock; earlier frames are left out.
            threads: of a decoder; None for one.
            scaling: the filter where the size changes.
            pictures: whether frames bring their unscaled picture along.
        """

    def sound(self, sample_rate: int, keep: float) -> WindowedSound | None:
        """The source's own sound at a rate in Hz; reads may go back by `keep` seconds. None: it has none."""
        return None

    def picture_at(self, time: float) -> NDArray[np.uint8] | None:
        """(H, W, 3) uint8, unscaled: the frame shown at a second; None where it cannot be read again."""
        return None


class FileSource(Source):
    """A video file, a folder of images, a pattern of image names, or one image; see `open_frames`."""

    def __init__(
        self,
        path: str | Path,
        *,
        frame_rate: float | Fraction | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._frame_rate, self._audio_stream = frame_rate, audio_stream
        with open_frames(self.path, frame_rate=frame_rate, stream=video_stream) as reader:
            self.info = reader.info
        self._stream = video_stream

    def frames(
        self,
        size: tuple[int, int] | None,
        *,
        start: float | None = None,
        threads: int | None = None,
        scaling: Scaling = "area",
        pictures: bool = False,
    ) -> FrameReader:
        """See `Source.frames`."""
        assert self.path is not None
        return open_frames(
            self.path,
            size,
            frame_rate=self._frame_rate,
            stream=self._stream,
            start=start or None,
            threads=threads,
            scaling=scaling,
            gives="both" if pictures else "images",
        )

    def sound(self, sample_rate: int, keep: float) -> WindowedSound | None:
        """See `Source.sound`."""
        if not self.info.sound:
            return None
        assert self.path is not None
        return SoundReader(
            self.path, sample_rate, stream=self._audio_stream, origin=self.info.origin, keep=keep
        )

    def picture_at(self, time: float) -> NDArray[np.uint8] | None:
        """See `Source.picture_at`."""
        with self.frames(None, start=max(0.0, time - 1e-4)) as reader:
            return next((frame.image for frame in reader), None)


class CopiedSource(FileSource):
    """What came through a pipe or from an address, copied to a temporary file that goes with the source.

    Args:
        stream: that is read to its end.
        name: see `Source`.
        suffix: of the file.
        **options: of `FileSource`.
    """

    def __init__(self, stream: IO[bytes], name: str, suffix: str = "", **options: Any) -> None:
        folder = Path(tempfile.mkdtemp(prefix="avsal-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = folder / f"copy{suffix}"
        try:
            with path.open("wb") as copy:
                shutil.copyfileobj(stream, copy, CHUNK)
        except OSError as error:
            raise MediaError(f"{name} cannot be copied to {path}: {error.strerror or error}") from error
        if path.stat().st_size == 0:
            raise MediaError(f"expected a video from {name} but nothing came")
        try:
            super().__init__(path, **options)
        except MediaError as error:
            raise MediaError(str(error).replace(str(path), name)) from None
        self.name = name

    def __str__(self) -> str:
        return self.name


def as_source(
    given: Any,
    *,
    frame_rate: float | Fraction | None = None,
    video_stream: int | None = None,
    audio_stream: int | None = None,
) -> Source:
    """The source that somebody means.

    Args:
        given: a path (of a video, an image, a folder of images or a pattern of their names); ``-`` for a
            video on standard input, or an open binary file; an address such as ``https://..`` or
            ``rtsp://..``; a camera (``0``, ``/dev/video0``); frames as `avsal.media.arrays` takes them.
        frame_rate: in frames a second, of what has no time stamps.
        video_stream: number of the picture stream; None: the first that moves.
        audio_stream: number of the sound stream; None: the default one.

    Raises:
        ConfigError: it is no kind of source, or `frame_rate` is missing or given in vain.
        MediaError: it cannot be read.
    """
    streams: dict[str, Any] = {"video_stream": video_stream, "audio_stream": audio_stream}
    if isinstance(given, Source):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if isinstance(given, str | Path):
        text = str(given)
        if given == "":
            raise ConfigError("expected a video but found an empty name")
        if text == "-":
            if sys.stdin is None or sys.stdin.isatty():
                raise ConfigError("expected a video on standard input but it is a terminal: pipe one in")
            return CopiedSource(sys.stdin.buffer, "standard input", frame_rate=frame_rate, **streams)
        if CAMERA.fullmatch(text) and not (text.isdigit() and Path(text).exists()):
            from avsal.media.one_pass import camera

            return camera(text, frame_rate)
        if match := ADDRESS.match(text):
            from avsal.media.addresses import address_source

            return address_source(text, match[1].lower(), frame_rate, **streams)
        return FileSource(given, frame_rate=frame_rate, **streams)
    if hasattr(given, "read") and not hasattr(given, "grab"):
        return CopiedSource(given, getattr(given, "name", "the file"), frame_rate=frame_rate, **streams)
    from avsal.media.arrays import frames_source

    return frames_source(given, frame_rate)


def is_many(given: Any) -> bool:
    """Whether `given` is a list of sources, or a pattern of names, rather than one source.

    A list or tuple of frames, (H, W, 3) each or (time, frame), is one source.
    """
    if isinstance(given, str | Path):
        return has_magic(str(given)) and not ADDRESS.match(str(given)) and not Path(given).exists()
    if not isinstance(given, list | tuple) or not given:
        return False
    first = given[0]
    stamped = isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], int | float)
    return not stamped and getattr(first, "ndim", None) != 3


def named_paths(pattern: str | Path) -> list[Path]:
    """The paths that a pattern such as ``videos/*.mp4`` or ``videos/**/*.mkv`` names, in order.

    Raises:
        ConfigError: there is none.
    """
    found = sorted(map(Path, glob(str(pattern), recursive=True)))
    if not found:
        raise ConfigError(f"no file is named by the pattern {pattern}")
    return found


def is_plain_path(given: Any) -> bool:
    """Whether `given` can only be the path of a file or folder."""
    if not isinstance(given, str | Path):
        return False
    text = str(given)
    camera = CAMERA.fullmatch(text) and not (text.isdigit() and Path(text).exists())
    return not (text == "-" or camera or ADDRESS.match(text) or is_pattern(Path(text).name))


def each(given: Any) -> Iterator[Any]:
    """The single sources of a list or pattern, those of patterns within a list too."""
    if not is_many(given):
        yield given
        return
    for one in named_paths(given) if isinstance(given, str | Path) else given:
        yield from each(one)
