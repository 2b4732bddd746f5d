"""What a person is told: results on standard output; warnings, errors and bars on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from avsal.configuration import setting
from avsal.errors import shortened, shown

if TYPE_CHECKING:
    from avsal.evaluation import Problems
    from avsal.models import SaliencyModel
    from avsal.prediction import Prediction, PredictionStream

__all__ = ["Listed", "Quiet", "Teller", "Verbose", "as_json", "columns", "listed"]

_LINES_PRINTED = 10


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Of verbs that tell what they do."""

    quiet: bool = setting(False, help="print errors only", flags=("-q",))


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Of verbs that list what there is."""

    json: bool = setting(False, help="print JSON, for programs")


@dataclass(frozen=True, kw_only=True)
class Verbose(Quiet):
    """Of verbs that work on one video after the other."""

    verbose: bool = setting(False, help="tell more of each video", flags=("-v",))


class Teller:
    """Tells of the progress and the end of something, unless it is to be quiet.

    Args:
        line: what was asked for.
        number: number of a video among several.
        count: number of these.
    """

    def __init__(self, line: Quiet, number: int = 1, count: int = 1) -> None:
        self.quiet = line.quiet
        self.verbose = isinstance(line, Verbose) and line.verbose
        self.prefix = f"[{number}/{count}] " if count > 1 else ""

    def say(self, line: str) -> None:
        """Print a line."""
        if not self.quiet:
            print(f"{self.prefix}{shown(line)}", flush=True)

    def warn(self, text: object, *, kind: str = "warning") -> None:
        """Print a line of standard error, even if quiet."""
        prefix = self.prefix if kind == "warning" else ""
        print(f"avsal: {kind}: {prefix}{shortened(text)}", file=sys.stderr, flush=True)

    def left_out(self, problems: Sequence[str]) -> int:
        """Name what was left out; the exit code."""
        for problem in problems:
            self.warn(f"left out: {problem}", kind="error")
        return 1 if problems else 0

    def result(self, found: object, places: Iterable[object], models: Iterable[SaliencyModel] = ()) -> None:
        """Print which models made a result, the result, and where it was written."""
        if self.quiet:
            return
        for model in models:
            from avsal.weights import model_identity

            print(model_identity(model).describe())
        print(found)
        print("-> " + ", ".join(map(str, places)))

    def problems(self, problems: Problems) -> None:
        """Tell what was not as it should be, by name, a few of each kind; all are in evaluation.json."""
        for kind in {} if self.quiet else problems.counts:
            texts = [problem.text for problem in problems.found if problem.kind == kind]
            title = f"avsal: {'note' if kind == 'note' else 'warning'}: {kind}"
            listed(title, texts, _LINES_PRINTED, ", see evaluation.json", sys.stderr)

    def bar(self, items: Any = None, **options: Any) -> Any:
        """A bar over items on a terminal, and none in a pipe or when quiet."""
        from tqdm import tqdm

        hidden = True if self.quiet else None
        return tqdm(items, file=sys.stderr, disable=hidden, leave=False, dynamic_ncols=True, **options)

    def stream(self, stream: PredictionStream) -> Iterator[Prediction]:
        """A stream's predictions with a bar."""
        from avsal.workflows.predict import expected_maps

        title = f"{self.prefix}{stream.source.name}"
        found: Iterator[Prediction] = self.bar(stream, total=expected_maps(stream), desc=title, unit="map")
        return found

    @contextmanager
    def rounds(self, unit: str = "video") -> Iterator[Callable[[int, int, str], None]]:
        """Within, a bar that is moved by what is called with the number, the count and the name of each."""
        with self.bar(unit=unit) as bar:

            def progress(number: int, total: int, name: str) -> None:
                bar.total = total
                bar.update(number - bar.n)

            yield progress


def as_json(rows: object) -> int:
    """Print for programs; 0."""
    print(json.dumps(rows, indent=2))
    return 0


def listed(
    title: str, lines: Sequence[str], limit: int | None = None, rest: str = "", file: IO[str] | None = None
) -> None:
    """Print a counted list, at most `limit` lines of it and `rest` behind; nothing where it is empty."""
    more = len(lines[limit:]) if limit is not None else 0
    if lines:
        ends = [f"  and {more} more{rest}"] if more else []
        print(
            "\n".join([f"{title} ({len(lines)}):", *(f"  {line}" for line in lines[:limit]), *ends]),
            file=file,
        )


def columns(rows: Sequence[Sequence[object]], align: str) -> list[str]:
    """Rows as lines of columns two spaces apart: ``<`` or ``>`` aligns each; None is a dash."""
    cells = [["-" if cell is None else f"{cell}" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(align))]
    lines = ("  ".join(map("{:{}{}}".format, row, align, widths)) for row in cells)
    return [line.rstrip() for line in lines]
