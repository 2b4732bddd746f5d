"""Output files that are either whole or not there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avsal.errors import MediaError

__all__ = ["atomic_path"]


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
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}.part{path.suffix}")
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
