"""The engines on random frames, against each window from scratch by the network itself."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_models import lively as build

from avsal.clips import normalise_clips
from avsal.clips.windows import WindowPlan
from avsal.errors import ConfigError
from avsal.media.frames import Frame
from avsal.prediction.engines import (
    ENGINES,
    WindowJob,
    WindowMaps,
    create_engine,
    supported_engines,
)

TOLERANCE = 1e-4  # of the range of the maps


@cache
def lively(name="tsfpnet", **arguments):
    return build(name, **arguments)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def video(frames, size=(32, 48), seed=0):
    """Frames of large random tiles, so that each differs much from the next."""
    tiles = np.random.default_rng(seed).integers(0, 256, (frames, 4, 5, 3), dtype=np.uint8)
    rows, columns = (np.arange(side) * number // side for side, number in zip(size, (4, 5), strict=True))
    images = np.ascontiguousarray(tiles[:, rows[:, None], columns[None]])
    return [Frame(i, i / 25, 1 / 25, i, image) for i, image in enumerate(images)]


def jobs_of(model, frames, *, every=1, sound=False):
    """All windows of a video in the order of its frames, each n-th wanted."""
    generator = torch.Generator().manual_seed(5)
    plan, jobs = WindowPlan(model.spec), []
    for number, window in enumerate(plan.take(len(frames), True)):
        if number % every:
            continue
        heard = torch.randn(1, 7056, generator=generator) * 50 if sound else None
        wanted = [WindowMaps(slot, index, index / 25, 1 / 25) for slot, index in window.outputs]
        jobs.append(WindowJob(window, [frames[i] for i in window.frames], (heard,), wanted))
    return jobs


@torch.inference_mode()
def from_scratch(model, jobs):
    """(windows, sounds, T', H, W): each window by the network itself, norms and all."""
    found = []
    for job in jobs:
        images = torch.stack([torch.from_numpy(frame.image) for frame in job.frames])
        frames = normalise_clips([images], model.spec)
        sounds = [None if sound is None else sound[None] for sound in job.sounds]
        found.append(torch.cat([model(frames, sound) for sound in sounds]))
    return torch.stack(found)


def reference(model, jobs):
    """The maps of windows with one sound, one after another."""
    return from_scratch(model, jobs)[:, 0].flatten(0, 1).numpy()


def computed(model, jobs, engine, batch_size=None):
    pairs = list(create_engine(model, engine, batch_size=batch_size).predict(iter(jobs)))
    assert [job.wanted[0].number for job, _ in pairs] == [job.wanted[0].number for job in jobs]
    return torch.cat([maps[0] for _, maps in pairs]).numpy()


def differences(found, expected):
    """Largest difference of each map in parts of the range."""
    return np.abs(found - expected).max((1, 2)) / np.ptp(expected)


@pytest.mark.parametrize("engine", ["exact", "plain"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tsfpnet", {"num_frames": 8}),
        ("tsfpnet", {"num_frames": 32}),
        ("tsfpnet", {"num_frames": 48}),
        ("tsfpnet", {"levels": "multi"}),
        ("tsfpnet", {"levels": "final"}),
        ("tsfpnet", {"size": (37, 50)}),
        ("tsfpnet_av", {"fusion": "bilinear"}),
        ("tsfpnet_av", {"fusion": "aligned", "num_frames": 32}),
    ],
)
def test_maps_are_those_of_each_window_from_scratch_in_all_phases(engine, name, arguments):
    model = lively(name, **arguments)
    T = model.spec.num_frames
    jobs = jobs_of(model, video(2 * T + 8, model.spec.size), sound=name == "tsfpnet_av")[-(8 + 3) :]
    expected = reference(model, jobs)
    found = computed(model, jobs, engine, batch_size=3)
    assert differences(found, expected).max() < TOLERANCE
    neighbours = differences(found[1:], expected[:-1])  # control: another phase's window is told apart
    assert neighbours.min() > 5 * TOLERANCE


@pytest.mark.parametrize("engine", ["exact", "plain", "live", "streaming"])
def test_several_sounds_give_each_its_own_maps_and_the_video_is_seen_once(engine, monkeypatch):
    model = lively("tsfpnet_av", fusion="aligned", num_frames=8)
    first, second = (jobs_of(model, video(20, (32, 48)), sound=sound) for sound in (True, False))
    both = [
        replace(a, sounds=(a.sounds[0], b.sounds[0], torch.zeros_like(a.sounds[0])))
        for a, b in zip(first, second, strict=True)
    ]
    found = torch.stack([maps for _, maps in create_engine(model, engine).predict(iter(both))])
    assert found.shape[1:3] == (3, 1)
    for k, alone in enumerate((first, second)):
        np.testing.assert_allclose(found[:, k, 0], computed(model, alone, engine), atol=1e-6)
    assert (found[:, 0] - found[:, 2]).abs().amax((1, 2, 3)).min() > 1e-4


@given(
    frames=st.integers(1, 60),
    num_frames=st.sampled_from([8, 16, 32]),
    size=st.sampled_from([(32, 32), (32, 48), (45, 34)]),
    batch_size=st.integers(1, 9),
    every=st.sampled_from([1, 1, 2, 3, 8, 11]),
    start=st.integers(0, 40),
    stop=st.integers(1, 12),
    cut=st.integers(1, 60),
    sound=st.booleans(),
)
@settings(deadline=None, max_examples=20)
def test_exact_gives_the_plain_maps_of_any_part_of_any_video(
    frames, num_frames, size, batch_size, every, start, stop, cut, sound
):
    model = lively("tsfpnet_av" if sound else "tsfpnet", num_frames=num_frames, size=size)
    shown = video(frames, size, seed=frames)[:cut] + video(frames, size, seed=frames + 1)[cut:]
    jobs = jobs_of(model, shown, every=every, sound=sound)
    start = min(start, len(jobs) - 1)
    jobs = jobs[start : start + stop]
    difference = differences(computed(model, jobs, "exact", batch_size), reference(model, jobs))
    assert difference.max() < TOLERANCE


@given(
    engine=st.sampled_from(["live", "streaming"]),
    frames=st.integers(1, 50),
    num_frames=st.sampled_from([8, 16, 32]),
    size=st.sampled_from([(32, 32), (32, 48), (45, 34)]),
    batch_size=st.integers(2, 40),
    wanted=st.sets(st.integers(0, 49), min_size=1),
    sound=st.booleans(),
)
@settings(deadline=None, max_examples=12)
def test_neither_chunks_nor_maps_that_are_left_out_change_those_of_a_stream(
    engine, frames, num_frames, size, batch_size, wanted, sound
):
    model = lively("tsfpnet_av" if sound else "tsfpnet", num_frames=num_frames, size=size)
    jobs = jobs_of(model, video(frames, size, seed=frames), sound=sound)
    whole = computed(model, jobs, engine, 1)
    some = [job if i in wanted else replace(job, wanted=[]) for i, job in enumerate(jobs)]
    pairs = list(create_engine(model, engine, batch_size=batch_size).predict(iter(some)))
    assert [job.wanted[0].number for job, _ in pairs] == sorted(wanted & set(range(frames)))
    for job, maps in pairs:
        expected = whole[job.wanted[0].number]
        assert np.abs(maps[0, 0].numpy() - expected).max() < TOLERANCE * np.ptp(whole)


def test_a_cut_in_the_video_changes_nothing_of_exact():
    model = lively()
    frames = video(40)
    white = np.full_like(frames[0].image, 255)
    frames = [Frame(f.index, f.time, f.duration, f.pts, white) if f.index >= 25 else f for f in frames]
    jobs = jobs_of(model, frames)[20:36]
    assert differences(computed(model, jobs, "exact"), reference(model, jobs)).max() < TOLERANCE


def real_neighbours(model, frames, job, *, past, future):
    """The map of a window whose ends see the video: the encoder runs over more of it, on the window's grid.

    Where the video ends it pads as the window would, so `past` and `future` are whole windows of frames that
    keep the phase.
    """
    first = job.window.frames[0]
    T = model.spec.num_frames
    begin, end = max(first % 8, first - past), min(len(frames), first + T + future)
    end -= (end - begin) % 8
    images = torch.stack([torch.from_numpy(frame.image) for frame in frames[begin:end]])
    with torch.inference_mode():
        taps = model.encoder(normalise_clips([images], model.spec))
        inside = []
        for tap, stride in zip(taps, model.encoder.time_strides, strict=True):
            position = (first - begin) // stride
            inside.append(tap[:, :, position : position + T // stride])
        logits = None if job.sounds[0] is None else model.attend(tuple(inside), job.sounds[0][None])
        return model.read_out(model.pyramid(inside), logits, model.spec.size)[0]


@pytest.mark.parametrize(("engine", "future"), [("live", 0), ("streaming", 56)])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tsfpnet", {"num_frames": 8}),
        ("tsfpnet", {"num_frames": 48}),
        ("tsfpnet_av", {"fusion": "bilinear", "num_frames": 32}),
        ("tsfpnet_av", {"fusion": "aligned", "num_frames": 16}),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_windows_see_the_video_at_their_ends(engine, future, name, arguments, batch_size):
    model = lively(name, **arguments)
    T = model.spec.num_frames
    frames = video(56 + T + 8 + 64)
    jobs = jobs_of(model, frames, sound=name == "tsfpnet_av")[T - 1 :]
    found = computed(model, jobs, engine, batch_size)
    middle = range(56, 64)  # all phases, far from the video's ends
    expected = torch.cat(
        [real_neighbours(model, frames, jobs[i], past=56, future=future) for i in middle]
    ).numpy()
    assert differences(found[56:64], expected).max() < TOLERANCE
    plain = reference(model, [jobs[i] for i in middle])
    assert differences(expected, plain).max() > 5 * TOLERANCE  # control: the ends matter


@pytest.mark.parametrize("engine", ["live", "streaming"])
def test_a_video_of_one_window_has_the_plain_map(engine):
    model = lively(num_frames=32)
    job = jobs_of(model, video(32))[-1]
    assert differences(computed(model, [job], engine), reference(model, [job])).max() < TOLERANCE


@pytest.mark.parametrize("engine", ["live", "streaming"])
@pytest.mark.parametrize(("frames", "batch_size"), [(1, 3), (19, 5), (45, 20)])
def test_chunks_do_not_change_maps(engine, frames, batch_size):
    model = lively()
    jobs = jobs_of(model, video(frames))
    whole, some = computed(model, jobs, engine, 1), computed(model, jobs, engine, batch_size)
    assert np.abs(some - whole).max() < TOLERANCE * np.ptp(whole)


def test_memory_of_a_video_does_not_grow():
    model = lively(num_frames=8)
    engine = create_engine(model, "live")
    held = [engine.nbytes for _ in engine.predict(iter(jobs_of(model, video(300, seed=2))[7:]))]
    assert held[-1] == held[100] > 0


def test_single_precision_is_not_rounded_and_the_setting_is_left_as_it_was():
    before = torch.backends.cudnn.allow_tf32
    engine = create_engine(lively(num_frames=8))
    with engine.arithmetic():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.enabled
        assert not torch.is_autocast_enabled("cpu")
    with create_engine(lively(num_frames=8), precision=torch.bfloat16).arithmetic():
        assert torch.is_autocast_enabled("cpu")
    assert torch.backends.cudnn.allow_tf32 == before


def test_what_cannot_be_run_is_named():
    from listeners import Listener

    model = lively()
    assert supported_engines(model) == ENGINES
    assert create_engine(model).name == "exact"
    assert create_engine(Listener()).name == "plain"
    with pytest.raises(ConfigError, match="'plain'"):
        create_engine(Listener(), "exact")
    with pytest.raises(ConfigError, match="exact, streaming, live, plain"):
        create_engine(model, "fast")
