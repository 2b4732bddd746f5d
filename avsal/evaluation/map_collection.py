"""Anybody's maps: a folder of images, a video or a file of arrays for each video, or a single such thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from avsal.errors import DatasetError
from avsal.evaluation.map_arrays import ARRAY_SUFFIXES, array_maps
from avsal.evaluation.map_files import (
    VIDEO_SUFFIXES,
    ImageMaps,
    VideoMaps,
    map_images,
)
from avsal.evaluation.maps import PredictedMap
from avsal.evaluation.truth import VideoTruth

__all__ = ["MapCollection", "normalised_name"]

_ENDING = re.compile(r"[ _.-]+(maps?|saliency|predictions?)$")

_Opener = Callable[[VideoTruth], Iterator[PredictedMap]]


def normalised_name(name: str) -> str:
    """A recording's id or a file's stem with what does not tell videos apart taken off.

    Case, spaces and punctuation do not count, nor does an ending such as `_maps`; of a name that is a number,
    leading zeros do not count.
    """
    plain = re.sub(r"[\W_]", "", _ENDING.sub("", name.casefold()))
    return str(int(plain)) if plain.isdecimal() else plain


class MapCollection:
    """The maps of many videos, found by the recordings' ids or by their videos' names.

    Layouts: ``maps/<video>/<frame>.png`` (PNG, JPEG, BMP, TIFF; other folders between are searched too, as in
    ``maps/<video>/maps/<frame>.png``), ``maps/<video>.h5``, .npz, .zarr or .mp4; or one such folder or file
    alone where a single recording is scored. Images are numbered from 1, unless some folder has a number 0:
    then all are numbered from 0.

    Attributes:
        name: the row's name in tables.
        first: the number of a video's first frame.
        problems: files that belong to no frame, one line each.
    """

    def __init__(self, path: str | Path, *, name: str | None = None) -> None:
        """Look at the files' names; no map is read.

        Args:
            path: the folder or file.
            name: of the row; None takes the path's.

        Raises:
            DatasetError: there is nothing that can hold maps, or two things for one video.
        """
        self.path = Path(path)
        self.name = name or self.path.resolve().stem
        self.problems: list[str] = []
        self.first = 1
        self._single: _Opener | None = None
        self._found: dict[str, tuple[Path, _Opener]] = {}
        if not self.path.exists():
            raise DatasetError(f"expected maps at {self.path} but there is nothing")
        if self.path.is_file() or self.path.suffix.lower() in ARRAY_SUFFIXES or map_images(self.path):
            self._single = self._opened(self.path)
            self._add(self.path, self._single)
        else:
            for child in sorted(self.path.iterdir()):
                if child.name[0] != ".":
                    self._add(child, self._opened(child))
        if not self._found:
            raise DatasetError(
                f"{self.path}: expected a folder of images, a video, HDF5, .npz or .zarr for each video "
                "but found none of them"
            )
        folders = [maps for _, maps in self._found.values() if isinstance(maps, ImageMaps)]
        self.first = 0 if any(0 in maps.numbers for maps in folders) else 1
        for maps in folders:
            maps.first = self.first
            self.problems += maps.unnumbered

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap] | None:
        """The maps of a video; None where there are none of it."""
        for name in (truth.video, truth.recording.frames.stem):
            if (found := self._found.get(normalised_name(name))) is not None:
                return found[1](truth)
        return None

    def unused(self, videos: Sequence[str]) -> list[str]:
        """The files and folders of videos besides `videos` (ids, and stems of video names)."""
        names = {normalised_name(video) for video in videos}
        return [
            f"{path}: no recording of this name" for key, (path, _) in self._found.items() if key not in names
        ]

    def rename_single(self, video: str) -> None:
        """Say whose video it is, where there is a single folder or file and one recording is scored."""
        if self._single is not None:
            self._found = {normalised_name(video): (self.path, self._single)}

    def _opened(self, path: Path) -> _Opener | None:
        suffix = path.suffix.lower()
        if suffix in ARRAY_SUFFIXES and path.is_dir() == (suffix == ".zarr"):
            return array_maps(path)
        if path.is_dir():
            folder = _folder_of_images(path)
            return None if folder is None else ImageMaps(folder)
        return VideoMaps(path) if suffix in VIDEO_SUFFIXES else None

    def _add(self, path: Path, maps: _Opener | None) -> None:
        if maps is None:
            if path.is_dir():
                self.problems.append(f"{path}: a folder without images")
            return
        whole = path.is_dir() and path.suffix.lower() != ".zarr"
        key = normalised_name(path.name if whole else path.stem)
        if key in self._found:
            raise DatasetError(
                f"{path} and {self._found[key][0]} are both maps of one video: keep one of them"
            )
        self._found[key] = path, maps


def _folder_of_images(folder: Path) -> Path | None:
    """The folder itself, or the only one below it that holds images."""
    if map_images(folder):
        return folder
    below = [path for path in sorted(folder.rglob("*")) if path.is_dir() and map_images(path)]
    if len(below) > 1:
        raise DatasetError(f"{folder}: expected images in one folder but {below[0]} and {below[1]} have some")
    return below[0] if below else None
