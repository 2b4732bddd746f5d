"""The maps of one video as files: a folder of numbered images, a grey video, or HDF5."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.evaluation.maps import PredictedMap
from avsal.evaluation.truth import VideoTruth
from avsal.media import VideoReader
from avsal.media.image_files import open_image

__all__ = [
    "HDF5_SUFFIXES",
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "HDF5Maps",
    "ImageMaps",
    "VideoMaps",
    "map_images",
]

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"))
VIDEO_SUFFIXES = frozenset((".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v"))
HDF5_SUFFIXES = frozenset((".h5", ".hdf5", ".hdf"))

_NUMBER = re.compile(r"(\d+)(?!.*\d)")
#: levels of 255 by which colours of a grey picture may differ after lossy coding
_GREY = 16


def map_images(folder: Path) -> list[Path]:
    """The images directly in a folder by name; hidden files do not count."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."
    )


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
            yield PredictedMap(frame, None, values, _size_problem(path, values.shape, truth))


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
                problem = _size_problem(self.path, values.shape, truth)
                yield PredictedMap(picture.index, None, values, problem)


@dataclass
class HDF5Maps:
    """Maps in HDF5: the data set `maps`, or the only one of three axes, (N, H, W).

    With `time` (N) in seconds a map belongs to the frame shown then; without, map i is frame i. Where the
    file's attribute `video_size` is that of the video, maps of a model's own smaller size are as expected.

    Attributes:
        path: of the file.
    """

    path: Path

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The maps of the wanted frames that are there.

        Raises:
            DatasetError: the file is damaged or holds no maps.
        """
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                maps = self._maps(file)
                stamps = np.asarray(file["time"], dtype=np.float64) if "time" in file else None
                size = file.attrs.get(
                    "video_size", file.attrs.get("film_size", ())
                )  # the latter by old versions
                declared = tuple(int(side) for side in size) == truth.video_size
                places = _places(stamps, len(maps), truth)
                for frame in truth.frames.tolist():
                    if frame not in places:
                        continue
                    values = np.asarray(maps[places[frame]])
                    time = None if stamps is None else float(stamps[places[frame]])
                    problem = None if declared else _size_problem(self.path, values.shape, truth)
                    yield PredictedMap(frame, time, values, problem)
        except OSError as error:
            raise DatasetError(f"{self.path} is no readable HDF5 file ({error}); write it again") from error

    def _maps(self, file: Any) -> Any:
        import h5py

        stacks = [key for key, item in file.items() if isinstance(item, h5py.Dataset) and item.ndim == 3]
        name = "maps" if "maps" in stacks else stacks[0] if len(stacks) == 1 else None
        if name is None:
            raise DatasetError(
                f"{self.path}: expected a data set `maps` of (frames, height, width) but found "
                f"{', '.join(file) or 'nothing'}"
            )
        return file[name]


def _places(stamps: NDArray[np.float64] | None, count: int, truth: VideoTruth) -> dict[int, int]:
    """The position of the map of each wanted frame that has one."""
    frames = truth.frames
    if stamps is None or len(stamps) != count or np.isnan(truth.times).any() or len(truth.times) < 2:
        return {int(frame): int(frame) for frame in frames if frame < count}
    period = float(np.median(np.diff(truth.times) / np.diff(frames)))
    after = np.searchsorted(stamps, truth.times - period / 2).clip(max=count - 1)
    near = np.abs(stamps[after] - truth.times) <= period / 2
    return {int(frame): int(place) for frame, place in zip(frames[near], after[near], strict=True)}


def _read_image(path: Path) -> NDArray[np.generic]:
    """(H, W) in the file's own depth.

    Raises:
        DatasetError: no readable image, or a coloured one.
    """
    try:
        with open_image(path) as image:
            plain = image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
            values = np.asarray(plain)
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


def _size_problem(path: Path, size: tuple[int, ...], truth: VideoTruth) -> str | None:
    if tuple(size) == truth.video_size:
        return None
    height, width = truth.video_size
    return f"{path} is {size[1]}x{size[0]}, expected {width}x{height}"
