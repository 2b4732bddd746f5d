"""Throw damaged files at every reader: each must answer with a value or with one error of ours.

    python scripts/fuzz.py                       30 minutes of CPU over all readers
    python scripts/fuzz.py --minutes 2 --readers mat,maps --keep found

Readers run in processes of their own, with 3 GB of memory and 30 s of CPU for one input. A finding is an
error that is not ours, a message of several lines, a signal, or an input that takes longer; its file is kept.
Exit code 1 where there are findings.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

from avsal.errors import AvsalError

MEMORY = 3 * 2**30
SECONDS = 30
BATCH = 20.0
"""Seconds of CPU that one process works."""

EDGES = [b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\x7f\xf0" + b"\0" * 6]
WORDS = [
    "nan", "inf", "-inf", "1e300", "-1", "0", "null", "[]", "{}", "true", '"', "'", "\x00", "\x1b[2J", "²",
    "=1+1", "../..", "!!python/object/apply:os.system", "99999999999999999999", ";", "\t", "\n\n", "é" * 50,
    "1.5",
]  # fmt: skip


def mutated(content: bytes, rng: random.Random, text: bool) -> bytes:
    """The content with some of it exchanged, cut, doubled or overwritten."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        if not changed:
            break
        place, kind = rng.randrange(len(changed)), rng.random()
        if text and kind < 0.5:
            changed[place : place + rng.randrange(12)] = rng.choice(WORDS).encode()
        elif kind < 0.6:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind < 0.75:
            value = rng.choice(EDGES)
            changed[place : place + len(value)] = value
        elif kind < 0.85:
            del changed[place : place + rng.randrange(1, 64)]
        elif kind < 0.95:
            changed[place:place] = changed[max(0, place - rng.randrange(1, 64)) : place]
        else:
            del changed[place:]
    return bytes(changed)


class Reader:
    """One reader: good inputs to damage, and how a damaged one is read.

    Args:
        make: writes good inputs into a folder and gives their paths.
        read: reads one file, or what lies around it.
        text: whether damage is written in words, too.
    """

    def __init__(
        self, make: Callable[[Path], list[Path]], read: Callable[[Path], object], text: bool = False
    ) -> None:
        self.make, self.read, self.text = make, read, text


def mats(folder: Path) -> list[Path]:
    import h5py
    import scipy.io

    cell = np.empty((1, 2), object)
    cell[0] = ["word", np.eye(3)]
    content = {
        "a": np.arange(12.0).reshape(3, 4),
        "c": cell,
        "s": {"x": 1, "y": "z"},
        "b": np.array([[True]]),
    }
    paths = [folder / "plain.mat", folder / "packed.mat", folder / "four.mat", folder / "seven.mat"]
    scipy.io.savemat(paths[0], content)
    scipy.io.savemat(paths[1], content, do_compression=True)
    scipy.io.savemat(paths[2], {"a": np.eye(3), "w": "word"}, format="4")
    with h5py.File(paths[3], "w") as file:
        file["a"] = np.eye(4)
        file["r"] = np.array([file["a"].ref], dtype=h5py.ref_dtype)
    return paths


def read_mat(path: Path) -> object:
    from datasets_av.matfile import read_mat

    return read_mat(path)


