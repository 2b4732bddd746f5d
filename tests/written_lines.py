"""The lines of `avsal` that README, docs and help show, and small made files under the names they use."""

from __future__ import annotations

import re
import shlex
import shutil
import wave
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import torch
import videos
from PIL import Image
from published import authors_state

from avsal.cli import VERBS, main
from avsal.models import create_model
from avsal.weights import convert, save_checkpoint
from avsal.workflows.experiment import experiments

ROOT = Path(__file__).parents[1]

#: what a line is given beside its own words, so that it ends soon
MORE = {
    r"ablate .*--control (synchrony|irrelevant)": "--videos 2",
    r"ablate (data=|.*--c|.*--other)(?!.*(weights|model)=)": "--weights my.safetensors",
    r"predict .*--model sal3d": "-O width=0.05",
}

#: what only other machines, hours or large files can run
ELSEWHERE = {
    r"model=(A,B|first\.)": "several networks that listen",
    r"areas=": "boxes of areas of interest",
    r"--reruns": "a network of another line",
    r"--submit|submitit": "a cluster",
    r"https://|weights (fetch|push)|name/model": "the network",
    r"model=A,B": "two models of one's own",
    r"predict 0 ": "a camera",
    r"predict - <": "a shell",
    r"sounding_clips": "clips of many minutes",
    r"reproduce ": "the data sets",
    r"data import ": "recordings of eye trackers",
    r"avsal export": "minutes, and packages that are not required",
    r"train ": "stores of the data sets and published weights",
    r"convert |weights[ =]\w+\.pth?\b": "a network of 15 to 180 MB",
}


def lines_of(text: str) -> list[str]:
    """The lines of `avsal` in a text, continued ones joined, without what is said beside them."""
    text = re.sub(r"\s*\\\\?\n\s*", " ", text)
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*(?:\$ )?(avsal [a-z-].*)", line)
        if match and not re.match(r"avsal (VERB|is|takes|knows|needs|computes)\b", match[1]):
            found += [
                part.strip()
                for part in re.split(r"\s#|\s{2,}|;", match[1])
                if part.strip().startswith("avsal ")
            ]
    return [line for line in found if line.split()[1] in VERBS]


def written() -> dict[str, str]:
    """Where each line stands, by line."""
    texts = {"README.md": (ROOT / "README.md").read_text()}
    texts |= {f"docs/{path.name}": path.read_text() for path in (ROOT / "docs").glob("*.md")}
    for verb in VERBS:
        module = import_module(f"avsal.cli.{verb}")
        told = [module, *(action.run for action in getattr(module, "ACTIONS", {}).values())]
        texts |= {f"avsal {verb} {one.__name__} --help": one.__doc__ or "" for one in told}
    texts["avsal train --help, experiments"] = "\n".join(experiments().values())
    return {line: place for place, text in texts.items() for line in lines_of(text)}


LINES = written()


def needs(line: str) -> str | None:
    """What a line needs that is not made here; None: nothing."""
    return next((what for pattern, what in ELSEWHERE.items() if re.search(pattern, line)), None)


def words_of(line: str) -> list[str]:
    """A line's words with the data set replaced by a made one, and what makes it short added."""
    verb, *words = shlex.split(line)[1:]
    for pattern, extra in MORE.items():
        if re.search(pattern, line):
            words += extra.split()
    if verb == "data" and len(words) > 1:
        words[1] = "manifest"
    changed = []
    for number, word in enumerate(words):
        key = word.partition("=")[0]
        made = {"data": "data=manifest", "root": "root=made", "maps": "maps=maps"}.get(key, word)
        if key in ("fold", "split", "like"):
            continue
        if key == "model":  # weights that one would have fetched
            made = re.sub(r"unisal(\.pth)?", "my.safetensors", word)
        if key == "weights":
            hears = verb == "ablate" or "tsfpnet_av" in line
            made = "weights=my.safetensors" if hears else "weights=FILE"
        before = words[number - 1] if number else ""
        changed.append({"--root": "made", "--retrained": "zero=my.safetensors"}.get(before, made))
    return [verb, *changed]


def make_files(folder: Path) -> None:
    """Write files under the names that lines use."""
    folder.mkdir()
    clip = videos.moving_dot(folder / "clip.mp4", frames=8)
    (folder / "videos").mkdir()
    for name in ("second.mp4", "videos/a.mp4", "videos/b.mp4"):
        shutil.copy(clip, folder / name)
    (folder / "frames").mkdir()
    for number in range(1, 7):
        Image.fromarray(videos.dot(number, (48, 64))).save(folder / "frames" / f"{number}.png")
    for name in ("sound.wav", "x.wav"):
        with wave.open(str(folder / name), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes((9000 * np.sin(np.arange(16000) / 9)).astype(np.int16).tobytes())
    model = create_model("tsfpnet_av", width=0.05, num_frames=8, size=(32, 56))
    model.trained = True
    save_checkpoint(model, folder / "my.safetensors")
    model = create_model("tsfpnet", width=0.05, num_frames=8, size=(32, 48))
    model.trained = True
    save_checkpoint(model, folder / "FILE")
    torch.save(authors_state("s3d"), folder / "S3D_kinetics400.pt")
    convert(folder / "S3D_kinetics400.pt", folder / "s3d.safetensors", "s3d")
    (folder / "made").mkdir()
    (folder / "maps").mkdir()
    rows = ["id,video,gaze"]
    for name in ("a", "b"):
        rows.append(f"{name},../videos/{name}.mp4,{name}.csv")
        generator = np.random.default_rng(len(rows))
        gaze = "".join(
            f"{frame},{generator.uniform(1, 63):.1f},{generator.uniform(1, 47):.1f},{observer}\n"
            for frame in range(8)
            for observer in range(4)
        )
        (folder / "made" / f"{name}.csv").write_text(f"frame,x,y,observer\n{gaze}")
        with h5py.File(folder / "maps" / f"{name}.h5", "w") as file:
            file["maps"], file["time"] = generator.random((8, 48, 64), dtype=np.float32), np.arange(8) / 25
            file.attrs["video_size"] = (48, 64)
    (folder / "made" / "manifest.csv").write_text("\n".join(rows) + "\n")


def run(line: str, files: Path, folder: Path) -> int:
    """Run a line in a folder, the current one, that shows the made files; its exit code."""
    for path in files.iterdir():
        if not (folder / path.name).exists():
            (folder / path.name).symlink_to(path)
    return main(words_of(line))
