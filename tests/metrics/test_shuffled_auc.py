"""Shuffled AUC against counted pairs and against every subset that the MIT code can draw."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avsal.metrics import ConstantMapWarning, Points, shuffled_auc

SIZE = (5, 8)
few_levels = hnp.arrays(np.float64, SIZE, elements=st.integers(0, 6).map(float))
pixels = st.lists(st.integers(0, 39), min_size=1, max_size=12)


def points(indices) -> tuple[np.ndarray, np.ndarray]:
    return np.unravel_index(np.array(indices, dtype=np.int64), SIZE)


@given(few_levels, pixels, pixels)
@settings(deadline=None, max_examples=50)
def test_exact_shuffled_auc_is_the_share_of_pairs_won_against_others_with_repeats(saliency, fixated, others):
    assume(np.ptp(saliency) > 0)
    values = saliency.ravel()
    won = np.mean([(values[p] > values[n]) + (values[p] == values[n]) / 2 for p in fixated for n in others])
    assert shuffled_auc(saliency, points(fixated), points(others)) == pytest.approx(won, abs=1e-12)


@pytest.mark.parametrize("fixated", [(0,), (1, 7), (2, 3, 39)])
@pytest.mark.parametrize("others", [(5,), (4, 9, 11), (0, 20, 30, 38, 39)])
def test_mit_shuffled_auc_is_the_mean_over_every_subset_of_the_others(fixated, others):
    saliency = np.random.default_rng(3).random(SIZE) ** 2
    scaled = ((saliency - saliency.min()) / np.ptp(saliency)).ravel()
    positives = scaled[list(fixated)]
    areas = []
    for subset in itertools.combinations(others, min(len(fixated), len(others))):
        negatives = scaled[list(subset)]
        steps = [k * 0.1 for k in range(int(max(*positives, *negatives) * 10 + 1e-9), -1, -1)]
        x = [0, *(np.mean(negatives >= step) for step in steps), 1]
        y = [0, *(np.mean(positives >= step) for step in steps), 1]
        areas.append(sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False)))
    closed = shuffled_auc(saliency, points(fixated), points(others), "mit")
    assert closed == pytest.approx(np.mean(areas), abs=1e-12)


@given(few_levels, pixels, pixels, st.floats(0.1, 3), st.floats(-5, 5))
@settings(deadline=None, max_examples=30)
def test_exact_shuffled_auc_is_invariant_under_monotone_maps(saliency, fixated, others, power, offset):
    assume(np.ptp(saliency) > 0)
    changed = 2.0 ** (power * saliency) + offset
    expected = shuffled_auc(saliency, points(fixated), points(others))
    assert shuffled_auc(changed, points(fixated), points(others)) == expected


@given(few_levels, pixels, pixels)
@settings(deadline=None, max_examples=30)
def test_positives_and_negatives_exchanged_give_the_complement(saliency, fixated, others):
    assume(np.ptp(saliency) > 0)
    there = shuffled_auc(saliency, points(fixated), points(others))
    back = shuffled_auc(saliency, points(others), points(fixated))
    assert there + back == pytest.approx(1)


def test_mit_is_blind_to_repeats_and_exact_is_not():
    saliency = np.arange(40.0).reshape(SIZE)
    once, often = points([3, 30]), points([3, 30, 30, 30])
    assert shuffled_auc(saliency, points([20]), often) < shuffled_auc(saliency, points([20]), once)
    assert shuffled_auc(saliency, points([20]), often, "mit") == shuffled_auc(
        saliency, points([20]), once, "mit"
    )


def test_one_outlier_squeezes_the_mit_thresholds_and_leaves_exact_alone():
    saliency = np.arange(40.0).reshape(SIZE)
    with_outlier = saliency.copy()
    with_outlier[4, 7] = 1e6
    fixated, others = points([30, 35]), points([2, 5])
    assert shuffled_auc(with_outlier, fixated, others) == shuffled_auc(saliency, fixated, others) == 1
    assert (
        shuffled_auc(with_outlier, fixated, others, "mit")
        == 0.5
        < shuffled_auc(saliency, fixated, others, "mit")
    )


def test_counted_points_weigh_as_repeated_ones():
    saliency = np.random.default_rng(1).random(SIZE)
    counted = Points(np.array([4, 17]), np.array([3, 2]), SIZE)
    repeated = points([4, 4, 4, 17, 17])
    assert shuffled_auc(saliency, points([8]), counted) == shuffled_auc(saliency, points([8]), repeated)


def test_without_fixations_or_without_others_it_is_undefined():
    saliency = np.arange(40.0).reshape(SIZE)
    for family in ("exact", "mit"):
        assert math.isnan(shuffled_auc(saliency, points([]), points([1]), family))
        assert math.isnan(shuffled_auc(saliency, points([1]), points([]), family))


def test_a_constant_map_is_at_chance():
    for family in ("exact", "mit"):
        with pytest.warns(ConstantMapWarning):
            assert shuffled_auc(np.ones(SIZE), points([1]), points([2]), family) == 0.5
