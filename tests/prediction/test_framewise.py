"""Frames encoded once, against each window from scratch by the network itself."""

from dataclasses import replace

import pytest
import torch

from avsal.models import create_model
from avsal.prediction.engines import create_engine
from tests.prediction.test_engines import from_scratch, jobs_of, video

SIZE = (64, 96)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = create_model("tsfpnet_av_mobile", width=0.1, audio_width=0.1, size=SIZE, num_frames=12)
    with torch.no_grad():
        for motion in model.motions:
            motion.mix.weight.normal_(0, 0.3)
        model.fusion.attention.weight.fill_(20)
    return model


def windows(model, count=34):
    return jobs_of(model, video(count, SIZE), sound=True)


def test_frames_are_encoded_once_and_more_at_the_start_which_is_played_backwards(model):
    """Windows in the middle of a video are those of `test_every_engine`."""
    jobs = windows(model)
    encoded = []
    engine = create_engine(model)
    engine.model.encoder.register_forward_pre_hook(lambda _, inputs: encoded.append(len(inputs[0])))
    found = list(engine.predict(iter(jobs)))
    assert [job for job, _ in found] == jobs
    maps = torch.cat([maps for _, maps in found])
    torch.testing.assert_close(maps, from_scratch(model, jobs)[:, 0], rtol=1e-3, atol=1e-4)
    assert sum(encoded) <= len(jobs) + 3 * model.spec.num_frames


def test_memory_does_not_grow(model):
    engine = create_engine(model)
    held = []
    for _ in engine.predict(iter(windows(model, 60))):
        held.append(engine.nbytes)
    assert held[-1] == held[40] > 0


def test_several_sounds_and_what_they_add(model):
    job = windows(model)[20]
    sound = job.sounds[0]
    engine = create_engine(model)
    engine.attention = True

    ((_, maps),) = engine.predict([replace(job, sounds=(sound, None, torch.zeros_like(sound)))])

    assert maps.shape == (6, 1, *SIZE)
    for row, one in enumerate((sound, None, torch.zeros_like(sound))):
        alone = from_scratch(model, [replace(job, sounds=(one,))])[0, 0]
        torch.testing.assert_close(maps[row], alone, rtol=1e-3, atol=1e-4)
    assert not maps[4].any()
    multiplied = maps[1] * (1 + maps[3])
    torch.testing.assert_close(multiplied / multiplied.max(), maps[0], rtol=1e-3, atol=1e-4)


def test_attention_of_each_sound_follows_the_maps_in_every_engine():
    torch.manual_seed(1)
    model = create_model("tsfpnet_av_mobile", width=0.1, size=SIZE, audio_width=0.1, num_frames=12)
    with torch.no_grad():
        model.fusion.attention.weight.fill_(20)
    jobs = [replace(job, sounds=(*job.sounds, None)) for job in windows(model, 14)]
    found = {}
    for name in ("exact", "plain"):
        engine = create_engine(model, name)
        engine.attention = True
        found[name] = torch.stack([maps for _, maps in engine.predict(iter(jobs))])
    assert found["plain"].shape == (len(jobs), 4, 1, *SIZE)
    assert found["plain"][:, 2].std() > 1e-3
    assert not found["plain"][:, 3].any()
    torch.testing.assert_close(found["exact"], found["plain"], rtol=1e-3, atol=1e-4)
