import h5py
import numpy as np
import pytest
import scipy.io
from fake_media import write_mat

from avsal.errors import DatasetError
from datasets_av.matfile import mat_scalar, mat_value, read_mat


def write_hdf5(path, build):
    with h5py.File(path, "w", userblock_size=512) as file:
        build(file)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + b" " * 80
    with path.open("r+b") as raw:
        raw.write(header[:116].ljust(124) + b"\x00\x02IM")
    return path


def put(group, name, values, kind):
    """A data set as MATLAB writes it: axes reversed, class in an attribute."""
    values = np.asarray(values)
    item = group.create_dataset(name, data=values.T)
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    return item


def text(group, name, value):
    return put(group, name, np.array([[ord(letter) for letter in value]], dtype=np.uint16), "char")


def test_version_5_and_7_3_give_the_same_values(tmp_path):
    matrix = np.arange(6.0).reshape(2, 3)
    names = np.empty((1, 2), dtype=object)
    names[0] = ["first", "second"]
    old = write_mat(
        tmp_path / "old.mat",
        {"matrix": matrix, "names": names, "info": {"fps": 25.0, "name": "clip"}, "flag": np.array([[True]])},
    )

    def build(file):
        put(file, "matrix", matrix, "double")
        put(file, "flag", np.array([[1]], dtype=np.uint8), "logical")
        hidden = file.create_group("#refs#")
        references = [text(hidden, letter, word).ref for letter, word in (("a", "first"), ("b", "second"))]
        cell = file.create_dataset("names", data=np.array(references, dtype=h5py.ref_dtype)[:, None])
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        info = file.create_group("info")
        info.attrs["MATLAB_class"] = np.bytes_("struct")
        put(info, "fps", [[25.0]], "double")
        text(info, "name", "clip")

    new = write_hdf5(tmp_path / "new.mat", build)
    first, second = read_mat(old), read_mat(new)
    assert set(first) == set(second) == {"matrix", "names", "info", "flag"}
    for content in (first, second):
        np.testing.assert_array_equal(content["matrix"], matrix)
        assert content["names"] == ["first", "second"]
        assert content["info"]["name"] == "clip"
        np.testing.assert_array_equal(content["info"]["fps"], [[25.0]])
        assert bool(content["flag"][0, 0])


def test_one_row_and_one_column_stay_apart(tmp_path):
    content = read_mat(write_mat(tmp_path / "a.mat", {"row": np.ones((1, 4)), "column": np.ones((4, 1))}))
    assert content["row"].shape == (1, 4)
    assert content["column"].shape == (4, 1)


def test_struct_arrays_are_lists_of_dictionaries_in_both_versions(tmp_path):
    table = np.zeros((1, 2), dtype=[("x", object), ("name", object)])
    table[0, 0] = (1.0, "a")
    table[0, 1] = (2.0, "b")
    old = read_mat(write_mat(tmp_path / "old.mat", {"table": table}))["table"]

    def build(file):
        hidden = file.create_group("#refs#")
        group = file.create_group("table")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        numbers = [put(hidden, f"n{i}", [[float(i)]], "double").ref for i in (1, 2)]
        words = [text(hidden, f"w{word}", word).ref for word in "ab"]
        group.create_dataset("x", data=np.array(numbers, dtype=h5py.ref_dtype)[:, None])
        group.create_dataset("name", data=np.array(words, dtype=h5py.ref_dtype)[:, None])

    new = read_mat(write_hdf5(tmp_path / "new.mat", build))["table"]
    for rows in (old, new):
        assert [mat_scalar(row["x"]) for row in rows] == [1, 2]
        assert [row["name"] for row in rows] == ["a", "b"]


