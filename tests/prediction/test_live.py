"""Frames and sound that are pushed give the maps of the same file, in bounded delay and memory."""

import gc
import threading
import weakref
from functools import cache

import av
import numpy as np
import pytest
import videos
from listeners import Listener

from avsal import create_model, live, load_model
from avsal.errors import ConfigError
from avsal.media import open_frames
from avsal.media.cuts import CutDetector
from avsal.prediction import PredictionStream, predict

RATE = 44100
SIZE = (64, 96)
FRAMES = 24
MODELS = {
    "default": (None, {"size": SIZE}),
    "small": ("tsfpnet_av", {"width": 0.05, "num_frames": 8, "size": SIZE}),
    "unisal": ("unisal", {"width": 0.05, "size": SIZE}),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """By rate: a video of the models' size, so that frames are not scaled; its samples."""
    found = {}
    for rate in (22050, RATE):
        path = tmp_path_factory.mktemp("live") / f"{rate}.mkv"
        videos.moving_dot(path, frames=FRAMES, size=SIZE, sounds=[videos.Sound("flac", rate)])
        with av.open(str(path)) as container:
            samples = np.concatenate([block.to_ndarray()[0] for block in container.decode(audio=0)])
        found[rate] = path, samples / np.float32(-np.iinfo(samples.dtype).min)
    return found


def frames_of(path, scaling="area"):
    with open_frames(path, SIZE, scaling=scaling) as reader:
        return [frame.image for frame in reader]


@cache
def model_of(name):
    kind, arguments = MODELS[name]
    if kind is None:
        return load_model(num_frames=10, **arguments)
    return create_model(kind, **arguments)


def pushed(stream, frames, samples=None, rate=RATE, chunk=1):
    """All maps, and how many frames each came late."""
    maps, late = [], []
    for number, frame in enumerate(frames):
        sound = None
        if samples is not None and (number + 1) % chunk == 0:
            bounds = (round(n * rate / 25) for n in (number + 1 - chunk, number + 1))
            sound = samples[slice(*bounds)]
        found = stream.push(frame, sound)
        maps += found
        late += [number - one.index for one in found]
    due = stream.flush()
    return [*maps, *due], late


CASES = [("default", 22050), ("default", RATE), ("default", None), ("small", RATE), ("small", None)]


@pytest.mark.parametrize(("name", "rate"), [*CASES, ("unisal", RATE)])
def test_pushed_frames_have_the_maps_of_the_file(clips, name, rate):
    path, samples = clips[rate or RATE]
    model = model_of(name)
    frames = frames_of(path, model.spec.scaling)
    with live(model, fps=25, audio_rate=rate) as stream:
        assert stream.hears == (rate is not None and name != "unisal")
        maps, late = pushed(stream, frames, None if rate is None else samples, rate)
        assert max(late) <= stream.delay
        assert max(late[-5:], default=0) <= stream.steady_delay
    expected = list(predict(model, path, engine=stream.engine, audio="none" if rate is None else "own"))
    assert [one.index for one in maps] == [one.index for one in expected] == list(range(FRAMES))
    scale = max(float(one.map.max()) for one in expected)
    for one, other in zip(maps, expected, strict=True):
        assert one.time == pytest.approx(other.time, abs=1e-6)
        np.testing.assert_allclose(one.map, other.map, atol=1e-5 * scale, rtol=0)


def test_sound_that_comes_in_other_pieces_changes_no_map(clips):
    path, samples = clips[RATE]
    frames, model = frames_of(path), Listener()
    each, _ = pushed(live(model, fps=25, audio_rate=RATE), frames, samples)
    others = Listener()
    some, _ = pushed(live(others, fps=25, audio_rate=RATE), frames, samples, chunk=3)
    assert len(each) == len(some) == FRAMES
    for one, other in zip(model.sounds, others.sounds, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frame_waits_half_a_second_for_its_sound_and_what_comes_later_is_dropped():
    model = Listener()
    frames = [videos.dot(i, (48, 64)) for i in range(60)]
    stream = live(model, fps=25, audio_rate=8000, cuts=False)
    ones = np.ones(60 * 320, np.float32)
    for number, frame in enumerate(frames):  # nothing for 20 frames, then all at once, then as it should be
        sound = None if number < 20 else ones[: 21 * 320] if number == 20 else ones[:320]
        stream.push(frame, sound)
    assert len(stream.flush()) + stream.num_frames >= 60
    last = model.sounds[-1][0].numpy()
    assert (last == last[0]).all()
    assert last[0] > 0
    assert (model.sounds[0][0].numpy() == 0).mean() > 0.8


def test_at_once_each_map_comes_with_its_frame_and_the_start_was_there_before(clips):
    frames = frames_of(clips[RATE][0])[:12]
    for name in ("default", "small"):
        model = model_of(name)
        stream = live(model, fps=25, at_once=True)
        maps, late = pushed(stream, frames)
        assert max(late) <= stream.steady_delay <= 1
        usual = list(predict(model, np.stack(frames), fps=25, engine=stream.engine))
        length = model.spec.num_frames
        longer = np.stack([frames[0]] * (length - 1) + frames)
        expected = list(predict(model, longer, fps=25, engine="plain"))[length - 1 :]
        plain = list(predict(model, np.stack(frames), fps=25, engine="plain", at_once=True))
        for one, other in zip(plain, expected, strict=True):
            np.testing.assert_allclose(one.map, other.map, atol=1e-6)
        np.testing.assert_allclose(maps[-1].map, usual[-1].map, atol=1e-5 * usual[-1].map.max())


def shots(count=3, length=20):
    """Frames of several shots of one colour ground each."""
    grounds = ((200, 40, 40), (30, 160, 60), (20, 30, 190))
    for shot in range(count):
        for index in range(length):
            picture = videos.dot(index, (48, 64), seed=shot) // 3 + np.array(grounds[shot], np.uint8) // 2
            yield picture.astype(np.uint8)


def test_a_cut_begins_a_new_video_and_every_frame_has_its_map():
    frames = list(shots())
    model = Listener()
    stream = live(model, fps=25)
    maps, _ = pushed(stream, frames)
    assert stream.num_cuts == 2
    assert [one.index for one in maps] == list(range(60))
    assert [one.time for one in maps] == pytest.approx([i / 25 for i in range(60)])
    for frame, one in zip(frames, maps, strict=True):
        assert abs(float(one.map.mean()) - frame.mean() / 255) < 0.01
    for window in model.frames:  # no window sees two shots
        assert float(window.mean((0, 2, 3)).std()) < 0.05
    alone = list(predict(Listener(), np.stack(frames[20:40]), fps=25))
    for one, other in zip(maps[20:40], alone, strict=True):
        np.testing.assert_array_equal(one.map, other.map)
    ignoring = live(Listener(), fps=25, cuts=False)
    pushed(ignoring, frames[:25])
    assert ignoring.num_cuts == 0


def test_a_cut_can_be_said_and_a_stream_goes_on_after_a_flush():
    frames = [videos.dot(i, (48, 64)) for i in range(30)]
    stream = live(Listener(), fps=25)
    maps = []
    for number, frame in enumerate(frames):
        if number == 10:
            stream.cut()
        maps += stream.push(frame)
        if number == 20:
            maps += stream.flush()
    maps += stream.flush()
    assert stream.num_cuts == 1
    assert [one.index for one in maps] == list(range(30))
    assert stream.flush() == []


def test_motion_flicker_and_a_flash_are_no_cuts():
    detector = CutDetector()
    rng = np.random.default_rng(0)
    frames = [videos.dot(3 * i, (48, 64)) for i in range(40)]
    frames[20] = np.full_like(frames[20], 255)  # a flash is one at most, not one there and one back
    found = [
        detector.push(np.clip(f + rng.integers(-6, 7, f.shape), 0, 255).astype(np.uint8)) for f in frames
    ]
    assert sum(found) <= 1
    assert not any(found[:20])


def test_stamped_frames_and_pictures_are_kept():
    stream = live(Listener(), fps=25, pictures=True)
    frames = [videos.dot(i, (48, 64)) for i in range(12)]
    times = [0.0, 0.05, 0.07, 0.2, 0.21, 0.3, 0.33, 0.4, 0.5, 0.6, 0.61, 0.7]
    maps = [one for frame, time in zip(frames, times, strict=True) for one in stream.push(frame, time=time)]
    maps += stream.flush()
    assert [one.time for one in maps] == times
    np.testing.assert_array_equal(maps[4].picture, frames[4])


WRONG = {
    "size": (lambda s, f: [s.push(f), s.push(f[1:])], "begin another stream"),
    "time": (lambda s, f: [s.push(f, time=1.0), s.push(f, time=1.0)], "ascend"),
    "sound": (lambda s, f: s.push(f, np.zeros(9)), "audio_rate=RATE"),
    "frame": (lambda s, f: s.push(f * 1.0), "divide by 255"),
    "closed": (lambda s, f: [s.close(), s.push(f)], "closed"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_pushes_are_told(wrong):
    act, message = WRONG[wrong]
    with live(Listener(), fps=25) as stream, pytest.raises(ConfigError, match=message):
        act(stream, videos.dot(0, (48, 64)))


def test_a_stream_that_is_let_go_of_leaves_no_thread():
    before = threading.active_count()
    stream = live(Listener(), fps=25)
    stream.push(videos.dot(0, (48, 64)))
    assert threading.active_count() == before + 1
    del stream
    gc.collect()
    assert threading.active_count() == before


def test_a_shot_that_ended_holds_no_memory(monkeypatch):
    made = []
    opened = PredictionStream.__init__

    def noted(stream, *arguments, **options):
        made.append(weakref.ref(stream))
        opened(stream, *arguments, **options)

    monkeypatch.setattr(PredictionStream, "__init__", noted)
    stream = live(Listener(), fps=25, audio_rate=RATE)
    gc.collect()
    gc.disable()  # memory is let go of at once, not when garbage is collected
    try:
        for number in range(40):
            if number % 12 == 11:
                stream.cut()
            stream.push(videos.dot(number, (48, 64)), np.zeros(RATE // 25, np.float32))
        stream.flush()
        assert [shot() for shot in made] == [None] * 4
    finally:
        gc.enable()


def test_an_error_of_the_network_reaches_who_pushes():
    class Broken(Listener):
        def forward(self, *_):
            raise RuntimeError("no memory")

    stream = live(Broken(), fps=25)
    with pytest.raises(RuntimeError, match="no memory"):
        pushed(stream, [videos.dot(i, (48, 64)) for i in range(20)])
