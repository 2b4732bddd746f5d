"""Clips a second: the store's loader against reading 32 full-size JPEGs with Pillow and resizing them.

python scripts/benchmark_loader.py [--clips 60] [--videos 3] [--size 192x352]

Both read the same clips of the same synthetic videos in one process and one run, in turns, files in the page
cache. The plain way gives frames only; the loader gives sound, density and fixations as well. Frames must
agree within TOLERANCE grey levels (root mean square): the store scales with FFmpeg's area averaging, the
plain way with Pillow's bilinear filter, which widens when it shrinks. Exit code 1 where they do not agree or
the loader is less than ten times as fast.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from PIL import Image

from avsal.clips import ClipDataset, Store, StoreSettings, prepare
from avsal.groundtruth import density_recipe
from avsal.types import ClipSpec, Fixations, Recording

TOLERANCE = 2.0
WANTED_RATIO = 10.0

VIDEO_SIZE = (720, 1280)
NUM_FRAMES = 64
FRAME_RATE = 25.0
SAMPLE_RATE = 22050
NUM_OBSERVERS = 20


def write_video(folder: Path, random: np.random.Generator) -> Recording:
    """A texture that drifts under a moving light, as JPEGs, with noise as sound and random gaze."""
    folder.mkdir()
    height, width = VIDEO_SIZE
    texture = np.zeros((height, width + NUM_FRAMES * 4, 3), np.float32)
    for cells in (4, 16, 64, 256, 1024):  # as natural pictures: amplitude falls with frequency
        coarse = random.normal(size=(cells * height // width + 1, cells, 3)).astype(np.float32)
        grid = torch.from_numpy(coarse).permute(2, 0, 1)[None]
        smooth = torch.nn.functional.interpolate(grid, texture.shape[:2], mode="bicubic")[0]
        texture += smooth.permute(1, 2, 0).numpy() * (120 / cells**0.5)
    rows, columns = np.mgrid[:height, :width]
    for index in range(NUM_FRAMES):
        light = 60 * np.exp(-((rows - 360) ** 2 + (columns - 20 * index) ** 2) / 20000)
        frame = texture[:, 4 * index : 4 * index + width] + 110 + light[..., None]
        image = Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))
        image.save(folder / f"img_{index + 1:05d}.jpg", quality=92)
    wav = folder.with_suffix(".wav")
    soundfile.write(wav, random.normal(0, 0.1, round(NUM_FRAMES / FRAME_RATE * SAMPLE_RATE)), SAMPLE_RATE)
    count = NUM_FRAMES * NUM_OBSERVERS
    gaze = Fixations(
        np.repeat(np.arange(NUM_FRAMES), NUM_OBSERVERS),
        random.uniform(0, width, count),
        random.uniform(0, height, count),
        np.tile(np.arange(NUM_OBSERVERS), NUM_FRAMES),
        VIDEO_SIZE,
    )
    return Recording(folder.name, "benchmark", folder, wav, FRAME_RATE, load_fixations=lambda: gaze)


def plain_clip(folder: Path, frames: list[int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(T, H, W, 3): the way of most published loaders."""
    images = []
    for index in frames:
        with Image.open(folder / f"img_{index + 1:05d}.jpg") as image:
            resized = image.convert("RGB").resize((size[1], size[0]), Image.Resampling.BILINEAR)
            images.append(np.asarray(resized))
    return np.stack(images)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--size", default="192x352")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    height, width = map(int, arguments.size.split("x"))
    spec = ClipSpec(num_frames=32, size=(height, width), sample_rate=SAMPLE_RATE)
    random = np.random.default_rng(0)
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        videos = [write_video(root / f"video{number}", random) for number in range(arguments.videos)]
        settings = StoreSettings(spec.size, sample_rate=SAMPLE_RATE)
        began = time.perf_counter()
        prepare(videos, root / "store", settings)
        prepared = time.perf_counter() - began
        store = Store(root / "store")
        per_video = -(-arguments.clips // arguments.videos)
        dataset = ClipDataset(
            store.recordings, spec, density_recipe("dhf1k"), seed=0, clips_per_recording=per_video
        )
        clips = [dataset[index] for index in range(len(dataset))]  # fills the page cache
        wanted = [
            (root / clip.recording, list(range(int(clip.frames[0]) - 31, int(clip.frames[0]) + 1)))
            for clip in clips
        ]
        for folder, frames in wanted[:per_video]:
            plain_clip(folder, frames, spec.size)

        stored_seconds = plain_seconds = 0.0
        plain = []
        for index, (folder, frames) in enumerate(wanted):
            began = time.perf_counter()
            plain.append(plain_clip(folder, frames, spec.size))
            between = time.perf_counter()
            dataset[index]
            plain_seconds += between - began
            stored_seconds += time.perf_counter() - between

        squares = [
            np.square(clip.images.numpy().astype(np.float32) - images).mean()
            for clip, images in zip(clips, plain, strict=True)
        ]
        difference = float(np.sqrt(np.mean(squares)))
        contrast = float(np.std(plain[0]))
        num_bytes = sum(path.stat().st_size for path in (root / "store").rglob("*.npy"))
        jpeg_bytes = sum(path.stat().st_size for path in root.glob("video*/*.jpg"))
    ratio = plain_seconds / stored_seconds
    frames = arguments.videos * NUM_FRAMES
    num_clips = len(dataset)
    for name, text in {
        "videos": f"{arguments.videos} of {NUM_FRAMES} frames, 1280x720; 1 process, 1 thread",
        "plain": f"{num_clips / plain_seconds:.2f} clips a second (frames only)",
        "store": f"{num_clips / stored_seconds:.2f} clips a second (frames, sound, density, fixations)",
        "ratio": f"{ratio:.1f} (wanted: {WANTED_RATIO:g})",
        "differ": f"{difference:.2f} grey levels rms (allowed: {TOLERANCE:g}; contrast {contrast:.0f})",
        "disk": f"{num_bytes / frames / 1e3:.0f} kB a frame, as JPEGs {jpeg_bytes / frames / 1e3:.0f}",
        "prepare": f"{frames / prepared:.0f} frames a second",
    }.items():
        print(f"{name:<9}{text}")
    return 0 if ratio >= WANTED_RATIO and difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
