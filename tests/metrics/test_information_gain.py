"""Information gain: its definition, its laws, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avsal.metrics import ConstantMapWarning, MapError, as_density, information_gain

SIZE = (5, 6)
positive = hnp.arrays(np.float64, SIZE, elements=st.floats(0.0625, 16, width=32))
pixels = st.lists(st.integers(0, 29), min_size=1, max_size=8)


def points(indices) -> tuple[np.ndarray, np.ndarray]:
    return np.unravel_index(np.array(indices, dtype=np.int64), SIZE)


@given(positive, positive, positive, pixels)
@settings(deadline=None, max_examples=50)
def test_exact_gain_is_the_mean_log_ratio_and_gains_add_up(first, second, third, fixated):
    assume(np.ptp(first) > 0 and np.ptp(second) > 0)
    ratios = np.log2(first / first.sum() / (second / second.sum())).ravel()[fixated]
    gain = information_gain(first, points(fixated), second)
    assert gain == pytest.approx(ratios.mean(), abs=1e-9)
    rest = information_gain(second, points(fixated), third)
    assert gain + rest == pytest.approx(information_gain(first, points(fixated), third), abs=1e-9)


def test_the_baseline_gains_nothing_over_itself():
    density = np.random.default_rng(0).random(SIZE) + 0.1
    for family in ("exact", "mit"):
        assert information_gain(density, points([3, 7, 7]), density, family) == pytest.approx(0, abs=1e-12)


def test_a_sharp_density_gains_the_logarithm_of_the_number_of_pixels_over_the_uniform_one():
    sharp = np.zeros((4, 4))
    sharp[1, 2] = 3
    assert information_gain(sharp, ([1, 1], [2, 2]), np.ones((4, 4))) == 4


def test_a_fixation_that_the_density_calls_impossible_costs_everything_unless_a_floor_is_mixed_in():
    density = np.array([[1.0, 0.0], [1.0, 2.0]])
    uniform = np.ones((2, 2))
    assert information_gain(density, ([0], [1]), uniform) == -math.inf
    floored = as_density(density, uniform=0.5)
    assert information_gain(floored, ([0], [1]), uniform) == pytest.approx(-1)


def test_mit_gain_shifts_both_maps_and_adds_eps():
    density = np.array([[1.0, 2.0], [3.0, 5.0]])
    baseline = np.array([[4.0, 3.0], [2.0, 6.0]])
    eps = np.finfo(np.float64).eps
    p, q = (density - 1) / 7, (baseline - 2) / 7
    expected = np.mean([np.log2(eps + p[i]) - np.log2(eps + q[i]) for i in ((0, 0), (1, 1))])
    assert information_gain(density, ([0, 1, 1], [0, 1, 1]), baseline, "mit") == pytest.approx(expected)


def test_a_constant_prediction_is_uniform():
    baseline = np.array([[1.0, 3.0], [2.0, 2.0]])
    for constant in (0.0, 7.0):
        with pytest.warns(ConstantMapWarning):
            gain = information_gain(np.full((2, 2), constant), ([0], [0]), baseline)
        assert gain == pytest.approx(1)


def test_a_negative_prediction_is_refused_in_exact_and_shifted_in_mit():
    saliency = np.array([[-1.0, 1.0], [0.0, 2.0]])
    with pytest.raises(MapError, match="non-negative"):
        information_gain(saliency, ([1], [1]), np.ones((2, 2)))
    assert information_gain(saliency, ([1], [1]), np.ones((2, 2)), "mit") == pytest.approx(1)


def test_a_baseline_that_is_zero_at_a_fixation_is_refused_with_the_remedy():
    with pytest.raises(MapError, match=r"`baseline` must be positive .* `as_density`"):
        information_gain(np.array([[1.0, 2.0], [3.0, 4.0]]), ([0], [1]), np.eye(2))


def test_without_fixations_it_is_undefined():
    assert math.isnan(information_gain(np.eye(2), ([], []), np.ones((2, 2))))
