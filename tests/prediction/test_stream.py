import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import videos
from listeners import RATE, Listener

from avsal import load_model
from avsal.errors import AvsalRuntimeError, ConfigError, MediaError
from avsal.media import open_frames
from avsal.metrics import resize_map
from avsal.prediction import predict

JITTER = [0.0, 0.04, 0.07, 0.13, 0.16, 0.2, 0.29, 0.3, 0.36, 0.4, 0.43, 0.5, 0.52, 0.6, 0.64, 0.68, 0.7, 0.8]


def maps_of(model, source, **options):
    return list(predict(model, source, **options))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return videos.moving_dot(tmp_path_factory.mktemp("stream") / "dot.mp4", frames=40)


@pytest.mark.parametrize("end", [0.3, 0.42, 0.6])
@pytest.mark.parametrize(("predicts", "stride"), [("last", 1), ("centre", 1), ("all", 4), ("all", 8)])
def test_a_part_of_which_some_frames_are_computed_has_every_frame_once_in_order(video, predicts, stride, end):
    model = Listener(predicts=predicts, stride=stride)
    whole = maps_of(model, video, end=end)
    some = maps_of(model, video, end=end, every=4)
    assert [prediction.time for prediction in some] == [prediction.time for prediction in whole]
    assert [prediction.index for prediction in some] == list(range(len(whole)))
    computed = [prediction.index for prediction in some if not prediction.interpolated]
    assert computed == sorted({*range(0, len(whole), 4), len(whole) - 1})
    for index in computed:
        np.testing.assert_array_equal(some[index].map, whole[index].map)


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 9, 15, 16, 30])
@pytest.mark.parametrize("predicts", ["last", "centre", "all"])
def test_every_frame_gets_its_own_map_however_short_the_video(tmp_path, frames, predicts):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=frames)
    model = Listener(predicts=predicts, stride=4 if predicts == "all" else 1)
    predictions = maps_of(model, path)
    with open_frames(path, (24, 32)) as reader:
        shown = list(reader)
    assert [prediction.time for prediction in predictions] == [frame.time for frame in shown]
    assert [prediction.index for prediction in predictions] == list(range(frames))
    for prediction, frame in zip(predictions, shown, strict=True):
        np.testing.assert_allclose(prediction.map, frame.image.mean(2) / 255, atol=1e-5)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_are_the_container_s_when_the_frame_rate_varies(tmp_path, suffix):
    path = videos.moving_dot(tmp_path / f"video{suffix}", times=JITTER)
    times = [prediction.time for prediction in predict(Listener(), path)]
    np.testing.assert_allclose(times, JITTER, atol=0.001)


def window_click(model, window):
    """When the click is heard in a window, in seconds from its beginning."""
    return videos.click_time(model.sounds[window][0].numpy(), RATE)


def flash_slot(model, window):
    """Which of the window's frames is the flash."""
    return int(model.frames[window].mean(dim=(0, 2, 3)).argmax())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"frame_rate": Fraction(30000, 1001)},
        {"frame_rate": 60, "frames": 60, "at": 40},
        {"picture_start": 0.4, "sound": videos.Sound(seconds=2.0)},
        {"sound": videos.Sound(start=0.31)},
        {"sound": videos.Sound(rate=16000, channels=2)},
        {"sound": videos.Sound(codec="flac", rate=48000, channels=6)},
        {"sound": videos.Sound(seconds=3.0)},
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_click_is_heard_with_the_flash_in_every_window_that_shows_it(tmp_path, options, suffix):
    path = videos.flash_and_click(tmp_path / f"flash{suffix}", **options)
    model = Listener()
    predictions = maps_of(model, path)
    period = predictions[1].time - predictions[0].time
    seen = 0
    for window in range(len(predictions)):
        if model.frames[window].mean(dim=(0, 2, 3)).max() < 0.5:
            continue
        seen += 1
        assert window_click(model, window) == pytest.approx(flash_slot(model, window) * period, abs=period)
    assert seen >= 8


def test_click_is_heard_with_the_flash_in_the_backward_windows_of_the_start(tmp_path):
    path = videos.flash_and_click(tmp_path / "flash.mp4", at=4)
    model = Listener()
    maps_of(model, path)
    # window 0 plays frames 7..0, so the flash is slot 3; its click comes at the flash's end when reversed
    assert flash_slot(model, 0) == 3
    assert window_click(model, 0) == pytest.approx(4 * 0.04, abs=0.04)


