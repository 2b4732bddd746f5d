import re

import numpy as np
import pytest
from fake_media import write_video, write_wav

from avsal.errors import ConfigError, DatasetError
from datasets_av.dataset import open_dataset
from datasets_av.diem_raw import DiemRaw, event_files, read_gaze

NAME = "advert_bbc4_bees_1024x576"  # one of the 20 videos, tested
OTHER = "arctic_bears_1066x710"  # trained on
OUTSIDE = "ami_ib4010_left_720x576"  # in no list but one of the 20
SIZE = (576, 1024)
LEFT, TOP = (1280 - 1024) / 2, (960 - 576) / 2


def row(frame, left, right, events=(1, 1)):
    """One line of an event file from two points of the video."""
    numbers = [
        left[0] + LEFT,
        left[1] + TOP,
        1200.0,
        events[0],
        right[0] + LEFT,
        right[1] + TOP,
        1300.0,
        events[1],
    ]
    return "\t".join([str(frame), *map(str, numbers)])


def write_events(folder, recording, name, rows):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recording}_{name}.txt"
    path.write_text("\n".join(rows) + "\n")
    return path


def add_video(root, name, *, num_frames=6, size=(32, 48)):
    write_video(root / name / "video" / f"{name}.mp4", num_frames=num_frames, size=size)
    write_wav(root / name / "audio" / f"{name}.wav", seconds=0.25, rate=48000)
    rows = [row(frame, (10 * frame, 20), (10 * frame + 4, 26)) for frame in range(1, num_frames + 1)]
    write_events(root / name / "event_data", "diem5s01.asc_15", name, rows)
    write_events(root / name / "event_data", "diem2s12.asc_3", name, rows[:2])


def test_release_is_read_in_pixels_of_the_video(tmp_path):
    add_video(tmp_path, NAME)
    dataset = open_dataset("diem_raw", tmp_path, split="test")
    (recording,) = dataset
    assert (recording.id, recording.dataset, recording.split) == (NAME, "diem_raw", "test")
    assert (recording.num_frames, recording.frame_rate) == (6, None)
    assert recording.audio == tmp_path / NAME / "audio" / f"{NAME}.wav"
    fixations = recording.load_fixations()
    assert fixations.size == SIZE
    assert fixations.observers == (2012, 5001)
    np.testing.assert_array_equal(fixations.frame, [0, 0, 1, 1, 2, 3, 4, 5])
    first = fixations.at(0)
    np.testing.assert_allclose(first.x, [12, 12])
    np.testing.assert_allclose(first.y, [23, 23])
    assert fixations.dropped == {}
    assert len(dataset.problems) == 16
    assert "name says 1024x576" in dataset.notes[0]


@pytest.mark.parametrize(("eyes", "x", "kept"), [("both", 102, 1), ("left", 100, 4), ("right", 104, 3)])
def test_each_eye_and_both_are_counted_by_reason(tmp_path, eyes, x, kept):
    events = [(1, 1), (1, 2), (2, 1), (0, 1), (1, 0), (-1, 0), (1, -1)]
    rows = [row(frame, (100, 50), (104, 50), pair) for frame, pair in enumerate(events, 1)]
    write_events(tmp_path, "diem1s07.asc_1", NAME, rows)
    fixations = read_gaze(event_files(tmp_path, NAME), SIZE, eyes=eyes)
    assert len(fixations) == kept
    np.testing.assert_allclose(fixations.x, x)
    assert fixations.observers == (1007,)
    assert (
        fixations.dropped
        == {
            "both": {"samples in saccades": 2, "samples in blinks": 2, "samples with a tracker error": 2},
            "left": {"samples in saccades": 1, "samples in blinks": 1, "samples with a tracker error": 1},
            "right": {"samples in saccades": 1, "samples in blinks": 2, "samples with a tracker error": 1},
        }[eyes]
    )


def test_an_event_that_the_release_does_not_explain_is_counted_as_such(tmp_path):
    rows = [row(1, (9, 9), (9, 9), (float("nan"), 1)), row(2, (9, 9), (9, 9), (7, 1))]
    write_events(tmp_path, "diem1s07.asc_1", NAME, rows)
    fixations = read_gaze(event_files(tmp_path, NAME), SIZE)
    assert len(fixations) == 0
    assert fixations.dropped == {"samples of an unknown event": 2}


def test_points_beside_the_video_and_after_its_end_are_dropped_not_moved(tmp_path):
    points = [(-0.1, 5), (0, 0), (1023.9, 575.9), (1024, 5), (5, 576), (5, -3), (float("nan"), 5), (9, 9)]
    rows = [row(frame, point, point) for frame, point in enumerate(points, 1)]
    write_events(tmp_path, "diem5s02.asc_1", NAME, rows)
    fixations = read_gaze(event_files(tmp_path, NAME), SIZE, num_frames=7)
    np.testing.assert_array_equal(fixations.frame, [1, 2])
    np.testing.assert_allclose(fixations.x, [0, 1023.9])
    assert fixations.dropped == {
        "samples outside the picture": 4,
        "samples without a position": 1,
        "samples after the video": 1,
    }


