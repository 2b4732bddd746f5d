import numpy as np
import pytest
from sounding_material import SMALL, write_sounding_clips

from avsal.errors import ConfigError, DatasetError
from datasets_av.sounding_clips import CONDITIONS, Material, SoundingClips, ceilings, motion_against_loudness


def fitting(composite, condition):
    """Which mouth the sound fits best."""
    fit = motion_against_loudness(
        composite.frames,
        composite.sounds[condition],
        composite.faces,
        frame_rate=composite.frame_rate,
        sample_rate=composite.sample_rate,
    )
    return int(fit.argmax())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sounding_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def composites(root):
    made = SoundingClips(root, seed=3, **SMALL)
    return [made[index] for index in range(12)]


def test_a_composite_shows_different_people_of_one_corpus(composites):
    for composite in composites:
        assert 2 <= len(composite.sources) <= 4
        assert len({source.who for source in composite.sources}) == len(composite.sources)
        assert len({source.origin for source in composite.sources}) == 1
        assert composite.frames.shape == (20, 64, 96, 3)
    assert {len(composite.sources) for composite in composites} == {2, 3, 4}
    assert {composite.heard for composite in composites} >= {0, 1}


def test_the_same_index_is_the_same_composite(root, composites):
    again = SoundingClips(str(root), seed=3, **SMALL)[7]
    np.testing.assert_array_equal(again.frames, composites[7].frames)
    np.testing.assert_array_equal(again.sound, composites[7].sound)
    np.testing.assert_array_equal(again.fixations.x, composites[7].fixations.x)
    assert not np.array_equal(again.frames, SoundingClips(root, seed=4, **SMALL)[7].frames)


def test_boxes_lie_apart_inside_the_frame_with_the_faces_inside_them(composites):
    for composite in composites:
        boxes, (height, width) = composite.boxes, composite.frames.shape[1:3]
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (width, height)).all()
        covered = np.zeros((height, width), int)
        for x0, y0, x1, y1 in boxes.astype(int):
            covered[y0:y1, x0:x1] += 1
        assert covered.max() == 1
        assert (composite.faces[:, :2] >= boxes[:, :2] - 1e-6).all()
        assert (composite.faces[:, 2:] <= boxes[:, 2:] + 1e-6).all()


def test_gaze_is_expected_on_the_one_that_is_heard(composites):
    for composite in composites:
        assert composite.favoured(composite.gaze.best_map(-1, sound=True)) == composite.heard
        untold = composite.gaze.weights_without_sound[-1]
        np.testing.assert_allclose(untold[:-1], untold[0])
        attended = composite.gaze.weights[-1]
        assert attended.argmax() == composite.heard
        assert attended[composite.heard] == pytest.approx(0.85)
        assert (composite.target.sum(), composite.fixations.size) == (pytest.approx(1, rel=1e-5), (64, 96))


def test_the_ceilings_of_the_formula_are_those_of_the_composites(root):
    made = SoundingClips(root, seed=5, num_sources=(3, 3), match="kind", **SMALL)
    found = {False: [], True: []}
    for index in range(40):
        composite = made[index]
        rows, columns = composite.fixations.at(19).rows_and_columns()
        for sound, scores in found.items():
            best = composite.gaze.best_map(-1, sound=sound)
            scores.append(((best - best.mean()) / best.std())[rows, columns].mean())
    expected = ceilings(3, size=(64, 96))["nss"]
    assert np.mean(found[False]) == pytest.approx(expected.without_sound, rel=0.1)
    assert np.mean(found[True]) == pytest.approx(expected.with_sound, rel=0.1)


def test_all_conditions_but_silence_are_equally_loud(composites):
    for composite in composites:
        assert tuple(composite.sounds) == CONDITIONS
        loudness = {name: sound.std() for name, sound in composite.sounds.items()}
        assert loudness["silent"] == 0
        assert loudness["swapped"] == pytest.approx(loudness["original"], rel=0.1)
        assert loudness["shifted"] == pytest.approx(loudness["original"], rel=0.1)
        assert {len(sound) for sound in composite.sounds.values()} == {6400}


def test_the_sound_fits_the_mouth_of_the_heard_one_and_after_swapping_that_of_another(root):
    made = SoundingClips(root, seed=6, num_sources=(3, 3), **SMALL)
    picked = {"original": 0, "swapped": 0}
    for index in range(12):
        composite = made[index]
        for condition in picked:
            fit = motion_against_loudness(
                composite.frames,
                composite.sounds[condition],
                composite.faces,
                frame_rate=25,
                sample_rate=8000,
            )
            picked[condition] += int(fit.argmax()) == composite.heard
    assert picked["original"] >= 9
    assert picked["swapped"] <= 3


def test_people_are_held_out_and_never_files(root):
    seen = set()
    for fold in range(3):
        parts = {
            part: {
                source.who
                for members in SoundingClips(root, part=part, fold=fold, **SMALL).groups.values()
                for takes in members.values()
                for source in takes
            }
            for part in ("train", "test")
        }
        assert not parts["train"] & parts["test"]
        assert len(parts["test"]) == 2
        seen |= parts["test"]
        # too few of the second corpus to hold anybody out; both clips of one_A go together
        assert {"two_A", "two_B"} <= parts["train"]
    assert seen == {"one_A", "one_B", "one_C", "one_D", "one_E"}


def test_clips_shorter_than_the_composite_are_left_out(root):
    long = SoundingClips(root, num_frames=40, size=(64, 96), sample_rate=8000)
    assert list(long.groups) == ["one"]


def test_what_cannot_be_made_is_said(root, tmp_path):
    with pytest.raises(DatasetError, match="expected a list of sounding clips"):
        SoundingClips(tmp_path)
    with pytest.raises(ConfigError, match=r"with clips of 3\.60 s but there are none"):
        SoundingClips(root, num_frames=90)
    with pytest.raises(ConfigError, match="2 or more people of one source"):
        SoundingClips(root, kinds=("object",))
    with pytest.raises(ConfigError, match=r"`fold` must lie in 0\.\.2"):
        SoundingClips(root, fold=3)
    with pytest.raises(ConfigError, match="`match` must be one of source, kind"):
        SoundingClips(root, match="sound")
    (tmp_path / "clips.csv").write_text("file,kind\n")
    with pytest.raises(DatasetError, match="'speaker' is missing"):
        Material.read(tmp_path)


@pytest.mark.data
def test_real_talking_heads_are_told_apart_by_hand(shared_data):
    """In 75 % of 300 trials of two and 64 frames; swapped, the other one is picked as often."""
    folder = shared_data / "sounding_clips"
    made = SoundingClips(folder)
    assert {name: len(members) for name, members in made.groups.items()} == {
        "grid": 4, "lrs3": 8, "vox": 6, "hdtf": 5, "vrt": 3, "sv": 9, "dfrf": 2, "baby": 2,
    }  # fmt: skip
    held_out = SoundingClips(folder, part="test", num_sources=(2, 2), num_frames=64)
    picked = {"original": 0, "swapped": 0}
    for index in range(24):
        composite = held_out[index]
        for condition in picked:
            picked[condition] += fitting(composite, condition) == composite.heard
    assert picked["original"] > 14 > 10 > picked["swapped"]
