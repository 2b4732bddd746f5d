"""Predict where people look in videos with sound.

avsal predict clip.mp4                         clip_overlay.mp4 with the original sound, and clip.json
avsal predict videos/ -o out --save overlay,h5  every video below a folder
avsal predict frames/ --fps 25 --audio x.wav   a folder of images and its sound
avsal predict clip.mp4 --audio zero            the same video with silence instead of its sound
avsal predict "videos/*.mp4"                    what a pattern names
avsal predict - < clip.mp4                     a video on standard input
avsal predict https://host/clip.mp4            a video at an address; rtsp://, udp:// and others as they come
avsal predict 0 --end 60                       a camera, until --end or Ctrl-C
torchrun --nproc-per-node 4 -m avsal predict videos/ --skip-existing
                                               videos shared out between processes; goes on where it stopped;
                                               accelerate and srun do the same; outputs.csv lists all
avsal predict videos/ --skip-existing --submit nodes=2,tasks_per_node=4,gpus_per_node=4,slurm_partition=gpu
                                               the same on a cluster, by submitit

Settings may be typed as --key value or as key=value, in any order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting
from avsal.errors import AvsalError, shown
from avsal.workflows.collection import find_sources, list_outputs, name_outputs, predict_each
from avsal.workflows.predict import PredictSettings, expected_maps, network_threads

if TYPE_CHECKING:
    from avsal.prediction import Prediction, PredictionStream
    from avsal.workflows.predict import PredictedVideo

__all__ = ["PredictLine", "add_arguments", "run", "run_line"]


@dataclass(frozen=True, kw_only=True)
class PredictLine(PredictSettings):
    """All that a line says but its sources."""

    out: Path = setting(Path("predictions"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    submit: Mapping[str, Any] = setting(
        factory=dict,
        help="hand the command to a cluster's queue: options of submitit's executor, such as nodes=2, "
        "tasks_per_node=4, slurm_partition=NAME; cluster=local starts the processes here",
        metavar="KEY=VALUE,...",
        prefix="submit",
    )


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="videos, folders or patterns of videos, a folder of images with --fps, - for standard input, an "
        "address, a camera (0)",
    )
    parser.add_settings(PredictLine)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more of each video")


def run(arguments: argparse.Namespace) -> int:
    """Predict every source; return 0 when all were done, 1 when some failed or were damaged, else 2."""
    line = settings_of(arguments, PredictLine)
    if line.submit:
        from avsal.workflows.launch import submit

        job = submit(run_line, line, arguments, options=line.submit, folder=line.out / "submitted")
        print(f"submitted {job.job_id}: logs in {job.paths.folder}")
        return 0
    return run_line(line, arguments)


def run_line(line: PredictLine, arguments: argparse.Namespace) -> int:
    """Predict this process's share of the sources."""
    from avsal.weights import model_identity
    from avsal.workflows.launch import place_in_launch, wait_for_others
    from avsal.workflows.model import load

    rank, num_processes = place_in_launch()
    named = name_outputs(find_sources(arguments.sources, line.frame_rate), line.out)
    mine = named[rank::num_processes]
    failed = damaged = 0
    if mine:  # or there are more processes than videos
        model = load(replace(line, threads=network_threads(line)))
        identity: str | None = model_identity(model).describe()
        tellers = [
            Teller(arguments, f"[{number}/{len(mine)}] " if len(mine) > 1 else "")
            for number in range(1, len(mine) + 1)
        ]
        outcomes = predict_each(
            model,
            mine,
            line,
            keep_failures=len(named) > 1,
            progress=lambda number: tellers[number].progress,
            opened=lambda number, stream: tellers[number].opened(stream),
        )
        for teller, outcome in zip(tellers, outcomes, strict=True):
            if outcome.found is not None:
                teller.done(outcome.found, identity)
                identity = None if not outcome.found.skipped else identity  # told once
                damaged += outcome.found.damaged
            elif outcome.error is not None:
                if arguments.debug:
                    raise outcome.error
                failed += 1
                where = "" if isinstance(outcome.error, AvsalError) else f"{shown(outcome.source)}: "
                print(f"avsal: error: {where}{shown(outcome.error)}", file=sys.stderr, flush=True)
        if len(named) > 1 and failed < len(named):
            list_outputs(named, line.out)
    wait_for_others(rank, num_processes)
    if mine and failed == len(mine):
        return 2
    return 1 if failed or damaged else 0


class Teller:
    """Tells a person of one video's progress and end.

    Args:
        arguments: of the command line: quiet, verbose.
        prefix: of lines printed about the video, such as [2/5].
    """

    def __init__(self, arguments: argparse.Namespace, prefix: str) -> None:
        self.quiet, self.verbose, self.prefix = arguments.quiet, arguments.verbose, prefix

    def opened(self, stream: PredictionStream) -> None:
        """Tell of the video."""
        info = stream.video.info
        if self.verbose:
            self.say(
                f"{stream.source}: {info.size[1]}x{info.size[0]}, {info.frame_rate:.3f} frames a second, "
                f"{info.codec}, {'with' if info.sound else 'without'} sound; the model hears: {stream.sound}"
            )
            why = stream.engine.reason and f": {stream.engine.reason}"
            self.say(f"{stream.source}: engine {stream.engine.name}{why}")

    def progress(self, stream: PredictionStream) -> Iterator[Prediction]:
        """The stream with a bar on a terminal, and none in a pipe or when quiet."""
        from tqdm import tqdm

        return tqdm(
            stream,
            total=expected_maps(stream),
            desc=f"{self.prefix}{stream.source.name}",
            unit="map",
            file=sys.stderr,
            disable=True if self.quiet else None,
            leave=False,
            dynamic_ncols=True,
        )

    def done(self, found: PredictedVideo, identity: str | None) -> None:
        """Tell what was written, and by which model where that was not told yet."""
        for warning in found.warnings:
            print(f"avsal: warning: {self.prefix}{shown(warning)}", file=sys.stderr, flush=True)
        if found.skipped:
            self.say(f"{found.source}: done before, skipped")
            return
        if identity is not None and not self.quiet:
            print(f"model: {identity}", flush=True)
        written = ", ".join(str(path) for path in found.outputs.values())
        self.say(f"{found.source}: {found.num_maps} maps in {found.summary['seconds']:.1f} s -> {written}")
        if self.verbose:
            parts = ", ".join(
                f"{part} {spent:.1f}" for part, spent in found.summary["seconds_by_part"].items()
            )
            self.say(f"{found.source}: seconds by part, at the same time: {parts}")

    def say(self, line: str) -> None:
        """Print a line unless quiet."""
        if not self.quiet:
            print(f"{self.prefix}{shown(line)}", flush=True)
