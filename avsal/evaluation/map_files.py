"""The maps of one video as files: a folder of numbered images, a grey video, or HDF5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.evaluation.maps import PredictedMap
from avsal.evaluation.truth import VideoTruth
from avsal.media import VideoReader
from avsal.media.container import LARGEST_SIDE, MOST_PIXELS
from avsal.media.hdf5_files import MOST_BYTES, check_inside, members, open_hdf5
from avsal.media.image_files import list_images, open_image

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
        try:
            with open_hdf5(self.path) as file:
                items = dict(members(file))
                maps = self._maps(items)
                stamps = self._stamps(items.get("time"), len(maps))
                declared = _size_in(file.attrs) == truth.video_size
                places = _places(stamps, len(maps), truth)
                for frame in truth.frames.tolist():
                    if frame not in places:
                        continue
                    values = np.asarray(maps[places[frame]])
                    time = None if stamps is None else float(stamps[places[frame]])
                    problem = None if declared else _size_problem(self.path, values.shape, truth)
                    yield PredictedMap(frame, time, values, problem)
        except MediaError as error:
            raise DatasetError(str(error)) from error

    def _maps(self, items: Mapping[str, Any]) -> Any:
        import h5py

        stacks = [key for key, item in items.items() if isinstance(item, h5py.Dataset) and item.ndim == 3]
        name = "maps" if "maps" in stacks else stacks[0] if len(stacks) == 1 else None
        if name is None:
            raise DatasetError(
                f"{self.path}: expected a data set `maps` of (frames, height, width) but found "
                f"{', '.join(items) or 'nothing'}"
            )
        maps = check_inside(items[name], most=2**63)
        if maps.dtype.kind not in "biuf" or min(maps.shape[1:]) < 1 or max(maps.shape[1:]) > LARGEST_SIDE:
            raise DatasetError(
                f"{self.path}: expected maps of numbers, up to {LARGEST_SIDE} pixels a side, but `{name}` is "
                f"{maps.dtype} of {maps.shape}"
            )
        chunk = prod(maps.chunks or (1, *maps.shape[1:])) * maps.dtype.itemsize
        if chunk > MOST_BYTES or prod(maps.shape[1:]) > MOST_PIXELS:
            raise DatasetError(f"{self.path}: one map of `{name}` takes more than fits into memory")
        return maps

    def _stamps(self, item: Any, count: int) -> NDArray[np.float64] | None:
        """The `time` of each map, None where there are none."""
        import h5py

        if item is None:
            return None
        if not isinstance(item, h5py.Dataset) or item.shape != (count,) or item.dtype.kind not in "iuf":
            found = f"{item.dtype} of {item.shape}" if isinstance(item, h5py.Dataset) else "no data set"
            raise DatasetError(
                f"{self.path}: expected `time` with a number of seconds for each of {count} maps but "
                f"found {found}"
            )
        stamps = np.asarray(check_inside(item)[()], dtype=np.float64)
        if not np.isfinite(stamps).all() or (np.diff(stamps) <= 0).any():
            raise DatasetError(f"{self.path}: expected the seconds in `time` to ascend")
        return stamps


def _size_in(attributes: Mapping[str, Any]) -> tuple[int, ...] | None:
    """(height, width) that a file states for its video; None where it does not, or not as two numbers."""
    size = np.asarray(
        attributes.get("video_size", attributes.get("film_size", ()))
    )  # the latter by old versions
    return tuple(size.tolist()) if size.shape == (2,) and size.dtype.kind in "iu" else None


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