@pytest.mark.parametrize("batch_size", [2, 3, 64])
def test_batches_change_nothing(video, batch_size):
    one, many = Listener(), Listener()
    alone, together = maps_of(one, video), maps_of(many, video, batch_size=batch_size)
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_array_equal(first.map, second.map)
    for first, second in zip(one.sounds, many.sounds, strict=True):
        assert first.equal(second)


def test_part_of_a_video_has_the_maps_and_sounds_of_the_whole(video):
    whole, part = Listener(), Listener()
    all_maps, some = maps_of(whole, video), maps_of(part, video, start=1.0, end=1.3)
    assert [prediction.time for prediction in some] == pytest.approx([1.0 + 0.04 * i for i in range(8)])
    assert [prediction.index for prediction in some] == list(range(8))
    for number, prediction in enumerate(some):
        np.testing.assert_array_equal(prediction.map, all_maps[25 + number].map)
        np.testing.assert_allclose(part.sounds[number], whole.sounds[25 + number], atol=1e-4)


def test_part_at_the_start_sees_the_frames_after_its_end(video):
    whole, part = Listener(), Listener()
    maps_of(whole, video)
    assert len(maps_of(part, video, end=0.08)) == 2
    assert part.frames[0].equal(whole.frames[0])


def test_each_nth_frame_is_computed_and_the_others_lie_between(video):
    exact, model = maps_of(Listener(), video), Listener()
    some = maps_of(model, video, every=4)
    assert len(some) == 40
    assert len(model.frames) == 11  # 0, 4, .. 36, and 39
    assert [prediction.index for prediction in some if not prediction.interpolated] == [*range(0, 40, 4), 39]
    for index in range(0, 40, 4):
        np.testing.assert_array_equal(some[index].map, exact[index].map)
    expected = 0.75 * exact[4].map + 0.25 * exact[8].map
    np.testing.assert_allclose(some[5].map, expected, atol=1e-5)


def test_a_part_ends_with_a_computed_map_also_within_a_window_of_several_maps(video):
    whole = maps_of(Listener(predicts="all", stride=4), video)
    some = maps_of(Listener(predicts="all", stride=4), video, every=4, end=0.43)
    assert [prediction.index for prediction in some] == list(range(11))
    assert [prediction.index for prediction in some if not prediction.interpolated] == [0, 4, 8, 10]
    for number in (0, 4, 8, 10):
        np.testing.assert_allclose(some[number].map, whole[number].map, atol=1e-6)


@pytest.mark.parametrize("end", [0.1, 0.2, 0.3])
def test_the_last_frame_is_computed_where_its_window_gave_maps_before(video, end):
    model = Listener(predicts="all", stride=4)
    some, whole = (maps_of(model, video, every=step, end=end) for step in (3, 1))
    assert [one.index for one in some] == [one.index for one in whole]
    assert not some[-1].interpolated


def test_what_is_heard(tmp_path, video):
    other = videos.write_sound(
        tmp_path / "other.wav", videos.Sound("pcm_s16le"), videos.tone(44100, 3.0, 900.0)
    )
    heard = {}
    for audio in ("own", "none", "zero", other):
        model = Listener()
        stream = predict(model, video, audio=audio)
        list(stream)
        heard[stream.sound] = model.sounds[20]
    assert set(heard) == {"own", "none", "zero", "other.wav"}
    assert heard["none"] is None
    assert not heard["zero"].any()
    assert heard["own"].std() > 0.05
    spectrum = np.abs(np.fft.rfft(heard["other.wav"][0]))
    assert np.fft.rfftfreq(heard["other.wav"].shape[1], 1 / RATE)[spectrum.argmax()] == pytest.approx(
        900, abs=10
    )


def test_a_video_without_sound_is_heard_as_none_and_a_deaf_model_hears_nothing(tmp_path, video):
    silent = videos.moving_dot(tmp_path / "silent.mp4", sounds=())
    for model, source in ((Listener(), silent), (Listener(sound=False), video)):
        stream = predict(model, source)
        list(stream)
        assert stream.sound == "none"
        assert set(model.sounds) == {None}


def test_sound_shorter_than_the_picture_ends_in_zeros(tmp_path):
    path = videos.moving_dot(tmp_path / "short.mp4", frames=40, sounds=(videos.Sound(seconds=0.5),))
    model = Listener()
    maps_of(model, path)
    assert model.sounds[9].std() > 0.05
    assert not model.sounds[39].any()


