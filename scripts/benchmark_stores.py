"""What stores cost: bytes a frame and clips a second, raw and compressed, and how far they are apart.

    python scripts/benchmark_stores.py hevc=HEVC mufvet=MUFVET --videos 4 --clips 12

Clips are of 32 frames at the size of TSFP-Net, with sound where there is any, density drawn from fixations;
with --maps a density map of each frame is stored too, as the release of the six sets has them. One process,
one thread, CPU seconds; ratios are of one run. A step of training on these clips is timed beside (--step).
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import avsal
from avsal.clips import ClipBatch, ClipDataset, Store
from avsal.groundtruth import density_recipe
from avsal.types import Recording

SIZE = (192, 352)


def chosen(name: str, root: str, count: int, maps: bool) -> list[Recording]:
    """Recordings spread over a data set, with drawn maps where there are to be maps."""
    everything = [one for one in avsal.load_dataset(name, root) if one.load_fixations is not None]
    found = everything[:: max(1, len(everything) // count)][:count]
    return [with_maps(one) for one in found] if maps else found


def with_maps(recording: Recording) -> Recording:
    """The recording with a density map of each frame, drawn from its fixations at a quarter of the video."""
    assert recording.load_fixations is not None
    fixations, recipe = recording.load_fixations(), density_recipe("dhf1k")
    size = (fixations.size[0] // 4, fixations.size[1] // 4)
    return replace(recording, load_density=lambda frame: recipe.draw(fixations.at(frame), size))


def bytes_of(folder: Path) -> int:
    """Of frames and maps: what compression changes."""
    names = ("frames.*", "maps.*")
    return sum(path.stat().st_size for name in names for path in folder.rglob(name))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--videos", type=int, default=4, help="of each data set [%(default)s]")
    parser.add_argument("--clips", type=int, default=12, help="of each store [%(default)s]")
    parser.add_argument("--maps", action="store_true", help="store a density map of each frame")
    parser.add_argument("--step", action="store_true", help="time a step of TSFP-Net on 2 clips")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = avsal.create_model("tsfpnet_av")
    spec = model.spec
    kind = "frames and maps" if arguments.maps else "frames"
    print(f"{SIZE[0]}x{SIZE[1]}, {kind}; 1 process, 1 thread, CPU seconds")
    print("data     store       kB/frame  ratio  clips/s  rms  frames stored/s")
    for text in arguments.data:
        name, _, root = text.partition("=")
        recordings = chosen(name, root, arguments.videos, arguments.maps)
        with TemporaryDirectory() as temporary:
            images: dict[bool, np.ndarray] = {}
            raw_bytes = 0
            for compress in (False, True):
                folder = Path(temporary) / str(compress)
                settings = avsal.PrepareSettings(size=SIZE, maps=arguments.maps, compress=compress, workers=1)
                began = time.process_time()
                avsal.prepare(recordings, folder, settings)
                stored = time.process_time() - began
                store = Store(folder)
                frames = sum(one.num_frames for one in store)
                each = -(-arguments.clips // len(store))
                recipe = None if arguments.maps else density_recipe("dhf1k")
                data = ClipDataset(list(store), spec, recipe, seed=0, clips_per_recording=each)
                data[0]
                began = time.process_time()
                clips = [data[index] for index in range(len(data))]
                loaded = time.process_time() - began
                images[compress] = np.stack([clip.images.numpy() for clip in clips])
                size = bytes_of(folder)
                raw_bytes = raw_bytes or size
                error = np.square(images[compress].astype(np.float32) - images[False]).mean() ** 0.5
                print(
                    f"{name:<8} {'compressed' if compress else 'raw':<11} {size / frames / 1e3:8.1f} "
                    f"{size / raw_bytes:6.3f} {len(clips) / loaded:8.2f} {error:4.2f} {frames / stored:8.0f}",
                    flush=True,
                )
            if arguments.step:
                batch = ClipBatch.collect(clips[:2], spec)
                began = time.process_time()
                maps = model.train()(batch.frames, batch.audio)
                maps.mean().backward()
                seconds = time.process_time() - began
                print(f"{name:<8} a step of tsfpnet_av takes {seconds / 2:.1f} CPU s a clip", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
