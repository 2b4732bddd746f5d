"""The command line: `avsal VERB`. Each verb is a module that imports what is heavy only when it runs."""

from __future__ import annotations

import argparse
import errno
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from textwrap import fill

from avsal import __version__
from avsal.cli.parsing import Action, Given, Parser
from avsal.cli.process import Ended, in_good_order, log_to_stderr
from avsal.errors import AvsalError, AvsalRuntimeError, ConfigError, did_you_mean, shortened

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
        epilog=fill(EPILOG, 100),
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
        if hasattr(module, "VERB"):
            made.append(verbs.add_parser(verb, help=summary, kind=module.VERB.line))
            continue
        group = verbs.add_parser(verb, help=summary).add_subparsers()
        for name, action in module.ACTIONS.items():
            made.append(group.add_parser(name, help=action.summary, kind=action.line))
    for option in (option for each in made for option in each._actions):
        what, known = str(option.metavar), getattr(option, "known", None)
        if what == "NETWORK" and known:
            option.choices = known
        elif "|" in what:
            option.choices = what.split("|")
        elif what in ("FILE", "CSV", "SOURCE", "WHAT", "OUT") or what.startswith("VIDEO"):
            option.complete = shtab.FILE  # type: ignore[attr-defined]
        elif what == "DIR":
            option.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))


def verb_parser(words: Sequence[str]) -> tuple[Parser, Callable[[Given], int], list[str]]:
    """The parser of the verb that a line begins with, what runs it, and the rest of the line.

    Raises:
        ConfigError: there is no such verb; the nearest is named.
    """
    verb, rest = words[0], list(words[1:])
    if verb not in VERBS:
        raise ConfigError(
            f"expected one of the verbs {', '.join(VERBS)} but found {verb!r}{did_you_mean(verb, VERBS)}"
        )
    module, prog = import_module(f"avsal.cli.{verb}"), f"avsal {verb}"
    if hasattr(module, "VERB"):
        action, told = module.VERB, module.__doc__
    else:
        actions: dict[str, Action] = module.ACTIONS
        if not rest or rest[0] not in actions:
            lines = "\n".join(f"  {name:<10}{one.summary}" for name, one in actions.items())
            told = f"{module.__doc__}\nactions:\n{lines}"
            group = Parser(prog=prog, usage=f"{prog} ACTION ...", description=told)
            group.parse_known_intermixed_args([word for word in rest if word in ("-h", "--help")])
            found = f"found {rest[0]!r}{did_you_mean(rest[0], actions)}" if rest else "found none"
            raise ConfigError(f"expected {prog} with one of {', '.join(actions)} but {found}")
        prog, action, told = f"{prog} {rest[0]}", actions[rest.pop(0)], None
    parser = action.parser(prog, told)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser, action.run, rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run `avsal` with the given arguments (those of the process by default) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        with in_good_order(), log_to_stderr(logging.DEBUG if debug else logging.WARNING):
            try:
                return _run(words)
            except (AvsalError, OSError, MemoryError, KeyboardInterrupt) as error:
                if debug or isinstance(error, Ended):
                    raise
                return _failed(error)
    except Ended as ended:
        _tell(f"ended by {ended}")
        return 128 + ended.number


def _run(words: list[str]) -> int:
    if not words or words[0].startswith("-"):
        print(completion(build_parser().parse_args(words or ["--help"]).completion))
        return 0
    parser, run, rest = verb_parser(words)
    return run(parser.read(rest))


def _failed(error: BaseException) -> int:
    """Tell of an error in a line; its exit code."""
    if isinstance(error, AvsalError):
        _tell(f"error: {error}")
        return 1 if isinstance(error, AvsalRuntimeError) else 2
    if isinstance(error, OSError):  # of a file or folder that no reader or writer of ours stands for
        place = "" if error.filename is None else f"{shortened(error.filename)}: "
        _tell(f"error: {place}{error.strerror or shortened(error)}")
        return 1 if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else 2
    if isinstance(error, MemoryError):
        _tell("error: out of memory: give smaller input, or fewer workers")
        return 1
    _tell("interrupted")
    return 130


def _tell(text: str) -> None:
    with suppress(OSError):  # of a terminal that is gone
        print(f"avsal: {text}", file=sys.stderr, flush=True)
