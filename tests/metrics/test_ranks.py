"""Exact ranks against plain comparisons, on the distributions that strain a histogram."""

import numpy as np
import pytest

from avsal.metrics.ranks import count_above

GENERATOR = np.random.default_rng(0)
UNIFORM = GENERATOR.random(50_000)
MAPS = {
    "uniform": UNIFORM,
    "outlier": np.append(UNIFORM, 1e9),
    "mostly zero": np.where(UNIFORM < 0.8, 0, UNIFORM),
    "few levels": np.round(UNIFORM * 4),
    "negative": UNIFORM - 20,
    "logarithmic": np.log(UNIFORM),
    "far from zero": UNIFORM + 1000,
    "tiny": UNIFORM * 1e-40,
    "huge": (UNIFORM - 0.5) * 6e38,
    "constant": np.full(50_000, 0.37),
    "short": UNIFORM[:100],
    "one value": UNIFORM[:1],
}


def expected(values, thresholds, weights):
    greater = [weights[values > threshold].sum() for threshold in thresholds]
    return greater, [weights[values == threshold].sum() for threshold in thresholds]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", MAPS)
def test_counts_are_exact_on_any_distribution_for_thresholds_inside_and_outside(name, kind):
    values = MAPS[name].astype(kind)
    ends = np.array([values.min(), values.max()])
    thresholds = np.concatenate([GENERATOR.choice(values, 30), ends, ends - 1, ends + 1]).astype(kind)
    weights = GENERATOR.integers(1, 9, values.size)
    once = np.ones(values.size)
    np.testing.assert_array_equal(count_above(values, thresholds), expected(values, thresholds, once))
    weighted = count_above(values, thresholds, weights=weights)
    np.testing.assert_array_equal(weighted, expected(values, thresholds, weights))


def test_counts_of_eight_bit_values_are_exact():
    values = (UNIFORM**3 * 255).astype(np.uint8)
    thresholds = np.arange(256, dtype=np.uint8)
    weights = GENERATOR.integers(1, 9, values.size)
    once = np.ones(values.size)
    np.testing.assert_array_equal(count_above(values, thresholds), expected(values, thresholds, once))
    weighted = count_above(values, thresholds, weights=weights)
    np.testing.assert_array_equal(weighted, expected(values, thresholds, weights))


def test_known_limits_change_nothing():
    values = UNIFORM.astype(np.float32)
    with_limits = count_above(values, values[:9], limits=(values.min(), values.max()))
    np.testing.assert_array_equal(with_limits, count_above(values, values[:9]))
