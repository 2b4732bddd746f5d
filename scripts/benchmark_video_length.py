"""Time and memory a frame over the length of a video: both should not depend on it.

    python scripts/benchmark_video_length.py [VIDEO] [--lengths 10,60,600] [--engines exact,live,streaming]

The video is a real clip, repeated by copying its packets until it is long enough. Each engine predicts each
length from the file in a process of its own, sound and decoding included, maps thrown away; `ms a frame` is
wall time and `CPU ms` that of all threads, both without loading the model, `peak MB` the most memory the
process held, of which `before` was there when the video was opened.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import av
import torch

from avsal.prediction import predict
from avsal.weights import load_model

BUNDLED = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"


@dataclass(frozen=True)
class Found:
    """What one prediction took: maps, seconds of wall and CPU, megabytes before and at most."""

    maps: int
    wall: float
    cpu: float
    before: float
    peak: float


def repeated(source: Path, target: Path, seconds: float) -> None:
    """Write a video that plays another again and again, at least `seconds` long, without coding anew."""
    with av.open(str(source)) as video:
        packets = [
            packet for packet in video.demux() if packet.dts is not None and packet.stream.type != "data"
        ]
        ends = [(packet.pts + packet.duration) * packet.time_base for packet in packets]
        length = max(ends) - min(packet.pts * packet.time_base for packet in packets)
        with av.open(str(target), "w") as output:
            streams = {
                stream.index: output.add_stream_from_template(stream)
                for stream in video.streams
                if stream.type in ("video", "audio")
            }
            stamps = [(packet.pts, packet.dts, packet.stream.index) for packet in packets]
            for number in range(-(-int(seconds * 1000) // int(length * 1000))):
                for packet, (pts, dts, index) in zip(packets, stamps, strict=True):
                    later = round(number * length / packet.time_base)
                    packet.pts, packet.dts = pts + later, dts + later
                    base = packet.time_base
                    packet.stream = streams[index]
                    packet.time_base = base
                    output.mux(packet)
                    packet.time_base = base


def peak_megabytes() -> float:
    """The most memory that this process held so far."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's getrusage remembers the parent's, too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_megabyte


def measured(video: Path, engine: str, weights: Path | None, threads: int, batch_size: int | None) -> Found:
    """Predict a video; meant for a fresh process."""
    torch.set_num_threads(threads)
    model = load_model(weights or "tsfpnet_av")
    before = peak_megabytes()
    wall, cpu, maps = time.perf_counter(), time.process_time(), 0
    for _ in predict(model, video, engine=engine, threads=threads, batch_size=batch_size):
        maps += 1
    return Found(maps, time.perf_counter() - wall, time.process_time() - cpu, before, peak_megabytes())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--lengths", default="10,60,600", help="in seconds [%(default)s]")
    parser.add_argument("--engines", default="exact,live,streaming", help="[%(default)s]")
    parser.add_argument("--weights", type=Path, help="a checkpoint [the shipped one]")
    parser.add_argument("--batch-size", type=int, help="[the engines' own]")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    lengths = [float(text) for text in arguments.lengths.split(",")]
    print(f"video {arguments.video.name}, repeated; {arguments.threads} threads, CPU")
    print("engine     seconds    maps  ms a frame  CPU ms  before MB  peak MB")
    with tempfile.TemporaryDirectory() as folder:
        videos = {}
        for length in lengths:
            videos[length] = Path(folder) / f"{length:g}{arguments.video.suffix}"
            repeated(arguments.video, videos[length], length)
        for engine in arguments.engines.split(","):
            for length, video in videos.items():
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                    found = process.submit(
                        measured, video, engine, arguments.weights, arguments.threads, arguments.batch_size
                    ).result()
                print(
                    f"{engine:<10}{length:8g}{found.maps:8}{1000 * found.wall / found.maps:12.1f}"
                    f"{1000 * found.cpu / found.maps:8.1f}{found.before:11.0f}{found.peak:9.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
