"""The front door: what it shares, resizes, refuses, counts and records."""

import math

import numpy as np
import pytest

from avsal.metrics import (
    METRICS,
    ConstantMapWarning,
    Map,
    MapError,
    auc_borji,
    auc_judd,
    cc,
    information_gain,
    kl_divergence,
    nss,
    resize_map,
    score_frame,
    shuffled_auc,
    sim,
)
from avsal.types import Fixations

GENERATOR = np.random.default_rng(0)
SIZE = (30, 40)
SALIENCY = GENERATOR.random(SIZE) ** 2
DENSITY = GENERATOR.random(SIZE) ** 8
BASELINE = GENERATOR.random(SIZE) + 0.1
FIXATIONS = GENERATOR.integers(0, 30, 20), GENERATOR.integers(0, 40, 20)
OTHERS = GENERATOR.integers(0, 30, 90), GENERATOR.integers(0, 40, 90)
TRUTH = {"fixations": FIXATIONS, "density": DENSITY, "others": OTHERS, "baseline": BASELINE}


def recorded(x, y, size=SIZE) -> Fixations:
    return Fixations(np.zeros(len(x)), np.array(x), np.array(y), np.zeros(len(x)), size)


@pytest.mark.parametrize("family", ["exact", "mit"])
def test_scores_are_those_of_the_plain_functions(family):
    scores = score_frame(SALIENCY, frame="video/1", family=family, **TRUTH)
    expected = {
        "nss": nss(SALIENCY, FIXATIONS, family),
        "cc": cc(SALIENCY, DENSITY),
        "sim": sim(SALIENCY, DENSITY, family),
        "kl": kl_divergence(SALIENCY, DENSITY, family),
        "auc_judd": auc_judd(SALIENCY, FIXATIONS, family),
        "s_auc": shuffled_auc(SALIENCY, FIXATIONS, OTHERS, family),
        "ig": information_gain(SALIENCY, FIXATIONS, BASELINE, family),
    }
    if family == "mit":
        expected["auc_borji"] = auc_borji(SALIENCY, FIXATIONS)
    assert {name: score.value for name, score in scores.scores.items()} == expected
    assert {score.family for score in scores.scores.values()} == {family}
    assert (scores.frame, scores.num_fixations, scores.constant, scores.resized_from) == (
        "video/1",
        20,
        False,
        None,
    )


def test_without_a_choice_all_metrics_that_the_ground_truth_allows_are_computed():
    assert set(score_frame(SALIENCY, frame="f", density=DENSITY).scores) == {"cc", "sim", "kl"}
    assert set(score_frame(SALIENCY, frame="f", fixations=FIXATIONS).scores) == {"nss", "auc_judd"}
    everything = score_frame(SALIENCY, frame="f", family="mit", **TRUTH)
    assert tuple(everything.scores) == tuple(METRICS)


def test_chosen_metrics_come_in_the_order_asked_for():
    assert list(score_frame(SALIENCY, frame="f", metrics=["kl", "cc"], **TRUTH).scores) == ["kl", "cc"]


def test_recorded_fixations_stand_for_their_pixels():
    fixations = recorded([3.2, 39.9, 3.9], [4.9, 29.0, 4.0])
    expected = nss(SALIENCY, ([4, 29, 4], [3, 39, 3]))
    assert score_frame(SALIENCY, frame="f", fixations=fixations)["nss"] == expected


def test_the_prediction_is_resized_to_the_ground_truth_and_never_the_other_way():
    small = GENERATOR.random((15, 20)).astype(np.float32)
    scores = score_frame(small, frame="f", **TRUTH)
    assert scores.resized_from == (15, 20)
    assert scores["cc"] == cc(resize_map(small, SIZE), DENSITY)
    by_fixations = score_frame(small, frame="f", fixations=recorded([3.0], [4.0]))
    assert by_fixations["nss"] == nss(resize_map(small, SIZE), ([4], [3]))


def test_a_constant_map_stays_constant_when_resized():
    with pytest.warns(ConstantMapWarning, match="frame video/9 is constant"):
        scores = score_frame(np.full((7, 11), 0.37), frame="video/9", **TRUTH)
    assert scores.constant
    assert (scores["nss"], scores["cc"], scores["auc_judd"], scores["s_auc"]) == (0, 0, 0.5, 0.5)


