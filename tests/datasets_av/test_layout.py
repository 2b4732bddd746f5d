import pytest

from avsal.errors import DatasetError
from datasets_av.layout import expect_same_count, images_in, subfolders, video_file


def test_videos_are_found_whatever_their_suffix_case_or_spaces(tmp_path):
    for name in ("Basketball Drive.avi", "yan.MP4", "notes.txt", "yan.png"):
        (tmp_path / name).touch()
    assert video_file(tmp_path, "BasketballDrive").name == "Basketball Drive.avi"
    assert video_file(tmp_path, "Yan").name == "yan.MP4"
    with pytest.raises(
        DatasetError, match=r"expected one video .*Lee\.mp4 \(or \.avi\) but found none; extract"
    ):
        video_file(tmp_path, "Lee")
    with pytest.raises(DatasetError, match="found none"):
        video_file(tmp_path / "missing", "Yan")


def test_subfolders_are_sorted_and_hidden_ones_left_out(tmp_path):
    for name in ("b", "a", ".DS_Store"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert [folder.name for folder in subfolders(tmp_path)] == ["a", "b"]
    assert subfolders(tmp_path / "missing") == []


def test_a_folder_without_images_says_what_should_be_there(tmp_path):
    with pytest.raises(DatasetError, match="holds no image but should hold the frames"):
        images_in(tmp_path, "frames")
    with pytest.raises(DatasetError, match="maps is missing but should hold the density maps"):
        images_in(tmp_path / "maps", "density maps")


def test_counts_that_are_unknown_do_not_count(tmp_path):
    expect_same_count(tmp_path, published_frames=None, frames=3, density_maps=3)
    with pytest.raises(
        DatasetError, match="expected as many of each but found 3 frames, 4 density maps; extract"
    ):
        expect_same_count(tmp_path, published_frames=None, frames=3, density_maps=4)
