"""A training run of seconds: videos of a moving spot that is heard, and a network of a few thousand numbers.

As a script: python tiny_run.py FOLDER STEPS [JSON of further settings]
"""

import json
import sys
from dataclasses import dataclass, field

import numpy as np
import torch

from avsal.configuration import from_mapping
from avsal.training import Trainer, TrainSettings, build_model
from avsal.training.synthetic_clips import SyntheticClips, SyntheticFrames
from avsal.types import Fixations

SIZE, T, RATE = (32, 32), 8, 22050


@dataclass(frozen=True)
class SpotGaze:
    place: tuple[int, int]

    def density(self, frame):
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        row, column = self.place
        image = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18)
        return (image / image.sum()).astype(np.float32)


@dataclass(frozen=True)
class SpotVideo:
    frames: np.ndarray
    sound: np.ndarray
    fixations: Fixations
    gaze: SpotGaze
    sample_rate: int = RATE


@dataclass(frozen=True)
class SpotVideos:
    """A bright spot on noise; people look at it."""

    seed: int = 0
    num_frames: int = T
    broken: tuple[int, ...] = field(default=())  # videos whose target is not a number

    def __getitem__(self, index):
        random = np.random.default_rng([self.seed, index])
        row, column = (int(place) for place in random.integers(6, 26, 2))
        length = self.num_frames
        frames = random.integers(0, 60, (length, *SIZE, 3)).astype(np.uint8)
        frames[:, row - 3 : row + 3, column - 3 : column + 3] += 150
        sound = 0.1 * random.standard_normal(882 * length).astype(np.float32)
        looks = np.clip(random.normal((row, column), 1.5, (length * 5, 2)), 0, 31.9)
        fixations = Fixations(
            np.arange(length).repeat(5), looks[:, 1], looks[:, 0], np.zeros(length * 5), SIZE
        )
        place = (row, column)
        gaze = BrokenGaze(place) if index in self.broken else SpotGaze(place)
        return SpotVideo(frames, sound, fixations, gaze)


class BrokenGaze(SpotGaze):
    def density(self, frame):
        return np.full(SIZE, np.nan, np.float32)


def settings(folder, **changes):
    values = {
        "model": {
            "name": "tsfpnet_av",
            "arguments": {
                "width": 0.05,
                "num_frames": T,
                "size": list(SIZE),
                "fusion": "aligned",
                "batch_norm_momentum": 0.1,
            },
        },
        "loss": {"kl": 1.0, "cc": 0.5, "nss": 0.1},
        "optim": {"name": "adam", "learning_rate": 0.003},
        "run": {"folder": str(folder), "resume": "auto", "save_every": 2},
        "steps": 5,
        "sound": {"zero": 0.2, "missing": 0.3, "attention": 0.5},
        "clips": {"batch_size": 2},
        "validation": {"metrics": ["nss", "cc"], "pictures": 1, "batch_size": 4},
        "engine": {"threads": 1},
    }
    for name, value in changes.items():
        *parents, last = name.split("__")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return from_mapping(TrainSettings, values)


def trainer(folder, videos=None, num_clips=6, **changes):
    told = settings(folder, **changes)
    torch.manual_seed(told.seed)
    model, start = build_model(told.model)
    clips = SyntheticClips(videos or SpotVideos(seed=1), model.spec, num_clips=num_clips, seed=told.seed)
    return Trainer(told, model, clips, SyntheticFrames(SpotVideos(seed=2), model.spec, num_clips=4), start)


def log_of(folder, kind="step"):
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["kind"] == kind]


if __name__ == "__main__":
    more = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    trainer(sys.argv[1], steps=int(sys.argv[2]), **more).run()
