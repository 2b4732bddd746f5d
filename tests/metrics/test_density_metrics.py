"""CC, SIM and KL: their definitions and their laws."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import rel_entr

from avsal.metrics import ConstantMapWarning, MapError, cc, kl_divergence, sim

SIZE = (7, 6)
densities = hnp.arrays(np.float64, SIZE, elements=st.one_of(st.just(0.0), st.floats(0.0625, 16, width=32)))


def contrasted(values) -> bool:
    return np.ptp(values) > 1e-3


@given(densities, densities)
@settings(deadline=None, max_examples=50)
def test_cc_is_pearsons_coefficient_and_symmetric(first, second):
    assume(contrasted(first) and contrasted(second))
    assert cc(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1], abs=1e-9)
    assert cc(first, second) == pytest.approx(cc(second, first), abs=1e-12)


@given(densities, densities, st.floats(0.01, 100), st.floats(-1000, 1000))
@settings(deadline=None, max_examples=50)
def test_cc_is_invariant_under_positive_affine_maps(saliency, density, scale, offset):
    assume(contrasted(saliency) and contrasted(density))
    assert cc(scale * saliency + offset, density) == pytest.approx(cc(saliency, density), abs=1e-6)


@given(densities, densities)
@settings(deadline=None, max_examples=50)
def test_sim_is_symmetric_lies_in_the_unit_interval_and_is_one_for_equal_maps(first, second):
    assume(contrasted(first) and contrasted(second))
    for family in ("exact", "mit"):
        value = sim(first, second, family)
        assert value == pytest.approx(sim(second, first, family), abs=1e-12)
        assert -1e-12 <= value <= 1 + 1e-12
        assert sim(first, first, family) == pytest.approx(1)
    assert sim(3 * first, second) == pytest.approx(sim(first, second))
    expected = 1 - np.abs(first / first.sum() - second / second.sum()).sum() / 2
    assert sim(first, second) == pytest.approx(expected, abs=1e-9)


def test_sim_shifts_every_map_in_mit_and_only_negative_ones_in_exact():
    density = np.array([[0.0, 1.0], [2.0, 1.0]])
    saliency = np.array([[1.0, 2.0], [3.0, 2.0]])
    assert sim(saliency, density, "mit") == pytest.approx(1)
    assert sim(saliency, density) == pytest.approx(0.875)
    assert sim(saliency - 3, density) == pytest.approx(1)


@given(densities, densities)
@settings(deadline=None, max_examples=50)
def test_kl_is_not_negative_and_zero_for_equal_maps(saliency, density):
    assume(contrasted(saliency) and contrasted(density))
    for family in ("exact", "mit"):
        assert kl_divergence(saliency, density, family) >= -1e-12
        assert kl_divergence(5 * density, density, family) == pytest.approx(0, abs=1e-12)


@given(densities, densities)
@settings(deadline=None, max_examples=50)
def test_kl_of_positive_maps_is_the_relative_entropy(saliency, density):
    assume(contrasted(saliency) and contrasted(density))
    saliency = saliency + 0.1
    expected = rel_entr(density / density.sum(), saliency / saliency.sum()).sum()
    assert kl_divergence(saliency, density) == pytest.approx(expected, abs=1e-9)


def test_kl_punishes_a_zero_where_people_looked_by_the_logarithm_of_eps():
    value = kl_divergence([[1.0, 0.0]], [[0.0, 1.0]])
    assert value == pytest.approx(-math.log(2.2204e-16))


def test_a_prediction_of_zeros_is_the_uniform_distribution():
    density = np.array([[0.0, 1.0], [2.0, 1.0]])
    for constant in (0.0, 0.37, 1e20):
        with pytest.warns(ConstantMapWarning):
            assert kl_divergence(np.full((2, 2), constant), density) == pytest.approx(math.log(2) / 2)
        for family in ("exact", "mit"):
            with pytest.warns(ConstantMapWarning):
                assert sim(np.full((2, 2), constant), density, family) == pytest.approx(0.75)
        with pytest.warns(ConstantMapWarning):
            assert cc(np.full((2, 2), constant), density) == 0


def test_a_density_of_zeros_leaves_all_three_undefined():
    for metric in (cc, sim, kl_divergence):
        assert math.isnan(metric(np.eye(3), np.zeros((3, 3))))


def test_a_constant_density_correlates_with_nothing():
    assert cc(np.eye(3), np.full((3, 3), 0.37)) == 0


def test_negative_values_are_refused_where_a_density_is_needed():
    negative = np.array([[-1.0, 1.0], [0.5, 2.0]])
    with pytest.raises(MapError, match=r"`saliency` must be non-negative .* minimum is -1"):
        kl_divergence(negative, np.eye(2))
    for metric in (cc, sim, kl_divergence):
        with pytest.raises(MapError, match="`density` must be non-negative"):
            metric(np.eye(2), negative)


def test_maps_of_different_size_are_refused():
    for metric in (cc, sim, kl_divergence):
        with pytest.raises(ValueError, match=r"size of the prediction, \(3, 3\), but is \(2, 2\)"):
            metric(np.eye(3), np.eye(2))


@pytest.mark.parametrize("size", [(127, 129), (128, 128), (360, 641)])
def test_values_do_not_depend_on_how_the_map_falls_into_blocks(size):
    generator = np.random.default_rng(2)
    first, second = generator.random(size), generator.random(size)
    p, q = first / first.sum(), second / second.sum()
    assert cc(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1], abs=1e-12)
    assert sim(first, second) == pytest.approx(np.minimum(p, q).sum(), abs=1e-12)
    assert kl_divergence(first, second) == pytest.approx((q * np.log(q / p)).sum(), abs=1e-9)
