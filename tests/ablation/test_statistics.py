"""Paired tests over videos against enumeration, textbook examples and simulation."""

from itertools import product

import numpy as np
import pytest

from avsal.ablation.statistics import ConditionScore, compare, detectable_effect, holm, sign_flip_p
from avsal.errors import ConfigError


def table(rng, *, num_videos=20, shift=0.0, seeds=("1",), metric="nss", dataset=""):
    scores = []
    for video in range(num_videos):
        level = rng.normal()
        for seed in seeds:
            for condition, add in (("original", shift), ("zero", 0.0)):
                value = level + add + 0.1 * rng.normal()
                scores.append(ConditionScore(f"v{video}", seed, condition, metric, value, dataset))
    return scores


def test_sign_flips_equal_enumeration():
    values = np.random.default_rng(0).normal(0.4, 1, 9)
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in product((1, -1), repeat=9)
    ]
    expected = np.mean(np.array(sums) >= abs(values.sum()) - 1e-12)
    assert sign_flip_p(values) == pytest.approx(expected, abs=1e-15)


def test_random_flips_agree_with_enumeration():
    values = np.random.default_rng(1).normal(0.5, 1, 14)
    padded = np.concatenate([values, np.full(6, 1e-13)])  # too many to enumerate, the same test
    assert sign_flip_p(padded) == pytest.approx(sign_flip_p(values), abs=0.005)


def test_p_is_one_without_differences_and_never_zero():
    assert sign_flip_p([]) == sign_flip_p(np.zeros(5)) == 1.0
    assert sign_flip_p(np.ones(30)) == pytest.approx(1e-5, rel=0.01)
    assert sign_flip_p(np.ones(10)) == 2 / 2**10


def test_false_alarms_come_at_the_stated_rate():
    rng = np.random.default_rng(2)
    ps = [sign_flip_p(rng.standard_t(3, 11)) for _ in range(1500)]
    assert np.mean(np.array(ps) <= 0.05) == pytest.approx(0.05, abs=0.017)  # three standard errors


def test_holm_is_the_textbook_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_detectable_effect_is_found_with_its_power():
    rng = np.random.default_rng(3)
    effect = detectable_effect(rng.normal(0, 1, 16) * 1.0)
    spread = effect / detectable_effect(np.tile([1.0, -1.0], 8)) * np.tile([1.0, -1.0], 8).std(ddof=1)
    found = [sign_flip_p(rng.normal(effect, spread, 16)) <= 0.05 for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.09)


@pytest.mark.parametrize("shift", [0.3, -0.3])
def test_a_planted_shift_is_found_with_its_sign(shift):
    (found,) = compare(table(np.random.default_rng(4), shift=shift))
    assert found.difference == pytest.approx(shift, abs=0.1)
    assert found.low < found.difference < found.high
    assert np.sign(found.low) == np.sign(found.high) == np.sign(shift)
    assert found.p == found.p_holm < 0.001
    assert abs(found.improved - (shift > 0)) < 0.1


def test_where_lower_is_better_less_is_an_improvement():
    (found,) = compare(table(np.random.default_rng(4), shift=-0.5, metric="kl"))
    assert found.improved == 1.0


def test_no_difference_is_exactly_none():
    rows = [
        ConditionScore(f"v{i}", "", condition, "nss", i / 7)
        for i in range(8)
        for condition in ("original", "zero")
    ]
    (found,) = compare(rows)
    assert (found.difference, found.low, found.high, found.p, found.improved) == (0.0, 0.0, 0.0, 1.0, 0.5)
    assert found.detectable == 0.0


def test_order_of_rows_changes_nothing_and_seeds_are_averaged_within_videos():
    rows = table(np.random.default_rng(5), shift=0.1, seeds=("1", "2", "3"))
    (one,), (two,) = compare(rows), compare(rows[::-1])
    assert one == two
    assert (one.num_videos, one.num_seeds) == (20, 3)
    assert one.seed_spread > 0


def test_videos_without_both_scores_are_counted_as_left_out():
    rows = table(np.random.default_rng(6), num_videos=10)
    rows = [row for row in rows if (row.video, row.condition) != ("v3", "zero")]
    rows.append(ConditionScore("v10", "1", "original", "nss", float("nan")))
    rows.append(ConditionScore("v10", "1", "zero", "nss", 1.0))
    (found,) = compare(rows)
    assert (found.num_videos, found.left_out) == (9, 2)


def test_holm_covers_metrics_and_sets():
    rng = np.random.default_rng(7)
    rows = [*table(rng, shift=0.05), *table(rng, metric="cc"), *table(rng, dataset="other", shift=0.02)]
    found = compare(rows)
    assert [one.p_holm for one in found] == pytest.approx(holm([one.p for one in found]))


def test_a_score_given_twice_and_a_missing_reference_are_refused():
    row = ConditionScore("v", "", "original", "nss", 1.0)
    with pytest.raises(ConfigError, match="two scores"):
        compare([row, row])
    with pytest.raises(ConfigError, match="expected scores under 'original'"):
        compare([ConditionScore("v", "", "zero", "nss", 1.0)])
