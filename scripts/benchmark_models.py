"""Seconds and GFLOP a map, and peak memory, of every model and variant at its published size on this machine.

    python scripts/benchmark_models.py [MODEL ...] [--repeats 3] [--threads N] [--no-variants]

Each runs in a process of its own, so that its memory is its own: the process's peak, libraries included.
Weights are random, a batch is a clip. A map counts once: of a model that gives all frames' maps, those that
prediction keeps of a window. GFLOP: two a multiply-add, of convolutions and matrix products alone. Times are
medians; CPU seconds, of all threads together, suffer less from what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COLUMNS = ("model", "arguments", "M parameters", "MB", "GFLOP a map", "s a map", "CPU s a map", "peak MB")


def measure(name: str, options: dict[str, Any], repeats: int, threads: int | None) -> dict[str, float]:
    """Run one model in this process."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from avsal.models import create_model

    if threads:
        torch.set_num_threads(threads)
    model = create_model(name, **options)
    spec = model.spec
    frames = torch.randn(1, 3, spec.num_frames, *spec.size)
    audio = None
    if spec.sample_rate is not None:
        audio = torch.randn(1, 1, spec.audio_samples(spec.num_frames / 25)) * 20
    kept = spec.stride if spec.predicts == "all" else 1
    seconds, work_seconds = [], []
    with torch.inference_mode():
        for _ in range(repeats):
            began, worked = time.perf_counter(), time.process_time()
            with FlopCounterMode(display=False) as counter:  # adds milliseconds
                model(frames, audio)
            seconds.append((time.perf_counter() - began) / kept)
            work_seconds.append((time.process_time() - worked) / kept)
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return {
        "parameters": model.num_parameters,
        "work": counter.get_total_flops() / kept / 1e9,
        "seconds": statistics.median(seconds),
        "processor": statistics.median(work_seconds),
        "peak": int(peak[1]) / 1000 if peak else float("nan"),
    }


def table_line(name: str, words: str, found: dict[str, float]) -> str:
    """What `measure` found as a line of the table."""
    numbers = (
        f"{found['parameters'] / 1e6:.2f}",
        f"{found['parameters'] * 4 / 1e6:.1f}",
        f"{found['work']:.1f}",
        f"{found['seconds']:.3f}",
        f"{found['processor']:.3f}",
        f"{found['peak']:.0f}",
    )
    return f"| {name} | {words} | {' | '.join(numbers)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--no-variants", action="store_true", help="the models alone")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside is not None:
        options = json.loads(arguments.inside)
        print(json.dumps(measure(arguments.models[0], options, arguments.repeats, arguments.threads)))
        return

    from avsal.models import argument_words, list_models, list_variants

    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * 2 + "|--:" * (len(COLUMNS) - 2) + "|")
    wanted = [pair for name in arguments.models or list_models() for pair in list_variants(name)]
    for name, options in wanted:
        if options and arguments.no_variants:
            continue
        line = [sys.executable, __file__, name, "--inside", json.dumps(options)]
        line += ["--repeats", str(arguments.repeats)]
        line += ["--threads", str(arguments.threads)] if arguments.threads else []
        found = json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(table_line(name, argument_words(options), found), flush=True)


if __name__ == "__main__":
    main()
