"""Make a paper's table from the downloaded data: prepare, train every stage in order, score, compare.

    avsal reproduce tsfpnet table7 root=DATA
    avsal reproduce tsfpnet table5 root=DATA folds=1 train.clips.workers=4
    avsal reproduce esan table3 root=DATA out=runs stores=stores

DATA is a data set's folder, or the folder that theirs are in. What is done already is not done again: stopped
at any moment, the same line goes on. It ends with our table beside the paper's, kept in OUT/PAPER_TABLE.md.
Published weights that the networks start from must be there (avsal weights fetch NAME), or from_scratch=true.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from avsal.cli.parsing import Action, Given
from avsal.configuration import setting
from avsal.workflows.paper_tables import PAPER_TABLES, ReproduceSettings

__all__ = ["VERB", "ReproduceLine"]


@dataclass(frozen=True, kw_only=True)
class ReproduceLine(ReproduceSettings):
    """All that a line says."""

    paper: str = setting(help=", ".join(PAPER_TABLES), metavar="PAPER", position="1")
    table: str = setting(help="see below", metavar="TABLE", position="1")


def run(given: Given) -> int:
    """Reproduce; 1 where something had to be left out."""
    from avsal.training.stopping import StoppedError
    from avsal.workflows.reproduce import reproduce

    def say(text: object) -> None:
        print(f"avsal: {text}", file=sys.stderr, flush=True)

    line = given.read(ReproduceLine)
    try:
        made = reproduce(line.paper, line.table, line, say=say, announce=say)
    except StoppedError as error:
        say(error)
        return error.code
    print(made)
    print(f"-> {', '.join(map(str, made.files))}")
    return 0 if made.complete else 1


def tables() -> str:
    """The tables there are, a line each."""
    lines = [f"  {paper} {name}: {t.title}" for paper, own in PAPER_TABLES.items() for name, t in own.items()]
    return "\n".join(["tables:", *lines])


VERB = Action(ReproduceLine, run, epilog=tables)
