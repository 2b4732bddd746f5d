from functools import partial

import numpy as np
import pytest
from gaze_recordings import made_recordings

from avsal.errors import ConfigError
from avsal.evaluation import Evaluation, EvaluationSettings, PredictedMap
from avsal.evaluation.adaptation import AdaptationFit
from avsal.metrics import MapError

SIZE = (36, 64)
SETTINGS = EvaluationSettings(metrics=("cc", "sim", "kl"), baselines=(), postprocess="msu")


def densities(number=4, seed=0):
    from scipy.ndimage import gaussian_filter

    draw = np.random.default_rng(seed)
    for _ in range(number):
        points = np.zeros((72, 128))
        points[draw.integers(8, 64, 3), draw.integers(8, 120, 3)] = 1
        density = gaussian_filter(points, 6).astype(np.float32)
        yield density / density.max()


def test_a_curve_and_a_centre_that_were_taken_off_are_found_again():
    rows, columns = np.mgrid[:72, :128]
    centre = np.exp(-((rows - 36) ** 2 / 200 + (columns - 64) ** 2 / 800)).astype(np.float32)
    fit, made = AdaptationFit(), []
    for bright in densities():
        truth = 0.7 * bright**2 + 0.3 * centre  # the model lacks the centre and is too flat
        fit.add(7 * bright, truth, centre)
        made.append((7 * bright, truth))
    found = fit.solved()
    assert min(found.steps) >= 0
    assert found.centre / (found.centre + sum(found.steps)) == pytest.approx(0.3, abs=0.03)
    for saliency, truth in made:
        assert np.corrcoef(found.apply(saliency, centre).ravel(), truth.ravel())[0, 1] > 0.999


def test_maps_that_are_no_brightness_are_refused():
    with pytest.raises(MapError, match="minimum is -1"):
        AdaptationFit().add(np.array([[-1.0, 2.0]]), np.ones((2, 2), np.float32), np.ones((2, 2), np.float32))
    with pytest.raises(ConfigError, match="no frame has a map and gaze"):
        AdaptationFit().solved()


class Distorted:
    """The ground truth itself, its brightness bent by a power."""

    def __init__(self, name, recordings, power, skipped=()):
        self.name, self.power, self.skipped = name, power, skipped
        self.calls = 0

    def __call__(self, truth):
        self.calls += 1
        return (
            PredictedMap(frame, None, (truth.whole_density(frame) + 1e-4) ** self.power)
            for frame in range(6)
            if frame not in self.skipped
        )

    def unused(self, videos):
        return []


def test_each_model_is_adapted_by_itself_and_made_once(tmp_path):
    recordings = made_recordings(3)
    sources = [Distorted("flat", recordings, 0.4), Distorted("steep", recordings, 2, skipped=(1,))]
    scored = partial(Evaluation.prepare, recordings, source=sources)
    plain = [
        result.models
        for result in scored(EvaluationSettings(metrics=("cc", "sim", "kl"), baselines=())).score()
    ]
    made = scored(SETTINGS)
    for source in sources:
        source.calls = 0
    assert list(made.adapt(tmp_path)) == ["video 0", "video 1", "video 2"]
    adapted = [result.models for result in made.score()]
    assert [source.calls for source in sources] == [3, 3]
    for name in ("flat", "steep"):
        for before, after in zip(plain, adapted, strict=True):
            np.testing.assert_array_equal(before[name].frames, after[name].frames)
            assert (after[name].values["cc"] > before[name].values["cc"]).all()
            assert (after[name].values["cc"] > 0.97).all()
    assert made.problems.counts["missing map"] == 3
    assert "steep: video 0: 1 of 6 frames" in made.problems.found[0].text
    assert set(made.adaptations) == {"flat", "steep"}
