import pickle
from functools import cache

import numpy as np
import pytest
from fake_media import write_mat, write_video
from observer_agreement import halves_and_centre

from avsal.errors import ConfigError, DatasetError
from datasets_av import beihang
from datasets_av.beihang import Mufvet
from datasets_av.matfile import read_mat
from datasets_av.video_clock import video_clock

#: subject, video, start ms, duration ms, x, y; videos of 6 frames at 25 a second, 48x32
ROWS = [
    [1, 1, 0, 80, 10, 20],  # frames 0 and 1
    [2, 1, 79, 42, 47, 31],  # frames 2 and 3
    [2, 1, 100, 900, 3, 4],  # frames 3 to 5, cut at the end
    [1, 1, 110, 50, 5, 32],  # below the picture
    [3, 1, 500, 80, 9, 9],  # after the video
    [1, 2, 0, 400, 1, 1],
]


@pytest.fixture
def root(tmp_path):
    names = np.array(["001", "002", "003"], dtype=object)
    info = {
        "name_list": names,
        "size": np.array([[48, 32], [48, 32], [48, 32]], np.uint16),
        "frames": np.array([6, 7, 6], np.uint16),
        "class": np.empty((0, 0)),
    }
    database = {"video_names_list": names, "videos_info": info, "fixdata": np.array(ROWS, np.uint16)}
    write_mat(tmp_path / "video_database.mat", {"video_database": database})
    write_video(tmp_path / "videos/001.mp4")
    write_video(tmp_path / "videos/002.mp4", sound=False)
    return tmp_path


def test_events_are_laid_on_the_frames_they_cover(root):
    first, _ = Mufvet(root)
    assert (first.id, first.dataset, first.split, first.num_frames) == ("001", "mufvet", None, 6)
    fixations = pickle.loads(pickle.dumps(first)).load_fixations()
    assert fixations.size == (32, 48)
    rows = list(zip(fixations.frame.tolist(), fixations.observer.tolist(), fixations.x.tolist(), strict=True))
    assert rows == [(0, 1, 10), (1, 1, 10), (2, 2, 47), (3, 2, 47), (3, 2, 3), (4, 2, 3), (5, 2, 3)]
    assert fixations.dropped == {
        "fixations outside the picture": 1,
        "fixations after the video": 1,
        "fixations partly after the video": 1,
    }


def test_a_video_without_sound_says_so(root):
    with_sound, without = Mufvet(root)
    assert with_sound.audio == with_sound.frames
    assert without.audio is None


def test_missing_videos_are_problems_and_other_frame_counts_are_notes(root):
    dataset = Mufvet(root)
    assert [recording.id for recording in dataset] == ["001", "002"]
    assert len(dataset.problems) == 1
    assert "videos/003.mp4 (or .avi) but found none; extract it" in dataset.problems[0]
    assert len(dataset.notes) == 1
    assert "002.mp4 has 6 frames, the list 7" in dataset.notes[0]
    with pytest.raises(DatasetError, match=r"003\.mp4"):
        list(Mufvet(root, strict=True))


def test_points_are_scaled_where_the_video_at_hand_is_of_another_size(root):
    write_video(root / "videos/001.mp4", size=(64, 96))
    first = next(iter(Mufvet(root)))
    fixations = first.load_fixations()
    assert fixations.size == (64, 96)
    assert (fixations.x[0], fixations.y[0]) == (20, 40)


def test_the_picture_clock_begins_at_a_late_first_picture(root, monkeypatch):
    def late(path):
        clock = video_clock(path)
        return type(clock)(clock.times + 0.08, clock.size)

    monkeypatch.setattr(beihang, "video_clock", late)
    on_container = next(iter(Mufvet(root))).load_fixations()
    assert on_container.dropped["fixations before the video"] == 1
    assert on_container.frame.tolist() == [0, 1, 1, 2, 3, 4, 5]
    on_picture = next(iter(Mufvet(root, clock="picture"))).load_fixations()
    assert on_picture.frame.tolist() == [0, 1, 2, 3, 3, 4, 5]