def test_a_constant_map_warns_once_for_all_metrics():
    with pytest.warns(ConstantMapWarning) as caught:
        score_frame(np.zeros(SIZE), frame="video/9", **TRUTH)
    assert len(caught) == 1


def test_a_frame_without_fixations_has_no_scores_on_densities_either():
    scores = score_frame(SALIENCY, frame="f", fixations=([], []), density=DENSITY)
    assert all(math.isnan(score.value) and score.reason == "no fixation" for score in scores.scores.values())
    assert scores.num_fixations == 0


def test_frames_with_fewer_fixations_than_asked_for_are_left_out_with_that_reason():
    scores = score_frame(SALIENCY, frame="f", fixations=([1, 1], [2, 2]), min_fixations=3)
    assert {score.reason for score in scores.scores.values()} == {"fewer than 3 fixations"}
    assert math.isnan(scores["nss"])
    assert scores.num_fixations == 2
    assert (
        score_frame(SALIENCY, frame="f", fixations=([1, 1], [2, 2]), min_fixations=2).scores["nss"].reason
        is None
    )


@pytest.mark.parametrize(
    ("truth", "metric", "reason"),
    [
        ({"density": np.zeros(SIZE)}, "kl", "empty density"),
        ({"fixations": FIXATIONS, "others": ([], [])}, "s_auc", "no fixation of others"),
        ({"fixations": ([3, 3], [4, 4])}, "auc_borji", "one fixated pixel"),
        ({"fixations": np.nonzero(np.ones(SIZE))}, "auc_judd", "every pixel fixated"),
    ],
)
def test_what_is_undefined_is_nan_with_its_reason_and_nothing_else_is(truth, metric, reason):
    scores = score_frame(SALIENCY, frame="f", family="mit", **truth)
    assert scores.scores[metric].reason == reason
    for score in scores.scores.values():
        assert math.isnan(score.value) == (score.reason is not None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_is_an_error_that_names_the_frame_and_the_place(value):
    broken = SALIENCY.copy()
    broken[3, 5] = broken[4, 6] = value
    with pytest.raises(
        MapError, match=r"`saliency` of frame video/12 must be finite but 2 of 1200 .* row 3, column 5"
    ):
        score_frame(broken, frame="video/12", **TRUTH)
    with pytest.raises(MapError, match="`density` of frame video/12 must be finite"):
        score_frame(SALIENCY, frame="video/12", density=broken)


def test_a_negative_prediction_serves_all_but_the_metrics_on_densities():
    shifted = SALIENCY - 2
    scores = score_frame(shifted, frame="f", metrics=["nss", "cc", "sim", "auc_judd", "s_auc"], **TRUTH)
    assert scores["nss"] == pytest.approx(nss(SALIENCY, FIXATIONS))
    for metric in ("kl", "ig"):
        with pytest.raises(MapError, match=r"`saliency` of frame video/3 must be non-negative"):
            score_frame(shifted, frame="video/3", metrics=[metric], **TRUTH)


def test_prepared_maps_can_be_shared_by_many_frames():
    baseline = Map(BASELINE, role="baseline")
    truth = {**TRUTH, "baseline": baseline}
    assert score_frame(SALIENCY, frame="f", **truth)["ig"] == score_frame(SALIENCY, frame="f", **TRUTH)["ig"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["nsss"]}, "unknown metric 'nsss': expected some of nss, cc"),
        ({"metrics": ["kl"]}, "`kl` needs `density`, which was not given"),
        ({"metrics": ["s_auc"]}, "`s_auc` needs `others`, which was not given"),
        ({"metrics": ["auc_borji"]}, "`auc_borji` is defined in the family 'mit' only"),
        ({"family": "judd"}, "`family` must be one of exact, mit"),
        ({"min_fixations": 0}, "`min_fixations` must be at least 1"),
        (
            {"density": np.ones((3, 3)), "baseline": np.ones((4, 4))},
            "`baseline` of frame video/2 must have the size",
        ),
        ({"density": np.ones(9)}, "`density` of frame video/2 must be an .* array"),
    ],
)
def test_wrong_use_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        score_frame(SALIENCY, frame="video/2", **{"fixations": FIXATIONS, **arguments})


def test_ground_truths_of_different_sizes_are_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"`fixations of frame f` must be on .* \(30, 40\) .* scale the points"
    ):
        score_frame(SALIENCY, frame="f", density=DENSITY, fixations=recorded([1.0], [1.0], (60, 80)))
