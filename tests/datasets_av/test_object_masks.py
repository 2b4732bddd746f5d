"""DAVIS, SegTrack v2, VOT2016 and USVD: frames with masks."""

import pickle

import numpy as np
import pytest
from fake_media import write_image

from avsal.errors import ConfigError, DatasetError
from datasets_av.mask_sets import Davis, SegTrackV2, Usvd, Vot2016

SIZE = (8, 10)


def mask(*pixels, value=255):
    image = np.zeros(SIZE, np.uint8)
    for row, column in pixels:
        image[row, column] = value
    return image


def add_sequence(frames, masks, num_frames=3, value=255, first=0):
    for number in range(first, first + num_frames):
        write_image(frames / f"{number:05d}.jpg", np.full((*SIZE, 3), 40))
        write_image(masks / f"{number:05d}.png", mask((number, 2), value=value))


@pytest.fixture
def davis(tmp_path):
    for name in ("bear", "dog"):
        add_sequence(tmp_path / f"JPEGImages/480p/{name}", tmp_path / f"Annotations/480p/{name}")
    return tmp_path


def test_davis_gives_masks_and_no_gaze(davis):
    first, second = Davis(davis)
    assert [first.id, second.id] == ["bear", "dog"]
    assert (first.split, first.num_frames, first.frame_rate) == ("test", 3, 24)
    assert (first.load_fixations, first.load_density, first.audio) == (None, None, None)
    loaded = pickle.loads(pickle.dumps(first)).load_mask(1)
    assert loaded.dtype == bool
    np.testing.assert_array_equal(loaded, mask((1, 2)) > 0)
    with pytest.raises(DatasetError, match=r"expected a mask of frame 3 \(from 0\) but there are 3"):
        first.load_mask(3)


def test_davis_has_two_resolutions(davis):
    with pytest.raises(DatasetError, match="expected `JPEGImages/1080p`"):
        Davis(davis, resolution="1080p")


def test_labels_of_several_objects_count_as_one_mask(tmp_path):
    add_sequence(tmp_path / "JPEGImages/480p/bear", tmp_path / "Annotations/480p/bear", value=1)
    assert next(iter(Davis(tmp_path))).load_mask(0).sum() == 1


def test_a_mask_too_few_or_none_is_a_problem(davis):
    (davis / "Annotations/480p/bear/00001.png").unlink()
    add_sequence(davis / "JPEGImages/480p/cow", davis / "elsewhere")
    dataset = Davis(davis)
    assert [recording.id for recording in dataset] == ["dog"]
    assert "bear: " in dataset.problems[0]
    assert "found 3 frames, 2 masks of object 1; extract it again" in dataset.problems[0]
    assert "Annotations/480p/cow is missing but should hold the masks" in dataset.problems[1]
    with pytest.raises(DatasetError, match="DAVIS: bear"):
        list(Davis(davis, strict=True))


def test_segtrack_unites_the_objects_of_a_frame(tmp_path):
    add_sequence(tmp_path / "JPEGImages/bird", tmp_path / "GroundTruth/bird")
    add_sequence(tmp_path / "JPEGImages/bmx", tmp_path / "GroundTruth/bmx/1")
    for number in range(3):
        write_image(tmp_path / f"GroundTruth/bmx/2/{number:05d}.png", mask((7, 9)))
    bird, bmx = SegTrackV2(tmp_path)
    np.testing.assert_array_equal(bird.load_mask(2), mask((2, 2)) > 0)
    np.testing.assert_array_equal(bmx.load_mask(2), mask((2, 2), (7, 9)) > 0)
    (tmp_path / "GroundTruth/bmx/2/00000.png").unlink()
    dataset = SegTrackV2(tmp_path)
    assert [recording.id for recording in dataset] == ["bird"]
    assert "2 masks of object 2" in dataset.problems[0]


@pytest.mark.parametrize("reader", [Vot2016, Usvd])
def test_the_training_sets_are_read_from_frames_and_masks(tmp_path, reader):
    add_sequence(tmp_path / "frames/bag", tmp_path / "masks/bag", first=1)
    (recording,) = reader(tmp_path, split="train")
    assert (recording.id, recording.split, recording.dataset) == ("bag", "train", reader.info.name)
    np.testing.assert_array_equal(recording.load_mask(0), mask((1, 2)) > 0)
    with pytest.raises(ConfigError, match="has only train recordings but split='test' was asked for"):
        reader(tmp_path, split="test")
    with pytest.raises(DatasetError, match="expected `masks` in"):
        reader(tmp_path / "frames")


def test_published_counts_are_those_of_the_paper():
    counts = {
        reader.info.name: (reader.info.num_recordings, reader.info.num_frames)
        for reader in (Davis, SegTrackV2, Vot2016, Usvd)
    }
    assert counts == {
        "davis": (50, 3455),
        "segtrack_v2": (14, 1066),
        "vot2016": (60, 21646),
        "usvd": (18, 3550),
    }
