"""Train the small sounding-object series and print what each network gains from sound.

    python scripts/train_sounding.py --run-root runs                  # trains what is not there, then scores
    python scripts/train_sounding.py --run-root runs --share 0.5      # half of each experiment's steps
    python scripts/train_sounding.py --run-root runs --score-only --json runs/sounding.json

One silent stage, then one sound stage for each cue and fusion. Scores are of videos that neither training nor
the choice of a checkpoint has seen (a seed of their own), beside the best maps that can be made of these
videos without and with sound. The normalised gain is (true - without) / (with - without).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import avsal
from avsal.clips import ClipBatch
from avsal.metrics.batch import nss
from avsal.models import SaliencyModel
from avsal.training.synthetic_clips import sample
from avsal.weights import load_model
from avsal.workflows.train import compose
from datasets_av.sounding_objects import SoundingObjects

CUES = ("synchrony", "rhythm", "identity", "irrelevant")
FUSIONS = ("aligned", "bilinear", "stavis", "avinet")
SEED = 3  # 1 trains, 2 validates


def main() -> None:
    """Parse the line, train, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run-root", type=Path, default=Path("runs"))
    parser.add_argument("--cues", nargs="+", choices=CUES, default=list(CUES))
    parser.add_argument("--fusions", nargs="+", choices=FUSIONS, default=list(FUSIONS))
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the steps that the sound stages' experiments name"
    )
    parser.add_argument("--videos", type=int, default=128, help="held-out videos to score on")
    parser.add_argument("--score-only", action="store_true", help="score the runs that are there")
    parser.add_argument("--json", type=Path, help="write the table as JSON too")
    options = parser.parse_args()
    if not options.score_only:
        common = {"run_root": str(options.run_root), "run.resume": "auto"}
        avsal.train("small_sounding_silent", changes=common)
        for cue in options.cues:
            for fusion in options.fusions:
                name = f"small_sounding_{cue}"
                steps = round(options.share * compose([f"experiment={name}"]).steps)
                avsal.train(name, changes=common | {"model.arguments.fusion": fusion, "steps": steps})
    rows = []
    for cue in options.cues:
        for fusion in options.fusions:
            file = options.run_root / f"small_sounding_{cue}_{fusion}" / "last.safetensors"
            if file.exists():
                rows.append({"cue": cue, "fusion": fusion} | score(load_model(file), cue, options.videos))
    silent = options.run_root / "small_sounding_silent" / "last.safetensors"
    if silent.exists():
        rows.append(
            {"cue": "silent stage", "fusion": "-"} | score(load_model(silent), "synchrony", options.videos)
        )
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


@torch.no_grad()
def score(model: SaliencyModel, cue: str, num_videos: int) -> dict[str, float]:
    """NSS of the last frame, with true, silenced and no sound; ceilings; selection of the heard object."""
    setting = "irrelevant" if cue == "irrelevant" else "decides"
    videos = SoundingObjects(
        setting=setting,
        cue="synchrony" if cue == "irrelevant" else cue,
        seed=SEED,
        num_frames=model.spec.num_frames,
        size=model.spec.size,
    )
    found: dict[str, list[float]] = {name: [] for name in ("without", "with", "original", "zero", "missing")}
    chosen: list[bool] = []
    for index in range(num_videos):
        video = videos[index]
        batch = ClipBatch.collect([sample(videos, index, model.spec)], model.spec)
        assert batch.audio is not None
        maps = {
            "without": torch.from_numpy(video.gaze.best_map(-1, sound=False)),
            "with": torch.from_numpy(video.gaze.best_map(-1, sound=True)),
            "original": model(batch.frames, batch.audio)[0, 0],
            "zero": model(batch.frames, torch.zeros_like(batch.audio))[0, 0],
            "missing": model(batch.frames, None)[0, 0],
        }
        for name, image in maps.items():
            found[name].append(float(nss(image, batch.points[0, 0], batch.mask[0, 0])))
        x, y = video.gaze.aims[-1, :-1].T  # the last aim is the centre
        rows = np.clip(y.astype(int), 0, model.spec.size[0] - 1)
        columns = np.clip(x.astype(int), 0, model.spec.size[1] - 1)
        at_objects = maps["original"].numpy()[rows, columns]
        chosen.append(int(at_objects.argmax()) == int(video.attended[-1]))
    result = {name: float(np.mean(values)) for name, values in found.items()}
    difference = np.subtract(found["original"], found["zero"])
    gap = float(np.mean(np.subtract(found["with"], found["without"])))
    result["gain"] = (result["original"] - result["without"]) / gap if gap > 1e-6 else float("nan")
    result["true-zero"] = float(difference.mean())
    result["true-zero s.e."] = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    result["selection"] = float(np.mean(chosen))
    return result


def print_table(rows: list[dict[str, float]]) -> None:
    """As Markdown."""
    columns = [
        "cue",
        "fusion",
        "without",
        "with",
        "original",
        "zero",
        "missing",
        "gain",
        "true-zero",
        "selection",
    ]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        cells = [row[name] if isinstance(row[name], str) else f"{row[name]:.2f}" for name in columns]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
