"""Paired tests over videos against enumeration, textbook examples and simulation."""

from itertools import product

import numpy as np
import pytest

from avsal.ablation.statistics import (
    detectable_effect,
    equivalence_p,
    fewest_videos,
    holm,
    sign_flip_interval,
    sign_flip_p,
    videos_to_decide,
)
from avsal.ablation.verdicts import (
    ConditionScore,
    Verdict,
    compare,
    margin_of,
    parse_margins,
    what_few_videos_cannot_show,
)
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


@pytest.mark.parametrize(("number", "num_comparisons"), [(6, 1), (10, 6), (14, 6)])
def test_a_detectable_effect_is_found_with_its_power_after_correction(number, num_comparisons):
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, number)
    effect = detectable_effect(values, num_comparisons=num_comparisons) / values.std(ddof=1)
    found = [sign_flip_p(rng.normal(effect, 1, number)) < 0.05 / num_comparisons for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_with_few_videos_no_effect_is_large_enough():
    assert detectable_effect([1.0, 1.2, 0.9, 1.1, 1.0]) == np.inf
    assert detectable_effect([1.0, 1.2, 0.9, 1.1, 1.0, 1.3], num_comparisons=2) == np.inf
    assert (fewest_videos(0.05), fewest_videos(0.025)) == (6, 7)
    assert what_few_videos_cannot_show(7, 2) == ""
    text = what_few_videos_cannot_show(6, 2)
    assert "0.031" in text
    assert "0.062" in text
    assert "it takes 7 videos" in text


@pytest.mark.parametrize("number", [6, 9, 13, 25])
def test_an_interval_leaves_out_exactly_what_the_test_rejects(number):
    rng = np.random.default_rng(number)
    values = rng.normal(0.3, 1, number)
    low, high = sign_flip_interval(values)
    for end, outwards in ((low, -1), (high, 1)):
        assert sign_flip_p(values - (end + outwards * 1e-9)) < 0.05
        assert sign_flip_p(values - (end - outwards * 1e-9)) >= 0.05


def test_six_videos_have_their_whole_range_as_interval_and_five_none():
    values = np.array([0.3, -0.1, 0.7, 0.2, 0.4, 0.9])
    assert sign_flip_interval(values) == pytest.approx((-0.1, 0.9))
    assert sign_flip_interval(values[:5]) is None


def test_equivalence_equals_enumeration_and_grows_with_the_difference():
    values, margin = np.random.default_rng(8).normal(0.1, 0.5, 8), 0.7
    ps = []
    for shifted in (values + margin, margin - values):
        sums = [(np.array(signs) * shifted).sum() for signs in product((1, -1), repeat=8)]
        ps.append(np.mean(np.array(sums) >= shifted.sum() - 1e-12))
    assert equivalence_p(values, margin) == pytest.approx(max(ps), abs=1e-15)
    assert equivalence_p(np.zeros(8), 0.1) == 2**-8
    assert equivalence_p(np.zeros(40), 0.1) == pytest.approx(1e-5, rel=0.01)
    assert equivalence_p(values - values.mean() + margin, margin) > 0.3
    assert equivalence_p([], 0.1) == 1.0


def test_equivalence_is_claimed_at_the_margin_no_more_often_than_stated():
    rng = np.random.default_rng(9)
    claimed = [equivalence_p(rng.normal(0.2, 0.3, 10), 0.2) < 0.05 for _ in range(1000)]
    assert np.mean(claimed) == pytest.approx(0.05, abs=0.021)


@pytest.mark.parametrize("mean", [0.0, 0.15])  # equivalence, and a difference
def test_so_many_videos_as_are_said_to_decide_do(mean):
    rng = np.random.default_rng(10)
    values = rng.normal(0, 0.25, 12)
    values = (values - values.mean()) / values.std(ddof=1) * 0.25 + mean
    needed = videos_to_decide(values, 0.1)
    decided = [
        sign_flip_p(more) < 0.05 or equivalence_p(more, 0.1) < 0.05
        for more in (rng.normal(mean, 0.25, needed) for _ in range(40))
    ]
    assert 0.6 < np.mean(decided) < 0.98
    assert videos_to_decide(values[:1], 0.1) is None


@pytest.mark.parametrize(
    "test",
    [
        sign_flip_p,
        sign_flip_interval,
        detectable_effect,
        lambda values: equivalence_p(values, 1.0),
        lambda values: videos_to_decide(values, 1.0),
        holm,
    ],
)
def test_nan_is_refused(test):
    with pytest.raises(ValueError, match="expected"):
        test([0.1, float("nan"), 0.2])


def scores_of(differences, metric="nss"):
    rows = [ConditionScore(f"v{i}", "", "original", metric, 2.0 + d) for i, d in enumerate(differences)]
    return rows + [ConditionScore(f"v{i}", "", "zero", metric, 2.0) for i in range(len(differences))]


@pytest.mark.parametrize(
    ("mean", "spread", "metric", "verdict"),
    [
        (0.3, 0.1, "nss", Verdict.BETTER),
        (-0.3, 0.1, "nss", Verdict.WORSE),
        (0.3, 0.1, "kl", Verdict.WORSE),
        (0.0, 0.03, "nss", Verdict.EQUIVALENT),
        (0.01, 0.003, "nss", Verdict.NEGLIGIBLE),
        (0.02, 0.3, "nss", Verdict.UNDECIDED),
    ],
)
def test_there_are_four_verdicts(mean, spread, metric, verdict):
    values = np.random.default_rng(11).normal(0, 1, 14)
    values = (values - values.mean()) / values.std(ddof=1) * spread + mean
    (one,) = compare(scores_of(values, metric))
    assert one.verdict is verdict
    assert (one.low > 0 or one.high < 0) == (one.p < 0.05)
    assert one.row()["verdict"] == verdict
    assert not any(isinstance(value, float) and np.isnan(value) for value in one.row().values())


def test_a_margin_can_be_declared_by_metric_and_by_data_set():
    values = np.random.default_rng(12).normal(0, 0.03, 14)
    (wide,) = compare(scores_of(values), margins={"nss": 0.1})
    (narrow,) = compare(scores_of(values), margins={("", "nss"): 0.001})
    assert (wide.margin, wide.verdict) == (0.1, Verdict.EQUIVALENT)
    assert (narrow.margin, narrow.verdict) == (0.001, Verdict.UNDECIDED)
    assert narrow.videos_needed > 14
    assert parse_margins("0.1,cc:0.02") == {"nss": 0.1, "cc": 0.02}
    for text in ("cc", "cc:", "cc:-1", "cc:nan", "0.1,nss:0.2", ""):
        with pytest.raises(ConfigError, match="expected positive margins"):
            parse_margins(text)
    with pytest.raises(ConfigError, match="no margin is known"):
        margin_of("something")


def test_mean_and_median_that_disagree_are_told():
    (one,) = compare(scores_of([0.9] * 3 + [-0.05] * 11))
    assert one.contradicted
    assert one.difference > 0 > one.median


@pytest.mark.parametrize("shift", [0.3, -0.3])
def test_a_planted_shift_is_found_with_its_sign(shift):
    (found,) = compare(table(np.random.default_rng(4), shift=shift))
    assert found.difference == pytest.approx(shift, abs=0.1)
    assert found.low < found.difference < found.high
    assert np.sign(found.low) == np.sign(found.high) == np.sign(shift)
    assert found.p == found.p_holm < 0.001
    assert found.verdict is (Verdict.BETTER if shift > 0 else Verdict.WORSE)
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
    assert sorted(one.differences) == sorted(f"v{i}" for i in range(20))
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
