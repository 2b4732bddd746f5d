"""Maps of one video as numbers: HDF5, .npz and zarr; `avsal.render.array_outputs` says what lies inside."""

from __future__ import annotations

import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import AvsalError, DatasetError, MediaError
from avsal.evaluation.maps import PredictedMap, size_problem
from avsal.evaluation.truth import VideoTruth
from avsal.media.container import LARGEST_SIDE, MOST_PIXELS, check_file
from avsal.media.hdf5_files import MOST_BYTES, check_inside, members, open_hdf5

__all__ = ["ARRAY_SUFFIXES", "HDF5Maps", "NumPyMaps", "StackedMaps", "ZarrMaps", "array_maps"]

HDF5_SUFFIXES = frozenset((".h5", ".hdf5", ".hdf"))
DEEPEST = 4
"""Groups inside each other that are looked into for maps named by number."""

LOG_DENSITY = 0.02
"""By how much the sum of a density may differ from 1."""

ARRAY_SUFFIXES = HDF5_SUFFIXES | {".npz", ".zarr"}


def array_maps(path: Path) -> StackedMaps:
    """The reader for a path with one of `ARRAY_SUFFIXES`."""
    suffix = path.suffix.lower()
    return NumPyMaps(path) if suffix == ".npz" else ZarrMaps(path) if suffix == ".zarr" else HDF5Maps(path)


@dataclass
class StackedMaps(ABC):
    """Maps one after the other: the array `maps`, or the only one of three axes, (N, H, W).

    With `time` (N) in seconds a map belongs to the frame shown then; without, map i is frame i. Where
    `video_size` is that of the video, maps of a model's own smaller size are as expected.

    Attributes:
        path: of the file or folder.
    """

    path: Path

    @abstractmethod
    def opened(self) -> Any:
        """A context of the arrays by name, and of what the file says beside them.

        Raises:
            MediaError: it cannot be read.
        """

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The maps of the wanted frames that are there.

        Raises:
            DatasetError: the file is damaged or holds no maps.
        """
        try:
            with self.opened() as (arrays, attributes):
                maps = self._maps(arrays)
                stamps = self._stamps(arrays.get("time"), maps.shape[0])
                declared = _size_in(attributes) == truth.video_size
                places = _places(stamps, maps.shape[0], truth)
                there = getattr(maps, "places", None)
                for frame in truth.frames.tolist():
                    if frame not in places or (there is not None and places[frame] not in there):
                        continue
                    values = np.asarray(maps[places[frame]])
                    time = None if stamps is None else float(stamps[places[frame]])
                    problem = None if declared else size_problem(self.path, values.shape, truth)
                    yield PredictedMap(frame, time, values, problem)
        except MediaError as error:
            raise DatasetError(str(error)) from error

    def _maps(self, arrays: Mapping[str, Any]) -> Any:
        stacks = [key for key, one in arrays.items() if len(one.shape) == 3]
        name = "maps" if "maps" in stacks else stacks[0] if len(stacks) == 1 else None
        if name is None:
            raise DatasetError(
                f"{self.path}: expected an array `maps` of (frames, height, width) but found "
                f"{', '.join(arrays) or 'nothing'}"
            )
        maps = arrays[name]
        if maps.dtype.kind not in "biuf" or min(maps.shape[1:]) < 1 or max(maps.shape[1:]) > LARGEST_SIDE:
            raise DatasetError(
                f"{self.path}: expected maps of numbers, up to {LARGEST_SIDE} pixels a side, but `{name}` is "
                f"{maps.dtype} of {maps.shape}"
            )
        chunk = prod(getattr(maps, "chunks", None) or (1, *maps.shape[1:])) * maps.dtype.itemsize
        if chunk > MOST_BYTES or prod(maps.shape[1:]) > MOST_PIXELS:
            raise DatasetError(f"{self.path}: one map of `{name}` takes more than fits into memory")
        return maps

    def _stamps(self, item: Any, count: int) -> NDArray[np.float64] | None:
        """The `time` of each map, None where there are none."""
        if item is None:
            return None
        if tuple(item.shape) != (count,) or item.dtype.kind not in "iuf" or 8 * count > MOST_BYTES:
            raise DatasetError(
                f"{self.path}: expected `time` with a number of seconds for each of {count} maps but "
                f"found {item.dtype} of {tuple(item.shape)}"
            )
        stamps = np.asarray(item[:], dtype=np.float64)
        if not np.isfinite(stamps).all() or (np.diff(stamps) <= 0).any():
            raise DatasetError(f"{self.path}: expected the seconds in `time` to ascend")
        return stamps


class HDF5Maps(StackedMaps):
    """An HDF5 file, whose `video_size` is an attribute; see `StackedMaps`.

    One as pysaliency exports models is read too: a data set (H, W) for each frame, named after its image, of
    which the last number is the frame's, from 1 unless there is a 0. Log densities become densities.
    """

    @contextmanager
    def opened(self) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """See `StackedMaps.opened`."""
        import h5py

        with open_hdf5(self.path) as file:
            found = {name: one for name, one in members(file) if isinstance(one, h5py.Dataset)}
            arrays: dict[str, Any] = {name: check_inside(one, most=2**63) for name, one in found.items()}
            if not arrays or all(len(one.shape) == 2 for one in arrays.values()):
                arrays = {"maps": _NamedMaps(self.path, dict(_flat(file)))}
            yield arrays, file.attrs


def _flat(group: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The data sets of two axes in a group and those below it, by name."""
    import h5py

    for name, one in members(group):
        if isinstance(one, h5py.Dataset) and len(one.shape) == 2:
            yield name, one
        elif isinstance(one, h5py.Group) and depth < DEEPEST:
            yield from _flat(one, depth + 1)


