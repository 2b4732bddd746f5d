import h5py
import numpy as np
import pytest
from fake_media import write_video
from observer_agreement import halves_and_centre

from avsal.errors import ConfigError
from datasets_av.beihang import Hevc

NAMES = ["Basketball", "Yan"]
ROWS = [[1, 1, 0, 80, 10, 20], [2, 1, 40, 80, 11, 21], [2, 2, 0, 40, 3, 4], [1, np.nan, 3, 420, 5, 6]]


def write_database(path, rows=ROWS):
    """A MATLAB v7.3 file: reversed axes, cells as references, text as numbers."""
    with h5py.File(path, "w") as file:

        def marked(item, kind):
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            return item

        def cell(group, name, texts):
            references = []
            for index, text in enumerate(texts):
                letters = np.array([ord(letter) for letter in text], np.uint16)[:, None]
                item = file.create_dataset(f"#refs#/{name}{index}", data=letters)
                references.append(marked(item, "char").ref)
            table = np.array([references], dtype=h5py.ref_dtype)
            marked(group.create_dataset(name, data=table, dtype=h5py.ref_dtype), "cell")

        database = marked(file.create_group("video_database"), "struct")
        cell(database, "video_names_list", NAMES)
        marked(database.create_dataset("fixdata", data=np.array(rows, float).T), "double")
        info = marked(database.create_group("videos_info"), "struct")
        cell(info, "class", ["B", "D"])
        marked(info.create_dataset("size", data=np.array([[48.0, 48], [32, 32]])), "double")
        marked(info.create_dataset("frames", data=np.array([[6.0, 6]])), "double")


@pytest.fixture
def root(tmp_path):
    write_database(tmp_path / "video_database.mat")
    write_video(tmp_path / "videos/Basket Ball.avi", sound=False)
    write_video(tmp_path / "videos/yan.avi", sound=False)
    return tmp_path


def test_the_newer_matlab_form_is_read_with_classes_and_without_sound(root):
    dataset = Hevc(root)
    first, second = dataset
    assert (first.id, first.category, first.frames.name) == ("Basketball", "B", "Basket Ball.avi")
    assert (second.id, second.category, second.audio) == ("Yan", "D", None)
    fixations = first.load_fixations()
    assert fixations.frame.tolist() == [0, 1, 1, 2]
    assert fixations.observer.tolist() == [1, 1, 2, 2]
    assert fixations.y.tolist() == [20, 20, 21, 21]


def test_an_unknown_clock_is_named(root):
    with pytest.raises(ConfigError, match="container, picture"):
        Hevc(root, clock="wall")


def test_a_row_of_no_video_is_said(root):
    dataset = Hevc(root)
    list(dataset)
    assert dataset.problems == []
    assert [note.partition(": ")[2] for note in dataset.notes] == ["1 of 4 rows of `fixdata` are of no video"]


def test_two_videos_of_one_name_are_a_problem(root):
    write_video(root / "videos/Yan.mp4", sound=False)
    dataset = Hevc(root)
    assert [recording.id for recording in dataset] == ["Basketball"]
    assert "found Yan.mp4, yan.avi; keep one of them" in dataset.problems[0]


@pytest.mark.data
def test_viewers_of_real_sequences_predict_each_other_better_than_the_centre(shared_data):
    dataset = Hevc(shared_data / "hevc")
    scores = {recording.id: halves_and_centre(recording) for recording in dataset}
    assert len(scores) == 27
    assert len(dataset.problems) == 6
    halves, centre = np.array(list(scores.values())).T
    assert halves.mean() > 3.5
    assert centre.mean() < 1.6
    assert (halves > centre).sum() >= 26  # in the crowd of PeopleOnStreet, nearly nobody looks alike


@pytest.mark.data
def test_real_sequences_have_the_released_viewers_sizes_and_errata(shared_data):
    dataset = Hevc(shared_data / "hevc")
    videos = {recording.id: recording for recording in dataset}
    assert videos["BasketballDrive"].frames.name == "Basketball Drive.avi"
    assert {recording.audio for recording in videos.values()} == {None}
    assert any("1 of 26914 rows" in note for note in dataset.notes)
    assert any("601 frames, the list 600" in note for note in dataset.notes)
    fixations = videos["BQSquare"].load_fixations()
    assert fixations.size == (240, 416)
    assert fixations.observers == tuple(range(1, 33))
    assert (len(fixations), int(fixations.frame.max())) == (16894, 599)
