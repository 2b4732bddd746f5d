"""What authors do to maps before they save them: a blur on the map or on the video, then a range."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from avsal.models import create_model
from avsal.prediction import predict
from avsal.prediction.finish import finished
from avsal.types import ClipSpec
from tests.videos import moving_dot

SPEC = ClipSpec(1, (32, 48))
MAP = gaussian_filter(np.random.default_rng(0).random((32, 48)), 2).astype(np.float32)


def test_by_default_a_map_stays_as_it_is():
    assert np.array_equal(finished(MAP, SPEC, (320, 480)), MAP)


def test_a_blur_on_the_map_is_that_of_its_own_pixels():
    spec = replace(SPEC, blur=3.0, normalise="max")
    expected = gaussian_filter(MAP, 3.0)
    assert np.allclose(finished(MAP, spec, (320, 480)), expected / expected.max())


def test_a_blur_on_the_video_is_nearly_what_the_enlarged_map_would_get():
    spec = replace(SPEC, blur=5.0, blur_on="video", normalise="range")
    large = gaussian_filter(zoom(MAP, 4, order=1, grid_mode=True, mode="nearest"), 5.0)
    large = (large - large.min()) / np.ptp(large)
    ours = zoom(finished(MAP, spec, (128, 192)), 4, order=1, grid_mode=True, mode="nearest")
    assert np.abs(ours - large).max() < 0.03


@pytest.mark.parametrize(("normalise", "level"), [("none", 0.5), ("max", 1.0), ("range", 0.0)])
def test_a_constant_map_stays_finite(normalise, level):
    flat = np.full((4, 5), 0.5, np.float32)
    assert np.array_equal(finished(flat, replace(SPEC, normalise=normalise), (4, 5)), np.full((4, 5), level))
    black = finished(np.zeros((4, 5), np.float32), replace(SPEC, normalise=normalise), (4, 5))
    assert not black.any()


def test_predictions_are_finished(tmp_path):
    video = moving_dot(tmp_path / "clip.mp4", frames=4)
    model = create_model("stavis_visual", size=(32, 48), width=0.05)
    assert model.spec.normalise == "range"
    for prediction in predict(model, video):
        assert (prediction.map.min(), prediction.map.max()) == (0, 1)
