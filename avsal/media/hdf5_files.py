"""HDF5 files that nobody vouches for: what lies outside of them, or does not fit into memory, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import AvsalError, MediaError
from avsal.media.container import check_file

if TYPE_CHECKING:
    import h5py

__all__ = ["MOST_BYTES", "check_inside", "members", "open_hdf5"]

MOST_BYTES = 2**30
"""Of one data set that is read at once."""


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; what it raises while it is read inside the `with` counts as its damage.

    Raises:
        MediaError: no such file, no HDF5, or a damaged one.
    """
    import h5py

    path = check_file(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except AvsalError:
        raise
    except Exception as error:  # on damage h5py raises errors of every kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MediaError(f"{path} is no readable HDF5 file ({reason}); write or download it again") from error


def members(group: h5py.Group) -> Iterator[tuple[str, Any]]:
    """Name and content of what is directly in a group.

    Raises:
        MediaError: a link leads to another file.
    """
    import h5py

    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise MediaError(
                f"{group.file.filename}: `{name}` is a link to another file; put the data into it"
            )
        yield name, group[name]


def check_inside(dataset: h5py.Dataset, most: int = MOST_BYTES) -> h5py.Dataset:
    """The data set, if its values lie in its own file and are at most `most` bytes.

    Raises:
        MediaError: its values lie in other files, or it is larger.
    """
    where = f"{dataset.file.filename}: `{dataset.name}`"
    if dataset.external or dataset.is_virtual:
        raise MediaError(f"{where} keeps its values in other files; put them into the file itself")
    if dataset.size is not None and dataset.size * dataset.dtype.itemsize > most:
        raise MediaError(
            f"{where} claims {dataset.size * dataset.dtype.itemsize >> 20} MB; expected up to {most >> 20}"
        )
    return dataset