def test_protocols_choose_videos_and_frames(tmp_path):
    for name in (NAME, OTHER, OUTSIDE):
        add_video(tmp_path, name, num_frames=3)
    write_video(tmp_path / OUTSIDE / "video" / f"{OUTSIDE}.mp4", num_frames=310)
    roles = {recording.id: recording.split for recording in DiemRaw(tmp_path)}
    assert roles == {NAME: "test", OTHER: "train", OUTSIDE: None}
    assert [recording.id for recording in DiemRaw(tmp_path, split="train")] == [OTHER]
    lengths = {recording.id: recording.num_frames for recording in DiemRaw(tmp_path, protocol="diem20")}
    assert lengths == {NAME: 3, OUTSIDE: 300}


@pytest.mark.parametrize(
    ("part", "content", "pattern"),
    [
        ("event_data/diem5s01.asc_15_{}.txt", "1\t2\t3\n", "expected 9 columns but found 3 columns"),
        ("event_data/diem5s01.asc_15_{}.txt", "\n", "expected 9 columns but found no row"),
        ("event_data/diem5s01.asc_15_{}.txt", "a\tb\n", "expected numbers in 9 columns"),
        (
            "event_data/diem5s01.asc_15_{}.txt",
            "nan" + 8 * "\t1" + "\n",
            "expected a frame number in every row",
        ),
        ("event_data/diem5s01.asc_15_{}.txt", "1\t2\n1\t2\t3\n", "expected numbers in 9 columns"),
    ],
)
def test_damaged_event_files_name_themselves(tmp_path, part, content, pattern):
    add_video(tmp_path, NAME)
    path = tmp_path / NAME / part.format(NAME)
    path.write_text(content)
    dataset = DiemRaw(tmp_path, split="test")
    with pytest.raises(DatasetError, match="no recording with readable gaze"):
        list(dataset.with_gaze())
    assert any(f"{path}: {pattern}" in line for line in dataset.problems)


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("video/{}.mp4", r"but found none; extract it"),
        ("audio/{}.wav", r"expected the sound at .*there is none"),
        ("event_data/diem5s01.asc_15_{}.txt", r"expected event files .* found none"),
    ],
)
def test_missing_parts_are_one_clear_line(tmp_path, part, pattern):
    first = "BBC_life_in_cold_blood_1278x710"
    add_video(tmp_path, first)
    add_video(tmp_path, NAME)
    (tmp_path / first / "event_data" / f"diem2s12.asc_3_{first}.txt").unlink()
    (tmp_path / first / part.format(first)).unlink()
    dataset = DiemRaw(tmp_path, split="test")
    assert [recording.id for recording in dataset] == [NAME]
    assert re.match(f"{first}: .*{pattern}", dataset.problems[0])
    with pytest.raises(DatasetError, match=f"{first}: .*{pattern}"):
        list(DiemRaw(tmp_path, split="test", strict=True))


def test_event_file_whose_name_tells_no_observer_is_refused(tmp_path):
    write_events(tmp_path, "someone", NAME, [row(1, (1, 1), (1, 1))])
    with pytest.raises(DatasetError, match="expected a name like diem5s01"):
        event_files(tmp_path, NAME)


def test_unknown_eye_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="`eyes` must be one of both, left, right"):
        DiemRaw(tmp_path, eyes="middle")


@pytest.mark.data
def test_real_recordings_of_one_video_lie_in_the_video(shared_data):
    files = event_files(shared_data / "diem_gaze" / OTHER, OTHER)
    fixations = read_gaze(files, (710, 1066), 2785)
    assert len(files) == len(fixations.observers) == 49
    assert len(fixations) == 114090
    assert fixations.dropped == {
        "samples in saccades": 10933,
        "samples in blinks": 9696,
        "samples with a tracker error": 1545,
        "samples outside the picture": 201,
    }
    assert len(fixations) + sum(fixations.dropped.values()) == 49 * 2785
    # gaze is drawn to the middle of the video, which tells that the offset of the screen is right
    assert np.median(fixations.x) == pytest.approx(533, abs=40)
    assert np.median(fixations.y) == pytest.approx(355, abs=40)
    # a row of the raw file, by hand: x (620.5 + 636.1) / 2 - 107, y (496.0 + 482.8) / 2 - 125
    first = fixations.select((fixations.frame == 0) & (fixations.observer == 5012))
    assert (first.x[0], first.y[0]) == pytest.approx((521.3, 364.4))


@pytest.mark.data
def test_real_observers_agree_with_each_other_more_than_with_the_middle(shared_data):
    fixations = read_gaze(event_files(shared_data / "diem_gaze" / OTHER, OTHER), (710, 1066), 2785)
    halves = fixations.observer % 2 == 0
    distances = []
    for frame in range(100, 2700, 50):
        now = fixations.frame == frame
        one, two = ((fixations.x[now & half], fixations.y[now & half]) for half in (halves, ~halves))
        between = np.hypot(np.median(one[0]) - np.median(two[0]), np.median(one[1]) - np.median(two[1]))
        distances.append((between, np.hypot(np.median(one[0]) - 533, np.median(one[1]) - 355)))
    between, middle = np.median(distances, axis=0)
    assert between < 0.5 * middle
