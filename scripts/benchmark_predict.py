"""Seconds a map of the plain sliding window on this machine, and where they go.

    python scripts/benchmark_predict.py [FILM] [--model tsfpnet_av] [--maps 8] [--threads N]

Prints decoding, network and whole path in seconds a map (median and best), the network's work in GFLOP a map, and
the share of the rate that a large matrix product reaches here. Weights are random: they do not change the time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from avsal.media.video import open_frames
from avsal.models import create_model
from avsal.prediction import PredictionStream

BUNDLED = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"


def matrix_rate(size: int = 2048, repeats: int = 5) -> float:
    """GFLOP/s of the best of some float32 matrix products."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--model", default="tsfpnet_av")
    parser.add_argument("--maps", type=int, default=8, help="maps that are timed [%(default)s]")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    model = create_model(arguments.model)
    height, width = model.spec.size
    with open_frames(arguments.film, (height, width)) as reader:
        began = time.perf_counter()
        decoded = sum(1 for _ in reader)
        decoding = (time.perf_counter() - began) / decoded
    size = reader.info.size

    spec = model.spec
    frames = torch.randn(1, 3, spec.num_frames, *spec.size)
    audio = None
    if spec.sample_rate is not None:
        audio = torch.randn(1, 1, spec.audio_samples(spec.num_frames / reader.info.frame_rate))
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            maps = model(frames, audio)
        work = counter.get_total_flops() / maps.shape[1] / 1e9
        network = []
        for _ in range(arguments.maps):
            began = time.perf_counter()
            model(frames, audio)
            network.append((time.perf_counter() - began) / maps.shape[1])

    stream = PredictionStream(model, arguments.film, batch_size=arguments.batch_size)
    whole, began = [], time.perf_counter()
    for count, _ in enumerate(stream, start=1):
        now = time.perf_counter()
        whole.append(now - began)
        began = now
        if count > arguments.maps:
            break
    whole = whole[1:] or whole  # the first map waits for a window of frames

    rate = matrix_rate()
    speed = work / min(network)
    print(f"film          {arguments.film.name}: {size[1]}x{size[0]}, {decoded} frames")
    print(f"model         {model.name}, {spec.num_frames} frames of {width}x{height}, {work:.1f} GFLOP a map")
    print(f"threads       {torch.get_num_threads()}, batch {arguments.batch_size}")
    print(f"decoding      {decoding:.4f} s a frame, scaled to the model's size")
    print(f"network       {statistics.median(network):.3f} s a map (best {min(network):.3f})")
    print(f"whole path    {statistics.median(whole):.3f} s a map (best {min(whole):.3f})")
    print(f"rate          {speed:.0f} GFLOP/s, {speed / rate:.0%} of the {rate:.0f} of a matrix product here")


if __name__ == "__main__":
    main()
