"""An output file is whole or not there."""

import os

import pytest

from avsal.errors import MediaError
from avsal.media.atomic import atomic_path


def write(target, error=None):
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        if error is not None:
            raise error


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "maps.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".csv"
        temporary.write_text("whole")
    assert target.read_text() == "whole"
    assert os.listdir(tmp_path) == ["maps.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_after_a_failure_or_an_interrupt_the_old_file_is_untouched_and_nothing_else_is_left(tmp_path, error):
    target = tmp_path / "video.mp4"
    target.write_text("old")
    with pytest.raises(error):
        write(target, error)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["video.mp4"]


def test_a_missing_folder_is_named_in_one_line(tmp_path):
    target = tmp_path / "nowhere" / "a.json"
    with pytest.raises(MediaError, match=r"cannot write .*a\.json: No such file") as caught:
        write(target)
    assert "\n" not in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_an_error_and_stays(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(MediaError, match="cannot write"):
        write(target)
    assert os.listdir(tmp_path) == ["out"]


def test_an_error_about_another_file_is_not_disguised(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "a.txt", FileNotFoundError(2, "No such file", str(tmp_path / "other")))
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_said_in_one_line(tmp_path):
    with pytest.raises(MediaError, match="No space left on device"):
        write(tmp_path / "a.h5", OSError(28, os.strerror(28)))
    assert os.listdir(tmp_path) == []


def test_very_long_names_can_be_written(tmp_path):
    target = tmp_path / ("n" * 240 + ".png")
    with atomic_path(target) as temporary:
        temporary.write_text("x")
    assert target.exists()
