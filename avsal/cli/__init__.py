"""The command line: `avsal VERB`. Each verb is a module that imports what is heavy only when it runs."""

from __future__ import annotations

import argparse
import errno
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from avsal import __version__
from avsal.cli.parsing import Parser
from avsal.cli.process import Ended, in_good_order, log_to_stderr
from avsal.configuration import did_you_mean
from avsal.errors import AvsalError, AvsalRuntimeError, ConfigError, shown

__all__ = ["main"]

VERBS = {
    "predict": "saliency maps and overlay videos of videos with sound",
    "crop": "videos of another aspect ratio, cut after where people look",
    "train": "train a model by an experiment file",
    "ablate": "does sound matter? the same video under several audio conditions",
    "reproduce": "a paper's table from the downloaded data: prepare, train, score, compare",
    "evaluate": "score a model, or anybody's maps, against gaze",
    "export": "write a model for ONNX, torch.export or OpenVINO, checked against PyTorch",
    "data": "prepare, check, count and show data sets",
    "models": "the models one can name, with paper, size and input",
    "weights": "convert, show and fetch weights",
    "env": "versions, devices and codecs, for a bug report",
}

EPILOG = (
    "avsal VERB --help tells more. Settings may be typed as --key value or key=value. Exit codes: 0 done, "
    "1 some inputs failed or were damaged, or something failed on the way, 2 wrong use or unusable input, "
    "130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP."
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
    parser.add_argument(
        "--completion",
        choices=["bash", "zsh", "fish"],
        help='print what makes this shell complete verbs and options: eval "$(avsal --completion bash)"',
    )
    return parser


def completion(shell: str) -> str:
    """The script by which a shell completes verbs, actions and options, made from their parsers."""
    import shtab

    parser = build_parser()
    verbs = parser.add_subparsers()
    made: list[argparse.ArgumentParser] = []
    for verb, summary in VERBS.items():
        module = import_module(f"avsal.cli.{verb}")
        below = verbs.add_parser(verb, help=summary)
        actions = getattr(module, "ACTIONS", None)
        if actions is None:
            module.add_arguments(below)
            made.append(below)
            continue
        group = below.add_subparsers()
        for name, action in actions.items():
            made.append(group.add_parser(name, help=action.summary))
            action.add_arguments(made[-1])
    for option in (option for each in made for option in each._actions):
        what = str(option.metavar)
        if "|" in what:
            option.choices = what.split("|")
        elif what in ("FILE", "CSV", "SOURCE", "WHAT", "OUT") or what.startswith("VIDEO"):
            option.complete = shtab.FILE  # type: ignore[attr-defined]
        elif what == "DIR":
            option.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))


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
    try:
        with in_good_order(), log_to_stderr(logging.DEBUG if "--debug" in words else logging.WARNING):
            return _run(words)
    except Ended as ended:
        _tell(f"avsal: ended by {ended}")
        return 128 + ended.number


def _run(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        if not words or words[0].startswith("-"):
            shell = build_parser().parse_args(words or ["--help"]).completion
            print(completion(shell))
            return 0
        parser, run, rest = verb_parser(words)
        return run(parser.read(rest))
    except AvsalError as error:
        if debug:
            raise
        _tell(f"avsal: error: {error}")
        return 1 if isinstance(error, AvsalRuntimeError) else 2
    except Ended:
        raise
    except KeyboardInterrupt:
        if debug:
            raise
        _tell("avsal: interrupted")
        return 130
    except OSError as error:  # of a file or folder that no reader or writer of ours stands for
        if debug:
            raise
        place = "" if error.filename is None else f"{shown(error.filename)}: "
        _tell(f"avsal: error: {place}{error.strerror or shown(error)}")
        return 1 if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else 2
    except MemoryError:
        if debug:
            raise
        _tell("avsal: error: out of memory: give smaller input, or fewer workers")
        return 1


def _tell(text: str) -> None:
    with suppress(OSError):  # of a terminal that is gone
        print(text, file=sys.stderr, flush=True)
