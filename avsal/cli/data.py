"""Data sets: list them, check a copy, look at its gaze, prepare it for training.

avsal data list
avsal data check hevc --root ../data/hevc                       what is there, what is missing (exit code 1)
avsal data stats mufvet --root ../data/mufvet                   videos, gaze, what was dropped and why
avsal data show mufvet --root ../data/mufvet -o look            contact sheet, and a video with gaze and sound
avsal data prepare diem --root DIEM --out store --model tsfpnet_av
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module

__all__ = ["add_arguments", "run"]

ACTIONS = {
    "check": "compare a copy with the published counts; exit code 1 where something is missing",
    "stats": "numbers of a data set: videos, fixations, observers, what was dropped",
    "show": "draw gaze on frames: a contact sheet and a short video with the sound kept",
    "prepare": "store frames at training size and sound at model rate",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="the data sets one can name, with size, sound and licence")
    listed.add_argument("--json", action="store_true", help="for programs")
    for action, summary in ACTIONS.items():
        module = import_module(f"avsal.cli.data_{action}")
        child = actions.add_parser(
            action,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(child)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return 0, or 1 where something is missing or failed."""
    if arguments.action == "list":
        return run_list(arguments)
    return import_module(f"avsal.cli.data_{arguments.action}").run(arguments)


def run_list(arguments: argparse.Namespace) -> int:
    """Print two lines a data set."""
    from dataclasses import asdict

    from datasets_av import dataset_class, list_datasets

    infos = [dataset_class(name).info for name in list_datasets()]
    if arguments.json:
        print(json.dumps([asdict(info) for info in infos], indent=2))
        return 0
    width = max(map(len, list_datasets()), default=0) + 2
    print(f"{'name':<{width}}{'videos':>6}{'frames':>9}  {'sound':<6}{'gaze':<13}licence")
    for info in infos:
        videos = "-" if info.num_recordings is None else f"{info.num_recordings}"
        frames = "-" if info.num_frames is None else f"{info.num_frames}"
        sound = "yes" if info.sound else "-"
        print(f"{info.name:<{width}}{videos:>6}{frames:>9}  {sound:<6}{info.gaze:<13}{info.licence}")
        print(f"{'':<{width}}{info.citation}")
    return 0
