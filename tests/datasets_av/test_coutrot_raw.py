import pickle

import numpy as np
import pytest
from fake_media import write_mat, write_video

from avsal.errors import ConfigError, DatasetError
from datasets_av.coutrot_raw import Coutrot1Raw, Coutrot2Raw
from datasets_av.dataset import open_dataset


def gaze(num_frames, observers, seed=0):
    rng = np.random.default_rng(seed)
    data = rng.uniform(0, 1, (3, num_frames, observers)) * np.array([720, 576, 9])[:, None, None]
    return data


def clip(data, num_frames=None):
    info = {"fps": 25.0, "vidwidth": 720.0, "vidheight": 576.0, "nframe": float(num_frames or data.shape[1])}
    return {"data": data, "info": info}


@pytest.fixture
def release(tmp_path):
    """Clips 1 and 10 with their own sound, clip 1 also with another; one eye is lost, one looks away."""
    own = {"clip_1": gaze(6, 4), "clip_10": gaze(8, 3, 1)}
    own["clip_1"][:2, 1, 0] = np.nan
    own["clip_1"][0, 2, 1] = 720.0
    other = {"clip_1": gaze(6, 2, 2)}
    content = {
        "OriginalSounds": {name: clip(data) for name, data in own.items()},
        "FacesSounds": {name: clip(data) for name, data in other.items()},
    }
    write_mat(tmp_path / "coutrot_database1.mat", {"Coutrot_Database1": content})
    write_video(tmp_path / "ERB3_Stimuli" / "clip_1.avi", num_frames=6)
    write_video(tmp_path / "ERB3_Stimuli" / "clip_10.avi", num_frames=7)
    return tmp_path, own, other


def test_gaze_and_video_of_the_original_sound(release):
    root, own, _ = release
    dataset = open_dataset("coutrot1_raw", root)
    first, tenth = dataset
    assert (first.id, first.num_frames, first.split, first.category) == ("clip1", 6, None, "OriginalSounds")
    assert first.frames == first.audio == root / "ERB3_Stimuli" / "clip_1.avi"
    fixations = first.load_fixations()
    assert fixations.size == (576, 720)
    assert fixations.observers == (0, 1, 2, 3)
    assert fixations.dropped == {"samples without a position": 1, "samples outside the picture": 1}
    assert len(fixations) == 6 * 4 - 2
    third = fixations.select((fixations.frame == 3) & (fixations.observer == 2))
    assert (third.x[0], third.y[0]) == pytest.approx(tuple(own["clip_1"][:2, 3, 2]))
    assert tenth.num_frames == 7
    assert tenth.load_fixations().dropped == {"samples after the video": 3}
    assert "has 7 frames, its gaze 8; the fewer are used" in dataset.notes[0]
    assert len(dataset.problems) == 58


def test_another_soundtrack_comes_without_the_sound_that_nobody_heard(release):
    root, _, other = release
    (recording,) = Coutrot1Raw(root, condition="FacesSounds")
    assert recording.audio is None
    assert recording.category == "FacesSounds"
    fixations = recording.load_fixations()
    assert fixations.observers == (0, 1)
    np.testing.assert_allclose(fixations.select(fixations.observer == 0).x, other["clip_1"][0, :, 0])


def test_folds_are_those_of_the_lists(release):
    root = release[0]
    roles = [{r.id: r.split for r in Coutrot1Raw(root, fold=fold)} for fold in (1, 2, 3)]
    for name in ("clip1", "clip10"):
        assert sorted(fold[name] for fold in roles) == ["test", "train", "train"]
    with pytest.raises(ConfigError, match="fold=1, 2 or 3"):
        Coutrot1Raw(root, split="test")


def test_recordings_can_be_sent_to_worker_processes(release):
    recording = next(iter(Coutrot1Raw(release[0])))
    again = pickle.loads(pickle.dumps(recording))
    np.testing.assert_array_equal(again.load_fixations().x, recording.load_fixations().x)


def test_one_observer_is_read_although_matlab_drops_the_axis(tmp_path):
    data = gaze(5, 1)
    write_mat(
        tmp_path / "coutrot_database2.mat",
        {"Coutrot_Database2": {"AudioVisual": {"clip_3": clip(data[..., 0], 5)}}},
    )
    write_video(tmp_path / "ERB4_Stimuli" / "clip_3.avi", num_frames=5)
    (recording,) = open_dataset("coutrot2_raw", tmp_path)
    assert recording.id == "clip3"
    np.testing.assert_allclose(recording.load_fixations().x, data[0, :, 0])


def test_unknown_condition_lists_those_in_the_file(release):
    with pytest.raises(
        ConfigError, match=r"no condition 'Silence' .* expected one of FacesSounds, OriginalSounds"
    ):
        Coutrot1Raw(release[0], condition="Silence")


def test_wrong_and_damaged_files_are_clear_errors(release, tmp_path):
    root = release[0]
    with pytest.raises(DatasetError, match=r"coutrot_database2\.mat but there is none"):
        Coutrot2Raw(root)
    (root / "ERB3_Stimuli" / "clip_1.avi").write_bytes(b"RIFF no video")
    write_video(root / "ERB3_Stimuli" / "clip_10.avi", num_frames=8, sound=False)
    dataset = Coutrot1Raw(root)
    with pytest.raises(DatasetError, match="no usable recording"):
        list(dataset)
    assert any("clip_1.avi" in line and line.startswith("clip1:") for line in dataset.problems)
    assert any("clip_10.avi has no sound stream" in line for line in dataset.problems)
    assert any(
        line.startswith("clip2: ") and "expected `OriginalSounds.clip_2`" in line for line in dataset.problems
    )
    write_mat(root / "coutrot_database1.mat", {"Coutrot_Database2": {"x": 1}})
    with pytest.raises(DatasetError, match="expected `Coutrot_Database1` but found Coutrot_Database2"):
        Coutrot1Raw(root)


def test_gaze_of_another_shape_is_refused(tmp_path):
    content = {"AudioVisual": {"clip_1": clip(np.zeros((2, 5, 3)))}}
    write_mat(tmp_path / "coutrot_database2.mat", {"Coutrot_Database2": content})
    write_video(tmp_path / "ERB4_Stimuli" / "clip_1.avi", num_frames=5)
    (recording,) = Coutrot2Raw(tmp_path)
    with pytest.raises(DatasetError, match=r"3 x frames x observers but found the shape \(2, 5, 3\)"):
        recording.load_fixations()
