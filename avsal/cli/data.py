"""Data sets: list them, check a copy, look at its gaze, prepare it for training.

avsal data list
avsal data check hevc --root ../data/hevc                       what is there, what is missing (exit code 1)
avsal data stats mufvet --root ../data/mufvet                   videos, gaze, what was dropped and why
avsal data show mufvet --root ../data/mufvet -o look            contact sheet, and a video with gaze and sound
avsal data import eyelink p01.asc p02.asc --videos videos -o gaze         exports of an eye tracker
avsal data prepare diem --root DIEM --out store --model tsfpnet_av
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import import_module

from avsal.cli.parsing import Action, Parser

__all__ = ["ACTIONS"]


def add_list_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


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


def _action(name: str, summary: str) -> Action:
    """An action whose module is imported when it is asked for."""

    def module_of(function: str) -> Callable[..., int]:
        return lambda argument: getattr(import_module(f"avsal.cli.data_{name}"), function)(argument)

    return Action(summary, module_of("add_arguments"), module_of("run"), f"avsal.cli.data_{name}")


ACTIONS = {
    "list": Action("the data sets one can name, with size, sound and licence", add_list_arguments, run_list),
    "import": _action("import", "bring exports of an eye tracker to a manifest of your own videos"),
    "check": _action(
        "check", "compare a copy with the published counts; exit code 1 where it lacks something"
    ),
    "stats": _action("stats", "numbers of a data set: videos, fixations, observers, what was dropped"),
    "show": _action("show", "draw gaze on frames: a contact sheet and a short video with the sound kept"),
    "prepare": _action("prepare", "store frames at training size and audio at model rate"),
}
