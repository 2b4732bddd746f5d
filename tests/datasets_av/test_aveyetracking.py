import numpy as np
import pytest
from fake_media import write_mat, write_video, write_wav

from avsal.errors import DatasetError
from datasets_av.aveyetracking import EtmdRaw, SummeRaw
from datasets_av.dataset import open_dataset

CLIPS = {"CHI_1_color": 6, "Air_Force_One": 4}


@pytest.fixture
def release(tmp_path):
    """One clip of each set in the tree that they share; relative positions, one eye lost, one outside."""
    rng = np.random.default_rng(0)
    gaze = {name: rng.uniform(0, 1, (3, num_frames, 10)) for name, num_frames in CLIPS.items()}
    gaze["CHI_1_color"][:2, 0, 3] = np.nan
    gaze["CHI_1_color"][1, 5, 9] = 1.2
    write_mat(tmp_path / "eyetracking" / "all_videos.mat", {"eye_data_all": gaze})
    for name, num_frames in CLIPS.items():
        write_video(tmp_path / "video" / f"{name}.mp4", num_frames=num_frames, size=(36, 64))
        write_wav(tmp_path / "audio_mono" / f"{name}.wav", seconds=num_frames / 25)
    return tmp_path, gaze


def test_fractions_become_pixels_of_the_video(release):
    root, gaze = release
    dataset = open_dataset("etmd_raw", root, fold=1)
    (recording,) = dataset
    assert (recording.id, recording.dataset, recording.split, recording.num_frames) == (
        "CHI_1_color",
        "etmd_raw",
        "test",
        6,
    )
    assert recording.audio == root / "audio_mono" / "CHI_1_color.wav"
    fixations = recording.load_fixations()
    assert fixations.size == (36, 64)
    assert fixations.observers == tuple(range(10))
    assert fixations.dropped == {"samples without a position": 1, "samples outside the picture": 1}
    row = fixations.select((fixations.frame == 4) & (fixations.observer == 7))
    expected = gaze["CHI_1_color"][:2, 4, 7] * [64, 36]
    assert (row.x[0], row.y[0]) == pytest.approx(tuple(expected))
    assert len(dataset.problems) == 11


def test_both_sets_share_one_tree(release):
    (recording,) = SummeRaw(release[0])
    assert (recording.id, recording.dataset, recording.split) == ("Air_Force_One", "summe_raw", None)
    assert len(recording.load_fixations()) == 40


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("audio_mono/CHI_1_color.wav", "expected the sound at"),
        ("video/CHI_1_color.mp4", "expected one video .* but found none"),
    ],
)
def test_missing_sound_or_video_is_one_clear_line(release, part, pattern):
    root = release[0]
    (root / part).unlink()
    dataset = EtmdRaw(root)
    with pytest.raises(DatasetError, match=f"CHI_1_color: {pattern}"):
        list(dataset)
    with pytest.raises(DatasetError, match=f"ETMD .release.: CHI_1_color: {pattern}"):
        list(EtmdRaw(root, strict=True))


def test_tree_without_its_parts_is_refused(release):
    root = release[0]
    with pytest.raises(DatasetError, match="give the folder that holds it"):
        EtmdRaw(root / "video")
    (root / "eyetracking" / "all_videos.mat").write_bytes(b"MATLAB 5.0 MAT-file" + b" " * 200)
    with pytest.raises(DatasetError, match=r"all_videos\.mat is no readable MATLAB file"):
        list(EtmdRaw(root, strict=True))
