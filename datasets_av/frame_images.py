"""Frames, density maps and fixation maps that lie as numbered images in folders, one image a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avsal.errors import DatasetError, MediaError
from avsal.media.image_files import list_images, open_image
from avsal.types import Fixations
from datasets_av.matfile import read_mat

__all__ = ["DensityImages", "FixationImages", "image_files", "image_size", "read_grey", "read_points"]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp"})


def image_files(folder: Path, suffixes: frozenset[str] = _SUFFIXES) -> list[Path]:
    """The images directly in `folder` in the order of their numbers; none if it is missing.

    2 comes before 10, padded or not. Hidden files (macOS leaves `._0001.png`) do not count.

    Raises:
        DatasetError: there are two images of one frame, which differ in their suffix.
    """
    if not folder.is_dir():
        return []
    try:
        return list_images(folder, suffixes)
    except MediaError as error:
        raise DatasetError(str(error)) from error


def image_size(path: Path) -> tuple[int, int]:
    """(Height, width) of an image, read from its header.

    Raises:
        DatasetError: the file is missing or no image.
    """
    with _opened(path) as image:
        return image.height, image.width


def read_grey(path: Path) -> NDArray[np.float32]:
    """An image as (H, W) float32 in its own range, 0 to 255 or 0 to 65,535; colours become grey.

    Raises:
        DatasetError: the file is missing or no image.
    """
    with _opened(path) as image:
        grey = image if image.mode in {"L", "I", "F"} or image.mode.startswith("I;16") else image.convert("L")
        return np.asarray(grey, dtype=np.float32)


def read_points(path: Path, key: str = "I") -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, int]]:
    """The non-zero pixels of a binary image or of a matrix in a .mat file.

    A JPEG is never exactly zero beside a point; there, pixels above half of its brightest one count.

    Args:
        path: path of the image, or of a MATLAB file.
        key: key of the matrix in a MATLAB file.

    Returns:
        Rows (N,), columns (N,), and the (height, width) of the image.

    Raises:
        DatasetError: the file is missing, damaged or without `key`.
    """
    if path.suffix.lower() == ".mat":
        content = read_mat(path)
        if key not in content:
            raise DatasetError(
                f"{path}: expected the variable `{key}` but found {', '.join(content) or 'none'}; "
                "is this file from the release that the reader describes?"
            )
        values = np.asarray(content[key])
        if values.ndim != 2:
            raise DatasetError(
                f"{path}: expected a matrix in `{key}` but found {values.ndim} axes; download it again"
            )
    else:
        values = read_grey(path)
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            values = values > values.max() / 2
    height, width = (int(side) for side in values.shape)
    rows, columns = np.divmod(np.flatnonzero(values != 0), width)  # many times as fast as nonzero of two axes
    return rows.astype(np.int64), columns.astype(np.int64), (height, width)


@dataclass(frozen=True)
class DensityImages:
    """Density maps, one image a frame: a `Recording.load_density`.

    Attributes:
        paths: in the order of the frames.
    """

    paths: Sequence[Path]

    def __call__(self, frame: int) -> NDArray[np.float32]:
        """The map of the 0-based `frame` as (H, W), not normalised.

        Raises:
            DatasetError: there is no map of that frame, or its file is damaged.
        """
        if not 0 <= frame < len(self.paths):
            folder = self.paths[0].parent if self.paths else "an empty folder"
            raise DatasetError(
                f"{folder}: expected a map of frame {frame} (from 0) but there are {len(self.paths)}"
            )
        return read_grey(self.paths[frame])


@dataclass(frozen=True)
class FixationImages:
    """Binary fixation maps, one file a frame: a `Recording.load_fixations`.

    A set pixel becomes a point at its middle. Who looked is not in such a release (observer -1), and several
    fixations on one pixel have become one: nothing can bring them back.

    Attributes:
        paths: in the order of the frames; images or .mat files.
        key: of the matrix, where the files are .mat.
    """

    paths: Sequence[Path]
    key: str = "I"

    def __call__(self) -> Fixations:
        """Read all points.

        Raises:
            DatasetError: a file is damaged, or the maps differ in size.
        """
        return self.at(range(len(self.paths)))

    def at(self, frames_wanted: Sequence[int]) -> Fixations:
        """The points of some frames alone; their `frame` says which of those given, from 0.

        Raises:
            DatasetError: a file is damaged, or the maps differ in size.
        """
        frames: list[NDArray[np.int64]] = []
        rows: list[NDArray[np.int64]] = []
        columns: list[NDArray[np.int64]] = []
        size: tuple[int, int] | None = None
        for frame, path in enumerate(self.paths[number] for number in frames_wanted):
            row, column, shape = read_points(path, self.key)
            if size is not None and shape != size:
                raise DatasetError(
                    f"{path} is {shape[1]}x{shape[0]} but the maps before it are {size[1]}x{size[0]}"
                )
            size = shape
            frames.append(np.full(len(row), frame))
            rows.append(row)
            columns.append(column)
        if size is None:
            raise DatasetError("expected fixation maps but the list of them is empty")
        frame_column = np.concatenate(frames)
        x = np.concatenate(columns).astype(np.float64) + 0.5
        y = np.concatenate(rows).astype(np.float64) + 0.5
        return Fixations(frame_column, x, y, np.full(len(frame_column), -1), size)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with open_image(path) as image:
            yield image
    except MediaError as error:
        raise DatasetError(str(error)) from error
