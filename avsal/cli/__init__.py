"""The command line: `avsal VERB`. Each verb is a module that imports what is heavy only when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from avsal import __version__
from avsal.cli.parsing import Parser
from avsal.configuration import did_you_mean
from avsal.errors import AvsalError, ConfigError

__all__ = ["main"]

VERBS = {
    "predict": "saliency maps and overlay videos of videos with sound",
    "train": "train a model by an experiment file",
    "ablate": "does sound matter? the same video under several audio conditions",
    "evaluate": "score a model, or anybody's maps, against gaze",
    "data": "prepare, check, count and show data sets",
    "models": "the models one can name, with paper, size and input",
    "weights": "convert, show and fetch weights",
    "env": "versions, devices and codecs, for a bug report",
}

EPILOG = (
    "avsal VERB --help tells more. Settings may be typed as --key value or key=value. Exit codes: 0 done, "
    "1 some inputs failed or were damaged, 2 wrong use or unusable input, 130 interrupted."
)


def build_parser() -> Parser:
    """The parser of what comes before a verb; it imports nothing heavy."""
    parser = Parser(
        prog="avsal",
        usage="avsal [-h] [--version] VERB ...",
        description="Where people look in a video with sound.\n\nverbs:\n"
        + "\n".join(f"  {verb:<10}{summary}" for verb, summary in VERBS.items()),
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"avsal {__version__}")
    return parser


def verb_parser(words: Sequence[str]) -> tuple[Parser, Callable[[argparse.Namespace], int], list[str]]:
    """The parser of the verb that a line begins with, what runs it, and the rest of the line.

    Raises:
        ConfigError: there is no such verb; the nearest is named.
    """
    verb, rest = words[0], list(words[1:])
    if verb not in VERBS:
        raise ConfigError(
            f"expected one of the verbs {', '.join(VERBS)} but found {verb!r}{did_you_mean(verb, VERBS)}"
        )
    module = import_module(f"avsal.cli.{verb}")
    prog, actions = f"avsal {verb}", getattr(module, "ACTIONS", None)
    if actions is not None:
        if not rest or rest[0] not in actions:
            lines = "\n".join(f"  {name:<10}{action.summary}" for name, action in actions.items())
            group = Parser(
                prog=prog, usage=f"{prog} ACTION ...", description=f"{module.__doc__}\nactions:\n{lines}"
            )
            group.parse_known_intermixed_args([word for word in rest if word in ("-h", "--help")])
            found = f"found {rest[0]!r}{did_you_mean(rest[0], actions)}" if rest else "found none"
            raise ConfigError(f"expected {prog} with one of {', '.join(actions)} but {found}")
        prog, action = f"{prog} {rest[0]}", actions[rest.pop(0)]
        parser = Parser(prog=prog, description=action.description)
        action.add_arguments(parser)
        run = action.run
    else:
        parser = Parser(prog=prog, description=module.__doc__)
        module.add_arguments(parser)
        run = module.run
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser, run, rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run `avsal` with the given arguments (those of the process by default) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        if not words or words[0].startswith("-"):
            build_parser().parse_args(words or ["--help"])
        parser, run, rest = verb_parser(words)
        return run(parser.read(rest))
    except AvsalError as error:
        if debug:
            raise
        print(f"avsal: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if debug:
            raise
        print("avsal: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `avsal models | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
