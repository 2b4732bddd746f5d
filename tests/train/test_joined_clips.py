import numpy as np
import pytest
import torch

from avsal.clips import ClipBatch
from avsal.train.joined_clips import JoinedClips, joined
from avsal.types import ClipSpec

SPEC = ClipSpec(num_frames=2, size=(4, 6), sample_rate=100)


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
    """As many equal batches as asked for."""

    def __init__(self, name: str, num: int, num_points: int, sound: bool) -> None:
        self.name, self.num, self.num_points, self.sound = name, num, num_points, sound

    def num_batches(self, epoch, batch_size, num_processes):
        return self.num

    def batches(self, epoch, batch_size, *, start, process, num_processes):
        for _ in range(start, self.num):
            yield batch(self.name, batch_size, self.num_points, self.sound)

    def gaze(self):
        return np.full((3, 2), 0.5)

    def fingerprint(self):
        return {"sha256": self.name}


@pytest.fixture
def clips():
    return JoinedClips(Source("real", 5, 3, False), Source("made", 3, 7, True), seed=0)


def drawn(clips, **options):
    return list(clips.batches(0, 8, **{"start": 0, "process": 0, "num_processes": 1, **options}))


def test_each_batch_is_half_of_either_kind_and_the_shorter_source_ends_the_epoch(clips):
    batches = drawn(clips)
    assert clips.num_batches(0, 8, 1) == len(batches) == 3
    assert batches[0].datasets == ("real",) * 4 + ("made",) * 4
    assert batches[0].audio.shape == (8, 1, 50)
    assert batches[0].points.shape == (8, 1, 7, 2)
    assert batches[0].mask.sum(-1).flatten().tolist() == [3] * 4 + [7] * 4
    assert batches[0].density.shape == (8, 1, 4, 6)
    assert len(batches[0].images) == 8


def test_made_videos_keep_their_own_sound_and_real_ones_get_all_kinds_of_foreign_sound(clips):
    own = batch("made", 4, 7, True).audio
    kinds = set()
    for found in drawn(clips):
        assert found.audio[4:].equal(own)
        for sound in found.audio[:4]:
            if not sound.any():
                kinds.add("silence")
            elif any(sorted(sound[0].tolist()) == sorted(other[0].tolist()) for other in own):
                kinds.add("another video's")
            else:
                kinds.add("noise")
                assert 0.3 < sound.std() / own.std() < 3
    assert kinds == {"silence", "another video's", "noise"}


def test_any_step_can_be_drawn_again(clips):
    whole = drawn(clips)
    for number, found in enumerate(drawn(clips, start=1), start=1):
        assert found.audio.equal(whole[number].audio)


def test_clips_of_the_wrong_kind_are_refused():
    sounding = batch("made", 2, 1, True)
    with pytest.raises(ValueError, match="without sound, then"):
        joined(sounding, sounding, np.random.default_rng(0))


def test_gaze_is_that_of_the_real_videos_and_both_are_in_the_fingerprint(clips):
    assert clips.gaze().shape == (3, 2)
    assert {"silent", "sounding", "sha256"} == set(clips.fingerprint())
