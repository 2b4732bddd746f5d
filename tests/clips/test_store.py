import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from avsal.clips import Store, StoreSettings, array_file, prepare, store_writer
from avsal.errors import ConfigError, DatasetError, MediaError
from avsal.media import load_sound, open_frames
from avsal.types import Fixations, Recording, ScreenGeometry

SIZE = (24, 32)
SAMPLE_RATE = 16000
SETTINGS = StoreSettings((12, 16), sample_rate=SAMPLE_RATE)


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, round(seconds * SAMPLE_RATE)).astype(np.float32)


def test_what_is_stored_is_what_prediction_would_read(maker):
    recording = maker.recording("a", sound=noise(0.48))
    stored = maker.store([recording]).recordings[0]
    frames = list(open_frames(recording.frames, (12, 16)))
    np.testing.assert_array_equal(stored.frames(range(12)), np.stack([frame.image for frame in frames]))
    np.testing.assert_allclose(
        stored.spans, [(frame.time, frame.time + frame.duration) for frame in frames], atol=1e-12
    )
    np.testing.assert_array_equal(
        stored.sound(0, round(0.48 * SAMPLE_RATE)), load_sound(recording.frames, SAMPLE_RATE)[0]
    )
    assert (stored.num_frames, stored.size, stored.video_size) == (12, (12, 16), SIZE)
    assert (stored.frame_rate, stored.sample_rate) == (25.0, SAMPLE_RATE)
    assert (stored.has_sound, stored.maps) == (True, None)


def test_frames_may_repeat_and_run_backwards(maker):
    stored = maker.store([maker.recording("a")]).recordings[0]
    indices = (3, 2, 2, 11, 0)
    np.testing.assert_array_equal(stored.frames(indices)[:, 0, 0, 0], 4 * np.array(indices))


def test_fixations_keep_pixels_of_the_video_observers_screen_and_what_was_dropped(maker):
    screen = ScreenGeometry((1080, 1920), (30.0, 53.0), 60.0)
    frame = np.array([5, 0, 5, 11])
    points = Fixations(frame, [1.25, 31.9, 7, 8], [0, 23.5, 2, 3], [4, -1, 2, 9], SIZE, screen, {"blinks": 7})
    stored = maker.store([maker.recording("a", points=points)]).recordings[0]
    order = [1, 0, 2, 3]
    read = stored.fixations
    for name in ("frame", "x", "y", "observer"):
        np.testing.assert_array_equal(getattr(read, name), getattr(points, name)[order])
    assert (read.size, read.geometry, read.dropped) == (SIZE, screen, {"blinks": 7})
    chosen = stored.fixations_at([11, 5, 3, 5])
    np.testing.assert_array_equal(chosen.frame, [0, 1, 1, 3, 3])
    np.testing.assert_array_equal(chosen.observer, [9, 4, 2, 4, 2])


def test_fixations_of_another_size_than_the_video_stay_as_they_are(maker):
    points = Fixations([0, 4], [50.0, 3.0], [40.0, 2.0], [1, 2], (48, 64))
    stored = maker.store([maker.recording("a", points=points)]).recordings[0]
    assert (stored.video_size, stored.fixations.size) == (SIZE, (48, 64))
    np.testing.assert_array_equal(stored.fixations.x, points.x)


def test_a_recording_without_any_fixation_is_stored(maker):
    nobody = Fixations([], [], [], [], SIZE)
    stored = maker.store([maker.recording("a", points=nobody)]).recordings[0]
    assert (stored.num_fixations, len(stored.fixations), len(stored.fixations_at([0, 5]))) == (0, 0, 0)


def test_sound_lasts_as_long_as_the_picture_and_starts_with_the_video_clock(maker):
    """The picture begins 0.4 s after the sound and both lie on one clock; the sound goes on too long."""
    recording = maker.recording("a", 10, late=0.4, sound=noise(1.5))
    stored = maker.store([recording]).recordings[0]
    assert stored.spans[0, 0] == pytest.approx(0.4)
    end = round(stored.spans[-1, 1] * SAMPLE_RATE)
    assert len(np.load(stored.folder / "sound.npy")) == end
    np.testing.assert_array_equal(stored.sound(0.3, 800), noise(1.5)[4800:5600])
    np.testing.assert_array_equal(stored.sound(-0.01, 320)[:160], 0)
    np.testing.assert_array_equal(stored.sound(-0.01, 320)[160:], noise(1.5)[:160])
    np.testing.assert_array_equal(stored.sound(end / SAMPLE_RATE - 0.01, 320)[160:], 0)


