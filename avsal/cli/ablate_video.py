"""`avsal ablate VIDEO`: what each sound does to the maps of one video."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import avsal
from avsal.ablation.audio_conditions import apply_conditions, video_audio
from avsal.ablation.conditions import REFERENCE, parse_conditions
from avsal.ablation.floor import floor_sounds
from avsal.ablation.map_shift import averages
from avsal.cli.ablate import model_settings
from avsal.errors import ConfigError
from avsal.media import atomic_path
from avsal.media.audio import load_sound
from avsal.prediction import PredictionStream
from avsal.render import OutputRequest
from avsal.render.comparison import ComparisonVideo
from avsal.render.map_shift_plot import map_shift_plot
from avsal.report.ablation_pages import video_page
from avsal.report.labels import model_words
from avsal.report.page import write_page
from avsal.report.page_content import Page
from avsal.report.video_moves import VideoMoves, against
from avsal.report.video_words import video_answer, video_findings
from avsal.workflows.model import load

__all__ = ["ablate_video"]

DEFAULT = "original,zero,noise,reversed,shifted:0.2,video_only"


@torch.inference_mode()
def ablate_video(arguments: argparse.Namespace) -> int:
    """Predict a video under every condition and write video, curve, table and summary.

    Returns:
        0, or 1 where the video or its sound was damaged.

    Raises:
        ConfigError: choices that are impossible, or outputs that exist.
        MediaError: the video or a sound cannot be read.
    """
    chosen = arguments.conditions or (DEFAULT + (",swapped" if arguments.other else ""))
    conditions = parse_conditions(chosen)
    names = [condition.name for condition in conditions]
    if "swapped" in names and arguments.other is None:
        raise ConfigError("the condition 'swapped' needs another video's sound: give --other FILE")
    stem = arguments.output / arguments.source.stem
    paths = {
        "video": stem.with_name(stem.name + ComparisonVideo.suffix),
        "curve": stem.with_name(stem.name + "_ablation.png"),
        "table": stem.with_name(stem.name + "_ablation.csv"),
        "report": stem.with_name(stem.name + "_report.html"),
        "summary": stem.with_name(stem.name + "_ablation.json"),
    }
    there = [path for path in paths.values() if path.exists()]
    if there and not arguments.overwrite:
        raise ConfigError(f"{there[0]} exists: replace it with --overwrite, or write elsewhere with -o")
    model = load(model_settings(arguments))
    sound = video_audio(model, arguments.source, arguments.audio)
    other, other_damage = None, None
    if arguments.other is not None:
        other, other_damage = load_sound(arguments.other, sound.sample_rate)
    name = arguments.source.stem
    hearing = apply_conditions(
        sound.samples,
        sound.sample_rate,
        conditions,
        seed=arguments.seed,
        video=name,
        other=other,
    )
    heard = {**hearing, **floor_sounds(sound.samples, sound.sample_rate, seed=arguments.seed, video=name)}
    stream = PredictionStream(
        model,
        arguments.source,
        sounds=heard,
        attention=True,
        start=arguments.start,
        end=arguments.end,
        every=arguments.every,
        engine=arguments.engine,
        threads=arguments.threads,
    )
    info = stream.video.info
    request = OutputRequest(
        arguments.source,
        info,
        sound_from=arguments.audio or arguments.source,
        start=arguments.start,
        end=arguments.end,
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    shown = tqdm(
        stream,
        total=info.num_frames,
        desc=arguments.source.name,
        unit="frame",
        file=sys.stderr,
        disable=True if arguments.quiet else None,
        leave=False,
        dynamic_ncols=True,
    )
    part: dict[str, Any] = {"start": arguments.start, "end": arguments.end}
    with tempfile.TemporaryDirectory() as folder:
        kept = VideoMoves(
            arguments.source.name, Path(folder), arguments.source, info, heard, sound.sample_rate, **part
        )
        with ComparisonVideo(paths["video"], request, REFERENCE, against(kept.moves)) as video, kept:
            for prediction in shown:
                video.write(prediction)
                kept.write(prediction)
        write_page(paths["report"], report(arguments, stream, names, kept))
    times, moves = kept.times, kept.moves
    with atomic_path(paths["table"]) as temporary:
        write_table(temporary, kept)
    map_shift_plot(
        times, moves, paths["curve"], title=f"{arguments.source.name}: the original audio against others"
    )
    damage = [lost.describe() for lost in (*stream.damage, sound.damage, other_damage) if lost]
    summary = {
        "avsal": avsal.__version__,
        "source": arguments.source.name,
        "model": {"name": model.name, "arguments": dict(model.arguments), "trained": model.trained},
        "conditions": names,
        "seed": arguments.seed,
        "engine": stream.engine.name,
        "frames computed": len(times),
        "windows": stream.num_windows,
        "answer": video_answer(moves, kept.floor, times),
        "original against": {name: finite(averages(found)) for name, found in moves.items()},
        "floor": None if kept.floor is None else asdict(kept.floor),
        "damage": "; ".join(damage) or None,
        "outputs": {kind: path.name for kind, path in paths.items()},
    }
    with atomic_path(paths["summary"]) as temporary:
        temporary.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
    if damage:
        print(f"avsal: warning: {arguments.source}: {'; '.join(damage)}", file=sys.stderr)
    if not arguments.quiet:
        print("\n".join([video_answer(moves, kept.floor, times), *video_findings(moves, kept.floor)]))
        print("-> " + ", ".join(str(path) for path in paths.values()))
    return 1 if damage else 0


def report(
    arguments: argparse.Namespace, stream: PredictionStream, names: list[str], kept: VideoMoves
) -> Page:
    """The page of one video."""
    model, info = stream.model, stream.video.info
    facts = {
        "video": f"{arguments.source.name}, {info.size[1]}x{info.size[0]}, {info.frame_rate:.5g} frames "
        "a second",
        "model": model_words(model.name, model.arguments),
        "weights": str(arguments.weights or "those that ship with avsal" if model.trained else "random"),
        "sounds": ", ".join(names),
        "seed": str(arguments.seed),
        "engine": stream.engine.name,
        "avsal": avsal.__version__,
    }
    notes = [] if model.trained else ["The weights are random: the maps mean nothing."]
    return video_page(kept, facts, notes)


def write_table(path: Path, kept: VideoMoves) -> None:
    """A line for each computed frame and condition."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "time", "condition", "moved", "cc", "right", "down"])
        for name, found in kept.moves.items():
            for number, time, move in zip(kept.frames, kept.times, found, strict=True):
                values = (move.moved, move.cc, move.right, move.down)
                writer.writerow([number, f"{time:.6f}", name, *(f"{value:.6g}" for value in values)])


def finite(means: dict[str, float]) -> dict[str, float | None]:
    """Means as JSON knows them: None where there is none."""
    return {name: value if isfinite(value) else None for name, value in means.items()}
