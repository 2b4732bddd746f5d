"""Output files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from avsal.errors import ConfigError, MediaError

__all__ = ["atomic_path", "only_one", "partial_name", "sweep", "write_text"]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it otherwise.

    The temporary name is hidden and keeps the suffix, from which writers tell the format. An existing file at
    `path` stays as it was until the new one is whole. An interrupt counts as a failure.

    Args:
        path: the file to be written; its folder must exist.

    Yields:
        The path to write to. The body must create this file.

    Raises:
        MediaError: the file cannot be written (no such folder, no permission, no room, `path` is a folder).
            An `OSError` of the body that names another file passes unchanged.
    """
    path = Path(path)
    temporary = path.with_name(partial_name(path) + path.suffix)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename not in (None, str(temporary)):
            raise
        raise MediaError(
            f"cannot write {path}: {error.strerror or error}; "
            "choose a place that exists, may be written to and has room"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def partial_name(path: Path) -> str:
    """A hidden name, new each time, for what becomes `path` when it is whole."""
    return f".{path.stem[:100]}.{secrets.token_hex(4)}.part"


def sweep(path: Path) -> None:
    """Remove what a run that was killed left half-written beside `path`, which no other process may write."""
    for left in path.parent.glob(f".{escape(path.stem[:100])}.{'[0-9a-f]' * 8}.part{escape(path.suffix)}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        MediaError: see `atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def only_one(folder: Path, doing: str, *, wait: bool = False) -> Iterator[None]:
    """Make the folder and let no other process write to it; a killed process lets go of it by itself.

    Args:
        folder: that outputs go to.
        doing: what is done in it, for the message: ``preparing``.
        wait: for the other process, instead of an error.

    Raises:
        ConfigError: another process is at it.
        MediaError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _taken(folder / ".lock", wait)
    except BlockingIOError as error:
        raise ConfigError(
            f"another process is {doing} into {folder}; wait for it, or choose another folder"
        ) from error
    except OSError as error:
        raise MediaError(f"cannot write {folder}: {error.strerror}; choose another place") from error
    _HELD.add(lock)
    try:
        yield
    finally:
        _HELD.discard(lock)
        os.close(lock)


def _taken(path: Path, wait: bool) -> int:
    """The lock's file, open and locked; anew where whoever held it removed the file."""
    while True:
        lock = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            if os.name == "posix":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


#: locks of this process; its children, such as workers that read clips, must not keep them when it is killed
_HELD: set[int] = set()


def _let_go() -> None:
    for lock in _HELD:
        os.close(lock)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