def test_sound_in_a_file_of_its_own_is_brought_to_the_model_s_rate(maker):
    recording = maker.recording("a")
    wav = maker.folder / "a.wav"
    tone = 0.4 * np.sin(2 * np.pi * 500 * np.arange(22050) / 44100)
    soundfile.write(wav, np.stack([tone, tone], 1), 44100)
    stored = maker.store([replace(recording, audio=wav)]).recordings[0]
    expected = 0.4 * np.sin(2 * np.pi * 500 * np.arange(7680) / SAMPLE_RATE)
    np.testing.assert_allclose(stored.sound(0, 7680)[200:-200], expected[200:-200], atol=2e-3)


def test_no_sound_is_not_silence(maker):
    stored = maker.store([maker.recording("a"), maker.recording("b", sound=np.zeros(7680))]).recordings
    assert [recording.has_sound for recording in stored] == [False, True]
    assert not (stored[0].folder / "sound.npy").exists()
    assert "digital silence" in stored[1].notes[0]


def test_sound_that_ends_early_is_noted_and_followed_by_zeros(maker):
    stored = maker.store([maker.recording("a", 50, sound=noise(0.5))]).recordings[0]
    assert "ends 1.5 s before the pictures" in stored.notes[0]
    assert not stored.sound(0.5, SAMPLE_RATE).any()


def test_folders_of_images_take_their_frame_rate_from_the_recording(maker):
    folder = maker.folder / "frames"
    folder.mkdir()
    for index in range(5):
        Image.fromarray(np.full((24, 32, 3), 40 * index, np.uint8)).save(folder / f"{index + 1:04d}.png")
    nobody = Fixations([], [], [], [], SIZE)
    recording = Recording("a", "fake", folder, frame_rate=10.0, load_fixations=lambda: nobody)
    stored = maker.store([recording]).recordings[0]
    np.testing.assert_allclose(stored.spans[:, 0], np.arange(5) / 10)
    np.testing.assert_array_equal(stored.frames(range(5))[:, 0, 0, 0], 40 * np.arange(5))


def test_only_the_published_frames_are_stored_and_later_gaze_is_counted(maker):
    recording = replace(maker.recording("a"), num_frames=8)
    stored = maker.store([recording]).recordings[0]
    assert (stored.num_frames, stored.num_fixations) == (8, 16)
    assert stored.dropped == {"fixations after the last stored frame": 8}


def test_fewer_frames_than_published_are_noted(maker):
    stored = maker.store([replace(maker.recording("a"), num_frames=20)]).recordings[0]
    assert stored.notes == ("a.mkv has 12 frames, published are 20",)


def test_fit_keeps_each_video_s_aspect_ratio(maker):
    wide, tall = maker.recording("tall", size=(32, 16)), maker.recording("wide", size=(16, 32))
    stored = maker.store([wide, tall], size=(16, 16), resize="fit").recordings
    assert [recording.size for recording in stored] == [(16, 8), (8, 16)]


def density(frame: int) -> np.ndarray:
    image = np.zeros(SIZE, np.float32)
    image[2 * (frame % 8) : 2 * (frame % 8) + 4, 4:12] = 200
    return image


def test_maps_are_kept_where_there_are_no_points_or_where_asked(maker):
    gaze = replace(maker.recording("gaze"), load_density=density)
    maps = replace(gaze, id="maps", load_fixations=None)
    first = maker.store([gaze, maps]).recordings
    assert [recording.maps for recording in first] == [None, "density"]
    assert [recording.num_fixations for recording in first] == [24, None]
    stored = maker.store([gaze], maps=True).recordings[0]
    np.testing.assert_allclose(stored.target_map(3).max(), 1)
    halved = density(3).reshape(12, 2, 16, 2).mean((1, 3)) / 200
    np.testing.assert_allclose(stored.target_map(3)[3:5, 2:6], halved[3:5, 2:6], atol=0.3)
    assert np.corrcoef(stored.target_map(3).ravel(), halved.ravel())[0, 1] > 0.95
    with pytest.raises(DatasetError, match="prepare with maps"):
        first[0].target_map(0)
    with pytest.raises(DatasetError, match="no fixations"):
        _ = first[1].fixations


