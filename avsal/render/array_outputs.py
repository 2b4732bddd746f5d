"""Maps as numbers: HDF5, NumPy's .npz and zarr, all with the same names inside.

`maps` (N, H, W) float32 of the model's size as it gave them, `time` and `duration` (N) in seconds, and
`interpolated` (N), true for frames that were not computed; `video_size` (height, width) and `about` (JSON).
`avsal evaluate maps=` reads all three.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from avsal.errors import AvsalRuntimeError, ConfigError
from avsal.media.atomic import atomic_path, partial_name
from avsal.render.output import Output, OutputRequest

if TYPE_CHECKING:
    from avsal.prediction import Prediction

__all__ = ["HDF5", "NumPy", "Zarr"]

RESERVE = 8 * 2**20
"""Bytes of the disk that are left for what HDF5 writes when a file is closed."""

COLUMNS = {"time": "f8", "duration": "f8", "interpolated": "?"}
"""What is kept of each frame beside its map, and as what."""

CHUNK = 2**20


class HDF5(Output):
    """An HDF5 file; `about` and `video_size` are its attributes. A map takes one chunk."""

    suffix = ".h5"

    def _open(self) -> None:
        import h5py

        temporary = self._stack.enter_context(atomic_path(self.path))
        self.file = self._stack.enter_context(h5py.File(temporary, "w"))
        self.file.attrs["about"] = json.dumps(self.request.about or {})
        self.file.attrs["video_size"] = self.request.info.size
        self.columns = {
            name: self.file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(1024,))
            for name, kind in COLUMNS.items()
        }
        self.maps: Any = None

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        if self.maps is None:
            size = prediction.map.shape
            self.maps = self.file.create_dataset(
                "maps",
                (0, *size),
                "f4",
                maxshape=(None, *size),
                chunks=(1, *size),
                compression="lzf",
                shuffle=True,
            )
        # HDF5 that meets a full disk crashes the process at its end: it stops while there is room to finish
        if shutil.disk_usage(self.path.parent).free < RESERVE + 4 * prediction.map.nbytes:
            raise AvsalRuntimeError(f"no room is left for {self.path}: free some, or write elsewhere with -o")
        count = prediction.index + 1
        self.maps.resize(count, axis=0)
        self.maps[-1] = prediction.map
        for name, column in self.columns.items():
            column.resize(count, axis=0)
            column[-1] = getattr(prediction, name)


class NumPy(Output):
    """A compressed .npz file: ``numpy.load(path)["maps"]``. Maps wait in a file beside it, not in memory."""

    suffix = ".npz"

    def _open(self) -> None:
        self.final = self._stack.enter_context(atomic_path(self.path))
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.shape: tuple[int, int] | None = None
        raw = self.path.with_name(partial_name(self.path))
        self._stack.callback(raw.unlink, missing_ok=True)
        self.raw = self._stack.enter_context(raw.open("w+b"))
        self._stack.push(self._finish)

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        self.shape = prediction.map.shape
        self.raw.write(np.ascontiguousarray(prediction.map, "<f4").tobytes())
        for name, column in self.columns.items():
            column.append(getattr(prediction, name))

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self.shape is None:
            return
        shape = (len(self.columns["time"]), *self.shape)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with zipfile.ZipFile(self.final, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("maps.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_2_0(member, header)
                self.raw.seek(0)
                shutil.copyfileobj(self.raw, member, CHUNK)
            for name, column in self.columns.items():
                _add(archive, name, np.array(column, COLUMNS[name]))
            _add(archive, "video_size", np.array(self.request.info.size))
            _add(archive, "about", np.array(json.dumps(self.request.about or {})))


class Zarr(Output):
    """A folder in zarr's format; `about` and `video_size` are its attributes. A map takes one chunk."""

    suffix = ".zarr"

    def __init__(self, path: Path, request: OutputRequest) -> None:
        super().__init__(path, request)
        try:
            import zarr
        except ImportError as error:
            raise ConfigError("zarr is not installed: pip install zarr, or save h5 or npz") from error
        self.zarr: Any = zarr

    def _open(self) -> None:
        self.folder = self.path.with_name(partial_name(self.path))
        self._stack.push(self._finish)
        self.group = self.zarr.open_group(str(self.folder), mode="w")
        self.group.attrs["about"] = json.dumps(self.request.about or {})
        self.group.attrs["video_size"] = list(self.request.info.size)
        self.maps: Any = None
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        size = prediction.map.shape
        count = prediction.index + 1
        if self.maps is None:
            self.maps = self._array("maps", (count, *size), (1, *size), "f4")
        self.maps.resize((count, *size))
        self.maps[prediction.index] = prediction.map
        for name, column in self.columns.items():
            column.append(getattr(prediction, name))

    def _array(self, name: str, shape: tuple[int, ...], chunks: tuple[int, ...], kind: str) -> Any:
        """A new array of the group, by zarr 3 or 2."""
        create = getattr(self.group, "create_array", None) or self.group.create_dataset
        return create(name, shape=shape, chunks=chunks, dtype=kind)

    def _finish(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for name, column in self.columns.items():
                    values = np.array(column, COLUMNS[name])
                    self._array(name, values.shape, (max(1, len(values)),), COLUMNS[name])[:] = values
                if self.path.is_dir():
                    shutil.rmtree(self.path)
                self.folder.rename(self.path)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def _add(archive: zipfile.ZipFile, name: str, values: Any) -> None:
    """Add an array to an .npz file."""
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, values, allow_pickle=False)
