"""Delay and memory of `avsal.live` over minutes of a simulated camera and microphone.

python scripts/measure_live.py [--model NAME] [--minutes 10] [--size 360x640] [--fps 25] [--no-sound]
                              [--at-once]

The camera pans over a wall of coloured noise with a thing that moves, and cuts once a minute; the microphone
hears noise in bursts. Printed for each minute: by how many frames maps came after theirs (median, most),
milliseconds of this process's CPU a frame (mean, and the 99th of a hundred), and its resident memory.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import avsal

RATE = 44_100


def resident() -> float:
    """MB that the process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def camera(size: tuple[int, int], frames: int, fps: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures of a wall that is panned over, with a bright thing that moves; another wall each minute."""
    height, width = size
    for number in range(frames):
        if number % (60 * fps) == 0:
            random = np.random.default_rng(number)
            coarse = random.integers(0, 256, (12, 40, 3), dtype=np.uint8)
            wall = np.kron(coarse, np.ones((height // 12 + 1, 2 * width // 40 + 1, 1), np.uint8))[:height]
        span = wall.shape[1] - width
        left = span - abs(span - number % (2 * span))
        picture = wall[:, left : left + width].copy()
        row = int((0.5 + 0.4 * np.sin(number / 9)) * (height - 40))
        column = int((0.5 + 0.4 * np.cos(number / 13)) * (width - 40))
        picture[row : row + 40, column : column + 40] = 255
        yield picture


def main() -> None:
    """Read the command line, push, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", default="360x640")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument("--at-once", action="store_true")
    arguments = parser.parse_args()
    fps = arguments.fps
    height, width = map(int, arguments.size.split("x"))
    model = avsal.load_model(arguments.model)
    rate = None if arguments.no_sound else RATE
    frames = round(arguments.minutes * 60 * fps)
    random = np.random.default_rng(0)
    late: list[int] = []
    costs: list[float] = []
    pushed = 0
    with avsal.live(model, fps=fps, audio_rate=rate, at_once=arguments.at_once) as stream:
        print(stream)
        print(
            f"stated: {stream.steady_delay} frames late, {stream.delay} at the start and after cuts",
            flush=True,
        )
        for number, picture in enumerate(camera((height, width), frames, fps)):
            loud = 0.3 if number % fps < 5 else 0.01
            sound = random.normal(0, loud, RATE // fps).astype(np.float32).clip(-1, 1)
            began = time.process_time()
            maps = stream.push(picture, None if rate is None else sound)
            costs.append(1000 * (time.process_time() - began))
            late += [number - one.index for one in maps]
            pushed += 1
            if pushed % (60 * fps) == 0 or pushed == frames:
                print(
                    f"minute {pushed / 60 / fps:4.1f}: {np.median(late):.0f} late, {max(late)} at most; "
                    f"{np.mean(costs):.1f} ms a frame, 99 %: {np.quantile(costs, 0.99):.1f}, "
                    f"most {max(costs):.0f}; {resident():.0f} MB; {stream.num_cuts} cuts",
                    flush=True,
                )
                late.clear()
                costs.clear()
        print(f"{len(stream.flush())} maps were due at the end")


if __name__ == "__main__":
    main()