def test_folder_of_images_with_its_sound(tmp_path):
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(12):
        Image.fromarray(videos.dot(index, (30, 40))).save(folder / f"{index + 1}.png")
    sound = videos.write_sound(tmp_path / "x.wav", videos.Sound("pcm_s16le"), videos.tone(44100, 1.0))
    model = Listener()
    predictions = maps_of(model, folder, frame_rate=10, audio=sound)
    assert [prediction.time for prediction in predictions] == pytest.approx([i / 10 for i in range(12)])
    assert model.sounds[8].shape == (1, 8 * RATE // 10)
    assert model.sounds[8].std() > 0.05


def test_fitted_frames_are_padded_and_maps_cropped_again(tmp_path):
    path = videos.moving_dot(tmp_path / "wide.mp4", frames=10, size=(24, 96))
    model = Listener(resize="fit")
    prediction = maps_of(model, path)[5]
    assert prediction.map.shape == (8, 32)
    assert not model.frames[5][:, :, :8].any()
    assert model.frames[5][:, :, 8:16].any()


def test_damaged_video_gives_what_decodes_and_says_what_is_lost(tmp_path):
    path = videos.moving_dot(tmp_path / "cut.mkv", frames=100)
    videos.truncate(path, 0.5)
    stream = predict(Listener(), path)
    count = len(list(stream))
    assert 10 < count < 100
    assert stream.video.damage in stream.damage
    assert "missing" in stream.video.damage.describe()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_gives_float32_maps(video, precision):
    prediction = maps_of(Listener(), video, precision=precision, end=0.04)[0]
    assert prediction.map.dtype == np.float32


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"batch_size": 0}, {"precision": "int8"}, {"start": 2.0, "end": 1.0}]
)
def test_settings_that_make_no_sense_are_named(video, options):
    with pytest.raises(ConfigError, match=next(iter(options)).replace("start", "end")):
        predict(Listener(), video, **options)


def test_a_part_beyond_the_video_is_an_error(video):
    with pytest.raises(MediaError, match="none could be decoded"):
        maps_of(Listener(), video, start=100.0)


def test_maps_that_are_not_finite_are_an_error(video):
    model = Listener()
    forward = model.forward
    model.forward = lambda frames, audio: forward(frames, audio) * float("nan")
    with pytest.raises(AvsalRuntimeError, match="not finite"):
        maps_of(model, video)


MEASURE = """
import collections, re, sys
from listeners import Listener
from avsal.prediction import predict
model = Listener()
model.frames, model.sounds = collections.deque(maxlen=1), collections.deque(maxlen=1)
for prediction in predict(model, sys.argv[1], batch_size=8):
    pass
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the process's peak memory is read from /proc"
)
def test_memory_does_not_grow_with_the_video(tmp_path):
    used = []
    for seconds in (10, 200):  # pictures of 175 MB more, were they held
        path = videos.moving_dot(
            tmp_path / f"{seconds}.mp4",
            frames=25 * seconds,
            size=(96, 128),
            picture_options={"preset": "ultrafast"},
        )
        run = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        used.append(int(run.stdout))
    assert used[1] - used[0] < 80, f"MB used by the short and the long video: {used}"


def test_who_iterates_again_goes_on(tmp_path):
    stream = predict(Listener(), videos.moving_dot(tmp_path / "dot.mp4", frames=12))
    seen = [next(iter(stream)).index, next(stream).index, *(one.index for one in stream)]
    assert seen == list(range(12))
    assert list(stream) == []


@pytest.mark.parametrize("size", [(160, 90), (90, 160)])
def test_a_round_blob_stays_round_in_portrait_and_landscape_with_the_default_model(tmp_path, size):
    spec = load_model().spec
    model = Listener()
    model.spec = replace(spec, num_frames=8, sample_rate=None)
    y, x = np.mgrid[: size[0], : size[1]]
    disc = np.exp(-((y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2) / (2 * 9.0**2))
    picture = np.repeat((255 * disc).astype(np.uint8)[..., None], 3, -1)
    path = videos.write_video(tmp_path / "a.mp4", [picture] * 2, [0.0, 0.04], [], size=size, frame_rate=25)
    found = next(iter(predict(model, path))).map
    blob = resize_map(found - found.min(), size)
    blob = np.where(blob > 0.2 * blob.max(), blob, 0)
    across = [
        np.sqrt((blob * (at - (blob * at).sum() / blob.sum()) ** 2).sum() / blob.sum()) for at in (y, x)
    ]
    assert across[0] == pytest.approx(across[1], rel=0.05)
    assert across[0] > 5
