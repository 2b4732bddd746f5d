"""End commands by signals at moments spread over their run, then run them again: nothing may be lost.

    python scripts/kill_check.py                               20 moments for each signal and command
    python scripts/kill_check.py --moments 3 --verbs predict,prepare

After SIGTERM and SIGINT nothing half-written may be left and the exit code is 143 or 130 (0 where the command
was done before); after SIGKILL the same command, run again, cleans up. What the second run leaves must have
the names that an undisturbed run leaves, and no other. Exit code 1 where something was lost or left.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
AVSAL = [sys.executable, "-m", "avsal"]
SMALL = ["--model", "tsfpnet", "-O", "width=0.05", "-O", "num_frames=8", "-O", "size=[32,56]", "--untrained"]
TINY = [
    "experiment=small_sounding_silent", "model.arguments.width=0.05", "model.arguments.num_frames=8",
    "model.arguments.size=[32,56]", "+data.videos.size=[32,56]", "data.videos.num_frames=8",
    "data.num_clips=4", "data.num_held_out=2", "clips.batch_size=2", "steps=8", "validation.pictures=0",
    "engine.threads=1", "validation.metrics=[nss]", "run.resume=auto",
]  # fmt: skip


def material(folder: Path) -> None:
    """A data set of two recordings as frames, with gaze."""
    rng = np.random.default_rng(0)
    lines = ["id,video,frame_rate,gaze"]
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(1, 41):
            pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03d}.png")
        gaze = "\n".join(f"{frame},{rng.uniform(1, 63):.1f},{rng.uniform(1, 47):.1f}" for frame in range(40))
        (folder / f"{name}.csv").write_text(f"frame,x,y\n{gaze}\n")
        lines.append(f"{name},{name},25,{name}.csv")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


#: by verb: the command line, from the folder of the data and that of the outputs
VERBS: dict[str, Callable[[Path, Path], list[str]]] = {
    "predict": lambda data, out: [
        *AVSAL, "predict", str(data / "a"), "--fps", "25", *SMALL, "-q", "--overwrite",
        "--save", "overlay,map,png,h5,csv", "-o", str(out),
    ],
    "prepare": lambda data, out: [
        *AVSAL, "data", "prepare", "manifest", "--root", str(data), "--out", str(out), "--size", "32x48",
    ],
    "train": lambda data, out: [*AVSAL, "train", *TINY, f"run.folder={out}"],
    "evaluate": lambda data, out: [
        *AVSAL, "evaluate", "data=manifest", f"root={data}", "baselines=uniform,centre_bias", "metrics=nss",
        f"out={out}", "overwrite=true",
    ],
    "ablate": lambda data, out: [
        *AVSAL, "ablate", "--control", "synchrony", "--videos", "4", "--untrained", "-o", str(out),
        "--overwrite",
    ],
}  # fmt: skip


def names(folder: Path) -> set[str]:
    """Of all files below a folder but for locks and logs of event time."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock" and "tfevents" not in path.name
    }


def run(line: list[str], number: signal.Signals | None = None, after: float = 0.0) -> tuple[int, str]:
    """Run a command, ended by a signal after some seconds; its exit code and standard error."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if number is not None:
        time.sleep(after)
        process.send_signal(number)
    told = process.communicate(timeout=600)[1]
    return process.returncode, told


def check(verb: str, moments: int, data: Path) -> int:
    """How many of a verb's kills lost or left something."""
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "whole"
        began = time.monotonic()
        code, told = run(VERBS[verb](data, out))
        lasted = time.monotonic() - began
        if code != 0:
            print(f"{verb}: cannot be run at all ({code}): {told[-300:]}")
            return 1
        expected = names(out)
        for number, wanted in SIGNALS.items():
            for moment in range(moments):
                place = Path(temporary) / "killed"
                shutil.rmtree(place, ignore_errors=True)
                after = lasted * (moment + 0.5) / moments
                code, told = run(VERBS[verb](data, place), number, after)
                left = {name for name in names(place) if ".part" in name} if place.exists() else set()
                problems = []
                # before its first line, Python itself ends by a signal
                if code not in (0, wanted, -number):
                    problems.append(f"exit code {code}")
                if "Traceback" in told and after > 0.5 * lasted:
                    problems.append("a traceback")
                if left and number != signal.SIGKILL:
                    problems.append(f"left {sorted(left)[:3]}")
                code, told = run(VERBS[verb](data, place))
                if code != 0:
                    problems.append(f"second run {code}: {told[-200:]}")
                elif names(place) != expected:
                    problems.append(f"second run differs in {sorted(names(place) ^ expected)[:4]}")
                if problems:
                    wrong += 1
                    print(f"  {verb} {number.name} after {after:.2f} s: {'; '.join(problems)}", flush=True)
    print(f"{verb}: {3 * moments} kills over {lasted:.1f} s, {wrong} wrong", flush=True)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=20, help="for each signal [%(default)s]")
    parser.add_argument("--verbs", default=",".join(VERBS), help="some of [%(default)s]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        material(Path(temporary) / "data")
        wrong = sum(
            check(verb, arguments.moments, Path(temporary) / "data") for verb in arguments.verbs.split(",")
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
