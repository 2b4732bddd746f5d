import numpy as np
import pytest
from fake_media import write_image

from avsal.errors import ConfigError, DatasetError
from datasets_av.action_sets import Hollywood2

SIZE = (12, 20)


def add_shot(folder, num_frames, name="{:05d}.png"):
    for number in range(1, num_frames + 1):
        points = np.zeros(SIZE, np.uint8)
        points[3, number] = 255
        write_image(folder / "images" / name.format(number), np.full((*SIZE, 3), number))
        write_image(folder / "maps" / name.format(number), np.full(SIZE, 5 * number))
        write_image(folder / "fixation" / name.format(number), points)


@pytest.fixture
def root(tmp_path):
    add_shot(tmp_path / "training/actioncliptrain00001_1", 12, "actioncliptrain00001_{}.png")
    add_shot(tmp_path / "training/actioncliptrain00001_2", 1)
    add_shot(tmp_path / "testing/actioncliptest00007_13", 2)
    return tmp_path


def test_shots_are_read_with_their_split_and_video(root):
    recordings = list(Hollywood2(root))
    assert [
        (recording.id, recording.split, recording.category, recording.num_frames) for recording in recordings
    ] == [
        ("actioncliptrain00001_1", "train", "actioncliptrain00001", 12),
        ("actioncliptrain00001_2", "train", "actioncliptrain00001", 1),
        ("actioncliptest00007_13", "test", "actioncliptest00007", 2),
    ]
    assert {recording.audio for recording in recordings} == {None}
    assert [recording.id for recording in Hollywood2(root, split="test")] == ["actioncliptest00007_13"]


def test_maps_and_points_follow_the_numbers_not_the_letters(root):
    shot = next(iter(Hollywood2(root)))
    assert shot.load_density(11)[0, 0] == 60
    assert shot.load_fixations().x.tolist() == [number + 0.5 for number in range(1, 13)]


def test_a_lost_map_leaves_the_shot_out_and_strict_stops(root):
    (root / "training/actioncliptrain00001_1/fixation/actioncliptrain00001_4.png").unlink()
    dataset = Hollywood2(root)
    assert len(list(dataset)) == 2
    assert (
        "actioncliptrain00001_1: expected as many of each but found 12 frames, 12 density maps, 11"
        in dataset.problems[0]
    )
    with pytest.raises(DatasetError, match=r"Hollywood-2: .*11 fixation maps; extract it again"):
        list(Hollywood2(root, strict=True))


def test_a_wrong_root_says_what_to_do(root):
    with pytest.raises(ConfigError, match="has only train and test recordings but split='val'"):
        Hollywood2(root, split="val")
    with pytest.raises(
        DatasetError, match=r"expected `training` or `testing` in .*training but found actioncliptrain"
    ):
        Hollywood2(root / "training")
