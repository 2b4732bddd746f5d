"""Density maps that are published as a video, one grey picture a frame, 8 or 10 bits deep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError

__all__ = ["DensityVideo"]


@dataclass(frozen=True)
class DensityVideo:
    """Maps out of a video by frame number: a `Recording.load_density`.

    Frames asked for in order are decoded once; a jump seeks to the key frame before it. The few videos used
    last stay open, in each process its own.

    Attributes:
        path: of the video.
    """

    path: Path

    def __call__(self, frame: int) -> NDArray[np.float32]:
        """The map of the 0-based `frame` as (H, W) in 0..65,535, black at 0.

        Raises:
            DatasetError: there is no such frame, or the video is missing or damaged.
        """
        try:
            picture = _opened(self.path, os.getpid()).picture(frame)
        except (av.FFmpegError, IndexError) as error:
            raise DatasetError(
                f"{self.path} cannot be read ({error}); extract or download it again"
            ) from error
        return picture.to_ndarray(format="gray16le").astype(np.float32)


class _Decoder:
    """An open video whose pictures are asked for by number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        # display order is the order of the stamps, whatever order the packets lie in
        packets = self._container.demux(self._stream)
        self._stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
        self._pictures: Iterator[av.VideoFrame] = iter(())
        self._next = -1

    def picture(self, frame: int) -> av.VideoFrame:
        if not 0 <= frame < len(self._stamps):
            raise DatasetError(
                f"{self._path}: expected a map of frame {frame} (from 0) of {len(self._stamps)}"
            )
        stamp = self._stamps[frame]
        if frame != self._next:
            self._container.seek(stamp, stream=self._stream)
            self._pictures = self._container.decode(self._stream)
        for picture in self._pictures:
            if picture.pts is not None and picture.pts >= stamp:
                self._next = frame + 1
                return picture
        raise DatasetError(f"{self._path} ends before frame {frame}; extract or download it again")


@lru_cache(maxsize=8)
def _opened(path: Path, process: int) -> _Decoder:
    return _Decoder(path)
