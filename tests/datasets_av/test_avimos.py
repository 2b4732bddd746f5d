import json
import pickle
import shutil

import pytest
from fake_media import write_video

from avsal.errors import DatasetError
from datasets_av.avimos import Avimos
from datasets_av.mouse_fixations import read_fixations_json

#: (row, column) of videos of 6 frames, 32x48 high and wide; frames 6 and 7 are not in the video
POINTS = [[[0, 0], [0, 0], [31, 47]], [], [[32, 5], [5, 48]], [[10, 20]], [], [], [[1, 1]], [[-1, 2]]]


def write_points(path, points=POINTS):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(points))
    return path


@pytest.fixture
def root(tmp_path):
    split = {"train": ["0001", "0002"], "public_test": ["0003"], "private_test": ["0004.mp4"]}
    (tmp_path / "TrainTestSplit.json").write_text(json.dumps(split))
    for number in range(1, 5):
        name, part = f"{number:04d}", "Train" if number < 3 else "Test"
        write_video(tmp_path / f"Videos/{name}.mp4", sound=number != 2)
        write_video(tmp_path / f"Saliency{part}/{part}/{name}.mp4", sound=False)
        inner = f"{part}/" if number != 4 else ""
        write_points(tmp_path / f"Fixations{part}/{inner}{name}/fixations.json")
    return tmp_path


def test_videos_are_read_with_split_sound_and_maps(root):
    recordings = list(Avimos(root))
    assert [(recording.id, recording.split, recording.category) for recording in recordings] == [
        ("0001", "train", None),
        ("0002", "train", None),
        ("0003", "test", "public"),
        ("0004", "test", "private"),
    ]
    assert [recording.audio is not None for recording in recordings] == [True, False, True, True]
    assert recordings[0].load_density(2).shape == (32, 48)
    assert [recording.id for recording in Avimos(root, split="test")] == ["0003", "0004"]


def test_points_are_rows_and_columns_repeats_are_kept_and_losses_counted(root):
    fixations = pickle.loads(pickle.dumps(next(iter(Avimos(root))))).load_fixations()
    assert fixations.frame.tolist() == [0, 0, 0, 3]
    assert fixations.x.tolist() == [0.5, 0.5, 47.5, 20.5]
    assert fixations.y.tolist() == [0.5, 0.5, 31.5, 10.5]
    assert fixations.observers == (-1,)
    assert fixations.size == (32, 48)
    assert fixations.dropped == {"fixations outside the picture": 3, "fixations after the video": 1}


def test_the_spelling_of_the_split_list_does_not_matter(root):
    split = {"Train": ["0001"], "Public Test": ["0003"]}
    (root / "TrainTestSplit.json").write_text(json.dumps(split))
    assert [recording.split for recording in Avimos(root)] == ["train", "test"]


def test_maps_may_be_left_out_but_not_for_one_video(root):
    shutil.rmtree(root / "SaliencyTrain")
    (root / "SaliencyTest/Test/0003.mp4").unlink()
    dataset = Avimos(root)
    recordings = {recording.id: recording for recording in dataset}
    assert sorted(recordings) == ["0001", "0002", "0004"]
    assert recordings["0001"].load_density is None
    assert recordings["0001"].load_fixations is not None
    assert "0003: expected " in dataset.problems[0]
    assert "SaliencyTest/Test/0003.mp4 but there is none" in dataset.problems[0]


def test_missing_and_damaged_files_are_named(root, tmp_path):
    (root / "FixationsTrain/Train/0001/fixations.json").unlink()
    (root / "FixationsTrain/Train/0002/fixations.json").write_text("[[[1,")
    dataset = Avimos(root, split="train")
    with pytest.raises(
        DatasetError, match=r"first problem: 0001: expected .*0001/fixations\.json but there is none"
    ):
        list(dataset.with_gaze())
    assert "0002/fixations.json is no readable JSON" in dataset.problems[1]
    with pytest.raises(DatasetError, match=r"AViMoS: 0001: "):
        list(Avimos(root, strict=True))
    (root / "TrainTestSplit.json").write_text('{"folds": []}')
    with pytest.raises(
        DatasetError, match="expected lists `train`, `public_test`, `private_test` but found folds"
    ):
        list(Avimos(root))
    with pytest.raises(DatasetError, match=r"expected `TrainTestSplit\.json` in"):
        Avimos(root / "Videos")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0": []}, "expected a list with one entry a frame but found dict"),
        ([[[1, 2, 3]]], "frame 0"),
        ([["a"]], "frame 0"),
        ([3], "frame 0"),
    ],
)
def test_json_of_another_form_is_refused(root, content, message):
    path = write_points(root / "fixations.json", content)
    with pytest.raises(DatasetError, match=message):
        read_fixations_json(path, root / "Videos/0001.mp4")


def test_a_video_without_a_single_fixation_is_read(root):
    fixations = read_fixations_json(write_points(root / "none.json", [[], []]), root / "Videos/0001.mp4")
    assert (len(fixations), fixations.dropped) == (0, {})
