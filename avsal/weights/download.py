"""Downloads that are taken up where they were cut."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from avsal.errors import CheckpointError

__all__ = ["download"]

BLOCK = 2**20
ATTEMPTS = 5  # in a row without a byte more
TIMEOUT = 30  # seconds without an answer
PAUSE = 0.5  # seconds, longer after each failure
RANGE_NOT_SATISFIABLE = 416

Progress = Callable[[int, int | None], None]


def download(url: str, path: Path, *, size: int | None = None, progress: Progress | None = None) -> Path:
    """Fetch a file to a name beside `path`; what an earlier call left there is not fetched again.

    Args:
        url: http or https.
        path: where the file will go; its folder is made.
        size: in bytes, where known; more is refused.
        progress: called with the bytes that are there and the bytes of the whole file, where known.

    Returns:
        The complete file, `path` with ``.part`` added. It is for the caller to check and rename it.

    Raises:
        CheckpointError: no connection, no such file, cut again and again, larger than `size`, or the disk
            refuses.
    """
    partial = path.with_name(path.name + ".part")
    failures = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = partial.stat().st_size if partial.exists() else 0
            try:
                if take_up(url, partial, size, progress):
                    return partial
                reason = "the connection was cut"
            except urllib.error.HTTPError as error:
                raise CheckpointError(
                    f"{url} cannot be fetched: the server says {error.code} {error.reason}"
                ) from error
            except urllib.error.URLError as error:
                raise CheckpointError(f"{url} cannot be fetched: no connection ({error.reason})") from error
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                reason = f"the connection was cut ({type(error).__name__})"
            after = partial.stat().st_size if partial.exists() else 0
            failures = 0 if after > before else failures + 1
            if failures == ATTEMPTS:
                raise CheckpointError(
                    f"{url} was not fetched whole: {reason} after {after} bytes; fetch again to go on there"
                )
            time.sleep(PAUSE * failures)
    except OSError as error:
        raise CheckpointError(f"{url} cannot be fetched to {partial}: {error.strerror or error}") from error


def take_up(url: str, partial: Path, size: int | None, progress: Progress | None) -> bool:
    """Fetch what is missing in `partial` over one connection; whether it is complete."""
    have = partial.stat().st_size if partial.exists() else 0
    if size is not None and have == size:
        return True
    request = urllib.request.Request(url, headers={"User-Agent": "avsal", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == RANGE_NOT_SATISFIABLE and have:
            return end_of(error.headers.get("Content-Range", "")) == have or restart(partial)
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server sends the whole file
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else size
        with partial.open("r+b" if have else "wb") as file:
            file.seek(have)
            while block := response.read(BLOCK):
                have += len(block)
                if size is not None and have > size:
                    raise CheckpointError(f"{url} is not the file it should be: larger than {size} bytes")
                file.write(block)
                if progress:
                    progress(have, total)
    return total is None or have == total


def end_of(content_range: str) -> int | None:
    """The file's size in a header such as ``bytes */1234``."""
    size = content_range.rpartition("/")[2]
    return int(size) if size.isdigit() else None


def restart(partial: Path) -> bool:
    """Throw away what cannot be taken up; False, since nothing is complete."""
    partial.unlink()
    return False
