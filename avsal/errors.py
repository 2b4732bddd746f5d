"""The errors a user can meet: one line each, saying what was expected, what was found and what to do."""

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "AvsalError",
    "AvsalRuntimeError",
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "MediaError",
    "counted",
    "did_you_mean",
    "shortened",
    "shown",
]

#: a word of a message that nobody reads to its end
_LONG = re.compile(r"\S{300,}")


def shown(text: object) -> str:
    """`text` on one line, with what a terminal would obey (control characters, marks that turn the direction
    of writing, broken Unicode) as escapes: names and metadata of files may hold anything.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def shortened(text: object) -> str:
    """`shown`, words of 300 letters and more cut: what was typed may have any length."""
    return _LONG.sub(lambda word: f"{word[0][:100]}... ({len(word[0])} letters)", shown(text))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'that'?`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def counted(number: int, noun: str) -> str:
    """``1 video`` or ``2 videos``: a number and what is counted."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class AvsalError(Exception):
    """Base of every error that avsal raises on purpose; the command line prints it as one line."""

    def __str__(self) -> str:
        """The message, fit for a terminal."""
        return shortened(super().__str__())


class MediaError(AvsalError):
    """A video, sound or image file cannot be read or written."""


class DatasetError(AvsalError):
    """A data set's files are missing, misplaced or contradict each other."""


class CheckpointError(AvsalError):
    """A weight file is not what it should be, or none is available."""


class ConfigError(AvsalError):
    """A setting is unknown, impossible or contradicts another."""


class AvsalRuntimeError(AvsalError):
    """What was asked for is possible but failed on the way: a dead worker, a full disk, maps that are NaN."""
