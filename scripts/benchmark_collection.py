"""A made collection predicted by several processes, one of them killed in the middle, and by one process.

    python scripts/benchmark_collection.py [--videos 300] [--processes 2] [--seconds 1] [--weights NAME]

Videos are made and predicted by `--processes` processes, started as srun does; the last one is killed when
a third of its share is done, and all are started again with --skip-existing. Every output must then be there
once and whole, those made before the kill untouched, and listed in `outputs.csv`. Then a sixth of
the videos is predicted anew by one process and by several: videos a minute, and CPU seconds a video.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np

from avsal.media import VideoWriter

ROOT = Path(__file__).parents[1]
SIZE, RATE = (180, 320), 25


def make_videos(folder: Path, count: int, seconds: float) -> None:
    """Short videos of a spot that wanders, each another way."""
    rows, columns = np.indices(SIZE)
    for number in range(count):
        path = folder / f"part{number % 7}" / f"{number:04d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, SIZE, time_base=Fraction(1, RATE), frame_rate=RATE, crf=28) as writer:
            for index in range(round(seconds * RATE)):
                y = SIZE[0] * (0.5 + 0.4 * np.sin(0.2 * index + number))
                x = SIZE[1] * (0.5 + 0.4 * np.cos(0.13 * index + 2 * number))
                spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 200)
                image = np.stack([60 + 180 * spot, 60 + 60 * spot, 90 + 0 * spot], -1).astype(np.uint8)
                writer.write(image, index / RATE)


def start(videos: Path, out: Path, weights: str | None, rank: int, count: int) -> subprocess.Popen[bytes]:
    """One process of several."""
    command = [sys.executable, "-m", "avsal", "predict", str(videos), "-o", str(out), "--save", "h5", "-q"]
    command += ["--skip-existing", "--threads", "1", *(["--weights", weights] if weights else [])]
    place = {"SLURM_PROCID": str(rank), "SLURM_NTASKS": str(count), "OMP_NUM_THREADS": "1"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(command, env=inherited | place | {"PYTHONPATH": path})


def run_all(videos: Path, out: Path, weights: str | None, count: int) -> tuple[float, float]:
    """Wall and CPU seconds of all processes from start to end."""
    before, began = os.times(), time.perf_counter()
    for process in [start(videos, out, weights, rank, count) for rank in range(count)]:
        if process.wait() != 0:
            raise SystemExit(f"a process ended with {process.returncode}")
    after = os.times()
    spent = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    return time.perf_counter() - began, spent


def summaries(out: Path) -> dict[str, int]:
    """When each summary was written."""
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.rglob("*.json")}


def main() -> int:
    """Run; return 1 where an output is missing, made twice or broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each video")
    parser.add_argument("--weights", help="see `avsal predict --weights` [the default model's]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        videos, out = Path(scratch) / "videos", Path(scratch) / "out"
        make_videos(videos, options.videos, options.seconds)
        processes = [
            start(videos, out, options.weights, rank, options.processes) for rank in range(options.processes)
        ]
        share = options.videos // options.processes
        names = sorted(path.relative_to(videos).with_suffix(".json") for path in videos.rglob("*.mp4"))
        mine = names[options.processes - 1 :: options.processes]
        while sum((out / name).exists() for name in mine) < share // 3:
            if processes[-1].poll() is not None:
                raise SystemExit("the process that was to be killed ended by itself")
            time.sleep(0.05)
        processes[-1].kill()
        for process in processes:
            process.wait()
        done = summaries(out)
        print(
            f"killed process {options.processes} of {options.processes}; {len(done)} of {options.videos} done"
        )
        wall, spent = run_all(videos, out, options.weights, options.processes)
        print(f"again: {wall:.1f} s, {spent:.1f} CPU s")
        after = summaries(out)
        again = [name for name, changed in done.items() if after.get(name) != changed]
        broken = [name for name in after if not whole(out / name, round(options.seconds * RATE))]
        stray = [
            path
            for path in out.rglob("*")
            if path.is_file() and path.suffix not in (".json", ".h5") and path.stem != "outputs"
        ]
        with (out / "outputs.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        listed = sum(row["status"] == "done" for row in rows)
        print(
            f"{len(after)} of {options.videos} videos done, {len(again)} made twice, {len(broken)} broken, "
            f"{len(stray)} stray files, {listed} listed as done in outputs.csv"
        )
        some = Path(scratch) / "some"
        for path in sorted(videos.rglob("*.mp4"))[::6]:
            some.mkdir(exist_ok=True)
            (some / path.name).symlink_to(path)
        number = len(list(some.iterdir()))
        for count in (1, options.processes):
            wall, spent = run_all(some, Path(scratch) / f"by{count}", options.weights, count)
            print(
                f"{number} videos by {count}: {wall:.1f} s, {60 * number / wall:.0f} a minute; "
                f"{spent / number:.2f} CPU s a video, imports and model included"
            )
    wrong = bool(again or broken or stray) or not len(after) == listed == len(rows) == options.videos
    return int(wrong)


def whole(summary: Path, frames: int) -> bool:
    """Whether the maps beside a summary are as many as it says."""
    told = json.loads(summary.read_text())["frames"]
    with h5py.File(summary.with_suffix(".h5")) as file:
        return bool(told == len(file["maps"]) == frames and np.isfinite(file["maps"][-1]).all())


if __name__ == "__main__":
    sys.exit(main())
