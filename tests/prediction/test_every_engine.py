"""Every windowed model by every engine that it has: what windows share is derived from its operations."""

from dataclasses import replace
from threading import Event, Thread

import pytest
import torch

from avsal.models import create_model, list_models
from avsal.prediction.engines import create_engine, supported_engines
from tests.key_filled import filled
from tests.models.test_every_model import SMALL
from tests.prediction.test_engines import from_scratch, jobs_of, video

ALL = ("exact", "streaming", "live", "plain")
#: frames are encoded alone, so that there is nothing to see beyond a window's ends
ALONE = ("exact", "plain")
SHARING = {
    name: ALONE if "mobile" in name or name == "sal3d" else ALL
    for name in list_models()
    if name not in ("esan", "unisal")
}

#: in parts of the range; with these values the logits of STAViS lie in the hundreds
TOLERANCE = {"stavis": 1e-2, "stavis_visual": 1e-2}
if torch.backends.cpu.get_cpu_capability() == "DEFAULT":  # without vector instructions sums round otherwise
    TOLERANCE["tsfpnet_av_mobile"] = 4e-4


@pytest.fixture(scope="module", params=SHARING)
def model(request):
    model = create_model(request.param, **SMALL[request.param])
    with torch.no_grad():
        model.load_state_dict(filled({key: value.shape for key, value in model.state_dict().items()}))
    return model


def maps_of(model, jobs, **options):
    pairs = list(create_engine(model, options.pop("name", None), **options).predict(iter(jobs)))
    return [job for job, _ in pairs], torch.stack([maps for _, maps in pairs])


def windows(model, count, every=1):
    """Windows of a made video, with its sound and without where the model hears."""
    hears = model.spec.sample_rate is not None
    jobs = jobs_of(model, video(model.spec.num_frames + count, model.spec.size), every=every, sound=hears)
    jobs = [job for job in jobs if job.window.frames == tuple(sorted(set(job.window.frames)))]
    jobs = [job for job in jobs if not job.window.start]
    return [replace(job, sounds=(*job.sounds, None)) if hears else job for job in jobs]


def test_exact_gives_the_network_s_own_maps_and_does_not_fall_back(model):
    assert supported_engines(model) == SHARING[model.name]
    assert create_engine(model).name == "exact"
    for every, batch_size in ((1, 3), (3, 1)):
        jobs = windows(model, 9, every)
        _, found = maps_of(model, jobs, batch_size=batch_size)
        expected = from_scratch(model, jobs)
        spread = float(expected.amax() - expected.amin())
        if every == 1:  # control: windows are told apart
            assert (found[1:] - found[:-1]).abs().max() > 5e-4 * spread > 0
        assert (found - expected).abs().max() < TOLERANCE.get(model.name, 1e-4) * spread


@pytest.mark.parametrize("engine", ["live", "streaming"])
def test_neither_chunks_nor_maps_left_out_change_what_is_seen(model, engine):
    if engine not in SHARING[model.name]:
        pytest.skip("frames stand alone")
    jobs = windows(model, 12)
    _, whole = maps_of(model, jobs, name=engine, batch_size=1)
    some = [job if i % 3 == 1 else replace(job, wanted=[]) for i, job in enumerate(jobs)]
    kept, found = maps_of(model, some, name=engine, batch_size=4)
    assert kept == [job for job in some if job.wanted]
    spread = float(whole.amax() - whole.amin())
    assert (found - whole[1::3]).abs().max() < TOLERANCE.get(model.name, 1e-4) * spread
    _, plain = maps_of(model, jobs, name="plain")
    assert (whole - plain).abs().max() > TOLERANCE.get(model.name, 1e-4) * spread  # control: the ends matter


def test_an_engine_is_made_while_another_thread_runs_the_network():
    model = create_model("tsfpnet_av", **SMALL["tsfpnet_av"]).eval()
    frames, done = torch.zeros(1, 3, model.spec.num_frames, *model.spec.size), Event()

    def run():
        with torch.inference_mode():
            while not done.is_set():
                model(frames, None)

    other = Thread(target=run)
    other.start()
    try:
        made = [create_engine(model) for _ in range(6)]
    finally:
        done.set()
        other.join()
    assert {engine.name for engine in made} == {"exact"}
    assert len({engine.reason for engine in made}) == 1
