"""Reading videos that are kept as folders of images, the way most data sets ship."""

from __future__ import annotations

import re
from collections.abc import Generator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from avsal.errors import MediaError
from avsal.media.damage import Damage
from avsal.media.frames import NO_IMAGE, ROUNDING, Frame, Gives, RepeatedReader, VideoInfo, check_selection
from avsal.media.image_files import list_images, open_image
from avsal.media.pixels import RgbConverter
from avsal.media.planes import PictureConverter
from avsal.types import Scaling

__all__ = ["STILL_RATE", "ImageFolderReader", "is_pattern", "is_still"]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""Files of other kinds in a folder are left alone, as are hidden ones."""

STILL_RATE = 25
"""Frames a second of a single image, whose one frame is shown for so long."""

LOWEST_RATE, HIGHEST_RATE = 0.001, 100_000
"""Frames a second that a folder of images may have, from lapses of time to the fastest cameras."""

NUMBER = re.compile(r"%0?\d*d")


class ImageFolderReader(RepeatedReader):
    """Reads a folder of images as a video: image i, in the order of the numbers in names, at i / frame_rate.

    Images are turned upright by their EXIF tag; grey, palette and 16-bit images become 8-bit RGB, transparent
    ones are laid over black. An image that cannot be read is left out and counted in `damage`; the others
    keep their times. Properties and iteration are those of `VideoReader`.

    Args:
        folder: the folder, or a pattern such as ``frames/%05d.jpg`` whose numbers have no holes; or one
            image.
        frame_rate: in frames a second.
        size: (H, W) of the images given out, None for their own.
        start: seconds; earlier frames are left out.
        end: seconds; frames at or after it are left out.
        scaling: the filter where the size changes; see `pixels`.
        gives: images, pictures to be painted on, or both; see `Frame`.

    Raises:
        MediaError: there are no images, none can be read, a number of the pattern is missing; while reading:
            an image differs in size from the first.
        ValueError: an argument makes no sense.
    """

    def __init__(
        self,
        folder: str | Path,
        frame_rate: float | Fraction,
        size: tuple[int, int] | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        scaling: Scaling = "area",
        gives: Gives = "images",
    ) -> None:
        check_selection(size, start, end)
        if not LOWEST_RATE <= frame_rate <= HIGHEST_RATE:
            raise ValueError(f"`frame_rate` must lie in {LOWEST_RATE}..{HIGHEST_RATE} but is {frame_rate}")
        folder = Path(folder)
        self._paths = (
            _numbered(folder) if is_pattern(folder.name) and not folder.is_dir() else _images(folder)
        )
        rate = Fraction(frame_rate).limit_denominator(100_000 if frame_rate < 1 else 1001)
        first = next((image for image in map(_load, self._paths) if image is not None), None)
        if first is None:
            raise MediaError(f"none of the {len(self._paths)} images in {folder} can be read")
        own_size = (first.shape[0], first.shape[1])
        self._info = VideoInfo(
            path=folder,
            size=own_size,
            coded_size=own_size,
            frame_rate=float(rate),
            duration=float(len(self._paths) / rate),
            num_frames=len(self._paths),
            origin=0.0,
            first_time=0.0,
            time_base=1 / rate,
            rotation=0,
            sample_aspect_ratio=Fraction(1),
            codec=self._paths[0].suffix[1:].lower(),
            sound=False,
        )
        self._size = size or own_size
        self._scaling = scaling
        self._gives = gives
        self._start = float("-inf") if start is None else start - ROUNDING
        self._end = float("inf") if end is None else end - ROUNDING
        self._damage = Damage("picture")

    @property
    def info(self) -> VideoInfo:
        """What is known of the images before they are read."""
        return self._info

    @property
    def damage(self) -> Damage:
        """What the latest iteration could not read; complete when it has ended."""
        return self._damage

    def image(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3) of image `number` in the folder's order, scaled as the others are.

        Raises:
            MediaError: it cannot be read, or differs in size from the first.
        """
        image = _load(self._paths[number])
        if image is None:
            raise MediaError(f"{self._paths[number]} cannot be read: extract it again")
        self._check_size(self._paths[number], image)
        if image.shape[:2] == self._size:
            return image
        convert = RgbConverter(self._size, scaling=self._scaling)
        return convert(av.VideoFrame.from_ndarray(image, "rgb24"))

    def _check_size(self, path: Path, image: NDArray[np.uint8]) -> None:
        if image.shape[:2] != self._info.size:
            height, width = self._info.size
            raise MediaError(
                f"{path} has {image.shape[1]}x{image.shape[0]} pixels, the images before it "
                f"{width}x{height}: images of one video must have one size"
            )

    def _frames(self) -> Generator[Frame, None, None]:
        damage = self._damage = Damage("picture")
        convert = RgbConverter(self._size, scaling=self._scaling)
        to_picture = PictureConverter(self._info.size) if self._gives != "images" else None
        period = float(self._info.time_base)
        for number, path in enumerate(self._paths):
            time = float(number * self._info.time_base)
            if not self._start <= time < self._end:
                continue
            image = _load(path)
            if image is None:
                damage.failed += 1
                damage.missing_seconds += period
                continue
            self._check_size(path, image)
            picture = None if to_picture is None else to_picture(image)
            if self._gives == "pictures":
                image = NO_IMAGE
            elif image.shape[:2] != self._size:
                image = convert(av.VideoFrame.from_ndarray(image, "rgb24"))
            damage.decoded += 1
            yield Frame(damage.decoded - 1, time, period, number, image, picture)


def is_pattern(name: str) -> bool:
    """Whether a file name is a pattern with one number in it, such as ``%05d.jpg``."""
    return len(NUMBER.findall(name)) == 1


def is_still(path: Path) -> bool:
    """Whether a path is one image: a video of one frame."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _images(folder: Path) -> list[Path]:
    if is_still(folder):
        return [folder]
    if not folder.is_dir():
        raise MediaError(f"no such folder of images: {folder}")
    names = list_images(folder, SUFFIXES)
    if not names:
        raise MediaError(f"{folder} holds no images (looked for {', '.join(sorted(SUFFIXES))})")
    return names


def _numbered(pattern: Path) -> list[Path]:
    before, after = NUMBER.split(pattern.name)
    shape = re.compile(re.escape(before) + "([0-9]+)" + re.escape(after))
    numbers = []
    for path in pattern.parent.iterdir() if pattern.parent.is_dir() else ():
        match = shape.fullmatch(path.name)
        if match and pattern.name % int(match[1]) == path.name:
            numbers.append(int(match[1]))
    if not numbers:
        raise MediaError(f"no image fits the pattern {pattern}")
    numbers.sort()
    for earlier, later in pairwise(numbers):
        if later != earlier + 1:
            raise MediaError(f"{pattern.with_name(pattern.name % (earlier + 1))} is missing")
    return [pattern.with_name(pattern.name % number) for number in numbers]


def _load(path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 RGB, upright; None where the file cannot be read."""
    deep = None
    try:
        with open_image(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith(("I", "F")):
                deep = np.asarray(image)
            elif image.has_transparency_data:
                opaque = Image.new("RGBA", image.size, "black")
                opaque.alpha_composite(image.convert("RGBA"))
                image = opaque
            if deep is None:
                return np.asarray(image.convert("RGB"))
    except MediaError:
        return None
    return _from_deep(path, deep)


def _from_deep(path: Path, grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = grey.astype(np.float64)
    if grey.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise MediaError(f"{path} holds {grey.dtype} grey values; expected 8 or 16 bits")
    return np.repeat((values / 257 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