def test_what_is_no_such_database_is_one_clear_line(root, tmp_path):
    with pytest.raises(ConfigError, match="publishes no split"):
        Mufvet(root, split="test")
    (tmp_path / "other").mkdir()
    with pytest.raises(DatasetError, match=r"expected `video_database\.mat` in .*other but found nothing"):
        Mufvet(tmp_path / "other")
    whole = (root / "video_database.mat").read_bytes()
    (root / "video_database.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"video_database\.mat is no readable MATLAB file"):
        Mufvet(root)
    write_mat(root / "video_database.mat", {"video_database": {"video_names_list": "001"}})
    with pytest.raises(DatasetError, match=r"expected `video_database\.videos_info`"):
        Mufvet(root)


@pytest.mark.data
def test_viewers_of_real_videos_predict_each_other_far_better_than_the_centre(shared_data):
    dataset = Mufvet(shared_data / "mufvet")
    scores = {recording.id: halves_and_centre(recording) for recording in dataset}
    assert sorted(scores) == ["011", "012", "022", "023", "025", "035", "071"]
    for halves, centre in scores.values():
        assert 5 < halves < 10
        assert -0.5 < centre < 2.5
        assert halves > centre + 2.5
    assert len(dataset.problems) == 68


@pytest.mark.data
def test_real_videos_have_the_released_viewers_sound_and_frames(shared_data):
    videos = {recording.id: recording for recording in Mufvet(shared_data / "mufvet")}
    assert [name for name, recording in videos.items() if recording.audio is None] == ["071"]
    fixations = videos["011"].load_fixations()
    assert fixations.observers == tuple(range(1, 40))
    assert fixations.size == (720, 1280)
    assert len(fixations) == 16301
    assert fixations.dropped["fixations before the video"] == 125
    assert videos["011"].num_frames == len(video_clock(videos["011"].frames).times) == 523


@cache
def faces_of(folder, number):
    """Of each face and frame whether it speaks, and where its middle is."""
    speaking = read_mat(folder / f"annotations/mouthMotion{number}.mat")["mouthMotion"]
    speaking = np.array([np.asarray(face["face"]).reshape(-1) > 0 for face in speaking])
    centres = np.full((*speaking.shape, 2), np.nan)
    for frame, content in enumerate(read_mat(folder / f"annotations/final{number}.mat")["final"]):
        faces = content["shapes"] if isinstance(content["shapes"], list) else [content["shapes"]]
        for face, landmarks in enumerate(faces):
            centres[face, frame] = np.asarray(landmarks["shape"]).mean(axis=0)
    return speaking, centres


def share_on_speakers(folder, recording):
    """Of the gaze on frames with a speaking and a silent face, how much is nearest to a speaking face."""
    speaking, centres = faces_of(folder, int(recording.id))
    fixations = recording.load_fixations()
    telling = speaking.any(axis=0) & ~speaking.all(axis=0)
    fixations = fixations.select(telling[np.minimum(fixations.frame, len(telling) - 1)])
    distance = np.hypot(
        centres[:, fixations.frame, 0] - fixations.x, centres[:, fixations.frame, 1] - fixations.y
    )
    return speaking[np.nanargmin(distance, axis=0), fixations.frame].mean()


@pytest.mark.data
def test_gaze_follows_speakers_better_on_the_containers_clock(shared_data):
    """Videos whose picture starts a second or more late: the clocks differ only there."""
    folder = shared_data / "mufvet"
    shares = {}
    for clock in ("container", "picture"):
        late = [
            recording
            for recording in Mufvet(folder, clock=clock)
            if recording.id in {"011", "023", "025", "035"}
        ]
        shares[clock] = [share_on_speakers(folder, recording) for recording in late]
    container, picture = np.array(shares["container"]), np.array(shares["picture"])
    assert container.mean() == pytest.approx(0.724, abs=0.01)
    assert picture.mean() == pytest.approx(0.681, abs=0.01)
    assert (container > picture).sum() == 3
    assert (container - picture).min() > -0.01
