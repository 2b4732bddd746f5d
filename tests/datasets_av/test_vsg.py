import shutil

import numpy as np
import pytest
from fake_media import write_image

from avsal.errors import ConfigError
from datasets_av.vsg import Vsg

SIZE = (9, 16)


def add_clip(root, name, num_frames, density="density/sigma32"):
    for number in range(1, num_frames + 1):
        points = np.zeros(SIZE, np.uint8)
        points[number % 9, 5] = 255
        write_image(root / f"frame/{name}/{name}_{number}.jpg", np.zeros((*SIZE, 3)))
        write_image(root / f"{density}/{name}/{name}_{number}.jpg", np.full(SIZE, number))
        write_image(root / f"fixation/{name}/{name}_{number}.bmp", points)


@pytest.mark.parametrize("density", ["density/sigma32", "density"])
def test_clips_of_five_seconds_are_read_in_the_order_of_their_numbers(tmp_path, density):
    add_clip(tmp_path, "videoSRC001", 15, density)
    add_clip(tmp_path, "videoSRC002", 12, density)
    first, second = Vsg(tmp_path)
    assert (first.id, first.split, first.frame_rate, second.frame_rate) == ("videoSRC001", "test", 3.0, 2.4)
    assert first.load_density(10)[0, 0] == 11
    assert first.load_fixations().y.tolist() == [number % 9 + 0.5 for number in range(1, 16)]


def test_the_set_is_for_testing_only(tmp_path):
    add_clip(tmp_path, "videoSRC001", 5)
    with pytest.raises(ConfigError, match="VSG has only test recordings but split='train' was asked for"):
        Vsg(tmp_path, split="train")
    assert len(list(Vsg(tmp_path, split="test"))) == 1
    assert next(Vsg(tmp_path, split="test").with_gaze())[1].size == SIZE


def test_missing_parts_are_problems(tmp_path):
    add_clip(tmp_path, "videoSRC001", 5)
    add_clip(tmp_path, "videoSRC002", 5)
    add_clip(tmp_path, "videoSRC003", 5)
    shutil.rmtree(tmp_path / "density/sigma32/videoSRC001")
    (tmp_path / "fixation/videoSRC002/videoSRC002_2.bmp").unlink()
    dataset = Vsg(tmp_path)
    assert [recording.id for recording in dataset] == ["videoSRC003"]
    assert "density/sigma32/videoSRC001 is missing but should hold the density maps" in dataset.problems[0]
    assert (
        "videoSRC002: expected as many of each but found 5 frames, 5 density maps, 4" in dataset.problems[1]
    )
