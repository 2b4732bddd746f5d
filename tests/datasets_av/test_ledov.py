import pickle

import h5py
import numpy as np
import pytest
from fake_media import write_mat, write_video

from avsal.errors import DatasetError
from datasets_av import ledov
from datasets_av.ledov import Ledov, drop_first_centred
from datasets_av.split_tables import read_table

#: subject, start ms, duration ms, x, y on videos of 6 frames at 25 a second, 96x64
ROWS = [
    [1, 0, 100, 48, 32],  # on the centre cross
    [1, 100, 60, 50, 10],  # on its vertical bar: within 3 px of the middle column
    [1, 160, 70, 80, 50],
    [2, 0, 90, 10, 10],
    [2, 100, 60, 48, 32],  # the centre, but not at the start
]


def write_names(path, names):
    with h5py.File(path, "w") as file:
        references = []
        for index, name in enumerate(names):
            item = file.create_dataset(f"#refs#/{index}", data=np.array([[ord(c)] for c in name], np.uint16))
            item.attrs["MATLAB_class"] = np.bytes_("char")
            references.append(item.ref)
        table = file.create_dataset(
            "VideoNameList", data=np.array([references], dtype=h5py.ref_dtype), dtype=h5py.ref_dtype
        )
        table.attrs["MATLAB_class"] = np.bytes_("cell")


def add_video(root, name, rows=ROWS, sound=True):
    write_video(root / name / f"{name}.mp4", size=(64, 96), sound=sound)
    data = {
        "VideoName": name,
        "VideoFrames": 6,
        "VideoFrameRate": 23,
        "VideoSize": np.array([96, 64]),
        "fixdata": np.array(rows, float),
    }
    write_mat(root / name / "Data.mat", {"Data": data})


@pytest.fixture
def root(tmp_path, monkeypatch):
    table = tuple({"index": str(i), "split": split} for i, split in enumerate(("train", "test", "val"), 1))
    monkeypatch.setattr(ledov, "read_table", lambda name: table)
    names = ["animal_cat01", "human_dance02", "manmade_car01"]
    for name in names:
        add_video(tmp_path, name, sound=name.startswith("human"))
    write_names(tmp_path / "VideoNameList.mat", names)
    return tmp_path


def test_videos_are_read_with_split_and_sound(root):
    recordings = list(Ledov(root))
    assert [(recording.id, recording.split, recording.category) for recording in recordings] == [
        ("animal_cat01", "train", "animal"),
        ("human_dance02", "test", "human"),
        ("manmade_car01", "val", "manmade"),
    ]
    assert [recording.audio is not None for recording in recordings] == [False, True, False]
    assert [recording.id for recording in Ledov(root, split="val")] == ["manmade_car01"]


def test_fixations_are_on_the_videos_own_frames_whatever_rate_is_stored(root):
    fixations = pickle.loads(pickle.dumps(next(iter(Ledov(root))))).load_fixations()
    assert fixations.size == (64, 96)
    assert fixations.observers == (1, 2)
    first = fixations.select(fixations.observer == 1)
    assert first.frame.tolist() == [0, 1, 2, 3, 4, 5]
    assert first.x.tolist() == [48, 48, 48, 50, 80, 80]
    assert fixations.dropped == {}


def test_the_authors_rule_drops_each_viewers_first_centred_fixations(root):
    fixations = next(iter(Ledov(root, drop_first=True))).load_fixations()
    assert fixations.x[fixations.observer == 1].tolist() == [80, 80]
    assert fixations.x[fixations.observer == 2].tolist() == [10, 10, 10, 48]
    assert fixations.dropped == {"first fixations near the centre cross": 2}


def test_a_viewer_who_never_leaves_the_cross_is_dropped_whole():
    rows = np.array([[1, 0, 10, 48, 5], [1, 20, 10, 40, 33], [2, 0, 10, 200, 10], [2, 10, 10, 90, 60]], float)
    kept, dropped = drop_first_centred(rows, (64, 96))
    np.testing.assert_array_equal(kept, rows[3:])
    assert dropped == {"first fixations near the centre cross": 3}
    np.testing.assert_array_equal(drop_first_centred(rows[3:], (64, 96))[0], rows[3:])


def test_without_the_list_of_names_there_is_no_split(root):
    (root / "VideoNameList.mat").unlink()
    assert {recording.split for recording in Ledov(root)} == {None}
    with pytest.raises(DatasetError, match=r"split 'test' needs .*VideoNameList\.mat; take it from github"):
        Ledov(root, split="test")


def test_a_damaged_data_file_leaves_the_video_out_and_strict_stops(root):
    whole = (root / "animal_cat01/Data.mat").read_bytes()
    (root / "animal_cat01/Data.mat").write_bytes(whole[: len(whole) - 40])
    (root / "human_dance02/human_dance02.mp4").unlink()
    dataset = Ledov(root)
    assert [recording.id for recording in dataset] == ["manmade_car01"]
    assert "animal_cat01/Data.mat is no readable MATLAB file" in dataset.problems[0]
    assert "human_dance02.mp4 (or .avi) but found none" in dataset.problems[1]
    with pytest.raises(DatasetError, match=r"LEDOV: animal_cat01: .*Data\.mat is no readable"):
        list(Ledov(root, strict=True))


def test_another_folder_or_list_is_refused(root, tmp_path):
    with pytest.raises(
        DatasetError, match=r"expected videos with their `Data\.mat` in .*animal_cat01 but found none"
    ):
        Ledov(root / "animal_cat01")
    write_names(root / "VideoNameList.mat", ["animal_cat01"])
    with pytest.raises(DatasetError, match=r"VideoNameList\.mat: expected 3 names but found 1"):
        list(Ledov(root))


def test_the_shipped_table_has_the_published_split():
    splits = [row["split"] for row in read_table("ledov")]
    assert [splits.count(split) for split in ("train", "val", "test")] == [461, 36, 41]
    assert [int(row["index"]) for row in read_table("ledov")] == list(range(1, 539))
