import pickle
import shutil

import numpy as np
import pytest
from fake_media import write_image, write_mat, write_video
from scipy import ndimage

from avsal.errors import DatasetError
from avsal.media.video import VideoReader
from datasets_av import dhf1k
from datasets_av.dhf1k import Dhf1k
from datasets_av.dhf1k_gaze import gaze_files, read_recording
from datasets_av.split_tables import read_table

TABLE = tuple(
    {"video": video, "split": split, "num_frames": "4"}
    for video, split in (("0001", "train"), ("0002", "train"), ("0601", "val"), ("0701", "test"))
)
SIZE = (36, 64)


@pytest.fixture(autouse=True)
def short_table(monkeypatch):
    monkeypatch.setattr(dhf1k, "read_table", lambda name: TABLE)


def add_annotation(folder, num_frames=4, *, images=False, fixations="fixation", matlab=False):
    for number in range(1, num_frames + 1):
        points = np.zeros(SIZE, np.uint8)
        points[number, 2 * number] = 255
        write_image(folder / f"maps/{number:04d}.png", np.full(SIZE, 10 * number))
        if matlab:
            write_mat(folder / f"{fixations}/maps/{number:04d}.mat", {"I": points})
        else:
            write_image(folder / f"{fixations}/{number:04d}.png", points)
        if images:
            write_image(folder / f"images/{number:04d}.png", np.full((*SIZE, 3), number))


@pytest.fixture
def root(tmp_path):
    for video in ("0001", "0002", "0601"):
        add_annotation(tmp_path / "annotation" / video)
    for number in (1, 2, 601, 701):
        write_video(tmp_path / f"video/{number:03d}.AVI", num_frames=4, size=SIZE, rate=30, sound=number != 2)
    return tmp_path


def test_the_released_tree_gives_videos_maps_and_points(root):
    recordings = {recording.id: recording for recording in Dhf1k(root)}
    assert {name: recording.split for name, recording in recordings.items()} == {
        "0001": "train",
        "0002": "train",
        "0601": "val",
        "0701": "test",
    }
    first = pickle.loads(pickle.dumps(recordings["0001"]))
    assert first.frames == first.audio == root / "video/001.AVI"
    assert (first.num_frames, first.frame_rate) == (4, None)
    assert recordings["0002"].audio is None
    fixations = first.load_fixations()
    assert fixations.frame.tolist() == [0, 1, 2, 3]
    assert fixations.x.tolist() == [2.5, 4.5, 6.5, 8.5]
    assert fixations.size == SIZE
    np.testing.assert_array_equal(first.load_density(3), np.full(SIZE, 40))


def test_the_test_part_has_no_ground_truth(root):
    (recording,) = Dhf1k(root, split="test")
    assert (recording.id, recording.load_fixations, recording.load_density) == ("0701", None, None)


@pytest.mark.parametrize(
    ("fixations", "matlab"), [("fixation", False), ("fixations", False), ("fixation", True)]
)
def test_bare_folders_of_images_are_read_too(tmp_path, fixations, matlab):
    add_annotation(tmp_path / "0001", images=True, fixations=fixations, matlab=matlab)
    dataset = Dhf1k(tmp_path, split="train")
    (recording,) = dataset
    assert (recording.frames, recording.audio, recording.frame_rate) == (tmp_path / "0001/images", None, 30)
    assert recording.load_fixations().y.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert len(dataset.problems) == 1
    assert "0002 is missing" in dataset.problems[0] or "0002/images is missing" in dataset.problems[0]


def test_extracted_frames_keep_the_sound_of_the_video(root):
    shutil.rmtree(root / "annotation/0001")
    add_annotation(root / "annotation/0001", images=True)
    recording = next(iter(Dhf1k(root, frames="images")))
    assert recording.frames == root / "annotation/0001/images"
    assert recording.audio == root / "video/001.AVI"
    assert recording.frame_rate == 30


