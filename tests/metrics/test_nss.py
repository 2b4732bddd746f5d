"""Normalised scanpath saliency: its definition and its laws."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avsal.metrics import ConstantMapWarning, nss

SIZE = (6, 5)
maps = hnp.arrays(np.float64, SIZE, elements=st.floats(-10, 10, width=32))
pixels = st.lists(st.integers(0, 29), min_size=1, max_size=8)


def points(indices) -> tuple[np.ndarray, np.ndarray]:
    return np.unravel_index(np.array(indices, dtype=np.int64), SIZE)


@given(maps, pixels)
@settings(deadline=None, max_examples=50)
def test_nss_is_the_mean_standard_score_at_fixations(saliency, fixated):
    assume(np.std(saliency) > 1e-3)
    centred = (saliency - saliency.mean()).ravel()
    expected = np.mean([centred[pixel] for pixel in fixated]) / np.std(saliency)
    assert nss(saliency, points(fixated)) == pytest.approx(expected, abs=1e-9)
    expected = np.mean([centred[pixel] for pixel in set(fixated)]) / np.std(saliency, ddof=1)
    assert nss(saliency, points(fixated), "mit") == pytest.approx(expected, abs=1e-9)


@given(maps, pixels, st.floats(0.01, 100), st.floats(-1000, 1000))
@settings(deadline=None, max_examples=50)
def test_nss_is_invariant_under_positive_affine_maps_and_odd_under_negation(saliency, fixated, scale, offset):
    assume(np.std(saliency) > 1e-2)
    for family in ("exact", "mit"):
        value = nss(saliency, points(fixated), family)
        assert nss(scale * saliency + offset, points(fixated), family) == pytest.approx(value, abs=1e-6)
        assert nss(-saliency, points(fixated), family) == pytest.approx(-value, abs=1e-9)


@given(maps)
@settings(deadline=None, max_examples=30)
def test_looking_everywhere_once_scores_zero(saliency):
    assume(np.std(saliency) > 1e-3)
    assert nss(saliency, points(range(30))) == pytest.approx(0, abs=1e-9)


def test_a_constant_map_scores_zero_with_a_warning_and_not_a_ratio_of_rounding_errors():
    for family in ("exact", "mit"):
        with pytest.warns(ConstantMapWarning):
            assert nss(np.full((90, 160), 0.37), ([3], [4]), family) == 0


def test_without_fixations_it_is_undefined():
    assert math.isnan(nss(np.eye(3), ([], [])))


def test_single_precision_maps_far_from_zero_keep_their_score():
    saliency = np.random.default_rng(0).random((200, 300))
    shifted = (saliency + 1000).astype(np.float32)
    fixated = ([5, 100, 150], [7, 80, 299])
    assert nss(shifted, fixated) == pytest.approx(nss(shifted.astype(np.float64), fixated), abs=1e-9)
