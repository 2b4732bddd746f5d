from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from avsal.clips import ClipBatch, StoreSettings, prepare
from avsal.configuration import from_mapping
from avsal.errors import ConfigError
from avsal.training import TrainSettings
from avsal.training.mixed_clips import MixedClips, MixedPart, mixed
from avsal.training.sources import StepGroup, StepShare
from avsal.types import ClipSpec, Fixations, Recording
from avsal.workflows.training_data import data_settings, sources

SPEC = ClipSpec(num_frames=2, size=(4, 6), sample_rate=100)
SETTINGS = from_mapping(
    TrainSettings,
    {
        "model": {"name": "tsfpnet"},
        "loss": {"kl": 1},
        "optim": {"name": "adam", "learning_rate": 1e-3},
        "run": {"folder": "run"},
        "steps": 1,
    },
)


def batch(name: str, count: int, num_points: int, sound: bool) -> ClipBatch:
    generator = torch.Generator().manual_seed(count)
    return ClipBatch(
        images=tuple(torch.zeros(2, 4, 6, 3, dtype=torch.uint8) for _ in range(count)),
        spec=SPEC,
        audio=torch.randn(count, 1, 50, generator=generator) if sound else None,
        density=torch.rand(count, 1, 4, 6),
        points=torch.ones(count, 1, num_points, 2, dtype=torch.int64),
        mask=torch.ones(count, 1, num_points, dtype=torch.bool),
        frame_numbers=torch.zeros(count, 1, dtype=torch.int64),
        recordings=tuple(f"{name}{i}" for i in range(count)),
        datasets=(name,) * count,
    )


class Source:
    """As many batches an epoch as asked for, their frame numbers counted on over the epochs."""

    def __init__(self, name: str, num: int, num_points: int, sound: bool) -> None:
        self.name, self.num, self.num_points, self.sound = name, num, num_points, sound

    def num_steps(self, epoch, batch_size):
        return self.num

    def steps(self, epoch, batch_size, groups, *, start, process, num_processes):
        for number in range(start, self.num):
            made = batch(self.name, batch_size, self.num_points, self.sound)
            made = replace(made, frame_numbers=made.frame_numbers + epoch * self.num + number)
            yield StepShare([StepGroup(0, made)], batch_size)

    def gaze(self):
        return np.full((3, 2), self.num)

    def fingerprint(self):
        return {"sha256": self.name}


def parts(*weights):
    sources = [Source("photo", 7, 2, False), Source("real", 5, 3, False), Source("made", 3, 7, True)]
    return [
        MixedPart(source.name, source, weight, gaze=source.name != "made")
        for source, weight in zip(sources, weights, strict=True)
    ]


@pytest.fixture
def clips():
    return MixedClips(parts(1, 1, 2), seed=0)


def drawn(clips, epoch=0, start=0, size=8):
    shares = list(clips.steps(epoch, size, 1, start=start, process=0, num_processes=1))
    assert all(share.total == sum(len(g.batch.images) for g in share.groups) for share in shares)
    return [group.batch for share in shares for group in share.groups]


def test_each_batch_holds_all_parts_by_weight_and_the_shortest_ends_the_epoch(clips):
    batches = drawn(clips)
    assert clips.num_steps(0, 8) == len(batches) == 3
    assert batches[0].datasets == ("photo",) * 2 + ("real",) * 2 + ("made",) * 4
    assert batches[0].audio.shape == (8, 1, 50)
    assert batches[0].points.shape == (8, 1, 7, 2)
    assert batches[0].mask.sum(-1).flatten().tolist() == [2, 2, 3, 3, 7, 7, 7, 7]
    assert batches[0].density.shape == (8, 1, 4, 6)
    assert len(batches[0].images) == 8


@pytest.mark.parametrize(
    ("weights", "size", "expected"),
    [
        ((1, 1, 1), 6, [2, 2, 2]),
        ((1, 1, 1), 7, [3, 2, 2]),
        ((0.7, 0.2, 0.1), 10, [7, 2, 1]),
        ((100, 1, 1), 4, [2, 1, 1]),
        ((0.45, 0.45, 0.1), 4, [2, 1, 1]),
    ],
)
def test_weights_become_whole_clips_at_least_one_of_each(weights, size, expected):
    assert MixedClips(parts(*weights), seed=0).shares(size) == expected


def test_longer_parts_go_on_where_they_were_in_the_next_epoch(clips):
    seen = {"photo": [], "real": [], "made": []}
    for epoch in range(3):
        for found in drawn(clips, epoch):
            numbers = dict(zip(found.datasets, found.frame_numbers.flatten().tolist(), strict=True))
            for name, number in numbers.items():
                seen[name].append(number)
    assert seen == {name: list(range(9)) for name in seen}