def test_what_does_not_fit_together_is_a_problem_that_names_it(root):
    (root / "annotation/0001/maps/0003.png").unlink()
    (root / "video/002.AVI").unlink()
    shutil.rmtree(root / "annotation/0601/fixation")
    dataset = Dhf1k(root)
    assert [recording.id for recording in dataset] == ["0701"]
    first, second, third = dataset.problems
    assert "0001: " in first
    assert "4 published frames, 3 density maps, 4 fixation maps" in first
    assert "video/002.mp4 (or .avi) but found none" in second
    assert "annotation/0601/fixation holds neither images nor" in third
    with pytest.raises(DatasetError, match=r"DHF1K: 0001: .*3 density maps"):
        list(Dhf1k(root, strict=True))


def test_a_video_of_another_length_than_its_maps_is_a_problem(root):
    write_video(root / "video/001.AVI", num_frames=9, size=SIZE, rate=30)
    dataset = Dhf1k(root)
    assert "0001" not in [recording.id for recording in dataset]
    assert "001.AVI has 9 frames, published are 4; extract it again" in dataset.problems[0]


def test_a_video_with_a_frame_more_than_published_is_used_and_said(root):
    write_video(root / "video/001.AVI", num_frames=5, size=SIZE, rate=30)
    dataset = Dhf1k(root)
    assert "0001" in [recording.id for recording in dataset]
    assert "001.AVI has 5 frames, published are 4" in dataset.notes[0]


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DatasetError, match=r"expected `annotation` or `0001` or .* but found holiday; give"):
        Dhf1k(tmp_path)
    (tmp_path / "video").mkdir()
    with pytest.raises(DatasetError, match=r"expected `annotation` .* but found holiday, video; give"):
        Dhf1k(tmp_path)
    with pytest.raises(DatasetError, match="expected `exportdata_train`"):
        Dhf1k(tmp_path, gaze="raw")


HEADER = "Time\tType\tTrial\tL Dia X [px]\tL Dia Y [px]\tL POR X [px]\tL POR Y [px]\tL Event Info\n"


