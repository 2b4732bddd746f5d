"""Where things lie below a data set's folder, and one clear line when they do not."""

from __future__ import annotations

from pathlib import Path

from avsal.errors import ConfigError, DatasetError
from avsal.types import Split
from datasets_av.dataset import Dataset
from datasets_av.frame_images import image_files

__all__ = ["expect_in_root", "expect_same_count", "expect_split", "images_in", "subfolders", "video_file"]

_VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")


def expect_in_root(dataset: Dataset, *names: str) -> None:
    """Check that at least one of `names` lies directly in the data set's root.

    Raises:
        DatasetError: none does; says what was found instead.
    """
    if any((dataset.root / name).exists() for name in names):
        return
    present = sorted(path.name for path in dataset.root.iterdir())
    found = ", ".join(present[:5]) + (f" and {len(present) - 5} more" if len(present) > 5 else "")
    raise DatasetError(
        f"{dataset.info.title}: expected {' or '.join(f'`{name}`' for name in names)} in {dataset.root} but "
        f"found {found or 'nothing'}; give the folder that holds it as `root` (where to get it: "
        f"{dataset.info.source})"
    )


def expect_split(dataset: Dataset, *splits: Split) -> None:
    """Check that the split asked for is one of the release's `splits`, of which there may be none.

    Raises:
        ConfigError: it is not.
    """
    if dataset.split in (None, *splits):
        return
    has = f"has only {' and '.join(splits)} recordings" if splits else "publishes no split"
    raise ConfigError(
        f"{dataset.info.title} {has} but split={dataset.split!r} was asked for; leave `split` out"
    )


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in `folder` by name, hidden ones left out; none if it is missing."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def video_file(folder: Path, name: str) -> Path:
    """The video called `name` in `folder`, whatever its suffix; case and spaces in the file's name do not
    count.

    Raises:
        DatasetError: there is none, or more than one.
    """
    wanted = _plain(name)
    found = (
        [
            path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in _VIDEO_SUFFIXES and _plain(path.stem) == wanted
        ]
        if folder.is_dir()
        else []
    )
    if len(found) != 1:
        what = "none" if not found else ", ".join(path.name for path in found)
        raise DatasetError(
            f"expected one video {folder / name}.mp4 (or .avi) but found {what}; "
            + ("extract it from the release" if not found else "keep one of them")
        )
    return found[0]


def images_in(folder: Path, what: str) -> list[Path]:
    """The images in `folder` in the order of their numbers.

    Raises:
        DatasetError: there are none; the message calls them `what`.
    """
    files = image_files(folder)
    if not files:
        there = "holds no image" if folder.is_dir() else "is missing"
        raise DatasetError(f"{folder} {there} but should hold the {what}; extract them from the release")
    return files


def expect_same_count(folder: Path, **counts: int | None) -> None:
    """Check that all `counts` that are known agree.

    Args:
        folder: that the message names.
        **counts: how many there are of each thing, None where unknown.

    Raises:
        DatasetError: they differ.
    """
    known = {name.replace("_", " "): count for name, count in counts.items() if count is not None}
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{count} {name}" for name, count in known.items())
        raise DatasetError(f"{folder}: expected as many of each but found {listed}; extract it again")


def _plain(name: str) -> str:
    return "".join(name.split()).lower()