def test_clips_without_sound_get_all_kinds_of_foreign_sound_and_others_keep_their_own(clips):
    own = batch("made", 4, 7, True).audio
    kinds = set()
    for epoch in range(3):
        for found in drawn(clips, epoch):
            assert found.audio[4:].equal(own)
            for sound in found.audio[:4]:
                if not sound.any():
                    kinds.add("silence")
                elif any(sorted(sound[0].tolist()) == sorted(other[0].tolist()) for other in own):
                    kinds.add("another's")
                else:
                    kinds.add("noise")
                    assert 0.3 < sound.std() / own.std() < 3
    assert kinds == {"silence", "another's", "noise"}


def test_without_any_sound_there_is_none():
    silent = MixedClips(parts(1, 1, 1)[:2], seed=0)
    assert drawn(silent)[0].audio is None


def test_any_step_can_be_drawn_again(clips):
    whole = drawn(clips, 2)
    for number, found in enumerate(drawn(clips, 2, start=1), start=1):
        assert found.audio.equal(whole[number].audio)
        assert found.frame_numbers.equal(whole[number].frame_numbers)


def test_what_cannot_be_mixed_is_said():
    with pytest.raises(ConfigError, match="two or more parts"):
        MixedClips(parts(1, 1, 1)[:1], seed=0)
    with pytest.raises(ConfigError, match="weights of parts must be positive"):
        MixedClips(parts(1, 0, 1), seed=0)
    with pytest.raises(ConfigError, match="no room for a clip of each of 3 parts"):
        MixedClips(parts(1, 1, 1), seed=0).shares(2)
    sounding = batch("made", 2, 1, True)
    longer = replace(sounding, audio=torch.zeros(2, 1, 60))
    with pytest.raises(ValueError, match="sound of one length but have"):
        mixed([sounding, longer], np.random.default_rng(0))


def test_gaze_is_that_of_the_parts_that_count_and_all_are_in_the_fingerprint(clips):
    assert clips.gaze().tolist() == [[7, 7]] * 3 + [[5, 5]] * 3
    assert set(clips.fingerprint()["parts"]) == {"photo", "real", "made"}
    assert clips.fingerprint()["sha256"] != MixedClips(parts(1, 2, 2), seed=0).fingerprint()["sha256"]


@pytest.fixture
def stills(tmp_path):
    """The settings of a store of twelve photographs without a split."""
    recordings = []
    for number in range(12):
        path = tmp_path / f"{number:02}.png"
        Image.fromarray(np.full((24, 32, 3), 10 * number, np.uint8)).save(path)
        gaze = Fixations(np.zeros(2), np.array([5, 9]), np.array([7, 8]), np.arange(2), (24, 32))
        recordings.append(Recording(path.stem, "stills", path, load_fixations=lambda gaze=gaze: gaze))
    prepare(recordings, tmp_path / "store", StoreSettings((24, 32)))
    return {
        "kind": "stored",
        "name": "stills",
        "sets": [{"name": "stills", "store": str(tmp_path / "store")}],
        "recipe": "dhf1k",
        "recipe_changes": {"frame_width": None, "sigma": 3.0},
        "published_validation": "train",
        "camera": 0.5,
    }


def test_a_configuration_mixes_parts_and_validates_on_one_of_them(stills):
    parts = {
        "still": {"data": stills | {"camera": 0.0}, "weight": 1},
        "moving": {"data": stills, "weight": 2},
    }
    data = data_settings({"kind": "mixed", "name": "both", "parts": parts, "validation": "still"})
    clips, frames = sources(data, SETTINGS, ClipSpec(num_frames=4, size=(24, 32)))
    assert clips.shares(6) == [2, 4]
    found = drawn(clips, size=6)
    # 11 of 12 photographs are trained on; the last of the parts' batches are smaller
    assert len(found) == 3
    assert found[0].images[0].shape == (4, 24, 32, 3)
    held_out = {name.partition("/")[2] for name in frames[0].recording}
    assert len(held_out) == 1
    assert not held_out & {name for batch in found for name in batch.recordings}


def test_a_configuration_that_cannot_be_mixed_is_refused(stills):
    parts = {"still": {"data": stills}}
    whole = {"kind": "mixed", "name": "both", "parts": parts, "validation": "still"}
    with pytest.raises(ConfigError, match=r"`data\.validation` must be a part, still, but is 'stills'"):
        data_settings(whole | {"validation": "stills"})
    with pytest.raises(ConfigError, match=r"`data\.parts\.inner` is a mixture itself"):
        data_settings(whole | {"parts": parts | {"inner": {"data": whole}}})
    with pytest.raises(ConfigError, match="two or more parts"):
        sources(data_settings(whole), SETTINGS, ClipSpec(num_frames=4, size=(24, 32)))
