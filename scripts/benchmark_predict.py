"""All engines on one film in one run: maps a second, what they share, and how far their maps are from plain.

    python scripts/benchmark_predict.py [FILM] [--model tsfpnet_av] [--weights FILE] [--rounds 3]

Every engine is timed in turn, round after round, on the same frames, decoded and scaled beforehand; sound is
heard where the model hears it. `ratio` is the plain engine's time over an engine's, from the medians of the
rounds. With `--clock cpu` and one thread the process's CPU time is taken, which other load on the machine
disturbs less. `untuned` is the plain window with `torch.nn.Conv3d`, `torch.nn.MaxPool3d` and batch norms as
they are. `difference` is the largest from the plain maps of the same frames, and `cc` the mean and worst
correlation with them, over the frames that all engines predicted. `GMAC` are multiply-adds a map, counted;
`peak` is the share of what a large matrix product reaches here. Random weights do not change times, but maps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.models import SaliencyModel
from avsal.prediction import PredictionStream
from avsal.prediction.engines import Engine, Job, create_engine, supported_engines
from avsal.weights import load_model

BUNDLED = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"
Clock = Callable[[], float]


def matrix_rate(clock: Clock, size: int = 1536, repeats: int = 5) -> float:
    """GFLOP/s of the best of some float32 matrix products."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats):
        began = clock()
        left @ right
        best = min(best, clock() - began)
    return 2 * size**3 / best / 1e9


def ordinary(model: SaliencyModel) -> SaliencyModel:
    """Have a model's convolutions and pools run as PyTorch's own."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, Conv3d):
                child.forward = lambda x, child=child: nn.Conv3d.forward(child, x)
            elif isinstance(child, MaxPool3d):
                setattr(parent, name, nn.MaxPool3d(child.kernel, child.stride, child.padding))
    return model


class Timed:
    """An engine that goes on over the film a few maps at a time."""

    def __init__(self, name: str, engine: Engine, jobs: list[Job], skip: int) -> None:
        self.name = name
        self._maps: Iterator[tuple[Job, torch.Tensor]] = engine.predict(iter(jobs))
        self.found: dict[int, NDArray[np.float32]] = {}
        self.seconds: list[float] = []
        self.gmac = 0.0
        self._take(skip)  # the first window, and what a stream looks ahead

    def _take(self, number: int) -> int:
        taken = list(islice(self._maps, number))
        for job, maps in taken:
            self.found[job.wanted[0].number] = maps[0, -1].cpu().numpy()
        return len(taken)

    def count(self, number: int) -> None:
        """Count the work of some maps."""
        with FlopCounterMode(display=False) as counter:
            taken = self._take(number)
        self.gmac = counter.get_total_flops() / 2e9 / max(1, taken)

    def time(self, clock: Clock, number: int) -> None:
        """Time some maps."""
        began = clock()
        taken = self._take(number)
        if taken:
            self.seconds.append((clock() - began) / taken)


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's of two maps."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("film", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--model", default="tsfpnet_av")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of timing [%(default)s]")
    parser.add_argument("--maps", type=int, default=8, help="maps of a fast engine in a round [%(default)s]")
    parser.add_argument("--engines", default="exact,live,streaming", help="beside plain [%(default)s]")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--no-untuned", action="store_true", help="leave the untuned loop out")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    if arguments.maps % 8:
        parser.error("--maps must be a multiple of 8, the frames that streaming takes at once")
    torch.set_num_threads(arguments.threads)
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    precision = getattr(torch, arguments.precision)

    model = load_model(arguments.model, weights=arguments.weights)
    stream = PredictionStream(model, arguments.film, engine="plain")
    needed = model.spec.num_frames + arguments.maps * (arguments.rounds + 2) + 48
    with stream.film:
        jobs = list(islice(stream.jobs(iter(stream.film)), model.spec.num_frames + needed))
    jobs = [job for job in jobs if not job.window.start and job.window.frames[0] < job.window.frames[-1]]
    names = [name for name in arguments.engines.split(",") if name in supported_engines(model)]
    plain = create_engine(model, "plain", precision=precision)
    timed = [Timed("plain", plain, jobs, 1)]
    timed += [Timed(n, create_engine(model, n, precision=precision), jobs, arguments.maps) for n in names]
    for engine in timed:
        engine.count(1 if engine.name == "plain" else arguments.maps)
    untuned: list[float] = []
    loop = ordinary(load_model(arguments.model, weights=arguments.weights))
    for _ in range(arguments.rounds):
        if not arguments.no_untuned:
            untuned.append(untuned_seconds(loop, plain, jobs[0], clock))
        for engine in timed:
            engine.time(clock, 1 if engine.name == "plain" else arguments.maps)

    rate = matrix_rate(clock)
    info = stream.film.info
    height, width = model.spec.size
    film = f"{arguments.film.name}: {info.size[1]}x{info.size[0]}, {len(jobs)} windows"
    print(f"film     {film}, sound: {stream.sound}")
    print(f"model    {model.name}, {'trained' if model.trained else 'random weights'}, {width}x{height}")
    print(f"measured {arguments.clock} clock, {torch.get_num_threads()} threads, {arguments.precision}, CPU")
    print(f"machine  {rate:.0f} GFLOP/s in a matrix product")
    if not torch.cuda.is_available():
        print("skipped  CUDA: no device here; float16, CUDA graphs and torch.compile were not measured")
    reference = timed[0].found
    print()
    print("engine     s a map   best  maps/s  ratio   GMAC   peak  difference     cc mean / worst")
    base = statistics.median(timed[0].seconds)
    if untuned:
        middle = statistics.median(untuned)
        print(f"untuned    {middle:7.3f} {min(untuned):6.3f} {1 / middle:7.2f} {base / middle:6.2f}")
    for engine in timed:
        middle = statistics.median(engine.seconds)
        share = 2 * engine.gmac / middle / rate
        line = f"{engine.name:<10} {middle:7.3f} {min(engine.seconds):6.3f} {1 / middle:7.2f} "
        line += f"{base / middle:6.2f} {engine.gmac:6.2f} {share:6.0%}"
        both = sorted(set(reference) & set(engine.found))
        if engine is not timed[0] and both:
            spread = max(float(np.ptp(reference[i])) for i in both)
            apart = max(float(np.abs(reference[i] - engine.found[i]).max()) for i in both) / spread
            alike = [correlation(reference[i], engine.found[i]) for i in both]
            line += f"  {apart:10.1e}  {statistics.mean(alike):7.4f} / {min(alike):.4f} ({len(both)} maps)"
        print(line)


@torch.inference_mode()
def untuned_seconds(model: SaliencyModel, engine: Engine, job: Job, clock: Clock) -> float:
    """Seconds of one window by the network as it is."""
    began = clock()
    audio = None if job.sounds[0] is None else job.sounds[0][None]
    model(engine.clip([job]), audio)
    return clock() - began


if __name__ == "__main__":
    main()