def test_empty_values_and_text_of_several_rows(tmp_path):
    cell = np.empty((0, 0), dtype=object)
    content = read_mat(
        write_mat(
            tmp_path / "a.mat",
            {"none": np.zeros((0, 3)), "cell": cell, "text": np.array(["ab", "cd"]), "e": ""},
        )
    )
    assert content["none"].shape == (0, 3)
    assert content["cell"] == []
    assert content["text"] == ["ab", "cd"]
    assert content["e"] == ""

    def build(file):
        for name, kind in (("cell", "cell"), ("text", "char"), ("none", "double")):
            item = file.create_dataset(name, data=np.array([0, 3], dtype=np.uint64))
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            item.attrs["MATLAB_empty"] = np.uint8(1)

    new = read_mat(write_hdf5(tmp_path / "new.mat", build))
    assert new["cell"] == []
    assert new["text"] == ""
    assert new["none"].shape == (0, 3)


@pytest.mark.parametrize("damage", ["cut", "zeros", "flip", "empty", "text"])
def test_damaged_files_are_one_clear_error_that_names_them(tmp_path, damage):
    path = write_mat(
        tmp_path / "fixMap_00001.mat", {"eyeMap": np.random.default_rng(0).integers(0, 2, (60, 80))}
    )
    raw = bytearray(path.read_bytes())
    damaged = {
        "cut": raw[: len(raw) // 2],
        "zeros": raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2),
        "flip": raw[:300] + bytes([raw[300] ^ 0xFF]) + raw[301:],
        "empty": b"",
        "text": b"this is a web page that says no\n" * 20,
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(DatasetError, match=r"fixMap_00001\.mat is no readable MATLAB file .*again") as caught:
        read_mat(path)
    assert "\n" not in str(caught.value)


def test_cut_hdf5_file_and_missing_file_are_clear_errors(tmp_path):
    path = write_hdf5(tmp_path / "a.mat", lambda file: put(file, "m", np.zeros((50, 50)), "double"))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DatasetError, match="no readable MATLAB file"):
        read_mat(path)
    with pytest.raises(DatasetError, match="there is none; extract"):
        read_mat(tmp_path / "b.mat")


def test_missing_key_lists_what_is_there(tmp_path):
    content = {"a": {"b": np.ones((1, 1)), "c": "x"}}
    assert mat_value(content, "a", "c", path="f.mat") == "x"
    with pytest.raises(DatasetError, match=r"f\.mat: expected `a\.d` but found b, c"):
        mat_value(content, "a", "d", path="f.mat")
    with pytest.raises(DatasetError, match=r"expected `a\.c\.d` but found a str"):
        mat_value(content, "a", "c", "d", path="f.mat")


def test_scalar_is_unwrapped_and_nothing_else_is_a_scalar():
    assert mat_scalar([[np.array([[25]], dtype=np.uint8)]]) == 25.0
    for value in ("25", np.ones((1, 2)), [], {"a": 1}, np.array([["x"]])):
        with pytest.raises(DatasetError, match="one number"):
            mat_scalar(value)


def test_agrees_with_scipys_own_simplification(tmp_path):
    rng = np.random.default_rng(1)
    path = write_mat(
        tmp_path / "a.mat", {"gaze": rng.random((3, 7, 4)), "info": {"n": 3, "w": rng.random((2, 2))}}
    )
    ours, theirs = read_mat(path), scipy.io.loadmat(path, simplify_cells=True)
    np.testing.assert_array_equal(ours["gaze"], theirs["gaze"])
    np.testing.assert_array_equal(ours["info"]["w"], theirs["info"]["w"])
    assert mat_scalar(ours["info"]["n"]) == theirs["info"]["n"]


@pytest.mark.data
def test_real_files_of_both_versions_read_alike(shared_data):
    old = read_mat(shared_data / "mufvet" / "video_database.mat")
    new = read_mat(shared_data / "hevc" / "video_database.mat")
    content = old.get("video_database", old)
    other = new.get("video_database", new)
    assert content["fixdata"].shape == (145889, 6)
    assert other["fixdata"].shape == (26914, 6)
    assert len(content["video_names_list"]) == 75
    assert len(other["video_names_list"]) == 33
    assert other["video_names_list"][0] == "Kimono"
    assert content["fixdata_fields"][:2] == other["fixdata_fields"][:2] == ["SubjectIndex", "VideoIndex"]
