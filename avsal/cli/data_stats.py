"""Numbers of a data set: videos, seconds, fixations, observers, and what was dropped for which reason.

A fixation counts on each frame that it lasts. `middle ninth` is the share of fixations in the middle third
of height and width, where gaze spread evenly would have 11.1 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from statistics import median

from avsal.cli.data_source import SourceLine, add_source_arguments, line_of, open_source, print_lines
from avsal.cli.parsing import Parser
from avsal.workflows.data import RecordingNumbers, numbers_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    add_source_arguments(parser)
    parser.add_argument("--each", action="store_true", help="a line for each recording, too")
    parser.add_argument("--json", action="store_true", help="for programs: every recording's numbers")


def run(arguments: argparse.Namespace) -> int:
    """Print the numbers; 1 where recordings had to be left out."""
    from tqdm import tqdm

    dataset = open_source(line_of(arguments, SourceLine))
    pairs = (
        ((recording, None) for recording in dataset) if "mask" in dataset.info.gaze else dataset.with_gaze()
    )
    rows = []
    for recording, gaze in tqdm(
        pairs, desc="reading", unit="video", disable=None, leave=False, file=sys.stderr
    ):
        rows.append(numbers_of(recording, gaze))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print_summary(dataset.info.title, rows)
        if arguments.each:
            print_each(rows)
        print_lines("left out, see `avsal data check`", dataset.problems, limit=3)
        print_lines("notes", dataset.notes)
    return 1 if dataset.problems else 0


def print_summary(title: str, rows: list[RecordingNumbers]) -> None:
    """Print one fact a line."""
    frames, seconds = sum(row.frames for row in rows), sum(row.seconds for row in rows)
    lasting = f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
    splits = Counter(row.split or "no split" for row in rows)
    facts = [
        ("recordings", f"{len(rows)} ({', '.join(f'{count} {name}' for name, count in splits.items())})"),
        ("frames", f"{frames}, {lasting}"),
        ("with sound", f"{sum(row.sound for row in rows)}"),
    ]
    gaze = [row for row in rows if row.fixations is not None]
    if gaze:
        total = sum(row.fixations or 0 for row in gaze)
        gaze_frames = sum(row.frames for row in gaze)
        observers = [row.observers for row in gaze if row.observers is not None]
        unseen = sum(row.frames_without_fixation or 0 for row in gaze)
        middle = sum((row.middle_ninth or 0) * (row.fixations or 0) for row in gaze) / max(1, total)
        known = (
            f"{min(observers)} to {max(observers)}, median {median(observers):g}" if observers else "unknown"
        )
        facts += [
            ("observers a video", known),
            ("fixations", f"{total}, {total / max(1, gaze_frames):.2f} a frame"),
            ("frames without", f"{unseen} ({unseen / max(1, gaze_frames):.1%})"),
            ("middle ninth", f"{middle:.1%} of fixations"),
        ]
    print(title)
    for name, value in facts:
        print(f"{name:<18}{value}")
    dropped: Counter[str] = Counter()
    for row in rows:
        dropped.update(row.dropped)
    lines = [f"{count:>9} {reason}" for reason, count in dropped.most_common() if count]
    print_lines("dropped or cut", lines)


def print_each(rows: list[RecordingNumbers]) -> None:
    """Print a line a recording."""
    width = max(len(row.id) for row in rows) + 2
    print(
        f"{'recording':<{width}}{'frames':>7}{'seconds':>9}  sound{'observers':>11}{'fixations':>11}  middle"
    )
    for row in rows:
        sound = "yes" if row.sound else "-"
        observers = "-" if row.observers is None else f"{row.observers}"
        fixations = "-" if row.fixations is None else f"{row.fixations}"
        middle = "-" if row.middle_ninth is None else f"{row.middle_ninth:.1%}"
        print(
            f"{row.id:<{width}}{row.frames:>7}{row.seconds:>9.2f}  {sound:<5}{observers:>11}{fixations:>11}"
            f"  {middle:>6}"
        )