def test_object_masks_stay_binary(maker):
    recording = replace(maker.recording("a"), load_fixations=None, load_mask=lambda frame: density(frame) > 0)
    stored = maker.store([recording]).recordings[0]
    assert stored.maps == "mask"
    assert set(np.unique(stored.target_map(3))) == {0.0, 1.0}


def test_broken_recordings_are_named_and_leave_nothing_behind(maker):
    good, cut = maker.recording("good"), maker.recording("cut", 40, sound=noise(1.6))
    data = cut.frames.read_bytes()
    cut.frames.write_bytes(data[: len(data) // 2])

    def damaged() -> Fixations:
        raise DatasetError("gaze.mat is damaged; download it again")

    text = maker.folder / "text.wav"
    text.write_text("no sound")

    def unreadable() -> Fixations:
        raise PermissionError(errno.EACCES, "Permission denied", str(maker.folder / "gaze" / "P01.txt"))

    outside = Fixations([0], [SIZE[1] + 0.5], [3.0], [0], SIZE)
    broken = [
        cut,
        replace(good, id="gone", frames=maker.folder / "gone.mkv"),
        replace(good, id="gaze", load_fixations=damaged),
        replace(good, id="sound", audio=text),
        replace(good, id="closed", load_fixations=unreadable),
        replace(good, id="outside", load_fixations=lambda: outside),
    ]
    folder = maker.folder / "store"
    report = prepare([*broken, good], folder, SETTINGS)
    assert (report.stored, len(report.problems)) == (1, 6)
    for problem, word in zip(
        report.problems, ["cut", "gone.mkv", "gaze.mat", "text.wav", "P01.txt", "outside"], strict=True
    ):
        assert word in problem
        assert "\n" not in problem
    store = Store(folder)
    assert [recording.id for recording in store] == ["good"]
    assert store.problems == report.problems
    assert [path.name for path in (folder / "fake").iterdir()] == ["good"]


def test_videos_without_ground_truth_are_counted_and_not_stored(maker):
    good = maker.recording("good")
    held_out = [replace(good, id=f"test{number}", load_fixations=None) for number in range(3)]
    report = prepare([*held_out, good], maker.folder / "store", SETTINGS)
    assert report.problems == ()
    assert report.notes == ("3 recordings have neither gaze nor maps and are not stored",)
    assert [recording.id for recording in Store(maker.folder / "store")] == ["good"]


def test_running_again_keeps_what_is_stored_and_redoes_what_has_changed(maker):
    recordings = [maker.recording("a"), maker.recording("b")]
    folder = maker.folder / "store"
    assert prepare(recordings, folder, SETTINGS).stored == 2
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("frames.npy")}
    recordings[1] = maker.recording("b", 15)
    report = prepare([*recordings, maker.recording("c")], folder, SETTINGS)
    assert (report.stored, report.kept) == (2, 1)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("frames.npy")}
    assert [path.parent.name for path in before if before[path] == after[path]] == ["a"]
    assert [recording.num_frames for recording in Store(folder)] == [12, 15, 12]
    assert prepare([], folder, SETTINGS).kept == 0
    assert len(Store(folder)) == 3


def test_threads_store_the_same_as_one(maker):
    recordings = [maker.recording(name, sound=noise(0.48)) for name in "abcdef"]
    one, four = maker.folder / "one", maker.folder / "four"
    prepare(recordings, one, SETTINGS, workers=1)
    prepare(recordings, four, SETTINGS, workers=4)
    assert Store(one).fingerprint == Store(four).fingerprint
    for path in one.rglob("*.npy"):
        assert path.read_bytes() == (four / path.relative_to(one)).read_bytes()


