"""Parts of `gpu_check.py` that predict: agreement, waits, speed, compilation."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avsal.clips.windows import WindowPlan
from avsal.media.frames import Frame
from avsal.models import SaliencyModel, create_model
from avsal.prediction.engines import Engine, WindowJob, WindowMaps, create_engine, supported_engines
from avsal.workflows.cost import Counter

Rows = list[dict[str, Any]]

RATE = 25
#: largest difference from the CPU's maps in parts of their range, and least correlation in half precision
TOLERANCE, ALIKE = 1e-3, 0.99
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

#: at full size, and those that only see that code runs
FULL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tsfpnet_av_mobile", {}),
    ("tsfpnet_av", {}),
    ("vinet", {}),
    ("tased", {}),
    ("unisal", {}),
)
SMALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tsfpnet_av_mobile", {"size": (64, 96), "num_frames": 12}),
    ("tsfpnet_av", {"width": 0.1, "num_frames": 16, "size": (32, 48)}),
)


def lively(name: str, options: dict[str, Any], device: torch.device) -> SaliencyModel:
    """A network with batch-norm statistics as after training: a fresh one's maps hardly differ."""
    torch.manual_seed(1)
    model = create_model(name, **options).to(device)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.uniform_(0.7, 1.5)
                module.bias.normal_(0.0, 0.3)
                module.momentum = 0.5
        spec = model.spec
        frames = torch.rand(2, 3, spec.num_frames, 6, 8, device=device) * 2 - 1
        frames = nn.functional.interpolate(frames, (spec.num_frames, *spec.size))
        audio = None
        if spec.sample_rate is not None:
            audio = torch.randn(2, 1, spec.audio_samples(spec.num_frames / RATE), device=device) * 50
        model.train()
        for _ in range(3):
            model(frames, audio)
    return model.eval()


def jobs_of(engine: Engine, count: int, last: int | None = None) -> list[WindowJob]:
    """The windows of a video of `count` frames, a texture that drifts under a light, with noise as sound.

    Args:
        engine: whose windows they are.
        count: of frames.
        last: maps that are wanted, from the end; None: all.
    """
    spec = engine.spec
    rng = np.random.default_rng(0)
    height, width = spec.size
    coarse = torch.from_numpy(rng.random((1, 3, 9, 14), dtype=np.float32))
    texture = nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 1)
    still = (texture.permute(1, 2, 0).numpy() * 200).astype(np.uint8)
    rows, columns = np.mgrid[:height, :width]
    frames = []
    for number in range(count):
        image = np.roll(still, 3 * number, axis=1)
        y, x = height * (0.5 + 0.3 * np.sin(number / 9)), width * (0.5 + 0.4 * np.cos(number / 7))
        light = 55 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (0.01 * height * width))
        image = image + light[..., None].astype(np.uint8)
        frames.append(Frame(number, number / RATE, 1 / RATE, number, image))
    samples, sound = 0, None
    if spec.sample_rate is not None:
        samples = spec.audio_samples(spec.num_frames / RATE)
        whole = rng.normal(0, 30, samples + round(count * spec.sample_rate / RATE) + 1).astype(np.float32)
        sound = torch.from_numpy(whole)[None]
    plan, jobs = WindowPlan(spec), []
    for known in range(1, count + 1):
        for window in plan.take(known, known == count):
            heard: tuple[Tensor | None, ...] = (None,)
            if sound is not None and spec.sample_rate is not None:
                begin = round(min(window.frames) * spec.sample_rate / RATE)
                heard = (sound[:, begin : begin + samples],)
            wanted = [
                WindowMaps(slot, index, index / RATE, 1 / RATE)
                for slot, index in window.outputs
                if last is None or index >= count - last
            ]
            jobs.append(WindowJob(window, [frames[index] for index in window.frames], heard, wanted))
    return jobs


def maps_of(engine: Engine, jobs: Sequence[WindowJob]) -> dict[int, Tensor]:
    """Maps by the number of their frame, on the CPU."""
    found = {}
    for job, maps in engine.predict(iter(jobs)):
        for output in job.wanted:
            found[output.number] = maps[0, output.slot].float().cpu()
    return found


