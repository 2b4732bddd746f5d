"""All engines on one video in one run: maps a second, what they share, and how far their maps are from plain.

    python scripts/benchmark_predict.py [VIDEO] [--model tsfpnet_av] [--weights FILE] [--rounds 3]

Every engine is timed in turn, round after round, on the same frames, decoded and scaled beforehand; sound is
heard where the model hears it. `ratio` is the plain engine's time over an engine's, from the medians of the
rounds. With `--clock cpu` and one thread the process's CPU time is taken, which other load on the machine
disturbs less. `untuned` is the plain window with `torch.nn.Conv3d`, `torch.nn.MaxPool3d` and batch norms as
they are. `difference` is the largest from the plain maps of the same frames, and `cc` the mean and worst
correlation with them, over the frames that all engines predicted. `GMAC` are multiply-adds a map, counted;
`peak` is the share of what a large matrix product reaches here. Random weights do not change times, but maps.

Below stands where each engine's time goes, from a profile of some maps. `joins` puts shared positions, edges
and windows together and copies; `sound` is the whole audio branch; `other` is what lies between operations.

With `--grid float32,bfloat16 --batches 1,8` maps a second follow by precision and batch size; on a GPU
(`--device cuda`) that is done unasked, for all precisions.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from avsal.configuration import plain_value
from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.fusion import Fusion
from avsal.models import SaliencyModel
from avsal.prediction import PRECISIONS, PredictionStream
from avsal.prediction.engines import Engine, WindowJob, create_engine, supported_engines
from avsal.weights import load_model
from avsal.workflows.cost import Counter

BUNDLED = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"
Clock = Callable[[], float]

#: parts of a profile by how the names of their operations begin
PARTS = {
    "convolutions": ("conv", "mkldnn_conv", "cudnn_conv", "thnn_conv", "slow_conv"),
    "pools": ("max_pool", "maximum", "adaptive_max", "amax"),
    "joins": ("cat", "stack", "copy_", "index", "constant_pad", "fill_", "zero", "clone"),
    "resizing": ("upsample",),
    "sums": ("add", "mul", "relu", "sub", "div", "elu", "sigmoid", "clamp_min", "threshold"),
}
SOUND = "sound"


def waited(clock: Clock, device: torch.device) -> Clock:
    """A clock that first lets the device finish."""
    if device.type != "cuda":
        return clock

    def time_when_done() -> float:
        torch.cuda.synchronize(device)
        return clock()

    return time_when_done


def matrix_rate(clock: Clock, device: torch.device, size: int = 1536, repeats: int = 5) -> float:
    """GFLOP/s of the best of some float32 matrix products."""
    left, right = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
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
    """An engine that goes on over the video a few maps at a time."""

    def __init__(self, name: str, engine: Engine, jobs: list[WindowJob], skip: int) -> None:
        self.name = name
        self._maps: Iterator[tuple[WindowJob, torch.Tensor]] = engine.predict(iter(jobs))
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
        with Counter() as counter:
            taken = self._take(number)
        self.gmac = counter.operations / 2e9 / max(1, taken)

    def parts(self, number: int) -> dict[str, float]:
        """Shares of the time of some maps, by part."""
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            self._take(number)
        found: dict[str, float] = {}
        for event in profiled.events() or []:
            found[part_of(event)] = found.get(part_of(event), 0.0) + event.self_cpu_time_total
        total = sum(found.values())
        return {part: spent / total for part, spent in found.items()}

    def time(self, clock: Clock, number: int) -> None:
        """Time some maps."""
        began = clock()
        taken = self._take(number)
        if taken:
            self.seconds.append((clock() - began) / taken)


def part_of(event: Any) -> str:
    """What an operation belongs to: the sound's branch, whatever it does, or what its name says."""
    above = event
    while above is not None:
        if above.name == SOUND:
            return SOUND
        above = above.cpu_parent
    name = event.name.removeprefix("aten::").removeprefix("mkldnn::").lstrip("_")
    return next((part for part, names in PARTS.items() if name.startswith(names)), "other")


def named_sound(model: SaliencyModel) -> SaliencyModel:
    """Have profiles tell the audio branch apart, also in the copies that engines make."""
    for module in model.modules():
        if isinstance(module, Fusion):
            kind = type(module)
            usual = kind.forward

            def forward(self: Fusion, *inputs: torch.Tensor, usual: Any = usual) -> torch.Tensor:
                with record_function(SOUND):
                    return usual(self, *inputs)

            kind.forward = forward  # type: ignore[method-assign]
    return model