def test_the_fingerprint_tells_another_gaze(maker):
    first, second = maker.recording("a"), maker.recording("a")
    moved = first.load_fixations()
    moved = Fixations(moved.frame, moved.x + 0.01, moved.y, moved.observer, SIZE)
    stores = [maker.store([item]) for item in (first, second, replace(first, load_fixations=lambda: moved))]
    assert stores[0].fingerprint == stores[1].fingerprint != stores[2].fingerprint


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (StoreSettings((12, 18), sample_rate=SAMPLE_RATE), "size"),
        (StoreSettings((12, 16), sample_rate=22050), "sample_rate"),
        (StoreSettings((12, 16), "fit", SAMPLE_RATE), "resize"),
        (StoreSettings((12, 16), sample_rate=SAMPLE_RATE, reader={"fold": 1}), "reader"),
    ],
)
def test_a_store_made_otherwise_is_refused_by_name(maker, other, word):
    folder = maker.store([maker.recording("a")]).folder
    with pytest.raises(ConfigError, match=f"was prepared with {word} "):
        prepare([maker.recording("b")], folder, other)


def test_a_folder_that_is_no_store_is_left_alone(maker):
    folder = maker.folder / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_text("")
    with pytest.raises(ConfigError, match=r"holiday\.jpg"):
        prepare([maker.recording("a")], folder, SETTINGS)
    assert [path.name for path in folder.iterdir() if path.name[0] != "."] == ["holiday.jpg"]
    with pytest.raises(MediaError, match="cannot write"):
        prepare([], folder / "holiday.jpg" / "store", SETTINGS)


def test_two_recordings_of_one_id_are_refused(maker):
    with pytest.raises(ConfigError, match="its own id"):
        prepare([maker.recording("a"), maker.recording("a")], maker.folder / "store", SETTINGS)


def test_ids_that_are_no_file_names_keep_apart(maker):
    recording = maker.recording("a")
    odd = [replace(recording, id=name) for name in ("a/b", "a_b", "../a", "ä b", ".hidden")]
    store = maker.store(odd)
    assert {item.id for item in store} == {item.id for item in odd}
    assert all(item.folder.parent == store.folder / "fake" for item in store)


def test_the_need_is_told_before_anything_is_read_and_checked(maker, monkeypatch):
    told = []
    recordings = [maker.recording("a", sound=noise(0.48)), maker.recording("b")]
    recordings = [replace(item, num_frames=12) for item in recordings]
    folder = maker.folder / "store"
    prepare(recordings[:1], folder, SETTINGS, announce=told.append)
    stored = sum(path.stat().st_size for path in folder.rglob("*.npy"))
    assert told[0].num_frames == 12
    assert told[0].num_bytes == pytest.approx(stored, abs=2000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 2**26))
    with pytest.raises(ConfigError, match="GB free"):
        prepare(recordings, folder, SETTINGS, announce=told.append)
    assert (told[1].num_recordings, told[1].num_kept) == (1, 1)


def test_a_full_disk_stops_with_one_line_and_keeps_what_is_whole(maker, monkeypatch):
    recordings = [maker.recording("a"), maker.recording("b", 20)]
    folder = maker.folder / "store"
    append = array_file.GrowingArray.append

    def full(self, row):
        if self.num_rows == 15:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(array_file.GrowingArray, "append", full)
        with pytest.raises(MediaError, match="No space left"):
            prepare(recordings, folder, SETTINGS, workers=1)
    assert [path.name for path in (folder / "fake").iterdir()] == ["a"]
    with pytest.raises(DatasetError, match="not prepared to its end"):
        Store(folder)
    assert prepare(recordings, folder, SETTINGS).kept == 1


