"""Store a data set for training: frames at the model's size and sound at its rate, decoded once.

avsal data prepare diem --root DIEM --out store --model tsfpnet_av
avsal data prepare hevc --root hevc --out store --size 96x176
avsal data prepare dhf1k --root DHF1K --out stores/192x352/dhf1k --size 192x352 --maps --compress

A run that was stopped goes on where it was when the same command is given again. Recordings that cannot be
used are named and left out; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.cli.data_source import SourceLine, add_source_arguments, line_of, open_source, print_lines
from avsal.cli.parsing import Parser
from avsal.configuration import setting
from avsal.workflows.prepare import PrepareSettings, prepare

if TYPE_CHECKING:
    from avsal.clips import StoreNeed

__all__ = ["add_arguments", "run"]


@dataclass(frozen=True, kw_only=True)
class PrepareLine(PrepareSettings, SourceLine):
    """All that a line says."""

    out: Path = setting(help="the store, new or resumed", metavar="DIR", flags=("-o", "--output"))


def told_need(need: StoreNeed) -> str:
    """What preparing takes, in a line."""
    from avsal.training.progress_line import duration

    kept = f", {need.num_kept} stored before" if need.num_kept else ""
    unknown = f", and {need.unknown} of unknown length" if need.unknown else ""
    seconds = "" if need.seconds is None else f", about {duration(need.seconds)}"
    return (
        f"{need.num_recordings} recordings to store{kept}: {need.num_frames} frames{unknown}, about "
        f"{need.num_bytes / 1e9:.2f} GB of {need.free_bytes / 1e9:.1f} GB free{seconds}"
    )


def add_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    add_source_arguments(parser, PrepareLine)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Prepare; 1 where recordings had to be left out."""
    line = line_of(arguments, PrepareLine)

    def announce(need: StoreNeed) -> None:
        if not arguments.quiet:
            print(told_need(need), flush=True)

    found = prepare(
        open_source(line),
        line.out,
        line,
        strict=line.strict,
        progress=False if arguments.quiet else None,
        announce=announce,
    )
    if not arguments.quiet:
        print_lines("notes", found.notes)
        print(
            f"{found.folder}: {found.stored} recordings stored, {found.kept} stored before, "
            f"{len(found.problems)} left out"
        )
    for problem in found.problems:
        print(f"avsal: error: left out: {problem}", file=sys.stderr)
    return 1 if found.problems else 0
