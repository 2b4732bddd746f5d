"""Bring exports of an eye tracker to a manifest, which every verb reads as data=manifest.

avsal data import eyelink p01.asc p02.asc --videos videos -o gaze --screen-cm 53.1x29.9 --distance-cm 65
avsal data import tobii export.tsv --videos videos -o gaze
avsal data import neon fixations.csv --videos videos -o gaze --onset "video.start" --screen-px 1920x1080
avsal data import table gaze.csv --videos videos -o gaze columns.time=t_ms columns.observer=person

FORMAT is eyelink, tobii, neon, pupil, gazepoint, psychopy, webgazer, table or begaze; docs/own-gaze.md says
what each is read as: units, origin, clock. What could not be used is named, and the exit code is 1. Look at
the result before anything else: avsal data show manifest --root gaze
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from avsal.cli.data_source import print_lines
from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting
from avsal.workflows.import_gaze import ImportSettings, import_gaze

__all__ = ["ImportLine", "add_arguments", "run"]


@dataclass(frozen=True, kw_only=True)
class ImportLine(ImportSettings):
    """All that a line says."""

    videos: Path = setting(help="folder of the videos that were shown", metavar="DIR")
    out: Path = setting(Path("gaze"), help="folder to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier import")


def add_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("format", metavar="FORMAT", help="of the eye tracker; see above")
    parser.add_argument("files", nargs="+", metavar="FILE", help="exports")
    parser.add_settings(ImportLine)


def run(arguments: argparse.Namespace) -> int:
    """Import; 1 where something could not be used."""
    line = settings_of(arguments, ImportLine)
    settings = ImportSettings(**{entry.name: getattr(line, entry.name) for entry in fields(ImportSettings)})
    found = import_gaze(
        arguments.format, arguments.files, line.videos, line.out, settings, overwrite=line.overwrite
    )
    print_lines("notes", found.notes)
    print(found)
    for problem in found.problems:
        print(f"avsal: error: left out: {problem}", file=sys.stderr)
    return 1 if found.problems else 0
