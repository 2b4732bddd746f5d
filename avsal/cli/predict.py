"""Predict where people look in videos with sound.

avsal predict clip.mp4                          clip_overlay.mp4 with the original sound, and clip.json
avsal predict videos/ -o out --save overlay,h5  every video below a folder
avsal predict frames/ --fps 25 --audio x.wav    a folder of images and its sound
avsal predict clip.mp4 --audio zero             the same video with silence instead of its sound
avsal predict "videos/*.mp4"                    what a pattern names
avsal predict - < clip.mp4                      a video on standard input
avsal predict https://host/clip.mp4             a video at an address; rtsp:// and udp:// as they come
avsal predict 0 --end 60                        a camera, until --end or Ctrl-C
torchrun --nproc-per-node 4 -m avsal predict videos/ --skip-existing
                                                videos are shared out; goes on where it stopped;
                                                accelerate and srun do the same; outputs.csv lists all
avsal predict videos/ --skip-existing --submit nodes=2,tasks_per_node=4,gpus_per_node=4,slurm_partition=gpu
                                                the same on a cluster, by submitit

Settings may be typed as --key value or as key=value, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.cli.parsing import Action, Given
from avsal.cli.telling import Teller, Verbose
from avsal.configuration import setting
from avsal.errors import AvsalError, counted
from avsal.workflows.video_settings import PredictSettings

if TYPE_CHECKING:
    from avsal.prediction import PredictionStream
    from avsal.workflows.predict import PredictedVideo

__all__ = ["VERB", "PredictLine", "run_line"]


@dataclass(frozen=True, kw_only=True)
class PredictLine(Verbose, PredictSettings):
    """All that a line says."""

    sources: tuple[str, ...] = setting(
        help="videos, folders or patterns of videos, a folder of images with --fps, - for standard input, an "
        "address, a camera (0)",
        metavar="SOURCE",
        position="+",
    )
    out: Path = setting(Path("predictions"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    submit: Mapping[str, Any] = setting(
        factory=dict,
        help="hand the command to a cluster's queue: options of submitit's executor, such as nodes=2, "
        "tasks_per_node=4, slurm_partition=NAME; cluster=local starts the processes here",
        metavar="KEY=VALUE,...",
        prefix="submit",
    )


def run(given: Given) -> int:
    """Predict every source; return 0 when all were done, 1 when some failed or were damaged, else 2."""
    line = given.read(PredictLine)
    if line.submit:
        from avsal.workflows.launch import submit

        job = submit(run_line, line, given.debug, options=line.submit, folder=line.out / "submitted")
        print(f"submitted {job.job_id}: logs in {job.paths.folder}")
        return 0
    return run_line(line, given.debug)


def run_line(line: PredictLine, debug: bool = False) -> int:
    """Predict this process's share of the sources."""
    from avsal.weights import model_identity
    from avsal.workflows.collection import find_sources, list_outputs, name_outputs, predict_each
    from avsal.workflows.launch import place_in_launch, wait_for_others
    from avsal.workflows.model import load
    from avsal.workflows.predict import network_threads

    rank, num_processes = place_in_launch()
    named = name_outputs(find_sources(line.sources, line.frame_rate), line.out)
    mine = named[rank::num_processes]
    failed = damaged = 0
    if mine:  # or there are more processes than videos
        model = load(replace(line, threads=network_threads(line)))
        identity: str | None = model_identity(model).describe()
        tellers = [Teller(line, number, len(mine)) for number in range(1, len(mine) + 1)]
        outcomes = predict_each(
            model,
            mine,
            line,
            keep_failures=len(named) > 1,
            progress=lambda number: tellers[number].stream,
            opened=lambda number, stream: tell_of_video(tellers[number], stream),
        )
        for teller, outcome in zip(tellers, outcomes, strict=True):
            if outcome.found is not None:
                tell_of_outputs(teller, outcome.found, identity)
                identity = None if not outcome.found.skipped else identity  # told once
                damaged += outcome.found.damaged
            elif outcome.error is not None:
                if debug:
                    raise outcome.error
                failed += 1
                where = "" if isinstance(outcome.error, AvsalError) else f"{outcome.source}: "
                teller.warn(f"{where}{outcome.error}", kind="error")
        if len(named) > 1 and failed < len(named):
            list_outputs(named, line.out)
    wait_for_others(rank, num_processes)
    if mine and failed == len(mine):
        return 2
    return 1 if failed or damaged else 0


def tell_of_video(teller: Teller, stream: PredictionStream) -> None:
    """Tell of a video that was opened, if verbose."""
    info = stream.video.info
    if teller.verbose:
        teller.say(
            f"{stream.source}: {info.size[1]}x{info.size[0]}, {info.frame_rate:.3f} frames a second, "
            f"{info.codec}, {'with' if info.sound else 'without'} sound; the model hears: {stream.sound}"
        )
        why = stream.engine.reason and f": {stream.engine.reason}"
        teller.say(f"{stream.source}: engine {stream.engine.name}{why}")


def tell_of_outputs(teller: Teller, found: PredictedVideo, identity: str | None) -> None:
    """Tell what was written of a video, and by which model where that was not told yet."""
    for warning in found.warnings:
        teller.warn(warning)
    if found.skipped:
        teller.say(f"{found.source}: done before, skipped")
        return
    if identity is not None and not teller.quiet:
        print(f"model: {identity}", flush=True)
    written = ", ".join(str(path) for path in found.outputs.values())
    faint = f"; low contrast: {found.low_contrast}" if found.low_contrast else ""
    maps, seconds = counted(found.num_maps, "map"), found.summary["seconds"]
    teller.say(f"{found.source}: {maps} in {seconds:.1f} s -> {written}{faint}")
    if teller.verbose:
        parts = ", ".join(f"{part} {spent:.1f}" for part, spent in found.summary["seconds_by_part"].items())
        teller.say(f"{found.source}: seconds by part, at the same time: {parts}")


VERB = Action(PredictLine, run)
