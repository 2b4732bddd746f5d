"""Make a paper's table from the downloaded data: prepare, train every stage in order, score, compare.

    avsal reproduce tsfpnet table7 root=DATA
    avsal reproduce tsfpnet table5 root=DATA folds=1 train.clips.workers=4
    avsal reproduce esan table3 root=DATA out=runs stores=stores

DATA is a data set's folder, or the folder that theirs are in. What is done already is not done again: stopped
at any moment, the same line goes on. It ends with our table beside the paper's, kept in OUT/PAPER_TABLE.md.
Published weights that the networks start from must be there (avsal weights fetch NAME), or from_scratch=true.
"""

from __future__ import annotations

import argparse
import sys

from avsal.cli.data_prepare import told_need
from avsal.cli.parsing import Parser, settings_of
from avsal.workflows.paper_tables import PAPER_TABLES
from avsal.workflows.reproduce import ReproduceSettings, reproduce

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("paper", metavar="PAPER", help=", ".join(PAPER_TABLES))
    parser.add_argument("table", metavar="TABLE", help="see below")
    parser.add_settings(ReproduceSettings)
    parser.epilog = "tables:\n" + "\n".join(
        f"  {paper} {name}: {table.title}"
        for paper, own in PAPER_TABLES.items()
        for name, table in own.items()
    )


def run(arguments: argparse.Namespace) -> int:
    """Reproduce; 1 where something had to be left out."""
    from avsal.training.stopping import StoppedError

    def say(text: str) -> None:
        print(f"avsal: {text}", file=sys.stderr, flush=True)

    settings = settings_of(arguments, ReproduceSettings)
    try:
        made = reproduce(
            arguments.paper, arguments.table, settings, say=say, announce=lambda need: say(told_need(need))
        )
    except StoppedError as error:
        print(f"avsal: {error}", file=sys.stderr)
        return error.code
    print(made)
    print(f"-> {', '.join(map(str, made.files))}")
    return 0 if made.complete else 1
