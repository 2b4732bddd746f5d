"""Where published weights are: what for, whose, how large, and the hash they must have.

Nothing is fetched unless asked. A file whose hash nobody has published is not fetched at all, since it could
not be told from a broken or a foreign one: the catalogue says how to bring it. A file that lies in a public
git repository has a hash there: its object's name.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from avsal.errors import CheckpointError, ConfigError

__all__ = ["CATALOGUE", "CatalogueEntry", "cache_folder", "entry_named", "fetch", "fetched"]

CACHE_VARIABLE = "AVSAL_CACHE"
RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class CatalogueEntry:
    """One published weight file.

    Attributes:
        name: what one types.
        purpose: what it is for.
        backbone: the network it holds.
        licence: as far as its publisher states one.
        source: where it comes from: the address of the file, or a page for people where there is no hash.
        file: its name.
        size: in bytes; None where not known.
        sha256: 64 hexadecimal digits, or the first ones where only those are published; None where no hash is
            known.
        git_blob: 40 hexadecimal digits, the name of the file as an object of git; None where neither hash is
            known, so that the file has to be brought by hand.
        expect: what a file without a hash should be. Every file is checked when it is read: nothing in it is
            run, every tensor must be there with its name and shape and finite, and none may be left over.
    """

    name: str
    purpose: str
    backbone: str
    licence: str
    source: str
    file: str
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    expect: str = ""

    @property
    def hash(self) -> str | None:
        """The hash that the file is checked by, for people; None where there is none."""
        if self.sha256:
            return f"SHA-256 {self.sha256}"
        return f"git object {self.git_blob}" if self.git_blob else None


def read_catalogue() -> dict[str, CatalogueEntry]:
    """The entries of `catalogue.csv`, by name.

    Full hashes there are those that several independent users report; each begins with the digits in its
    file's name.
    """
    with Path(__file__).with_name("catalogue.csv").open(newline="", encoding="utf-8") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    entries = [
        CatalogueEntry(
            **row
            | {"size": int(row["size"] or 0) or None}
            | {kind: row[kind] or None for kind in ("sha256", "git_blob")}
        )
        for row in rows
    ]
    return {entry.name: entry for entry in entries}


CATALOGUE = read_catalogue()


def cache_folder() -> Path:
    """The folder of fetched weights: that of the environment variable AVSAL_CACHE, else the user's cache."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser()
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "avsal"


def entry_named(name: str) -> CatalogueEntry:
    """The catalogue's entry of `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"unknown weights {name!r}: expected one of {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def fetch(name: str) -> Path:
    """The file of a catalogue entry in the cache, downloaded if it is not there, its hash checked.

    A download that was cut is taken up where it ended, by this call or a later one.

    Args:
        name: name of the entry.

    Returns:
        The file.

    Raises:
        CheckpointError: the file has another hash, cannot be had, or has to be brought by hand: the message
            says which file and where to put it.
        ConfigError: there is no such entry.
    """
    entry = entry_named(name)
    path = cache_folder() / entry.file
    if path.is_file():
        check_hash(path, entry)
        return path
    if entry.hash is None:
        raise CheckpointError(
            f"{entry.name} is not fetched, since no hash of it is published: get {entry.file} from "
            f"{entry.source} by hand and put it at {path}"
        )
    partial = path.with_name(path.name + ".part")
    begun = partial.exists()
    download(entry, partial)
    try:
        check_hash(partial, entry)
    except CheckpointError:
        partial.unlink()
        if begun:  # what an earlier call left was of another file
            return fetch(name)
        raise
    partial.replace(path)
    return path


def download(entry: CatalogueEntry, partial: Path) -> None:
    """Fetch what is missing of an entry's file by the Hub's library, whose bar goes to standard error.

    Raises:
        CheckpointError: no connection, no such file, cut again and again, another size, or the disk refuses.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get

    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            http_get(entry.source, file, resume_size=file.tell(), expected_size=entry.size)
    except Exception as error:  # the library's, of the one below it, which has changed, and of the disk
        answer = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if answer == RANGE_NOT_SATISFIABLE:
            return  # it is all there, or more than all: its hash will tell
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"cannot be fetched to {partial}: {error.strerror}"
        elif answer:
            reason = f"cannot be fetched: the server says {answer}"
        elif isinstance(error, OSError):
            partial.unlink()
            reason = "is not of the size that it should be"
        else:
            reason = f"was not fetched whole ({type(error).__name__}): fetch again to go on where it ended"
        raise CheckpointError(
            f"{entry.source} {reason}; or bring {entry.file} from there and put it at "
            f"{partial.with_suffix('')}"
        ) from error


def check_hash(path: Path, entry: CatalogueEntry) -> None:
    """Raise CheckpointError where a file has another hash than the catalogue's, if that has one."""
    if entry.hash is None:
        return
    with path.open("rb") as file:
        if entry.sha256:
            expected = entry.sha256
            found = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            expected = entry.git_blob or ""
            digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
            found = hashlib.file_digest(file, lambda: digest).hexdigest()
    if not found.startswith(expected):
        raise CheckpointError(
            f"{path} is not {entry.name}: expected {entry.hash}, found {found[: len(expected)]}; it is "
            "damaged or another file: remove it and fetch again"
        )


def fetched(name: str) -> Path:
    """The file of a catalogue entry that is in the cache. Nothing is fetched.

    Raises:
        CheckpointError: the file is not there, or has another hash.
        ConfigError: there is no such entry.
    """
    entry = entry_named(name)
    path = cache_folder() / entry.file
    if not path.is_file():
        how = f"`avsal weights fetch {entry.name}`" if entry.hash else f"get {entry.file} from {entry.source}"
        raise CheckpointError(f"{entry.name} is not there: {how}, or put the file at {path}")
    check_hash(path, entry)
    return path
