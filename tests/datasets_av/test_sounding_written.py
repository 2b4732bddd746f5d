import json
import pickle
import shutil

import av
import numpy as np
import pytest

from avsal.errors import DatasetError, MediaError
from datasets_av.dataset import open_dataset
from datasets_av.sounding_objects import SoundingObjects, SoundingObjectVideos, write_videos, writer

VIDEOS = SoundingObjects(cue="synchrony", seed=21, num_frames=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_videos(tmp_path_factory.mktemp("made") / "videos", VIDEOS, {"train": 3, "test": 2})


def decoded(path):
    """Frames (T, H, W, 3), their times (T,), samples (A,), the first sample's time, sample rate."""
    with av.open(str(path)) as video:
        pictures = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in video.decode(video=0)]
    with av.open(str(path)) as video:
        sounds = list(video.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in sounds])
    times, frames = zip(*pictures, strict=True)
    return np.stack(frames), np.array(times), samples, sounds[0].time, sounds[0].sample_rate


def test_written_videos_come_back_as_they_were_made(folder):
    recordings = list(SoundingObjectVideos(folder))
    assert [recording.id for recording in recordings] == [f"{i:06d}" for i in range(5)]
    for index, recording in enumerate(recordings):
        clip = VIDEOS[index]
        frames, times, samples, start, rate = decoded(recording.frames)
        np.testing.assert_allclose(times, clip.scene.times, atol=1e-6)
        error = frames.astype(float) - clip.frames
        assert 10 * np.log10(255**2 / (error**2).mean()) > 32
        assert (start, rate) == (0.0, 22050)
        assert samples.dtype == np.int16
        np.testing.assert_allclose(samples / 32767, clip.sound, atol=0.51 / 32767)
        assert recording.audio == recording.frames
        assert recording.num_frames == 40
        assert recording.category == f"{clip.scene.num_objects} objects"


def test_picture_and_sound_are_in_step_after_decoding(folder):
    for index, recording in enumerate(SoundingObjectVideos(folder)):
        frames, times, samples, _, rate = decoded(recording.frames)
        scene = VIDEOS[index].scene
        seen = []
        for frame, (x, y) in zip(frames, scene.tracks[:, scene.heard[0]].astype(int), strict=True):
            around = np.ptp(frame.astype(float), axis=-1)
            seen.append(around[max(0, y - 12) : y + 13, max(0, x - 12) : x + 13].sum())
        power = samples.astype(float) ** 2
        lags = np.arange(-4, 5)
        match = []
        for lag in lags:
            centres = np.round((times[5:-5] + lag / 25) * rate).astype(int)
            loud = [np.sqrt(power[c - 220 : c + 220].mean()) for c in centres]
            match.append(np.corrcoef(seen[5:-5], loud)[0, 1])
        assert lags[np.argmax(match)] == 0
        assert max(match) > 0.85


def test_gaze_and_densities_come_back_exactly(folder):
    reader = SoundingObjectVideos(folder)
    for index, recording in enumerate(reader):
        clip = VIDEOS[index]
        gaze = recording.load_fixations()
        for name in ("frame", "x", "y", "observer"):
            np.testing.assert_array_equal(getattr(gaze, name), getattr(clip.fixations, name))
        assert gaze.size == clip.fixations.size
        assert gaze.dropped == clip.fixations.dropped
        expected = reader.expected_gaze(recording.id)
        for frame in (0, 17, 39):
            np.testing.assert_array_equal(recording.load_density(frame), clip.gaze.density(frame))
            for sound in (False, True):
                best = clip.gaze.best_map(frame, sound=sound)
                np.testing.assert_array_equal(expected.best_map(frame, sound=sound), best)


def test_the_manifest_rebuilds_the_generator(folder):
    assert SoundingObjectVideos(folder).videos == VIDEOS


def test_splits_are_kept(folder):
    assert [r.id for r in SoundingObjectVideos(folder, split="test")] == ["000003", "000004"]
    assert {r.split for r in open_dataset("sounding_objects", folder, split="train")} == {"train"}
    with pytest.raises(DatasetError, match="no usable recording"):
        list(SoundingObjectVideos(folder, split="val"))


def test_recordings_can_be_sent_to_other_processes(folder):
    recording = pickle.loads(pickle.dumps(next(iter(SoundingObjectVideos(folder)))))
    assert len(recording.load_fixations()) > 0