def models_of(quick: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    return SMALL if quick else FULL


def precisions_of(device: torch.device) -> dict[str, torch.dtype]:
    """float16 is a GPU's."""
    return {name: kind for name, kind in PRECISIONS.items() if device.type == "cuda" or name != "float16"}


def agreement(device: torch.device, quick: bool, until: float) -> Rows:
    """Every engine on the device against itself on the CPU in single precision."""
    rows: Rows = []
    cpu = torch.device("cpu")
    for name, options in models_of(quick):
        model = lively(name, options, device)
        on_cpu = copy.deepcopy(model).to(cpu)
        for kind in supported_engines(model):
            if time.monotonic() > until:
                rows.append({"model": name, "engine": kind, "precision": "left out: no time"})
                continue
            engine = create_engine(on_cpu, kind)
            count = engine.spec.num_frames + engine.future + 10
            jobs = jobs_of(engine, count, last=4)
            expected = maps_of(engine, jobs if engine.past else [job for job in jobs if job.wanted])
            for precision, dtype in precisions_of(device).items():
                engine = create_engine(model, kind, precision=dtype)
                found = maps_of(engine, jobs if engine.past else [job for job in jobs if job.wanted])
                assert found.keys() == expected.keys()
                spread = max(float(one.max() - one.min()) for one in expected.values())
                apart = max(float((found[n] - expected[n]).abs().max()) for n in expected) / spread
                alike = min(
                    float(torch.corrcoef(torch.stack([found[n].flatten(), expected[n].flatten()]))[0, 1])
                    for n in expected
                )
                right = apart <= TOLERANCE if precision == "float32" else alike >= ALIKE
                rows.append(
                    {
                        "model": name,
                        "engine": kind,
                        "precision": precision,
                        "largest difference, of the range": apart,
                        "worst correlation": alike,
                        "right": right,
                    }
                )
    return rows


def waits(device: torch.device, quick: bool, until: float) -> Rows:
    """Where the host waits for the GPU while windows are computed; none is wanted."""
    if device.type != "cuda":
        return [{"model": "", "engine": "", "a map": "not measured: no GPU"}]
    rows: Rows = []
    for name, options in models_of(quick):
        model = lively(name, options, device)
        for kind in supported_engines(model):
            if time.monotonic() > until:
                rows.append({"model": name, "engine": kind, "a map": "left out: no time"})
                continue
            engine = create_engine(model, kind)
            jobs = jobs_of(engine, 2 * engine.spec.num_frames + engine.future + 24)
            computed, counted, places = 0, 0, set()
            predictions = engine.predict(iter(jobs))
            for _ in range(len(jobs) // 2):  # caches and workspaces are there
                next(predictions, None)
            torch.cuda.set_sync_debug_mode("warn")
            try:
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    for _ in range(12):
                        computed += next(predictions, None) is not None
            finally:
                torch.cuda.set_sync_debug_mode("default")
            for warning in told:
                if "synchroniz" in str(warning.message):
                    counted += 1
                    places.add(f"{warning.filename.rpartition('avsal/')[2]}:{warning.lineno}")
            rows.append(
                {
                    "model": name,
                    "engine": kind,
                    "a map": round(counted / max(1, computed), 2),
                    "where": ", ".join(sorted(places)),
                }
            )
    return rows


def matrix_rate(device: torch.device, dtype: torch.dtype, quick: bool) -> float:
    """TFLOP/s of a large matrix product."""
    size = 512 if quick else 8192
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    spent = timed(device, lambda: left @ right, 0.3)
    return 2 * size**3 / spent / 1e12


def timed(device: torch.device, work: Callable[[], object], least: float) -> float:
    """Seconds of one call, of as many as fill `least` seconds."""
    for _ in range(2):
        work()
    wait(device)
    calls, began = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - began < least:
        work()
        calls += 1
        if calls % 8 == 0:
            wait(device)
    wait(device)
    return (time.perf_counter() - began) / calls


def wait(device: torch.device) -> None:
    """Let the device finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def speed(device: torch.device, quick: bool, until: float) -> Rows:
    """Maps a second of the loop over decoded windows, and the share of a matrix product's rate."""
    rows: Rows = []
    batches = (1, 4) if quick else (1, 8, 32)
    rates = {name: matrix_rate(device, dtype, quick) for name, dtype in precisions_of(device).items()}
    rows += [{"model": "matrix product", "precision": name, "TFLOP/s": rate} for name, rate in rates.items()]
    for name, options in models_of(quick):
        model = lively(name, options, device)
        for kind in supported_engines(model):
            for precision, dtype in precisions_of(device).items():
                for batch in batches:
                    if batch > 1 and model.delay is not None:
                        continue  # takes frames one by one
                    row = {"model": name, "engine": kind, "precision": precision, "batch": batch}
                    if time.monotonic() > until:
                        rows.append(row | {"maps/s": "left out: no time"})
                        continue
                    engine = create_engine(model, kind, batch_size=batch, precision=dtype)
                    rows.append(row | measured(engine, device, batch, rates[precision], quick))
    return rows


def measured(engine: Engine, device: torch.device, batch: int, rate: float, quick: bool) -> dict[str, Any]:
    """What an engine does in steady state."""
    warm = engine.spec.num_frames + engine.future + 2 * batch
    count = warm + max(8 if quick else 32, 4 * batch)
    jobs = jobs_of(engine, count)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    predictions: Iterator[tuple[WindowJob, Tensor]] = engine.predict(iter(jobs))
    taken = 0
    while taken < warm - engine.future:
        taken += len(next(predictions)[0].wanted)
    with Counter() as counter:
        counted = 0
        while counted < batch:
            counted += len(next(predictions)[0].wanted)
    wait(device)
    made, began = 0, time.perf_counter()
    for job, _ in predictions:
        made += len(job.wanted)
    wait(device)
    spent = time.perf_counter() - began
    work = counter.operations / counted
    found: dict[str, Any] = {
        "maps/s": made / spent,
        "GFLOP a map": work / 1e9,
        "TFLOP/s": work * made / spent / 1e12,
        "of the matrix product": work * made / spent / 1e12 / rate,
    }
    if device.type == "cuda":
        found["peak MiB"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    return found


@contextmanager
def computing(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Inference in a precision."""
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        yield


def compilation(device: torch.device, quick: bool, until: float) -> Rows:
    """One forward of a network: eager, compiled, and replayed as a CUDA graph."""
    rows: Rows = []
    chosen = models_of(quick)[:2]
    for name, options in chosen:
        model = lively(name, options, device)
        spec = model.spec
        for precision in ("bfloat16", "float32"):
            dtype = PRECISIONS[precision]
            for batch in (1, 2) if quick else (1, 8):
                frames = torch.randn(batch, 3, spec.num_frames, *spec.size, device=device)
                audio = None
                if spec.sample_rate is not None:
                    length = spec.audio_samples(spec.num_frames / RATE)
                    audio = torch.randn(batch, 1, length, device=device) * 30
                with computing(device, dtype):
                    expected = model(frames, audio).float()
                    eager = timed(device, lambda: model(frames, audio), 0.1 if quick else 0.5)  # noqa: B023
                about = {"model": name, "precision": precision, "batch": batch}
                rows.append(about | {"how": "eager", "ms": 1000 * eager})
                for how, prepare in WAYS.items():
                    if how == "torch.compile" and (batch == 1 or (quick and precision == "float32")):
                        continue  # a minute each: once a network and precision
                    if time.monotonic() > until:
                        rows.append(about | {"how": how, "note": "left out: no time"})
                        continue
                    try:
                        rows.append(about | way(prepare, how, model, frames, audio, expected, device, dtype))
                    except Exception as error:  # what cannot be compiled is a finding
                        rows.append(
                            about | {"how": how, "note": f"{type(error).__name__}: {str(error)[:200]}"}
                        )
    return rows


def way(
    prepare: Callable[..., Callable[[], Tensor]],
    how: str,
    model: SaliencyModel,
    frames: Tensor,
    audio: Tensor | None,
    expected: Tensor,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Any]:
    """Time one way of running a network."""
    began = time.perf_counter()
    with computing(device, dtype):
        run = prepare(model, frames, audio, device)
        found = run().float()
        wait(device)
        preparing = time.perf_counter() - began
        spent = timed(device, run, 0.3)
    apart = float((found - expected).abs().max() / (expected.max() - expected.min()))
    return {"how": how, "ms": 1000 * spent, "prepared in s": preparing, "largest difference": apart}


def compiled(
    model: SaliencyModel, frames: Tensor, audio: Tensor | None, device: torch.device
) -> Callable[[], Tensor]:
    """By inductor; on a CPU its front end alone, which needs no C++ compiler."""
    torch._dynamo.reset()
    backend = "inductor" if device.type == "cuda" else "aot_eager"
    run = torch.compile(model, backend=backend)
    return lambda: run(frames, audio)


def graphed(
    model: SaliencyModel, frames: Tensor, audio: Tensor | None, device: torch.device
) -> Callable[[], Tensor]:
    """Captured once, replayed."""
    if device.type != "cuda":
        raise RuntimeError("CUDA graphs are a GPU's")
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            model(frames, audio)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = model(frames, audio)

    def replay() -> Tensor:
        graph.replay()
        return made

    return replay


WAYS = {"CUDA graph": graphed, "torch.compile": compiled}