def test_a_killed_run_leaves_whole_recordings_and_the_next_goes_on(maker):
    folder = maker.folder / "store"
    first, second = maker.recording("a"), maker.recording("b")
    script = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from avsal.clips import StoreSettings, prepare
        from avsal.types import Fixations, Recording
        nobody = Fixations([], [], [], [], {SIZE})
        def mask(frame):
            Path({str(folder / "waiting")!r}).touch()
            time.sleep(60)
        a = Recording("a", "fake", Path({str(first.frames)!r}), load_fixations=lambda: nobody)
        b = Recording("b", "fake", Path({str(second.frames)!r}), load_mask=mask)
        settings = StoreSettings((12, 16), sample_rate={SAMPLE_RATE})
        prepare([a, b], Path({str(folder)!r}), settings, workers=1)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 50
    while not (folder / "waiting").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ConfigError, match="another process"):
        prepare([first], folder, SETTINGS)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in (folder / "fake").iterdir() if path.name[0] != "."] == ["a"]
    assert len(list((folder / "fake").glob(".b.*.part"))) == 1
    with pytest.raises(DatasetError, match="not prepared to its end"):
        Store(folder)
    report = prepare([first, second], folder, SETTINGS)
    assert (report.stored, report.kept) == (1, 1)
    assert sorted(path.name for path in (folder / "fake").iterdir()) == ["a", "b"]
    assert len(Store(folder)) == 2


def test_an_error_in_one_thread_stops_the_others(maker, monkeypatch):
    started = []

    def fail(recording, folder, settings, advance):
        started.append(recording.id)
        if recording.id == "a":
            raise ZeroDivisionError
        while True:
            advance()
            time.sleep(0.001)

    monkeypatch.setattr(store_writer, "write_recording", fail)
    recordings = [maker.recording(name) for name in "abcd"]
    with pytest.raises(ZeroDivisionError):
        prepare(recordings, maker.folder / "store", SETTINGS, workers=2)
    assert len(started) < 4


def test_selection_by_split_and_id(maker):
    splits = {"a": "train", "b": "test", "c": None}
    recordings = [replace(maker.recording(name), split=split) for name, split in splits.items()]
    store = maker.store(recordings)
    assert [item.id for item in store.select(split="train")] == ["a"]
    assert [item.id for item in store.select(ids={"b", "c"})] == ["b", "c"]
    assert len(store.select(dataset="fake")) == 3
    with pytest.raises(DatasetError, match="lacks the recording 'x' and 1 more"):
        store.select(ids=["a", "x", "y"])
    with pytest.raises(DatasetError, match="no recording of split 'val'"):
        store.select(split="val")


def test_stored_recordings_travel_to_other_processes(maker):
    stored = maker.store([maker.recording("a")]).recordings[0]
    copy = pickle.loads(pickle.dumps(stored))
    np.testing.assert_array_equal(copy.frames([5]), stored.frames([5]))
    assert copy.facts() == stored.facts()


def test_damaged_stores_are_named(maker):
    store = maker.store([maker.recording("a")])
    with pytest.raises(DatasetError, match="avsal data prepare"):
        Store(maker.folder / "nowhere")
    index = store.folder / "index.json"
    whole = index.read_text()
    index.write_text(whole[:40])
    with pytest.raises(DatasetError, match=r"index\.json is damaged"):
        Store(store.folder)
    facts = json.loads(whole)
    del facts["recordings"][0]["num_frames"]
    index.write_text(json.dumps(facts))
    with pytest.raises(DatasetError, match="num_frames"):
        Store(store.folder)
    index.write_text(whole)
    (store.recordings[0].folder / "frames.npy").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"frames\.npy cannot be read"):
        Store(store.folder).recordings[0].frames([0])
    (store.folder / "store.json").write_text('{"format": 9, "settings": {"size": [2, 2]}}')
    with pytest.raises(DatasetError, match="format 9"):
        Store(store.folder)


@pytest.mark.data
def test_real_videos_are_stored_whole(shared_data, tmp_path):
    from datasets_av.beihang import Mufvet

    recording = next(item for item in Mufvet(shared_data / "mufvet") if item.id == "012")
    report = prepare([recording], tmp_path / "store", StoreSettings((48, 64)))
    assert report.problems == ()
    store = Store(tmp_path / "store")
    assert [(item.id, item.num_frames, item.num_fixations) for item in store] == [("012", 396, 12408)]
    assert store.recordings[0].has_sound


def test_stores_of_before_the_names_were_changed_are_read(maker):
    folder = maker.folder / "store"
    prepare([maker.recording("a")], folder, SETTINGS)
    before = Store(folder).recordings[0].video_size
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace('"video_size"', '"film_size"'))
    assert Store(folder).recordings[0].video_size == before
