import numpy as np
import pytest
from fake_media import write_image

from datasets_av.action_sets import UcfSports
from datasets_av.split_tables import read_table

SIZE = (10, 18)


def add_clip(root, row, num_frames=None):
    folder = root / {"train": "training", "test": "testing"}[row["split"]] / row["video"]
    for number in range(1, (num_frames or int(row["num_frames"])) + 1):
        name = f"{row['video'].replace('-', '_')}_{number:03d}.png"
        points = np.zeros(SIZE, np.uint8)
        points[number % 10, 0] = 255
        for part, image in (
            ("images", np.zeros((*SIZE, 3))),
            ("maps", np.full(SIZE, 9)),
            ("fixation", points),
        ):
            write_image(folder / part / name, image)


@pytest.fixture
def rows():
    """The shortest clip of each split."""
    table = read_table("ucf_sports")
    shortest = [
        min((row for row in table if row["split"] == split), key=lambda row: int(row["num_frames"]))
        for split in ("train", "test")
    ]
    assert len(shortest) == 2
    return shortest


def test_clips_are_read_by_the_table_and_absent_ones_listed(tmp_path, rows):
    for row in rows:
        add_clip(tmp_path, row)
    dataset = UcfSports(tmp_path)
    recordings = list(dataset)
    assert [(recording.id, recording.split) for recording in recordings] == [
        (row["video"], row["split"]) for row in rows
    ]
    assert [recording.num_frames for recording in recordings] == [int(row["num_frames"]) for row in rows]
    assert recordings[0].category == rows[0]["video"].split("-")[0]
    assert recordings[0].load_fixations().y[:2].tolist() == [1.5, 2.5]
    assert recordings[0].load_density(0)[0, 0] == 9
    assert len(dataset.problems) == 148
    assert len(list(UcfSports(tmp_path, split="train"))) == 1


def test_a_clip_of_another_length_than_published_is_a_problem(tmp_path, rows):
    add_clip(tmp_path, rows[0])
    add_clip(tmp_path, rows[1], num_frames=3)
    dataset = UcfSports(tmp_path)
    assert [recording.id for recording in dataset] == [rows[0]["video"]]
    wanted = f"{rows[1]['num_frames']} published frames, 3 frames, 3 density maps, 3 fixation maps"
    assert any(wanted in problem for problem in dataset.problems)


def test_the_shipped_table_has_the_published_counts():
    table = read_table("ucf_sports")
    for split, clips, frames, under_32, under_63 in (("train", 103, 6501, 14, 58), ("test", 47, 2929, 6, 26)):
        lengths = [int(row["num_frames"]) for row in table if row["split"] == split]
        assert (len(lengths), sum(lengths)) == (clips, frames)
        assert (sum(n < 32 for n in lengths), sum(n < 63 for n in lengths)) == (under_32, under_63)
