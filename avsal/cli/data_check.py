"""Compare a copy of a data set with what its owners published, and name everything that is missing.

Videos, maps and gaze files are looked for and counted. With --gaze all gaze is read as well, which takes
longer and finds damaged files. Exit code 0: whole; 1: something is missing or damaged.
"""

from __future__ import annotations

import argparse

from avsal.cli.data_source import SourceLine, add_source_arguments, line_of, open_source, print_lines
from avsal.cli.parsing import Parser
from avsal.errors import DatasetError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    add_source_arguments(parser)
    parser.add_argument("--gaze", action="store_true", help="read all gaze, too")


def run(arguments: argparse.Namespace) -> int:
    """Print counts and what is missing."""
    line = line_of(arguments, SourceLine)
    dataset = open_source(line)
    info = dataset.info
    read = arguments.gaze and "mask" not in info.gaze
    recordings = []
    try:
        for recording in (pair[0] for pair in dataset.with_gaze()) if read else dataset:
            recordings.append(recording)
    except DatasetError:
        if not dataset.problems or line.strict:
            raise
    without_gaze = sum(
        not (recording.load_fixations or recording.load_density or recording.load_mask)
        for recording in recordings
    )
    silent = sum(recording.audio is None for recording in recordings)
    known = [recording.num_frames for recording in recordings if recording.num_frames is not None]
    whole = line.split is None and line.fold is None and not line.reader

    print(f"{info.title} in {line.root}")
    print(f"recordings  {_compared(len(recordings), info.num_recordings if whole else None)}")
    counted = "" if len(known) == len(recordings) else f" in {len(known)} recordings, the others' unknown"
    print(f"frames      {_compared(sum(known), info.num_frames if whole else None)}{counted}")
    print(f"with sound  {len(recordings) - silent}")
    if without_gaze:
        print(f"no gaze     {without_gaze}")
    print_lines("missing or unusable", dataset.problems)
    print_lines("notes", dataset.notes)
    short = whole and info.num_recordings is not None and len(recordings) < info.num_recordings
    if dataset.problems or short:
        return 1
    print("nothing is missing")
    return 0


def _compared(found: int, published: int | None) -> str:
    return f"{found}" if published is None else f"{found} of {published} published"
