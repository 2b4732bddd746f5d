"""The published split lists, shipped as tables; ``splits/README.md`` says where they come from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import cast

from avsal.errors import ConfigError
from avsal.types import Split

__all__ = ["DiemVideo", "ListedVideo", "chosen_videos", "diem_videos", "listed_videos", "read_table"]


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
    dataset: str, fold: int | None, split: Split | None
) -> tuple[tuple[ListedVideo, Split | None], ...]:
    """The videos of one fold and split, each with its role.

    Args:
        dataset: as for `listed_videos`.
        fold: 1, 2 or 3. None for all videos; they then have no role, except in DIEM, whose folds are alike.
        split: train or test; None for both.

    Raises:
        ConfigError: there is no such fold, a split without a fold, or `val`, which the lists do not have.
    """
    if fold not in (None, 1, 2, 3):
        raise ConfigError(f"`fold` must be 1, 2 or 3 but is {fold!r}")
    if split == "val":
        raise ConfigError(f"the lists of {dataset} have train and test but no val; hold out a part of train")
    if fold is None and dataset == "diem":
        fold = 1
    if fold is None:
        if split is not None:
            raise ConfigError(
                f"{dataset} has three folds; say which one `split={split}` is meant in: fold=1, 2 or 3"
            )
        return tuple((video, None) for video in listed_videos(dataset))
    roles = ((video, video.folds[fold - 1]) for video in listed_videos(dataset))
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
