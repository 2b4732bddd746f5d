"""Maps as numbers and as figures: what is written is what was predicted, and is read back."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import videos
from listeners import Listener
from matplotlib.figure import Figure

import avsal
from avsal.clips import resize_map
from avsal.errors import ConfigError
from avsal.evaluation import MapCollection
from avsal.prediction import Prediction, predict
from avsal.render.style import new_figure
from avsal.render.training_curves import training_curves
from avsal.workflows.predict import PredictSettings, predict_video

FRAMES = 12
HAS_ZARR = importlib.util.find_spec("zarr") is not None
needs_zarr = pytest.mark.skipif(not HAS_ZARR, reason="zarr is not installed")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return videos.moving_dot(tmp_path_factory.mktemp("sinks") / "clip.mp4", frames=FRAMES)


def truth_of(frames=tuple(range(FRAMES))):
    """What a reader of maps asks of a video's ground truth."""
    return SimpleNamespace(
        video="clip",
        recording=SimpleNamespace(frames=Path("clip.mp4")),
        frames=np.array(frames),
        times=np.array(frames) / 25,
        video_size=(48, 64),
    )


@pytest.mark.parametrize("kind", ["h5", "npz", pytest.param("zarr", marks=needs_zarr)])
def test_maps_are_written_and_read_back_as_they_were(video, tmp_path, kind):
    settings = PredictSettings(save=(kind,), every=2)
    found = predict_video(Listener(), video, tmp_path / "clip", settings)
    expected = list(predict(Listener(), video, every=2))
    for place in (found.outputs[kind], tmp_path):
        maps = MapCollection(place)
        read = list(maps(truth_of()))
        assert [one.frame for one in read] == list(range(FRAMES))
        assert {one.problem for one in read} == {None}  # the video's size is stated beside the maps
        for one, other in zip(read, expected, strict=True):
            np.testing.assert_array_equal(one.map, other.map)
            assert one.time == pytest.approx(other.time)
        assert [one.frame for one in maps(truth_of((1, 5, 9)))] == [1, 5, 9]
    assert {path.name for path in tmp_path.iterdir()} == {"clip.json", f"clip.{kind}"}


def test_an_npz_is_plain_numpy(video, tmp_path):
    predict_video(Listener(), video, tmp_path / "clip", PredictSettings(save=("npz",), every=3))
    with np.load(tmp_path / "clip.npz") as file:
        assert file["maps"].shape == (FRAMES, 24, 32)
        assert file["interpolated"].tolist() == [i % 3 != 0 and i != FRAMES - 1 for i in range(FRAMES)]
        np.testing.assert_allclose(np.diff(file["time"]), 0.04, atol=1e-6)
        assert file["video_size"].tolist() == [48, 64]
        assert json.loads(str(file["about"]))["model"]["input"]["size"] == [24, 32]


@pytest.mark.parametrize("kind", ["npz", pytest.param("zarr", marks=needs_zarr)])
def test_what_is_not_finished_leaves_nothing(video, tmp_path, kind):
    def breaks(stream):
        yield next(stream)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        predict_video(Listener(), video, tmp_path / "clip", PredictSettings(save=(kind,)), progress=breaks)
    assert list(tmp_path.iterdir()) == []


def test_zarr_that_is_not_installed_is_told(video, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(ConfigError, match="pip install zarr"):
        predict_video(Listener(), video, tmp_path / "clip", PredictSettings(save=("zarr",)))


def test_a_prediction_is_one_line_and_gives_its_map_at_any_size(video):
    one = list(predict(Listener(), video))[3]
    assert repr(one).startswith("<Prediction 3 at 0.120 s: map of 32x24, highest (")
    assert "\n" not in repr(one)
    assert one.video_size == (48, 64)
    np.testing.assert_array_equal(one.map_at(), resize_map(one.map, (48, 64)))
    assert one.map_at((12, 16)).mean() == pytest.approx(one.map.mean(), abs=1e-4)
    assert one.map.min() <= one.map_at((300, 400)).min()
    assert one.map_at((300, 400)).max() <= one.map.max()
    with pytest.raises(ConfigError, match="height, width"):
        one.map_at((0, 3))
    with pytest.raises(ConfigError, match="not known"):
        Prediction(0, 0.0, 0.04, one.map).map_at()


def colours_of(figure):
    """Panels with a picture, and their mean colours."""
    images = [axis.get_images()[0].get_array() for axis in figure.axes if axis.get_images()]
    return len(images), [image.reshape(-1, 3).mean(0) for image in images]


def test_predictions_are_drawn_over_their_frames(video, tmp_path):
    stream = predict(Listener(), video)
    frames = list(stream)
    single = frames[2].plot(tmp_path / "one.png")
    assert isinstance(single, Figure)
    assert (tmp_path / "one.png").stat().st_size > 2000
    heat, contour = avsal.plot(frames[2]), avsal.plot(frames[2], style="contour")
    (count, (first,)), (_, (second,)) = colours_of(heat), colours_of(contour)
    assert count == 1
    assert np.abs(first - second).max() > 2
    assert colours_of(avsal.plot(predict(Listener(), video)))[0] == FRAMES
    long = [Prediction(i, i / 25, 0.04, frames[2].map) for i in range(100)]
    figure = avsal.plot(iter(long))
    titles = [axis.get_title(loc="left") for axis in figure.axes if axis.get_images()]
    assert 6 <= len(titles) <= 12
    assert titles[0].startswith("frame 0 ")
    assert avsal.plot(long[0]).axes  # without its frame: on a grey ground


def test_a_notebook_gets_pictures_of_figures_without_pyplot():
    figure = new_figure(2, 1)
    figure.subplots().plot([1, 2])
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_told(video, tmp_path):
    with pytest.raises(ConfigError, match="found int"):
        avsal.plot(3)
    with pytest.raises(ConfigError, match="read before"):
        avsal.plot([])
    with pytest.raises(ConfigError, match="unknown style"):
        avsal.plot([], style="dots")
    with pytest.raises(ConfigError, match=r"\.png, \.pdf or \.svg"):
        avsal.plot(next(predict(Listener(), video)), tmp_path / "a.jpg")


def test_results_share_one_style():
    log = [{"kind": "step", "step": i, "loss": 1 / (i + 1)} for i in range(9)]
    log += [{"kind": "validation", "step": i, "nss": i / 9} for i in (3, 6)]
    figure = avsal.plot(SimpleNamespace(figure=lambda: training_curves(log)))
    for axis in figure.axes:
        assert not axis.spines["top"].get_visible()
        assert not axis.spines["right"].get_visible()
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "nss"]
