"""The published split lists, shipped as tables; ``splits/README.md`` says where they come from."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import cast

from avsal.errors import ConfigError, DatasetError
from avsal.types import Split

__all__ = [
    "DiemVideo",
    "ListedVideo",
    "chosen_videos",
    "diem_videos",
    "list_files",
    "listed_videos",
    "own_videos",
    "read_table",
]


def read_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``splits/<name>.csv``, each a mapping from column to text, in the table's order.

    Raises:
        FileNotFoundError: there is no such table.
    """
    table = resources.files("datasets_av") / "splits" / f"{name}.csv"
    return tuple(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


@dataclass(frozen=True)
class ListedVideo:
    """One row of the audio-visual lists.

    Attributes:
        dataset: our name of the data set.
        id: the video's name in the lists.
        num_frames: as extracted by STAViS; None for a video outside the lists.
        frame_rate: as listed, in frames a second.
        folds: the video's role in folds 1, 2 and 3; None where the fold leaves it out.
    """

    dataset: str
    id: str
    num_frames: int | None
    frame_rate: float
    folds: tuple[Split | None, Split | None, Split | None]


_FOLDERS = {
    "diem": "DIEM",
    "coutrot1": "Coutrot_db1",
    "coutrot2": "Coutrot_db2",
    "avad": "AVAD",
    "etmd": "ETMD_av",
    "summe": "SumMe",
}
_ROW = re.compile(r"(\S+)\s+(\d+)\s+(\d+(?:\.\d+)?)")


def list_files(dataset: str, lists: Path) -> dict[tuple[int, Split], Path]:
    """The files of one's own lists of a data set, by fold and part; of DIEM's only list for every fold."""
    name = _FOLDERS[dataset]
    parts: tuple[Split, Split] = ("train", "test")
    return {
        (fold, part): lists
        / (f"{name}_list_{part}_fps.txt" if dataset == "diem" else f"{name}_list_{part}_{fold}_fps.txt")
        for fold in (1, 2, 3)
        for part in parts
    }


def own_videos(dataset: str, lists: Path) -> tuple[ListedVideo, ...] | None:
    """The videos of lists that lie beside a release, as its authors' code reads them; None where there are
    none.

    A line has a video's name, its number of frames and its rate; rows that a missing newline has glued
    together are told apart.

    Raises:
        DatasetError: a list is missing or holds no such line, or a video stands twice in one fold.
    """
    files = list_files(dataset, lists)
    if not any(path.is_file() for path in files.values()):
        return None
    found: dict[str, tuple[int, float, dict[int, Split]]] = {}
    for (fold, part), path in files.items():
        try:
            rows = _ROW.findall(path.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise DatasetError(
                f"{path} cannot be read ({error.strerror}): the other lists are there"
            ) from error
        if not rows:
            raise DatasetError(f"{path}: expected lines of a video, its frames and its rate but found none")
        for name, frames, rate in rows:
            _, _, roles = found.setdefault(name, (int(frames), float(rate), {}))
            if roles.get(fold, part) != part:
                raise DatasetError(
                    f"{path}: {name} is also in the other list of fold {fold}: mend one of them"
                )
            roles[fold] = part
    return tuple(
        ListedVideo(dataset, name, frames, rate, (roles.get(1), roles.get(2), roles.get(3)))
        for name, (frames, rate, roles) in found.items()
    )


@cache
def listed_videos(dataset: str) -> tuple[ListedVideo, ...]:
    """The videos of one of the six audio-visual sets, in the lists' order.

    Args:
        dataset: diem, coutrot1, coutrot2, avad, etmd or summe.

    Raises:
        ValueError: for another name.
    """
    rows = [row for row in read_table("audiovisual") if row["dataset"] == dataset]
    if not rows:
        raise ValueError(f"`dataset` must be one of the six audio-visual sets but is {dataset!r}")
    return tuple(
        ListedVideo(
            dataset,
            row["video"],
            int(row["num_frames"]),
            float(row["frame_rate"]),
            (_split(row["fold1"]), _split(row["fold2"]), _split(row["fold3"])),
        )
        for row in rows
    )


def chosen_videos(
    dataset: str, fold: int | None, split: Split | None, lists: Path | None = None
) -> tuple[tuple[ListedVideo, Split | None], ...]:
    """The videos of one fold and split, each with its role.

    Args:
        dataset: as for `listed_videos`.
        fold: 1, 2 or 3. None for all videos; they then have no role, except in DIEM, whose folds are alike.
        split: train or test; None for both.
        lists: folder of one's own lists, which count instead of the published ones where they are there.

    Raises:
        DatasetError: one's own lists cannot be read.
        ConfigError: there is no such fold, a split without a fold, or `val`, which the lists do not have.
    """
    if fold not in (None, 1, 2, 3):
        raise ConfigError(f"`fold` must be 1, 2 or 3 but is {fold!r}")
    own = None if lists is None else own_videos(dataset, lists)
    videos = listed_videos(dataset) if own is None else own
    if split == "val":
        raise ConfigError(f"the lists of {dataset} have train and test but no val; hold out a part of train")
    if fold is None and dataset == "diem":
        fold = 1
    if fold is None:
        if split is not None:
            raise ConfigError(
                f"{dataset} has three folds; say which one `split={split}` is meant in: fold=1, 2 or 3"
            )
        return tuple((video, None) for video in videos)
    roles = ((video, video.folds[fold - 1]) for video in videos)
    return tuple((video, role) for video, role in roles if role is not None and split in (None, role))


@dataclass(frozen=True)
class DiemVideo:
    """One video of the DIEM release.

    Attributes:
        id: its name, which ends in its size.
        size: (height, width) in pixels.
        first300: whether it is one of the 20 videos whose first 300 frames are the older test protocol.
    """

    id: str
    size: tuple[int, int]
    first300: bool


@cache
def diem_videos() -> tuple[DiemVideo, ...]:
    """All 84 videos of DIEM by name, three more than its split list has."""
    return tuple(
        DiemVideo(row["video"], (int(row["height"]), int(row["width"])), row["first300"] == "test")
        for row in read_table("diem_videos")
    )


def _split(text: str) -> Split | None:
    return cast(Split, text) if text else None
