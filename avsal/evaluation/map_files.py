"""The maps of one video as pictures: a folder of numbered images, or a grey video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.evaluation.maps import PredictedMap, size_problem
from avsal.evaluation.truth import VideoTruth
from avsal.media import VideoReader
from avsal.media.image_files import list_images, open_image

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "ImageMaps",
    "VideoMaps",
    "map_images",
]

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"))
VIDEO_SUFFIXES = frozenset((".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v"))

_NUMBER = re.compile(r"(\d+)(?!.*\d)")
#: levels of 255 by which colours of a grey picture may differ after lossy coding
_GREY = 16


def map_images(folder: Path) -> list[Path]:
    """The images directly in a folder by name; hidden files do not count.

    Raises:
        DatasetError: it cannot be listed, or holds a frame twice, such as PNG and JPEG.
    """
    try:
        return list_images(folder, IMAGE_SUFFIXES)
    except (MediaError, OSError) as error:
        raise DatasetError(str(error)) from error


@dataclass
class ImageMaps:
    """A folder of images, one a frame; the last number of a name is the frame's.

    Attributes:
        folder: with PNG, JPEG, BMP or TIFF of 8 or 16 bits.
        first: the number of a video's first frame, 0 or 1.
        unnumbered: files that belong to no frame.
    """

    folder: Path
    first: int = 1
    unnumbered: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sort the files by frame.

        Raises:
            DatasetError: two images have one number.
        """
        self._paths: dict[int, Path] = {}
        for path in map_images(self.folder):
            number = _NUMBER.search(path.stem)
            if number is None:
                self.unnumbered.append(f"{path}: no frame number in the name")
                continue
            index = int(number[1])
            if index in self._paths:
                raise DatasetError(
                    f"{path} and {self._paths[index].name} are both maps of frame {index}: keep one of them"
                )
            self._paths[index] = path

    @property
    def numbers(self) -> set[int]:
        """Of the files, as they are named."""
        return set(self._paths)

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The maps of the wanted frames that are there."""
        for frame in truth.frames.tolist():
            path = self._paths.get(frame + self.first)
            if path is None:
                continue
            try:
                values = _read_image(path)
            except DatasetError as error:
                yield PredictedMap(frame, None, None, str(error))
                continue
            yield PredictedMap(frame, None, values, size_problem(path, values.shape, truth))


@dataclass
class VideoMaps:
    """A video of maps, its pictures in the order of the frames, grey; the video is decoded once.

    Attributes:
        path: of the video.
    """

    path: Path

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """All maps up to the last wanted frame.

        Raises:
            MediaError: the video cannot be read.
        """
        wanted = set(truth.frames.tolist())
        height, width = truth.video_size
        even = height + height % 2, width + width % 2
        with VideoReader(self.path) as video:
            for picture in video:
                if picture.index > truth.frames[-1]:
                    return
                if picture.index not in wanted:
                    continue
                try:
                    values = _grey(picture.image, f"{self.path}, picture {picture.index}")
                except DatasetError as error:
                    yield PredictedMap(picture.index, None, None, str(error))
                    continue
                if values.shape == even:  # coding made the size even with a repeat of the last row or column
                    values = values[:height, :width]
                problem = size_problem(self.path, values.shape, truth)
                yield PredictedMap(picture.index, None, values, problem)


def _read_image(path: Path) -> NDArray[np.generic]:
    """(H, W) in the file's own depth.

    Raises:
        DatasetError: no readable image, or a coloured one.
    """
    try:
        with open_image(path) as image:
            plain = image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
            values = np.asarray(plain)
            if image.mode == "I" and 0 <= values.min() <= values.max() <= np.iinfo(np.uint16).max:
                values = values.astype(np.uint16)  # 16-bit grey, as some versions of Pillow read it
    except MediaError as error:
        raise DatasetError(str(error)) from error
    return _grey(values, str(path))


def _grey(values: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """One channel of a picture whose colours agree."""
    if values.ndim == 2:
        return values
    if values.shape[2] == 2:  # grey with opacity
        return values[..., 0]
    colours = values[..., :3].astype(np.int32)
    if (colours.max(2) - colours.min(2)).max() > _GREY:
        raise DatasetError(f"{name} is coloured: maps are grey, white where people are expected to look")
    return values[..., 1]
