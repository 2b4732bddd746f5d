"""AUC-Judd and AUC-Borji against restatements that count pairs or enumerate what the MIT code draws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avsal.metrics import ConstantMapWarning, auc_borji, auc_judd

SIZE = (6, 7)
few_levels = hnp.arrays(np.float64, SIZE, elements=st.integers(0, 5).map(float))
pixels = st.lists(st.integers(0, SIZE[0] * SIZE[1] - 1), min_size=1, max_size=8)


def points(indices) -> tuple[np.ndarray, np.ndarray]:
    return np.unravel_index(np.array(indices, dtype=np.int64), SIZE)


def pairs_won(positives, negatives) -> float:
    """Share of pairs in which the positive is greater; ties count half."""
    won = [(p > n) + (p == n) / 2 for p in positives for n in negatives]
    return sum(won) / len(won)


def port_without_jitter(values, fixated) -> float:
    """The MIT code on distinct values, loop by loop."""
    num_pixels, num_fixated = len(values), len(fixated)
    curve = [(0.0, 0.0)]
    for number, threshold in enumerate(sorted((values[i] for i in fixated), reverse=True), start=1):
        above = sum(value >= threshold for value in values)
        curve.append(((above - number) / (num_pixels - num_fixated), number / num_fixated))
    curve.append((1.0, 1.0))
    return sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in itertools.pairwise(curve))


@given(few_levels, pixels)
@settings(deadline=None, max_examples=50)
def test_exact_auc_is_the_share_of_pairs_won_against_all_pixels(saliency, fixated):
    assume(np.ptp(saliency) > 0)
    expected = pairs_won(saliency.ravel()[fixated], saliency.ravel())
    assert auc_judd(saliency, points(fixated)) == pytest.approx(expected, abs=1e-12)


@given(hnp.arrays(np.float64, SIZE, elements=st.integers(0, 10**6).map(float), unique=True), pixels)
@settings(deadline=None, max_examples=50)
def test_mit_auc_without_ties_is_the_matlab_codes_loop(saliency, fixated):
    expected = port_without_jitter(saliency.ravel().tolist(), sorted(set(fixated)))
    assert auc_judd(saliency, points(fixated), "mit") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("fixated", [(0,), (0, 3), (1, 2, 5), (2, 3, 4, 5), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("levels", [(0, 0, 0, 1, 1, 2), (1, 1, 1, 1, 1, 2), (3, 0, 3, 0, 3, 0)])
def test_mit_auc_with_ties_is_the_mean_over_every_order_that_the_jitter_can_make(levels, fixated):
    orders = itertools.permutations(range(6))
    expected = np.mean(
        [
            port_without_jitter(
                [level + place / 10 for level, place in zip(levels, order, strict=True)], fixated
            )
            for order in orders
        ]
    )
    saliency = np.array(levels, dtype=float).reshape(2, 3)
    closed = auc_judd(saliency, np.unravel_index(np.array(fixated), (2, 3)), "mit")
    assert closed == pytest.approx(expected, abs=1e-12)


@given(few_levels, pixels)
@settings(deadline=None, max_examples=50)
def test_mit_auc_is_the_area_of_pixels_plus_the_last_false_positive_rate_over_twice_the_fixated(
    saliency, fixated
):
    assume(np.ptp(saliency) > 0)
    once = sorted(set(fixated))
    values = saliency.ravel()
    rest = np.delete(values, once)
    lowest = values[once].min()
    tied = np.count_nonzero(values[once] == lowest)
    rate = np.mean((rest > lowest) + (rest == lowest) * tied / (tied + 1))
    expected = pairs_won(values[once], rest) + rate / (2 * len(once))
    assert auc_judd(saliency, points(fixated), "mit") == pytest.approx(expected, abs=1e-12)


@given(few_levels, pixels, st.floats(0.1, 3), st.floats(-5, 5))
@settings(deadline=None, max_examples=50)
def test_auc_judd_is_invariant_under_monotone_maps(saliency, fixated, power, offset):
    assume(np.ptp(saliency) > 0)
    changed = 2.0 ** (power * saliency) + offset
    for family in ("exact", "mit"):
        assert auc_judd(changed, points(fixated), family) == auc_judd(saliency, points(fixated), family)


@given(few_levels, pixels, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_auc_judd_is_invariant_under_permutation_of_pixels(saliency, fixated, shuffler):
    assume(np.ptp(saliency) > 0)
    order = list(range(saliency.size))
    shuffler.shuffle(order)
    shuffled = saliency.ravel()[order].reshape(SIZE)
    moved = np.argsort(order)[fixated]
    for family in ("exact", "mit"):
        assert auc_judd(shuffled, points(moved), family) == pytest.approx(
            auc_judd(saliency, points(fixated), family)
        )


def test_repeats_count_in_exact_and_not_in_mit():
    saliency = np.arange(42.0).reshape(SIZE)
    once, twice = points([40, 3]), points([40, 40, 3])
    assert auc_judd(saliency, twice) > auc_judd(saliency, once)
    assert auc_judd(saliency, twice, "mit") == auc_judd(saliency, once, "mit")


def test_one_fixation_is_rewarded_by_half_its_false_positive_rate_in_mit():
    saliency = np.arange(42.0).reshape(SIZE)
    assert auc_judd(saliency, points([20])) == pytest.approx(20.5 / 42)
    assert auc_judd(saliency, points([20]), "mit") == pytest.approx(20 / 41 + 21 / 41 / 2)


def test_without_fixations_there_is_no_area():
    saliency = np.arange(42.0).reshape(SIZE)
    assert math.isnan(auc_judd(saliency, points([])))
    assert math.isnan(auc_borji(saliency, points([])))


def test_auc_judd_of_a_frame_fixated_everywhere_is_undefined_in_mit_only():
    saliency = np.arange(42.0).reshape(SIZE)
    everywhere = points(range(42))
    assert math.isnan(auc_judd(saliency, everywhere, "mit"))
    assert auc_judd(saliency, everywhere) == pytest.approx(0.5)


def test_a_constant_map_warns_and_scores_chance():
    constant = np.full(SIZE, 0.37)
    with pytest.warns(ConstantMapWarning, match="constant"):
        assert auc_judd(constant, points([1, 2])) == 0.5
    with pytest.warns(ConstantMapWarning):
        assert auc_judd(constant, points([1, 2]), "mit") == pytest.approx(0.5 + 1 / 6)
    with pytest.warns(ConstantMapWarning):
        assert auc_borji(constant, points([1, 2])) == 0.5


@pytest.mark.parametrize("family", ["exact", "mit"])
def test_eight_bit_maps_score_as_the_same_numbers_in_floating_point(family):
    generator = np.random.default_rng(0)
    grey = (generator.random((120, 160)) ** 4 * 255).astype(np.uint8)
    fixated = generator.integers(0, 120, 30), generator.integers(0, 160, 30)
    for kind in (np.uint16, np.int64, np.float16, np.float32, np.float64):
        assert auc_judd(grey.astype(kind), fixated, family) == auc_judd(grey, fixated, family)
    assert auc_borji(grey.astype(np.float64), fixated) == auc_borji(grey, fixated)


@pytest.mark.parametrize("levels", [(0, 3, 7, 10), (0, 0, 1, 1), (10, 2, 2, 0), (0, 1, 100, 4)])
def test_auc_borji_is_the_mean_over_every_draw_that_the_matlab_code_can_make(levels):
    scaled = np.array(levels) / max(levels)
    fixated = scaled[[1, 2]]
    areas = []
    for draw in itertools.product(scaled, repeat=2):
        steps = [k * 0.1 for k in range(int(max(*fixated, *draw) * 10 + 1e-9), -1, -1)]
        x = [0, *(np.mean(np.array(draw) >= step) for step in steps), 1]
        y = [0, *(np.mean(fixated >= step) for step in steps), 1]
        areas.append(sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False)))
    saliency = np.array(levels, dtype=float).reshape(2, 2)
    assert auc_borji(saliency, ([0, 1], [1, 0])) == pytest.approx(np.mean(areas), abs=1e-12)


def test_auc_borji_needs_two_fixated_pixels():
    saliency = np.arange(42.0).reshape(SIZE)
    assert math.isnan(auc_borji(saliency, points([5, 5])))
    assert auc_borji(saliency, points([5, 6])) < 0.5


def test_an_unknown_family_is_refused_by_name():
    with pytest.raises(ValueError, match="exact, mit but is 'judd'"):
        auc_judd(np.eye(3), ([0], [0]), "judd")
