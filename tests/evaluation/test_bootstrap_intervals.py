import numpy as np
import pytest
from scipy.stats import norm

from avsal.evaluation import bootstrap_interval

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_for_many_normal_videos_it_is_the_textbook_interval(method):
    means = GENERATOR.normal(2, 0.5, 400)
    low, high = bootstrap_interval(means, method=method)
    half = norm.ppf(0.975) * means.std() / np.sqrt(400)
    assert low == pytest.approx(means.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(means.mean() + half, abs=0.15 * half)


def test_weights_are_drawn_with_their_videos():
    means, weights = GENERATOR.random(12), GENERATOR.integers(1, 50, 12).astype(float)
    low, high = bootstrap_interval(means, weights, method="percentile")
    draws = np.random.default_rng(5).integers(0, 12, (20000, 12))
    plain = (means[draws] * weights[draws]).sum(1) / weights[draws].sum(1)
    np.testing.assert_allclose((low, high), np.quantile(plain, [0.025, 0.975]), atol=0.012)


def test_equal_videos_have_an_interval_without_width():
    assert bootstrap_interval(np.full(8, 0.5)) == (0.5, 0.5)


def test_without_enough_videos_there_is_none():
    assert bootstrap_interval(np.array([1.0, 2.0])) is None
    assert bootstrap_interval(np.array([1.0, 2.0, -np.inf])) is None


def test_the_draw_is_repeatable():
    means = GENERATOR.random(9)
    assert bootstrap_interval(means) == bootstrap_interval(means)
    assert bootstrap_interval(means, seed=1) != bootstrap_interval(means)