def write_gaze(path, rows):
    """Rows of (microseconds after the start, x, y, event) on the 1440x900 screen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{84_000_000_000 + t}\tSMP\t1\t9\t9\t{x}\t{y}\t{event}\n" for t, x, y, event in rows]
    path.write_text(HEADER + "".join(lines))
    return path


def test_raw_gaze_is_moved_from_the_screen_to_the_video_and_averaged_within_frames(root):
    """On a 64 px wide video a is 64 / 1440 and the video is 810 screen pixels high, 45 below the top."""
    write_gaze(
        root / "exportdata_train/P03/P03_Trail001.txt",
        [
            (0, 720, 450, "Fixation"),  # the middle of the video
            (20_000, 720, 495, "Fixation"),
            (34_000, 0, 45, "Fixation"),  # frame 1, the top left corner
            (40_000, 0, 45, "Saccade"),
            (70_000, 720, 44, "Fixation"),  # above the video
            (72_000, 720, 450, "Blink"),
            (74_000, 720, 450, "-"),
            (100_000, 1439, 450, "Fixation"),  # frame 3
            (134_000, 720, 450, "Fixation"),  # after the video
        ],
    )
    write_gaze(root / "exportdata_train/P11/P11_Trail001.txt", [(0, 360, 450, "Fixation")])
    dataset = Dhf1k(root, gaze="raw", split="train")
    (recording,) = dataset
    assert recording.load_density is None
    fixations = pickle.loads(pickle.dumps(recording)).load_fixations()
    assert fixations.observer.tolist() == [3, 11, 3, 3]
    assert fixations.frame.tolist() == [0, 0, 1, 3]
    np.testing.assert_allclose(fixations.x, [32, 16, 0, 64 - 64 / 1440])
    np.testing.assert_allclose(fixations.y, [19, 18, 0, 18])
    assert fixations.dropped == {
        "samples in saccades": 1,
        "samples in blinks": 1,
        "samples without an event": 1,
        "samples outside the picture": 1,
        "samples after the video": 1,
    }
    assert dataset.notes == ["video 0001: raw gaze of 2 of 17 observers"]
    assert "no P*_Trail002.txt" in dataset.problems[0]


def test_raw_gaze_needs_no_video(tmp_path):
    add_annotation(tmp_path / "annotation/0001", images=True)
    write_gaze(tmp_path / "exportdata_train/P01/P01_Trail001.txt", [(40_000, 0, 45, "Fixation")] * 2)
    recording = next(iter(Dhf1k(tmp_path, gaze="raw")))
    fixations = recording.load_fixations()
    assert fixations.size == (360, 640)
    assert fixations.frame.tolist() == [0]


def test_a_damaged_gaze_file_is_named_with_its_line(tmp_path):
    path = write_gaze(tmp_path / "P01/P01_Trail001.txt", [(0, 1, 2, "Fixation")])
    assert gaze_files(tmp_path) == {1: {1: path}}
    path.write_text(path.read_text() + "84000\tSMP\n")
    with pytest.raises(DatasetError, match=r"P01_Trail001\.txt, line 3: expected 8 columns .* found 2"):
        read_recording(path, 1, SIZE)
    path.write_text(HEADER)
    with pytest.raises(DatasetError, match="expected gaze samples below a header but found none"):
        read_recording(path, 1, SIZE)
    write_gaze(path, [(0, "one", 2, "Fixation")])
    with pytest.raises(DatasetError, match=r"Trail001\.txt: expected numbers"):
        read_recording(path, 1, SIZE)


def test_the_shipped_table_has_the_published_counts():
    rows = read_table("dhf1k")
    counts = {
        split: [int(row["num_frames"]) for row in rows if row["split"] == split]
        for split in ("train", "val", "test")
    }
    assert {split: (len(frames), sum(frames)) for split, frames in counts.items()} == {
        "train": (600, 346_140),
        "val": (100, 60_273),
        "test": (300, 176_192),
    }


def fly_positions(video, every):
    """For every n-th frame, x and y of its largest black blob: the fly on the flower."""
    positions = {}
    for frame in VideoReader(video):
        if frame.index % every == 0:
            blobs, _ = ndimage.label(frame.image.max(axis=2) < 50)
            largest = np.bincount(blobs.reshape(-1))[1:].argmax() + 1
            positions[frame.index] = ndimage.center_of_mass(blobs == largest)[::-1]
    return positions


@pytest.mark.data
def test_real_raw_gaze_is_on_the_fly_on_the_flower(shared_data, monkeypatch):
    """The fly wanders over a swaying flower. Most gaze is within 50 px of its middle, and less of it where
    the way from screen to video is turned round or half forgotten; over time gaze goes where the fly goes."""
    monkeypatch.setattr(dhf1k, "read_table", read_table)
    dataset = Dhf1k(shared_data / "dhf1k", gaze="raw")
    (recording,) = dataset
    assert (recording.id, recording.num_frames, recording.audio) == ("0002", 783, recording.frames)
    assert (len(dataset.problems), dataset.notes) == (999, [])
    fixations = recording.load_fixations()
    assert fixations.observers == tuple(range(1, 18))
    assert (len(fixations), fixations.dropped["samples in saccades"]) == (9027, 23784)

    fly = fly_positions(recording.frames, every=5)
    looked = fixations.select(np.isin(fixations.frame, list(fly)))
    here = np.array([fly[frame] for frame in looked.frame])

    def share_near(x, y):
        return (np.hypot(x - here[:, 0], y - here[:, 1]) < 50).mean()

    assert share_near(looked.x, looked.y) > 0.7
    assert share_near(looked.x, looked.y + 20) < 0.6  # the 45 screen pixels above the video forgotten
    assert share_near(640 - looked.x, looked.y) < 0.6

    frames = np.array([frame for frame in fly if 30 <= frame < 750 and len(fixations.at(frame))])
    middle = [np.median(fixations.at(frame).x) for frame in frames]
    agreement = {
        by: np.corrcoef([fly[frame - by][0] for frame in frames], middle)[0, 1] for by in (-30, 0, 5, 30)
    }
    assert min(agreement[0], agreement[5]) > max(agreement[-30], agreement[30]) + 0.1
