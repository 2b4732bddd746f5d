"""Frames encoded once, against each window from scratch by the network itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avsal.clips import normalise_clips
from avsal.clips.windows import WindowPlan
from avsal.media.frames import Frame
from avsal.models import create_model
from avsal.prediction.engines import WindowJob, WindowMaps, create_engine, supported_engines

SIZE = (64, 96)


@pytest.fixture(params=["tsfpnet_mobile", "tsfpnet_av_mobile"])
def model(request):
    torch.manual_seed(0)
    arguments = {"audio_width": 0.1, "num_frames": 12} if "av" in request.param else {}
    model = create_model(request.param, width=0.1, size=SIZE, **arguments)
    with torch.no_grad():
        for motion in model.motions:
            motion.mix.weight.normal_(0, 0.3)
        if "av" in request.param:
            model.fusion.attention.weight.fill_(20)
    return model


def jobs_of(model, count=34, every=1):
    """Windows of a video of random frames, with sound if the model hears."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)
    frames = [Frame(i, i / 25, 1 / 25, i, image) for i, image in enumerate(images)]
    hears = model.spec.sample_rate is not None
    jobs = []
    for number, window in enumerate(WindowPlan(model.spec).take(count, True)):
        sound = torch.from_numpy(rng.standard_normal((1, 10_584)).astype(np.float32)) * 50 if hears else None
        wanted = [WindowMaps(slot, index, index / 25, 1 / 25) for slot, index in window.outputs]
        kept = wanted if number % every == 0 else []
        jobs.append(WindowJob(window, [frames[i] for i in window.frames], (sound,), kept))
    return jobs


@torch.inference_mode()
def from_scratch(model, jobs):
    maps = []
    for job in jobs:
        images = torch.stack([torch.from_numpy(frame.image) for frame in job.frames])
        sound = None if job.sounds[0] is None else job.sounds[0][None]
        maps.append(model(normalise_clips([images], model.spec), sound)[0])
    return torch.stack(maps)


def test_the_engine_that_encodes_frames_once_is_the_usual_one(model):
    assert supported_engines(model) == ("exact", "plain")
    assert create_engine(model).name == "exact"


@pytest.mark.parametrize("every", [1, 5])
def test_maps_are_those_of_each_window_from_scratch(model, every):
    jobs = jobs_of(model, every=every)
    encoded = []

    engine = create_engine(model)
    engine.model.encoder.register_forward_pre_hook(lambda _, inputs: encoded.append(len(inputs[0])))
    found = list(engine.predict(iter(jobs)))

    expected = [job for job in jobs if job.wanted]
    assert [job for job, _ in found] == expected
    maps = torch.cat([maps for _, maps in found])
    torch.testing.assert_close(maps, from_scratch(model, expected), rtol=1e-3, atol=1e-4)
    if every == 1:  # once each, and more for the first windows, which play the video backwards
        assert sum(encoded) <= len(jobs) + 3 * model.spec.num_frames


def test_memory_does_not_grow(model):
    engine = create_engine(model)
    held = []
    for _ in engine.predict(iter(jobs_of(model, 60))):
        held.append(engine.nbytes)
    assert held[-1] == held[40] > 0


def test_several_sounds_and_what_they_add():
    torch.manual_seed(0)
    model = create_model("tsfpnet_av_mobile", width=0.1, audio_width=0.1, size=SIZE, num_frames=12)
    torch.nn.init.constant_(model.fusion.attention.weight, 20)
    job = jobs_of(model)[20]
    sound = job.sounds[0]
    engine = create_engine(model)
    engine.attention = True

    ((_, maps),) = engine.predict([replace(job, sounds=(sound, None, torch.zeros_like(sound)))])

    assert maps.shape == (6, 1, *SIZE)
    for row, one in enumerate((sound, None, torch.zeros_like(sound))):
        alone = from_scratch(model, [replace(job, sounds=(one,))])[0]
        torch.testing.assert_close(maps[row], alone, rtol=1e-3, atol=1e-4)
    assert not maps[4].any()
    multiplied = maps[1] * (1 + maps[3])
    torch.testing.assert_close(multiplied / multiplied.max(), maps[0], rtol=1e-3, atol=1e-4)
