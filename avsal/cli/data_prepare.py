"""Store a data set for training: frames at the model's size and sound at its rate, decoded once.

avsal data prepare diem --root DIEM --out store --model tsfpnet_av
avsal data prepare hevc --root hevc --out store --size 96x176

A run that was stopped goes on where it was when the same command is given again. Recordings that cannot be
used are named and left out; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avsal.cli.data_source import add_source_arguments, open_source, print_lines

if TYPE_CHECKING:
    from avsal.clips import StoreNeed, StoreSettings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    from avsal.cli.arguments import positive_int

    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the store, new or resumed")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--model", metavar="NAME", help="prepare for this model, see `avsal models`")
    size.add_argument("--size", type=_size, metavar="HxW", help="of the frames, for instance 192x352")
    parser.add_argument(
        "--fit", action="store_true", help="with --size: keep each video's aspect ratio inside it"
    )
    parser.add_argument(
        "--sample-rate", type=positive_int, metavar="HZ", help="of the sound [the model's, else 22050]"
    )
    parser.add_argument(
        "--maps", action="store_true", help="keep the release's density maps, even where it has fixations"
    )
    parser.add_argument("--workers", type=positive_int, metavar="N", help="videos at a time [one a core]")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Prepare; 1 where recordings had to be left out."""
    from avsal.clips import prepare

    dataset = open_source(arguments)
    settings = settings_of(arguments)
    recordings = list(dataset)

    def announce(need: StoreNeed) -> None:
        if not arguments.quiet:
            kept = f", {need.num_kept} stored before" if need.num_kept else ""
            unknown = f", and {need.unknown} of unknown length" if need.unknown else ""
            print(
                f"{need.num_recordings} recordings to store{kept}: {need.num_frames} frames{unknown}, about "
                f"{need.num_bytes / 1e9:.2f} GB of {need.free_bytes / 1e9:.1f} GB free",
                flush=True,
            )

    report = prepare(
        recordings,
        arguments.out,
        settings,
        workers=arguments.workers,
        strict=arguments.strict,
        progress=False if arguments.quiet else None,
        announce=announce,
    )
    problems = [*dataset.problems, *report.problems]
    if not arguments.quiet:
        print_lines("notes", [*dataset.notes, *report.notes])
        print(
            f"{arguments.out}: {report.stored} recordings stored, {report.kept} stored before, "
            f"{len(problems)} left out"
        )
    for problem in problems:
        print(f"avsal: error: left out: {problem}", file=sys.stderr)
    return 1 if problems else 0


def settings_of(arguments: argparse.Namespace) -> StoreSettings:
    """What the arguments ask of the store.

    Raises:
        ConfigError: an unknown model, or settings that contradict each other.
    """
    from avsal.clips import StoreSettings
    from avsal.errors import ConfigError

    resize: Literal["stretch", "fit"] = "fit" if arguments.fit else "stretch"
    size, rate = arguments.size, None
    if arguments.model is not None:
        import torch

        from avsal.models import create_model

        if arguments.fit:
            raise ConfigError("--fit goes with --size; a model knows how its frames are resized")
        with torch.device("meta"):  # only its spec is wanted
            spec = create_model(arguments.model).spec
        size, resize, rate = spec.size, spec.resize, spec.sample_rate
    rate = arguments.sample_rate or rate or StoreSettings.sample_rate
    return StoreSettings(size, resize, rate, arguments.maps, dict(arguments.option))


def _size(text: str) -> tuple[int, int]:
    """Height and width."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or "0" in match.groups():
        raise argparse.ArgumentTypeError(f"expected height x width, for instance 192x352, but found {text!r}")
    return int(match[1]), int(match[2])
