"""Opening data sets by name, as every workflow does."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.configuration import Checked, setting
from avsal.errors import AvsalError, ConfigError, DatasetError
from avsal.types import Recording, Split

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["DataSettings", "chosen", "find_root", "load_dataset", "open_data"]

_DATA = "data set"


@dataclass(frozen=True, kw_only=True)
class DataSettings(Checked):
    """Which data set, where it is, and which part of it."""

    data: str = setting(help="name of the data set, see `avsal data list`", metavar="NAME", group=_DATA)
    root: Path = setting(help="folder of the data set", metavar="DIR", group=_DATA)
    split: Split | None = setting(None, help="part of the data set [all]", group=_DATA)
    fold: int | None = setting(
        None, help="which of the published lists, where there are several", group=_DATA
    )
    reader: Mapping[str, Any] = setting(
        factory=dict,
        help="option of the reader, such as videos=DIR; also as data.KEY=VALUE; may be repeated",
        group=_DATA,
        prefix="data",
    )


def load_dataset(
    name: str,
    root: str | Path,
    *,
    split: Split | None = None,
    fold: int | None = None,
    strict: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Open a data set of videos with gaze; nothing is decoded until it is asked for.

    Examples:
        >>> data = avsal.load_dataset("diem", "DIEM", split="test", fold=1)
        >>> for recording in data: print(recording.id, recording.num_frames)

    Args:
        name: see `avsal data list`; ``manifest`` for videos and gaze of your own.
        root: its folder.
        split: only these recordings; None for all.
        fold: which of the published lists, for sets that have several.
        strict: raise on the first recording that cannot be used instead of leaving it out.
        options: further ones of the reader, such as ``{"videos": "DIR"}``; see its docstring.

    Raises:
        ConfigError: an unknown name or option.
        DatasetError: the folder is not this data set's.
    """
    from datasets_av import open_dataset

    given: dict[str, Any] = dict(options or {})
    if split is not None:
        given["split"] = split
    if fold is not None:
        given["fold"] = fold
    try:
        return open_dataset(name, root, strict=strict, **given)
    except DatasetError as error:
        near = [place for place in _near(Path(root)) if _opens(name, place)]
        if not near:
            raise
        raise DatasetError(f"{error}; did you mean root={near[0]}?") from error


def find_root(name: str, root: str | Path) -> Path:
    """The folder of a data set: `root`, or the one of the folders in it that is this data set's.

    Where several look alike, as Hollywood-2 and UCF Sports do, the one that is called like it and has videos
    of it. `root` itself where none is: opening it then says what was expected.
    """
    root = Path(root)
    if _opens(name, root):
        return root
    places = [place for place in _near(root) if _opens(name, place)]
    if len(places) > 1:
        places.sort(key=lambda place: not _alike(place.name, name))
        places = [place for place in places if _opens(name, place, use=True)] or places
    return places[0] if places else root


def _alike(folder: str, name: str) -> bool:
    """Whether one contains the other, letters and digits alone."""
    one, other = ("".join(filter(str.isalnum, text)).lower() for text in (folder, name))
    return one in other or other in one


def _near(root: Path) -> list[Path]:
    """The folders in a folder, by name, and the one that it is in."""
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    return [*below[:100], *([root.resolve().parent] if root.resolve().parent != root.resolve() else [])]


def _opens(name: str, root: Path, *, use: bool = False) -> bool:
    """Whether a folder looks like a data set's, with `use` whether a recording of it can be used."""
    from datasets_av import open_dataset

    try:
        found = open_dataset(name, root)
        if use:
            next(iter(found))
    except (AvsalError, OSError):
        return False
    return True


def open_data(settings: DataSettings, *, strict: bool = False, protocol: str | None = None) -> Dataset:
    """The data set that settings name.

    Args:
        settings: settings of the data.
        strict: see `load_dataset`.
        protocol: protocol of averaging; ``diem20`` chooses its own videos where the reader knows it.
    """
    from datasets_av import dataset_class

    options = dict(settings.reader)
    reader = dataset_class(settings.data).__init__
    if protocol == "diem20" and "protocol" in inspect.signature(reader).parameters:
        options.setdefault("protocol", "diem20")
    return load_dataset(
        settings.data, settings.root, split=settings.split, fold=settings.fold, strict=strict, options=options
    )


def chosen(recordings: Iterable[Recording], ids: Collection[str], setting: str) -> list[Recording]:
    """Those recordings that a setting names.

    Raises:
        ConfigError: there is none of a name.
    """
    known = {one.id: one for one in recordings}
    for name in ids:
        if name not in known:
            few = ", ".join(list(known)[:8]) + (" and others" if len(known) > 8 else "")
            raise ConfigError(
                f"`{setting}` names {name!r}, which is not among the {len(known)} recordings here: "
                f"it has {few}; see avsal data check"
            )
    return [one for name, one in known.items() if name in ids]
