"""What several sounds cost beside one: the time of a video heard in N ways over that of the video heard once.

    python scripts/benchmark_ablation.py [VIDEO] [--conditions LIST] [--rounds 3] [--weights FILE]

Both are timed in turn, round after round, from the file to the maps, decoding and sound included; the ratio
is of medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from avsal.ablation.audio_conditions import apply_conditions, video_audio
from avsal.ablation.conditions import parse_conditions
from avsal.prediction import PredictionStream
from avsal.weights import load_model

BUNDLED = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--conditions", default="original,zero,noise,reversed,shifted:0.2,video_only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--model", default="tsfpnet_av")
    parser.add_argument("--engine", default=None)
    parser.add_argument("--end", type=float, help="seconds of the video")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model, weights=arguments.weights)
    sound = video_audio(model, arguments.video)
    conditions = parse_conditions(arguments.conditions)
    sounds = apply_conditions(
        sound.samples, sound.sample_rate, conditions, seed=0, video=arguments.video.stem, other=sound.samples
    )

    def seconds(names: list[str]) -> float:
        stream = PredictionStream(
            model,
            arguments.video,
            sounds={name: sounds[name] for name in names},
            end=arguments.end,
            engine=arguments.engine,
        )
        began = time.perf_counter()
        for _ in stream:
            pass
        return time.perf_counter() - began

    one: list[float] = []
    many: list[float] = []
    for number in range(arguments.rounds + 1):  # the first round warms up
        once, all_of_them = seconds(["original"]), seconds(list(sounds))
        if number:
            one.append(once)
            many.append(all_of_them)
    middle, together = statistics.median(one), statistics.median(many)
    height, width = model.spec.size
    print(f"{arguments.video.name}, {model.name} at {width}x{height}, {arguments.threads} threads")
    print(f"one sound       {middle:7.2f} s ({min(one):.2f} to {max(one):.2f})")
    print(f"{len(sounds)} sounds        {together:7.2f} s ({min(many):.2f} to {max(many):.2f})")
    print(f"ratio           {together / middle:7.2f}; apart it would be {len(sounds):.2f}")


if __name__ == "__main__":
    main()
