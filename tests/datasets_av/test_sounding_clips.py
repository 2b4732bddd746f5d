import csv
from fractions import Fraction

import av
import numpy as np
import pytest

from avsal.errors import ConfigError, DatasetError
from datasets_av.sounding_clips import CONDITIONS, Material, SoundingClips, ceilings, motion_against_loudness

SMALL = {"num_frames": 20, "size": (64, 96), "sample_rate": 8000}
FIELDS = ("file", "kind", "speaker", "seconds", "face_x0", "face_y0", "face_x1", "face_y1")
FACE = (0.2, 0.1, 0.8, 0.9)


def talk(path, seed, seconds=2.0, size=(48, 64), rate=25, sample_rate=8000):
    """A face whose mouth flickers as strongly as its tone is loud, at random."""
    rng = np.random.default_rng(seed)
    number = round(seconds * rate)
    loudness = np.repeat(rng.random(-(-number // 3)), 3)[:number]
    container = av.open(str(path), "w")
    with container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.width, picture.height, picture.pix_fmt = size[1], size[0], "yuv420p"
        picture.bit_rate = 2_000_000
        tone = container.add_stream("aac", rate=sample_rate, layout="mono")
        for index, value in enumerate(loudness):
            image = np.full((*size, 3), 90, np.uint8)
            image[28:44, 18:46] = round(128 + 110 * value * (-1) ** index)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode())
        envelope = np.repeat(loudness, sample_rate // rate) ** 2
        samples = np.sin(np.arange(len(envelope)) * (0.3 + 0.1 * seed)) * envelope * 20000
        frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        container.mux(tone.encode(frame))
        container.mux(tone.encode())


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
    """Five people of one corpus, one of them in two clips, two of another, and a bell."""
    folder = tmp_path_factory.mktemp("clips")
    people = ["one_A", "one_B", "one_C", "one_D", "one_E", "one_A", "two_A", "two_B"]
    with (folder / "clips.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        for number, who in enumerate(people):
            talk(folder / f"{number}.mp4", number, 1.2 if who.startswith("two") else 2.0)
            row = {"file": f"{number}.mp4", "kind": "face", "speaker": who}
            row["seconds"] = 1.2 if who.startswith("two") else 2.0
            table.writerow(row | dict(zip(FIELDS[4:], FACE, strict=True)))
        talk(folder / "bell.mp4", 9)
        table.writerow({"file": "bell.mp4", "kind": "object", "seconds": 2.0})
    return folder


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
        assert composite.selected(composite.gaze.best_map(-1, sound=True)) == composite.heard
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
    """In 66 % of 300 trials of two and 32 frames; swapped, the other one is picked as often."""
    made = SoundingClips(shared_data / "sounding_clips", seed=1, num_sources=(2, 2))
    assert {name: len(members) for name, members in made.groups.items()} == {
        "grid": 4, "lrs3": 8, "vox": 6, "hdtf": 5, "vrt": 3, "sv": 9, "dfrf": 2, "baby": 2,
    }  # fmt: skip
    picked = {"original": 0, "swapped": 0}
    for index in range(40):
        composite = made[index]
        for condition in picked:
            fit = motion_against_loudness(
                composite.frames,
                composite.sounds[condition],
                composite.faces,
                frame_rate=25,
                sample_rate=22050,
            )
            picked[condition] += int(fit.argmax()) == composite.heard
    assert picked["original"] > 22 > 18 > picked["swapped"]
