"""The shape of every hostile input: how it is made, who reads it, and what the reader must answer."""

from __future__ import annotations

import os
import resource
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from avsal.errors import AvsalError

MOST_MEMORY = 400 * 2**20
"""Bytes by which the process may grow over a refusal; what a good small input takes is far below."""


@dataclass(frozen=True)
class Input:
    """One hostile input.

    Attributes:
        name: in the test's id.
        make: writes it into an empty folder and says what is to be read.
        read: the reader.
        says: a regular expression that the message must contain.
    """

    name: str
    make: Callable[[Path], Any]
    read: Callable[[Any], Any]
    says: str


def cases(inputs: list[Input]) -> pytest.MarkDecorator:
    """Parametrise a test by inputs, each under its name."""
    names = [entry.name for entry in inputs]
    assert len(set(names)) == len(names), "two inputs have one name"
    return pytest.mark.parametrize("hostile", inputs, ids=names)


def check_refused(hostile: Input, folder: Path) -> None:
    """The reader answers with one line of ours, in bounded memory, and leaves nothing beside the input."""
    source = hostile.make(folder)
    before = sorted(folder.rglob("*"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AvsalError, match=hostile.says) as caught:
            hostile.read(source)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
    message = str(caught.value)
    assert "\n" not in message, "more than one line"
    assert message.isprintable(), "a terminal would obey this"
    assert len(message) < 1000
    assert grown * 1024 < MOST_MEMORY, f"took {grown / 1024:.0f} MB"
    assert sorted(folder.rglob("*")) == before, "something was left"


def text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """Makes a file of this content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def fifo(name: str) -> Callable[[Path], Path]:
    """Makes a named pipe, which blocks whoever opens it."""

    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def unix_socket(name: str) -> Callable[[Path], Path]:
    """Makes a socket in the file system."""

    def make(folder: Path) -> Path:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path must be short
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(name)
        finally:
            os.chdir(here)
        return folder / name

    return make


def device(name: str) -> Callable[[Path], Path]:
    """Makes a link to a device that never ends."""

    def make(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return make
