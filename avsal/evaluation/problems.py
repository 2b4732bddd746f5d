"""What was not as it should be, by name: counted, told once, and an error where strictness is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from avsal.errors import DatasetError

__all__ = ["EXCLUDING", "Problem", "Problems"]

#: kinds that make a result incomplete; the others are told. Of a video with maps of some frames alone, as
#: authors leave out the first ones, those frames are scored, for all rows.
EXCLUDING = ("unreadable map", "video without maps", "unusable recording")


@dataclass(frozen=True)
class Problem:
    """One of them.

    Attributes:
        kind: one of `EXCLUDING`, ``missing map``, ``wrong size``, ``extra video``, ``stray file``,
            ``constant map``, ``note``.
        text: names the file, recording or frame.
        count: of the frames or files that it is about.
    """

    kind: str
    text: str
    count: int = 1


@dataclass
class Problems:
    """All of one evaluation.

    Attributes:
        strict: raise on the first one that is more than a note.
        found: so far, in order.
    """

    strict: bool = False
    found: list[Problem] = field(default_factory=list)

    def add(self, kind: str, text: str, count: int = 1) -> None:
        """Take note, or raise.

        Raises:
            DatasetError: when strict, for anything but ``constant map`` and ``note``.
        """
        if self.strict and kind not in ("constant map", "note"):
            raise DatasetError(f"{kind}: {text} (strict: without it this would be counted and told)")
        self.found.append(Problem(kind, text, count))

    @property
    def counts(self) -> Counter[str]:
        """How many frames or files, by kind."""
        counts: Counter[str] = Counter()
        for problem in self.found:
            counts[problem.kind] += problem.count
        return counts

    @property
    def excluding(self) -> int:
        """How many of them cost scores."""
        return sum(problem.count for problem in self.found if problem.kind in EXCLUDING)
