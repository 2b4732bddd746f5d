"""End commands by signals at moments spread over their run, then run them again: nothing may be lost.

    python scripts/kill_check.py                               20 moments for each signal and command
    python scripts/kill_check.py --moments 3 --verbs predict,prepare

Every second kill meets the outputs of an earlier, whole run. After SIGTERM and SIGINT nothing half-written
may be left and the exit code is 143 or 130 (0 where the command was done before); after SIGKILL the same
command, run again, cleans up. What the second run leaves must be what an undisturbed run leaves: the same
names and no other, and the same content in files that are the same in two undisturbed runs. Content is bytes,
but of checkpoints and states it is their tensors (bit by bit), numbers and words: safetensors writes the
entries of a header in any order, and a pickle of what was loaded refers to its parts otherwise than one of
what was made. Exit code 1 where something was lost or left. Commands run in forks of this process, so that
moments fall on their work and not on imports.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import wave
import weakref
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLIP = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
SMALL = ["--model", "tsfpnet", "-O", "width=0.05", "-O", "num_frames=8", "-O", "size=[32,56]", "--untrained"]
HEARING = ["--model", "tsfpnet_av", *SMALL[2:], "--conditions", "zero", "--overwrite"]
TINY = [
    "experiment=small_sounding_silent", "model.arguments.width=0.05", "model.arguments.num_frames=8",
    "model.arguments.size=[32,56]", "+data.videos.size=[32,56]", "data.videos.num_frames=8",
    "data.num_clips=4", "data.num_held_out=2", "clips.batch_size=2", "steps=8", "validation.pictures=0",
    "engine.threads=1", "validation.metrics=[nss]", "run.resume=auto",
]  # fmt: skip


def material(folder: Path) -> None:
    """A data set of two recordings as frames, with sound and gaze."""
    rng = np.random.default_rng(0)
    lines = ["id,video,audio,frame_rate,gaze"]
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(1, 41):
            pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03d}.png")
        gaze = "\n".join(f"{frame},{rng.uniform(1, 63):.1f},{rng.uniform(1, 47):.1f}" for frame in range(40))
        (folder / f"{name}.csv").write_text(f"frame,x,y\n{gaze}\n")
        with wave.open(str(folder / f"{name}.wav"), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(rng.integers(-9000, 9000, 25600, dtype=np.int16).tobytes())
        lines.append(f"{name},{name},{name}.wav,25,{name}.csv")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


HISTORY = {"log.jsonl", "provenance.json", "state_before.pt"}
"""Files of a run that tell of each start, or of the save before the last: a stopped run has others."""

#: by verb: the command line, from the folder of the data and that of the outputs
VERBS: dict[str, Callable[[Path, Path], list[str]]] = {
    "predict": lambda data, out: [
        "predict", str(data / "a"), "--fps", "25", *SMALL, "-q", "--overwrite",
        "--save", "overlay,map,png,h5,csv", "-o", str(out),
    ],
    "prepare": lambda data, out: [
        "data", "prepare", "manifest", "--root", str(data), "--out", str(out), "--size", "32x48",
    ],
    "train": lambda data, out: ["train", *TINY, f"run.folder={out}"],
    "evaluate": lambda data, out: [
        "evaluate", "data=manifest", f"root={data}", "baselines=uniform,centre_bias", "metrics=nss",
        f"out={out}", "overwrite=true",
    ],
    "ablate": lambda data, out: ["ablate", str(CLIP), "--end", "0.8", *HEARING, "-o", str(out)],
    "ablate_data": lambda data, out: [
        "ablate", "data=manifest", f"root={data}", *HEARING, "metrics=nss", "baselines=none", "-o", str(out),
    ],
    "ablate_control": lambda data, out: [
        "ablate", "--control", "synchrony", "--videos", "4", *HEARING, "-o", str(out),
    ],
}  # fmt: skip


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Tensors, numbers and words of nested mappings and lists, with their places."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in pairs:
        if isinstance(inner, (Mapping, list, tuple)):
            yield from _flat(inner, f"{place}/{key}")
        else:
            yield f"{place}/{key}", inner


def content(path: Path) -> str:
    """A hash of what a file holds: of its bytes, or of all that is loaded from a checkpoint or state."""
    import torch
    from safetensors import safe_open

    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            held = {"metadata": file.metadata() or {}} | {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    elif path.suffix == ".pt":
        held = torch.load(path, map_location="cpu", weights_only=True)
    else:
        return sha256(path.read_bytes()).hexdigest()
    found = sha256()
    for place, value in sorted(_flat(held), key=lambda pair: pair[0]):
        found.update(f"{place} {getattr(value, 'dtype', type(value).__name__)} ".encode())
        if isinstance(value, torch.Tensor):
            found.update(f"{tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
        else:
            found.update(repr(value).encode())
    return found.hexdigest()


def contents(folder: Path) -> dict[str, str]:
    """`content` by name of all files below a folder but for locks and logs of event time."""
    return {
        str(path.relative_to(folder)): content(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock" and "tfevents" not in path.name
    }


def _work(line: list[str], told: Path, temporary: Path, ready: Event) -> None:
    with told.open("w") as stream:
        os.dup2(stream.fileno(), 2)
    with open(os.devnull, "w") as stream:
        os.dup2(stream.fileno(), 1)
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]  # folders of the parent are not ours
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = str(temporary)
    from avsal.cli import main

    ready.set()
    code = main(line)
    weakref.finalize._exitfunc()  # type: ignore[attr-defined]
    sys.exit(code)


def run(
    line: list[str], scratch: Path, number: signal.Signals | None = None, after: float = 0.0
) -> tuple[int, str]:
    """Run a command, ended by a signal after some seconds; its exit code and standard error.

    Args:
        line: words after `avsal`.
        scratch: its folder for temporary files.
        number: of the signal; None: let it end.
        after: seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        context = multiprocessing.get_context("fork")
        ready = context.Event()  # on a busy machine, seconds may go by before the command begins
        process = context.Process(target=_work, args=(line, told, scratch, ready))
        process.start()
        if number is not None:
            ready.wait(600)
            process.join(after)
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, number)
        process.join(600)
        if process.exitcode is None:
            process.kill()
            process.join()
            return -9, "hangs: killed after 600 s"
        return process.exitcode, told.read_text()