def images(folder: Path) -> list[Path]:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    paths = [folder / f"1.{suffix}" for suffix in ("png", "jpg", "bmp", "tif", "webp")]
    for path in paths:
        Image.fromarray(pixels).save(path)
    Image.fromarray(pixels).quantize(16).save(folder / "palette.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 256).save(folder / "deep.png")
    return [*paths, folder / "palette.png", folder / "deep.png"]


def read_image(path: Path) -> object:
    from avsal.media.images import _load
    from datasets_av.frame_images import read_grey

    _load(path)
    return read_grey(path)


def stacks(folder: Path) -> list[Path]:
    import h5py

    for name, chunks in (("a.h5", None), ("b.h5", (1, 12, 16))):
        with h5py.File(folder / name, "w") as file:
            maps = np.random.default_rng(0).random((4, 12, 16), dtype=np.float32)
            packing = {} if chunks is None else {"compression": "lzf", "shuffle": True}
            file.create_dataset("maps", data=maps, chunks=chunks, **packing)
            file["time"] = np.arange(4) / 25
            file.attrs["video_size"] = (12, 16)
    return [folder / "a.h5", folder / "b.h5"]


def read_stack(path: Path) -> object:
    from types import SimpleNamespace

    from avsal.evaluation.map_arrays import HDF5Maps

    truth = SimpleNamespace(frames=np.arange(4), times=np.arange(4) / 25, video_size=(12, 16))
    return list(HDF5Maps(path)(truth))  # type: ignore[arg-type]


def media(folder: Path) -> list[Path]:
    import av

    paths = []
    for name, codec, sound in (
        ("a.mp4", "libx264", "aac"), ("a.mkv", "libx264", "pcm_s16le"), ("a.avi", "mpeg4", "mp2"),
        ("a.ts", "libx264", "aac"), ("a.flv", "libx264", "aac"), ("a.wav", None, "pcm_s16le"),
    ):  # fmt: skip
        with av.open(str(folder / name), "w") as output:
            streams = []
            if codec is not None:
                picture = output.add_stream(codec, rate=25)
                picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
                streams.append(picture)
            heard = output.add_stream(sound, rate=16000, layout="mono")
            streams.append(heard)
            for index in range(8):
                if codec is not None:
                    pixels = np.full((32, 32, 3), index * 20, np.uint8)
                    output.mux(picture.encode(av.VideoFrame.from_ndarray(pixels)))
                layout = "fltp" if sound == "aac" else "s16"
                samples = (np.sin(np.arange(640) / 9) * (1 if layout == "fltp" else 9000))[None]
                kind = np.float32 if layout == "fltp" else np.int16
                frame = av.AudioFrame.from_ndarray(samples.astype(kind), format=layout, layout="mono")
                frame.sample_rate, frame.pts = 16000, index * 640
                output.mux(heard.encode(frame))
            for stream in streams:
                output.mux(stream.encode(None))
        paths.append(folder / name)
    return paths


def read_media(path: Path) -> object:
    from avsal.errors import MediaError
    from avsal.media import VideoReader, load_sound

    count = 0
    try:
        for count, _ in enumerate(VideoReader(path, (8, 8)), 1):
            if count > 500:
                break
    except MediaError:
        load_sound(path, 8000, end=60.0)
        raise
    return load_sound(path, 8000, end=60.0)


def manifests(folder: Path) -> list[Path]:
    from PIL import Image

    (folder / "frames").mkdir()
    for number in (1, 2):
        Image.new("RGB", (16, 16)).save(folder / "frames" / f"{number}.png")
    header = "id,video,frame_rate,gaze,screen_px,screen_cm,distance_cm\n"
    (folder / "manifest.csv").write_text(header + "a,frames,25,gaze.csv,160x90,50x30,60\n")
    (folder / "gaze.csv").write_text("frame,x,y,observer\n0,1,2,0\n1,3.5,4,1\n")
    return [folder / "manifest.csv", folder / "gaze.csv"]


def read_manifest(path: Path) -> object:
    from datasets_av import open_dataset

    return [
        recording.load_fixations() if recording.load_fixations else None
        for recording in open_dataset("manifest", path.parent, strict=True)
    ]


def stores(folder: Path) -> list[Path]:
    from avsal.clips.store_settings import StoreSettings
    from avsal.clips.store_writer import prepare
    from datasets_av import open_dataset

    manifests(folder)
    prepare(list(open_dataset("manifest", folder)), folder / "store", StoreSettings((8, 8)), progress=False)
    return [path for path in sorted((folder / "store").rglob("*")) if path.suffix in (".json", ".npy")]


def read_store(path: Path) -> object:
    from avsal.clips import Store

    top = next(parent for parent in path.parents if (parent / "store.json").exists())
    return [
        (recording.spans, recording.frames([0, 1]), recording.sound(0.0, 80), recording.fixations)
        for recording in Store(top)
    ]


def weights(folder: Path) -> list[Path]:
    import torch

    from avsal.models import create_model
    from avsal.weights import save_checkpoint, save_pretrained

    model = create_model("tsfpnet", width=0.05)
    save_checkpoint(model, folder / "a.safetensors")
    save_pretrained(model, folder / "folder")
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, folder / "a.pt")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    np.savez(folder / "a.npz", **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    names = ("a.safetensors", "folder/model.safetensors", "folder/config.json", "a.pt", "old.pth", "a.npz")
    return [folder / name for name in names]


def read_weights(path: Path) -> object:
    from avsal.weights import load_model

    if path.parent.name == "folder":
        return load_model(path.parent)
    if path.suffix != ".safetensors":
        return load_model("tsfpnet", weights=path, width=0.05)
    return load_model(path)


def rows(folder: Path) -> list[Path]:
    from avsal.evaluation.rows import COLUMNS

    lines = [",".join(COLUMNS), "d,v,0,0.0,nss,1.5,exact,,3,", "d,v,1,0.04,nss,,exact,,0,no fixation"]
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    return [folder / "a.csv"]


def read_rows(path: Path) -> object:
    from avsal.evaluation.rows import read_rows

    return read_rows(path)


EXPERIMENT = """# @package _global_
defaults:
  - override /model: tsfpnet_av_small
  - override /data: sounding_objects
name: own
steps: 3
optim: {learning_rate: 1.0e-4, weight_decay: 0.01}
clips:
  batch_size: 4
sound: {use: true}
validation: {every: 2, metrics: [nss, cc]}
run: {folder: "${run_root}/own"}
"""


def yaml(folder: Path) -> list[Path]:
    (folder / "experiment").mkdir()
    (folder / "experiment" / "own.yaml").write_text(EXPERIMENT)
    return [folder / "experiment" / "own.yaml"]


def read_yaml(path: Path) -> object:
    from avsal.workflows.experiment import compose, resolve

    return resolve(compose(["experiment=own", f"hydra.searchpath=[file://{path.parent.parent}]"]))


def train(folder: Path) -> None:
    from kill_check import TINY

    from avsal.cli import main

    with open(os.devnull, "w") as nobody, redirect_stdout(nobody), redirect_stderr(io.StringIO()) as told:
        code = main(["train", *TINY, f"run.folder={folder}"])
    if code not in (0, 2):
        raise RuntimeError(f"training ended with {code}: {told.getvalue()[:500]}")
    if code == 2:
        raise AvsalError(told.getvalue().strip().rpartition("avsal: error: ")[2])


def runs(folder: Path) -> list[Path]:
    train(folder / "run")
    return [path for path in sorted((folder / "run").glob("*.*")) if path.suffix not in (".png", ".md")]


def read_run(path: Path) -> object:
    """Go on with the run, which is over, so that its files are read and nothing is computed."""
    from avsal.training.run_folder import RunFolder
    from avsal.workflows.train import TrainedRun

    train(path.parent)
    return TrainedRun(path.parent).log, RunFolder(path.parent)


def evaluations(folder: Path) -> list[Path]:
    from avsal.cli import main

    manifests(folder)
    line = ["evaluate", "data=manifest", f"root={folder}", "baselines=uniform", "metrics=nss"]
    if main([*line, f"out={folder / 'out'}"]) != 0:
        raise RuntimeError("cannot evaluate")
    return [folder / "out" / "evaluation.json", *sorted((folder / "out" / "frames").glob("*.csv"))]


def read_evaluation(path: Path) -> object:
    from avsal.report import table_of_folders

    folder = path.parent if path.suffix == ".json" else path.parent.parent
    return str(table_of_folders([folder]))


READERS = {
    "mat": Reader(mats, read_mat),
    "images": Reader(images, read_image),
    "maps": Reader(stacks, read_stack),
    "media": Reader(media, read_media),
    "manifest": Reader(manifests, read_manifest, text=True),
    "store": Reader(stores, read_store, text=True),
    "weights": Reader(weights, read_weights, text=True),
    "rows": Reader(rows, read_rows, text=True),
    "yaml": Reader(yaml, read_yaml, text=True),
    "evaluation": Reader(evaluations, read_evaluation, text=True),
    "run": Reader(runs, read_run, text=True),
}


def work(name: str, seed: int, folder: Path) -> None:
    """Damage and read until the time is over; the last line says how many inputs there were."""
    import warnings

    reader, rng = READERS[name], random.Random(seed)
    folder.mkdir(parents=True)
    good = {path: path.read_bytes() for path in reader.make(folder)}
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    warnings.simplefilter("ignore")
    count = refused = 0
    began = time.process_time()
    while time.process_time() - began < BATCH:
        path, content = rng.choice(sorted(good.items()))
        path.write_bytes(mutated(content, rng, reader.text))
        now = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (now + SECONDS, resource.RLIM_INFINITY))
        (folder / "current").write_text(str(path))
        count += 1
        try:
            reader.read(path)
        except AvsalError as error:
            refused += 1
            if "\n" in str(error):
                raise RuntimeError(f"a message of several lines: {error}") from error
        path.write_bytes(content)
    print(json.dumps([count, refused]))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="of CPU, over all readers [%(default)s]")
    parser.add_argument("--readers", default=",".join(READERS), help="some of [%(default)s]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_findings"), help="folder of findings")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.seed, arguments.folder)
        return 0
    names = arguments.readers.split(",")
    rounds = max(1, round(arguments.minutes * 60 / BATCH / len(names)))
    findings = 0
    for name in names:
        count = refused = found = 0
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary) / "work"
                line = [sys.executable, __file__, "--worker", name, "--folder", str(folder)]
                seed = str(arguments.seed * 1_000_003 + number)
                done = subprocess.run([*line, "--seed", seed], capture_output=True, text=True)
                if done.returncode == 0:
                    more = json.loads(done.stdout.splitlines()[-1])
                    count, refused = count + more[0], refused + more[1]
                    continue
                found += 1
                arguments.keep.mkdir(parents=True, exist_ok=True)
                how = signal.Signals(-done.returncode).name if done.returncode < 0 else "traceback"
                kept = arguments.keep / f"{name}-{seed}-{how}"
                shutil.copytree(folder, kept, dirs_exist_ok=True)
                (kept / "stderr.txt").write_text(done.stderr)
                last = done.stderr.strip().splitlines()[-1:] or ["no message"]
                current = folder / "current"
                place = current.read_text() if current.exists() else "its good inputs"
                print(f"  {name}: {how} on {place}: {last[0][:160]} -> {kept}", flush=True)
        findings += found
        print(f"{name}: {count} inputs, {refused} refused, {found} findings", flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