def grid(
    model: SaliencyModel, jobs: list[WindowJob], names: list[str], arguments: argparse.Namespace, clock: Clock
) -> None:
    """Maps a second of each engine by precision and batch size."""
    batches = [int(text) for text in arguments.batches.split(",")]
    print("\nmaps/s     precision " + "".join(f"  batch {size:<2}" for size in batches))
    for name in ("plain", *names):
        for precision in arguments.grid.split(","):
            line = f"{name:<10} {precision:<9} "
            for size in batches:
                engine = create_engine(model, name, batch_size=size, precision=PRECISIONS[precision])
                timed = Timed(name, engine, jobs, max(size, arguments.maps))
                timed.time(clock, max(2 * size, arguments.maps))
                line += f"{1 / timed.seconds[0]:10.2f}" if timed.seconds else f"{'-':>10}"
            print(line, flush=True)


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's of two maps; NaN where one is flat."""
    if not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--model", default="tsfpnet_av")
    parser.add_argument("--weights", type=Path)
    parser.add_argument(
        "-O",
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="argument of the model; width=1.0 is the full tsfpnet_av, for which no weights ship",
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of timing [%(default)s]")
    parser.add_argument("--maps", type=int, default=8, help="maps of a fast engine in a round [%(default)s]")
    parser.add_argument("--engines", default="exact,live,streaming", help="beside plain [%(default)s]")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--no-untuned", action="store_true", help="leave the untuned loop out")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 [%(default)s]")
    parser.add_argument("--no-parts", action="store_true", help="leave out where the time goes")
    parser.add_argument("--grid", metavar="PRECISIONS", help="some of " + ", ".join(PRECISIONS))
    parser.add_argument("--batches", default="1,4,16,64", help="of the grid [%(default)s]")
    arguments = parser.parse_args()
    if arguments.maps % 8:
        parser.error("--maps must be a multiple of 8, the frames that streaming takes at once")
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    if device.type == "cuda" and arguments.grid is None:
        arguments.grid = ",".join(PRECISIONS)
    clock = waited(time.perf_counter if arguments.clock == "wall" else time.process_time, device)
    precision = getattr(torch, arguments.precision)

    pairs = (text.partition("=") for text in arguments.option)
    options = {key: plain_value(value) for key, _, value in pairs}
    model = named_sound(load_model(arguments.model, weights=arguments.weights, **options).to(device))
    stream = PredictionStream(model, arguments.video, engine="plain")
    needed = model.spec.num_frames + arguments.maps * (arguments.rounds + 3) + 48
    if arguments.grid:
        needed = max(needed, 3 * max(int(text) for text in arguments.batches.split(",")) + 96)
    with stream.video:
        jobs = list(islice(stream.jobs(iter(stream.video)), model.spec.num_frames + needed))
    jobs = [job for job in jobs if not job.window.start and job.window.frames[0] < job.window.frames[-1]]
    names = [name for name in arguments.engines.split(",") if name in supported_engines(model)]
    plain = create_engine(model, "plain", precision=precision)
    timed = [Timed("plain", plain, jobs, 1)]
    timed += [Timed(n, create_engine(model, n, precision=precision), jobs, arguments.maps) for n in names]
    for engine in timed:
        engine.count(1 if engine.name == "plain" else arguments.maps)
    untuned: list[float] = []
    loop = ordinary(load_model(arguments.model, weights=arguments.weights, **options).to(device))
    for _ in range(arguments.rounds):
        if not arguments.no_untuned:
            untuned.append(untuned_seconds(loop, plain, jobs[0], clock))
        for engine in timed:
            engine.time(clock, 1 if engine.name == "plain" else arguments.maps)

    rate = matrix_rate(clock, device)
    info = stream.video.info
    height, width = model.spec.size
    video = f"{arguments.video.name}: {info.size[1]}x{info.size[0]}, {len(jobs)} windows"
    print(f"video     {video}, sound: {stream.sound}")
    print(f"model    {model.name}, {'trained' if model.trained else 'random weights'}, {width}x{height}")
    threads = torch.get_num_threads()
    print(f"measured {arguments.clock} clock, {threads} threads, {arguments.precision}, {device}")
    print(f"machine  {rate:.0f} GFLOP/s in a matrix product")
    if device.type != "cuda":
        there = "not asked for" if torch.cuda.is_available() else "no device here"
        print(f"skipped  CUDA: {there}; maps a second by precision and batch on a GPU were not measured")
    print("skipped  CUDA graphs and torch.compile: no engine uses them")
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
            spread = max(float(np.ptp(reference[i])) for i in both) or 1.0  # random maps may be flat
            apart = max(float(np.abs(reference[i] - engine.found[i]).max()) for i in both) / spread
            alike = [correlation(reference[i], engine.found[i]) for i in both]
            line += f"  {apart:10.1e}  {statistics.mean(alike):7.4f} / {min(alike):.4f} ({len(both)} maps)"
        print(line)
    if not arguments.no_parts:
        columns = [*PARTS, SOUND, "other"]
        print("\nshare of the time " + "".join(f"{part:>14}" for part in columns))
        for engine in timed:
            shares = engine.parts(1 if engine.name == "plain" else arguments.maps)
            print(f"{engine.name:<18}" + "".join(f"{shares.get(part, 0):14.1%}" for part in columns))
    if arguments.grid:
        grid(model, jobs, names, arguments, clock)


@torch.inference_mode()
def untuned_seconds(model: SaliencyModel, engine: Engine, job: WindowJob, clock: Clock) -> float:
    """Seconds of one window by the network as it is."""
    began = clock()
    audio = None if job.sounds[0] is None else job.sounds[0][None]
    model(engine.clip([job]), audio)
    return clock() - began


if __name__ == "__main__":
    main()
