"""The command line: `avsal VERB`. Each verb is a module that imports what is heavy only when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from avsal import __version__
from avsal.errors import AvsalError

__all__ = ["main"]

VERBS = {
    "predict": "saliency maps and overlay videos of videos with sound",
    "train": "train a model by an experiment file",
    "ablate": "does sound matter? the same video heard in different ways",
    "evaluate": "score a model, or anybody's maps, against gaze",
    "data": "prepare, check, count and show data sets",
    "models": "the models one can name, with paper, size and input",
    "weights": "convert, show and fetch weights",
    "env": "versions, devices and codecs, for a bug report",
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="avsal",
        description="Where people look in a video with sound.",
        epilog="avsal VERB --help tells more. Exit codes: 0 done, 1 some inputs failed or were damaged, "
        "2 wrong use or unusable input, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"avsal {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        module = import_module(f"avsal.cli.{verb}")
        child = verbs.add_parser(
            verb,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(child)
        child.add_argument("--debug", action="store_true", help="show the traceback of an error")
        child.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `avsal` with the given arguments (those of the process by default) and return its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except AvsalError as error:
        if arguments.debug:
            raise
        print(f"avsal: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if arguments.debug:
            raise
        print("avsal: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `avsal models | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