def left_in(*folders: Path) -> list[str]:
    """What is half-written or temporary in folders."""
    return [
        path.name
        for folder in folders
        for path in folder.rglob("*")
        if ".part" in path.name or path.name.startswith("avsal-")
    ]


def check(verb: str, moments: int, signals: list[signal.Signals], data: Path) -> int:
    """How many of a verb's kills lost or left something."""
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        whole, place, scratch = (Path(temporary) / name for name in ("whole", "place", "scratch"))
        scratch.mkdir()
        found = []
        for _ in range(2):  # in one place, which some outputs name
            shutil.rmtree(place, ignore_errors=True)
            began = time.monotonic()
            code, told = run(VERBS[verb](data, place), scratch)
            lasted = time.monotonic() - began
            if code != 0:
                print(f"{verb}: cannot be run at all ({code}): {told[-300:]}")
                return 1
            found.append(contents(place))
        expected = set(found[0])
        stable = {name for name in found[0] if found[0][name] == found[1].get(name)} - HISTORY
        place.rename(whole)
        for number in signals:
            for moment in range(moments):
                shutil.rmtree(place, ignore_errors=True)
                if moment % 2:
                    shutil.copytree(whole, place)
                after = lasted * (moment + 0.5) / moments
                code, told = run(VERBS[verb](data, place), scratch, number, after)
                problems = []
                unbegun = -signal.SIGTERM if number == signal.SIGTERM else 0  # a shell tells it as 143, too
                if code not in (0, SIGNALS[number], unbegun):
                    problems.append(f"exit code {code}")
                if "Traceback" in told:
                    problems.append(f"a traceback: {told[-300:]}")
                if number != signal.SIGKILL and (left := left_in(place, scratch)):
                    problems.append(f"left {left[:3]}")
                code, told = run(VERBS[verb](data, place), scratch)
                now = contents(place)
                if code != 0:
                    problems.append(f"second run {code}: {told[-200:]}")
                elif set(now) != expected:
                    problems.append(f"second run differs in {sorted(set(now) ^ expected)[:4]}")
                elif changed := [name for name in sorted(stable) if now[name] != found[0][name]]:
                    problems.append(f"second run wrote other {changed[:4]}")
                if left := left_in(place, scratch):
                    problems.append(f"second run left {left[:3]}")
                if problems:
                    wrong += 1
                    print(f"  {verb} {number.name} after {after:.2f} s: {'; '.join(problems)}", flush=True)
    print(
        f"{verb}: {len(signals) * moments} kills over {lasted:.1f} s, {len(expected)} files, the content "
        f"of {len(stable)} of them compared, {wrong} wrong",
        flush=True,
    )
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=20, help="for each signal [%(default)s]")
    parser.add_argument(
        "--signals", default=",".join(number.name for number in SIGNALS), help="[%(default)s]"
    )
    parser.add_argument("--verbs", default=",".join(VERBS), help="some of [%(default)s]")
    arguments = parser.parse_args()
    signals = [signal.Signals[name] for name in arguments.signals.split(",")]
    import torch

    import avsal.cli
    import avsal.workflows.ablate
    import avsal.workflows.ablate_control
    import avsal.workflows.evaluate
    import avsal.workflows.predict
    import avsal.workflows.prepare
    import avsal.workflows.train  # noqa: F401

    torch.set_num_threads(1)  # a fork has no pool of its parent's threads
    with tempfile.TemporaryDirectory() as temporary:
        material(Path(temporary) / "data")
        wrong = sum(
            check(verb, arguments.moments, signals, Path(temporary) / "data")
            for verb in arguments.verbs.split(",")
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