@pytest.mark.parametrize("part", ["videos/000001.mp4", "gaze/000001.csv", "expected/000001.csv"])
def test_a_missing_file_is_counted_and_named(tmp_path, part):
    root = write_videos(tmp_path / "videos", SoundingObjects(num_frames=2), {"test": 2})
    (root / part).unlink()
    reader = SoundingObjectVideos(root)
    assert [recording.id for recording in reader] == ["000000"]
    assert len(reader.problems) == 1
    assert part.split("/")[1] in reader.problems[0]
    with pytest.raises(DatasetError, match="is missing; write the videos again"):
        list(SoundingObjectVideos(root, strict=True))


def test_damaged_tables_are_named(tmp_path):
    root = write_videos(tmp_path / "videos", SoundingObjects(num_frames=2), {"test": 1})
    recording = next(iter(SoundingObjectVideos(root)))
    gaze, expected = root / "gaze/000000.csv", root / "expected/000000.csv"
    gaze.write_text("frame,x,y\n0,1,2\n")
    with pytest.raises(DatasetError, match="expected the columns frame,x,y,observer"):
        recording.load_fixations()
    gaze.write_text("frame,x,y,observer\n0,1,2\n")
    with pytest.raises(DatasetError, match=r"cannot read .*000000\.csv"):
        recording.load_fixations()
    expected.write_text("\n".join(expected.read_text().splitlines()[:-1]))
    with pytest.raises(DatasetError, match=r"rows in .*000000\.csv but found"):
        recording.load_density(0)


def test_a_folder_of_something_else_is_refused(tmp_path, folder):
    with pytest.raises(DatasetError, match="expected a folder"):
        SoundingObjectVideos(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="expected a manifest"):
        SoundingObjectVideos(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    for change, message in (
        ({"format": 99}, "expected format 1 of sounding_objects"),
        ({"arguments": {"loudness": 3}}, "cannot use"),
        ({"videos": [{"id": "000000"}]}, "cannot use"),
    ):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest | change))
        with pytest.raises(DatasetError, match=message):
            SoundingObjectVideos(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="cannot use"):
        SoundingObjectVideos(tmp_path)


def test_an_unknown_video_is_refused(folder):
    with pytest.raises(DatasetError, match="expected a video such as 000000, 000001, 000002 but got '7'"):
        SoundingObjectVideos(folder).expected_gaze("7")


def test_nothing_is_left_of_a_stopped_run(tmp_path, monkeypatch):
    def fail(path, clip):
        path.write_bytes(b"half a video")
        raise MediaError("the disk is full")

    monkeypatch.setattr(writer, "_write_video", fail)
    with pytest.raises(MediaError):
        write_videos(tmp_path / "videos", SoundingObjects(num_frames=2), {"test": 1})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_written_over(folder):
    with pytest.raises(DatasetError, match="exists; remove it or give another name"):
        write_videos(folder, VIDEOS, {"test": 1})


def test_videos_that_cannot_be_written_are_refused_before_work_starts(tmp_path):
    with pytest.raises(ValueError, match="even height and width"):
        write_videos(tmp_path / "videos", SoundingObjects(size=(65, 112)), {"test": 1})
    with pytest.raises(ValueError, match="at least one video"):
        write_videos(tmp_path / "videos", VIDEOS, {"test": 0})
    assert list(tmp_path.iterdir()) == []


def test_videos_at_television_rate_keep_their_time(tmp_path):
    videos = SoundingObjects(num_frames=60, frame_rate=30000 / 1001, cue="rhythm")
    root = write_videos(tmp_path / "videos", videos, {"test": 1})
    _, times, samples, _, rate = decoded(root / "videos" / "000000.mp4")
    np.testing.assert_allclose(times, videos[0].scene.times, atol=1e-3)
    assert len(samples) / rate == pytest.approx(60 * 1001 / 30000, abs=1e-3)


def test_folders_written_by_earlier_versions_are_read(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    (tmp_path / "old" / "videos").rename(tmp_path / "old" / "films")
    manifest = tmp_path / "old" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"videos":', '"films":'))
    recordings = list(SoundingObjectVideos(tmp_path / "old"))
    assert [one.frames.parent.name for one in recordings] == ["films"] * 5