class _NamedMaps:
    """Data sets (H, W), each named after its frame's image, as one array (N, H, W).

    Attributes:
        shape: of the array; frames that have no map are counted.
        dtype: of the maps.
    """

    def __init__(self, path: Path, found: dict[str, Any]) -> None:
        numbered: dict[int, Any] = {}
        for name, one in found.items():
            number = re.search(r"(\d+)(?!.*\d)", Path(name).stem)
            if number is not None:
                if int(number[1]) in numbered:
                    raise DatasetError(f"{path}: two maps are of frame {int(number[1])}: keep one of them")
                numbered[int(number[1])] = check_inside(one)
        if not numbered:
            raise DatasetError(f"{path}: expected an array `maps`, or maps named by number, but found none")
        first = 0 if 0 in numbered else 1
        self._path = path
        self._maps = {number - first: one for number, one in numbered.items()}
        one = next(iter(numbered.values()))
        self.shape, self.dtype = (max(self._maps) + 1, *one.shape), one.dtype
        self.places = frozenset(self._maps)

    def __getitem__(self, place: int) -> NDArray[Any]:
        values = np.asarray(self._maps[place][()])
        if values.dtype.kind == "f" and values.size and values.max() <= 0:
            density = np.exp(values.astype(np.float64))
            if abs(density.sum() - 1) < LOG_DENSITY:
                return density
        return values


class NumPyMaps(StackedMaps):
    """An .npz file, read map by map without unpacking the whole; no pickle is loaded. See `StackedMaps`."""

    @contextmanager
    def opened(self) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """See `StackedMaps.opened`."""
        path = check_file(self.path)
        try:
            with ExitStack() as stack:
                archive = stack.enter_context(zipfile.ZipFile(path))
                names = [name for name in archive.namelist() if name.endswith(".npy")]
                arrays = {name.removesuffix(".npy"): _NpyMember(archive, name) for name in names}
                for one in arrays.values():
                    stack.callback(one.close)
                size = arrays.get("video_size")
                told = {"video_size": size[:]} if size is not None and size.shape == (2,) else {}
                yield arrays, told
        except AvsalError:
            raise
        except Exception as error:  # damage of zip and of headers raises errors of every kind
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MediaError(f"{self.path} is no readable .npz file ({reason}); write it again") from error


class _NpyMember:
    """An array within an .npz file, read forward item by item.

    Args:
        archive: that it lies in.
        name: of the member.

    Attributes:
        shape: of the array.
        dtype: of its values.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        with archive.open(name) as member:
            self.shape, fortran, self.dtype = self._header(member)
        if fortran and len(self.shape) > 1:
            raise MediaError(f"{archive.filename}: `{name}` lies column by column: save it in C order")
        self._member: IO[bytes] | None = None
        self._next = 0

    def _header(self, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        return np.lib.format.read_array_header_2_0(member)

    def close(self) -> None:
        """Let go of the file."""
        if self._member is not None:
            self._member.close()

    def __getitem__(self, place: int | slice) -> NDArray[Any]:
        """The item at a place; a slice stands for the whole array. Going back begins at the start again."""
        if isinstance(place, slice):
            place, size, shape = 0, prod(self.shape), self.shape
        else:
            size, shape = prod(self.shape[1:]), self.shape[1:]
        if self.dtype.hasobject or size * self.dtype.itemsize > MOST_BYTES:
            raise MediaError(
                f"{self._archive.filename}: `{self._name}` holds no numbers, or too many at once"
            )
        if self._member is None or place < self._next:
            self.close()
            self._member = self._archive.open(self._name)
            self._header(self._member)
            self._next = 0
        bytes_each = size * self.dtype.itemsize
        while self._next <= place:
            content = self._member.read(bytes_each)
            self._next += 1
        if len(content) < bytes_each:
            raise MediaError(f"{self._archive.filename}: `{self._name}` is shorter than its header says")
        return np.frombuffer(content, self.dtype).reshape(shape)


class ZarrMaps(StackedMaps):
    """A folder in zarr's format, whose `video_size` is an attribute; see `StackedMaps`."""

    @contextmanager
    def opened(self) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """See `StackedMaps.opened`."""
        try:
            import zarr
        except ImportError as error:
            raise DatasetError(f"{self.path}: reading zarr needs its library: pip install zarr") from error
        try:
            group = zarr.open_group(str(self.path.absolute()), mode="r")
            yield dict(group.arrays()), dict(group.attrs)
        except AvsalError:
            raise
        except Exception as error:  # zarr and its codecs raise errors of every kind
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MediaError(f"{self.path} is no readable zarr group ({reason}); write it again") from error


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
