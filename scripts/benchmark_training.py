"""What a step of a full-size network takes: seconds and memory, with checkpointing and bf16 beside without.

    python scripts/benchmark_training.py tsfpnet_av --batch 2 --threads 1

Each way runs in a process of its own, so that its largest memory is its own: a step to warm up, then --steps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import torch

import avsal
from avsal.training.checkpointing import checkpoint_blocks
from avsal.training.machine import largest_memory

WAYS = ("plain", "checkpointing", "bf16", "bf16+checkpointing")


def measure(name: str, way: str, batch: int, steps: int, threads: int) -> None:
    """Print seconds a step and the largest memory of one way."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = avsal.create_model(name).train()
    if "checkpointing" in way:
        checkpoint_blocks(model)
    spec = model.spec
    frames = torch.rand(batch, 3, spec.num_frames, *spec.size)
    audio = None
    if spec.sample_rate is not None:
        audio = torch.rand(batch, 1, spec.audio_samples(spec.num_frames / 25))
    optimiser = torch.optim.Adam(model.parameters(), 1e-4)
    began_cpu = began = 0.0
    for number in range(steps + 1):
        if number == 1:
            began, began_cpu = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in way):
            maps = model(frames, audio)
        (maps.float() ** 2).mean().backward()
        optimiser.step()
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    memory = largest_memory(torch.device("cpu"))
    print(f"{way:<20}{cpu / steps:10.1f}{wall / steps:10.1f}{memory:10.2f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", default="tsfpnet_av")
    parser.add_argument("--batch", type=int, default=2, help="clips [%(default)s]")
    parser.add_argument("--steps", type=int, default=2, help="[%(default)s]")
    parser.add_argument("--threads", type=int, default=1, help="[%(default)s]")
    parser.add_argument("--way", choices=WAYS, help="this alone, in this process")
    arguments = parser.parse_args()
    if arguments.way:
        measure(arguments.model, arguments.way, arguments.batch, arguments.steps, arguments.threads)
        return 0
    print(f"{arguments.model}, {arguments.batch} clips, {arguments.threads} threads on CPU")
    print(f"{'way':<20}{'CPU s':>10}{'wall s':>10}{'GB':>10}", flush=True)
    for way in WAYS:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--way", way], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
