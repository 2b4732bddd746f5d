"""pysaliency's HDF5 without pysaliency; its models, both ways, where it can be imported."""

import importlib.util
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import videos
from listeners import Listener

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation.map_arrays import HDF5Maps
from avsal.interop import FromPysaliency, to_pysaliency, video_to_pysaliency
from avsal.media import open_frames
from avsal.prediction import predict

SIZE = (48, 64)


def truth_of(path="clip.mp4", frames=6):
    recording = SimpleNamespace(frames=path, frame_rate=None)
    return SimpleNamespace(
        recording=recording,
        video="clip",
        frames=np.arange(frames),
        times=np.arange(frames) / 25,
        video_size=SIZE,
    )


def named(path, maps, first=1, group=""):
    """As `pysaliency.precomputed_models.export_model_to_hdf5` names data sets: after the stimuli's files."""
    with h5py.File(path, "w") as file:
        for number, one in enumerate(maps):
            file[f"{group}frame_{number + first:05d}.png"] = one
    return path


@pytest.mark.parametrize(("first", "group"), [(1, ""), (0, ""), (1, "clip/"), (1, "set/clip/")])
def test_maps_named_after_images_belong_to_their_frames(tmp_path, first, group):
    maps = np.random.default_rng(0).random((6, *SIZE)).astype(np.float32)
    found = list(HDF5Maps(named(tmp_path / "clip.hdf5", maps, first, group))(truth_of()))
    assert [one.frame for one in found] == list(range(6))
    for one, expected in zip(found, maps, strict=True):
        np.testing.assert_array_equal(one.map, expected)
        assert one.problem is None


def test_log_densities_become_densities_and_missing_frames_are_left_out(tmp_path):
    logs = np.log(np.random.default_rng(0).dirichlet(np.ones(48 * 64), 6)).reshape(6, *SIZE)
    path = named(tmp_path / "clip.hdf5", logs)
    with h5py.File(path, "a") as file:
        del file["frame_00003.png"]
    found = list(HDF5Maps(path)(truth_of()))
    assert [one.frame for one in found] == [0, 1, 3, 4, 5]
    np.testing.assert_allclose(found[2].map, np.exp(logs[3]))


def test_two_maps_of_a_frame_and_names_without_number_are_told(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a1.png"] = file["b1.png"] = np.zeros(SIZE)
    with pytest.raises(DatasetError, match="two maps are of frame 1"):
        list(HDF5Maps(tmp_path / "two.h5")(truth_of()))
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["mean"] = np.zeros(SIZE)
    with pytest.raises(DatasetError, match="named by number"):
        list(HDF5Maps(tmp_path / "none.h5")(truth_of()))


def test_pysaliency_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pysaliency", None)
    with pytest.raises(ConfigError, match="pip install pysaliency"):
        to_pysaliency(Listener())
    with pytest.raises(ConfigError, match="found int"):
        FromPysaliency(3)


@pytest.fixture
def pysaliency():
    """The library; most environments have a setuptools that is too new for it."""
    if importlib.util.find_spec("pysaliency") is None:
        pytest.skip("pysaliency is not installed")
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("pysaliency")
    except ImportError as error:
        pytest.skip(f"pysaliency cannot be imported: {error}")


@pytest.fixture
def video(tmp_path):
    return videos.moving_dot(tmp_path / "clip.mp4", frames=6)


def test_our_models_score_pysaliency_s_stimuli(pysaliency, video):
    with open_frames(video) as reader:
        frames = [frame.image for frame in reader]
    stimuli = pysaliency.Stimuli([*frames[:2], frames[0][:32, :40, 0]])
    ours = to_pysaliency(Listener())
    for stimulus in stimuli:
        assert ours.saliency_map(stimulus).shape == stimulus.shape[:2]
    expected = next(predict(Listener(), [frames[0]], fps=25)).map_at(SIZE)
    np.testing.assert_array_equal(ours.saliency_map(frames[0]), expected)
    peak = np.unravel_index(expected.argmax(), SIZE)
    fixations = pysaliency.FixationTrains.from_fixation_trains([[peak[1]]], [[peak[0]]], [[0.1]], [0], [0])
    assert ours.AUC(stimuli, fixations) > 0.95


def test_a_video_s_maps_are_those_of_the_video(pysaliency, video):
    stimuli, ours = video_to_pysaliency(Listener(), video, step=2)
    maps = list(predict(Listener(), video))
    assert len(stimuli) == 3
    np.testing.assert_array_equal(ours.saliency_map(stimuli[1]), maps[2].map_at())
    with pytest.raises(ValueError, match="no frame of the video"):
        ours.saliency_map(np.zeros((*SIZE, 3), np.uint8))


def test_their_models_and_their_files_are_sources_of_maps(pysaliency, video, tmp_path):
    from PIL import Image
    from pysaliency.precomputed_models import export_model_to_hdf5

    class Bright(pysaliency.SaliencyMapModel):
        def _saliency_map(self, stimulus):
            return stimulus.mean(-1)

    class Uniform(pysaliency.Model):
        def _log_density(self, stimulus):
            return np.full(stimulus.shape[:2], -np.log(stimulus.shape[0] * stimulus.shape[1]))

    found = list(FromPysaliency(Bright(), "bright")(truth_of(video)))
    assert [one.frame for one in found] == list(range(6))
    with open_frames(video) as reader:
        frames = [frame.image for frame in reader]
    np.testing.assert_array_equal(found[3].map, frames[3].mean(-1))
    uniform = next(FromPysaliency(Uniform())(truth_of(video)))
    assert uniform.map.sum() == pytest.approx(1)
    paths = [tmp_path / f"{number + 1:05d}.png" for number in range(6)]
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame).save(path)
    stimuli = pysaliency.FileStimuli([str(path) for path in paths])
    for model, check in ((Bright(), found[3].map), (Uniform(), uniform.map)):
        export_model_to_hdf5(model, stimuli, str(tmp_path / "clip.hdf5"))
        read = list(HDF5Maps(tmp_path / "clip.hdf5")(truth_of(video)))
        np.testing.assert_allclose(read[3].map, check, rtol=1e-6)
