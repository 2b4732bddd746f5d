"""Where things lie below a data set's folder, and one clear line when they do not."""

from __future__ import annotations

from pathlib import Path

from avsal.errors import DatasetError
from datasets_av.frame_images import image_files

__all__ = ["expect_same_count", "images_in", "subfolders", "video_file"]

_VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")


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
        folder: folder that the message names.
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
