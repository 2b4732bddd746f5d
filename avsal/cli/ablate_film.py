"""`avsal ablate FILM`: what each sound does to the maps of one film."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import avsal
from avsal.ablation.conditions import parse_conditions
from avsal.ablation.hearing import film_sound, heard
from avsal.ablation.movement import Movement, movement
from avsal.cli.predict_job import load
from avsal.errors import ConfigError
from avsal.media import atomic_path
from avsal.media.audio import load_sound
from avsal.prediction import PredictionStream
from avsal.render import OutputRequest
from avsal.render.comparison import ComparisonFilm
from avsal.render.movement_plot import movement_plot

__all__ = ["ablate_film"]

DEFAULT = "true,zero,noise,reversed,shifted:0.2,absent"

REFERENCE = "true"


@torch.inference_mode()
def ablate_film(arguments: argparse.Namespace) -> int:
    """Predict a film under every condition and write film, curve, table and summary.

    Returns:
        0, or 1 where the film or its sound was damaged.

    Raises:
        ConfigError: choices that are impossible, or outputs that exist.
        MediaError: the film or a sound cannot be read.
    """
    chosen = arguments.conditions or (DEFAULT + (",other" if arguments.other else ""))
    conditions = parse_conditions(chosen)
    names = [condition.name for condition in conditions]
    if "other" in names and arguments.other is None:
        raise ConfigError("the condition 'other' needs another film's sound: give --other FILE")
    stem = arguments.output / arguments.source.stem
    paths = {
        "film": stem.with_name(stem.name + ComparisonFilm.suffix),
        "curve": stem.with_name(stem.name + "_ablation.png"),
        "table": stem.with_name(stem.name + "_ablation.csv"),
        "summary": stem.with_name(stem.name + "_ablation.json"),
    }
    there = [path for path in paths.values() if path.exists()]
    if there and not arguments.overwrite:
        raise ConfigError(f"{there[0]} exists: replace it with --overwrite, or write elsewhere with -o")
    model = load(arguments)
    sound = film_sound(model, arguments.source, arguments.audio)
    other = None if arguments.other is None else load_sound(arguments.other, sound.sample_rate)[0]
    hearing = heard(
        sound.samples,
        sound.sample_rate,
        conditions,
        seed=arguments.seed,
        video=arguments.source.stem,
        other=other,
    )
    stream = PredictionStream(
        model,
        arguments.source,
        sounds=hearing,
        start=arguments.start,
        end=arguments.end,
        every=arguments.every,
        engine=arguments.engine,
        threads=arguments.threads,
    )
    info = stream.film.info
    request = OutputRequest(
        arguments.source,
        info,
        sound_from=arguments.audio or arguments.source,
        start=arguments.start,
        end=arguments.end,
    )
    compared = [name for name in names if name != REFERENCE]
    arguments.output.mkdir(parents=True, exist_ok=True)
    times: list[float] = []
    moves: dict[str, list[Movement]] = {name: [] for name in compared}
    against = "zero" if "zero" in compared else compared[0]
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
    with ComparisonFilm(paths["film"], request, REFERENCE, against) as film:
        for prediction in shown:
            film.write(prediction)
            times.append(prediction.time)
            for name in compared:
                moves[name].append(movement(prediction.heard[name], prediction.heard[REFERENCE]))
    with atomic_path(paths["table"]) as temporary:
        write_table(temporary, times, moves)
    movement_plot(times, moves, paths["curve"], title=f"{arguments.source.name}: true sound against others")
    damage = [lost.describe() for lost in (*stream.damage, sound.damage) if lost]
    summary = {
        "avsal": avsal.__version__,
        "source": arguments.source.name,
        "model": {"name": model.name, "arguments": dict(model.arguments), "trained": model.trained},
        "conditions": names,
        "seed": arguments.seed,
        "engine": stream.engine.name,
        "frames": len(times),
        "windows": stream.num_windows,
        "true against": {name: averages(found) for name, found in moves.items()},
        "damage": "; ".join(damage) or None,
        "outputs": {kind: path.name for kind, path in paths.items()},
    }
    with atomic_path(paths["summary"]) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n")
    if damage:
        print(f"avsal: warning: {arguments.source}: {'; '.join(damage)}", file=sys.stderr)
    if not arguments.quiet:
        print(
            f"{'true against':16} {'moved':>7} {'CC':>7} {'right':>7} {'down':>7}   "
            f"means of {len(times)} frames"
        )
        for name, found in moves.items():
            mean = averages(found)
            print(
                f"{name:16} {mean['moved']:7.3f} {mean['cc']:7.3f} {mean['right']:+7.3f} {mean['down']:+7.3f}"
            )
        print(
            "moved: share of the map's mass that lies elsewhere; right, down: of its centre, in frame sizes"
        )
        print("-> " + ", ".join(str(path) for path in paths.values()))
    return 1 if damage else 0


def averages(moves: list[Movement]) -> dict[str, float]:
    """Means over frames; of CC over those where it is defined."""
    cc = np.array([move.cc for move in moves])
    defined = cc[~np.isnan(cc)]
    return {
        "moved": float(np.mean([move.moved for move in moves])),
        "cc": float(defined.mean()) if len(defined) else float("nan"),
        "right": float(np.mean([move.right for move in moves])),
        "down": float(np.mean([move.down for move in moves])),
    }


def write_table(path: Path, times: list[float], moves: dict[str, list[Movement]]) -> None:
    """A line for each frame and condition."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "time", "condition", "moved", "cc", "right", "down"])
        for name, found in moves.items():
            for number, (time, move) in enumerate(zip(times, found, strict=True)):
                values = (move.moved, move.cc, move.right, move.down)
                writer.writerow([number, f"{time:.6f}", name, *(f"{value:.6g}" for value in values)])
