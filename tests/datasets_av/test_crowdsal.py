import json

import pytest
from fake_media import write_video

from avsal.errors import DatasetError
from datasets_av.crowdsal import CrowdSal


def add_video(video, points, density=None):
    write_video(video)
    points.parent.mkdir(parents=True, exist_ok=True)
    points.write_text(json.dumps([[[3, 4]], [[5, 6], [5, 6]]]))
    if density:
        write_video(density, sound=False)


def test_both_ways_of_nesting_are_read_with_the_published_split(tmp_path):
    first, last = tmp_path / "nested", tmp_path / "flat"
    for name, part in (("3000", "Train"), ("3001", "Test")):
        folder = first / part
        add_video(
            folder / f"Videos/{name}.mp4",
            folder / f"Fixations/{name}/fixations.json",
            folder / f"Saliency/{name}.mp4",
        )
        add_video(last / f"Videos/{part}/{name}.mp4", last / f"Fixations/{part}/{name}.json")
    for root, has_maps in ((first, True), (last, False)):
        dataset = CrowdSal(root)
        train, test = dataset
        assert [(train.id, train.split), (test.id, test.split)] == [("3000", "train"), ("3001", "test")]
        assert train.audio == train.frames
        assert (train.load_density is not None) == has_maps
        fixations = test.load_fixations()
        assert fixations.frame.tolist() == [0, 1, 1]
        assert fixations.x.tolist() == [4.5, 6.5, 6.5]
        assert len(dataset.problems) == 4998
    assert train.load_density is None


def test_missing_fixations_are_a_problem_and_strict_stops(tmp_path):
    write_video(tmp_path / "Train/Videos/0001.mp4")
    dataset = CrowdSal(tmp_path, split="train")
    with pytest.raises(
        DatasetError, match=r"no usable recording .*Train/Fixations/0001/fixations\.json but there is none"
    ):
        list(dataset)
    with pytest.raises(DatasetError, match=r"CrowdSAL: 0001: expected .*0001"):
        list(CrowdSal(tmp_path, strict=True))
    with pytest.raises(DatasetError, match="expected `Train` or `Test` or `Videos`"):
        CrowdSal(tmp_path / "Train/Videos")
