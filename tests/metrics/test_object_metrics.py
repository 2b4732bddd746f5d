"""The salient-object protocol: PLCC, NSS, ROC curve and its area on masks."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avsal.metrics import (
    ConstantMapWarning,
    MapError,
    object_auc,
    object_nss,
    object_plcc,
    object_roc,
    score_object_frame,
)

SIZE = (6, 5)
few_levels = hnp.arrays(np.float64, SIZE, elements=st.integers(-3, 5).map(float))
masks = hnp.arrays(np.bool_, SIZE)


@given(few_levels, masks)
@settings(deadline=None, max_examples=60)
def test_values_are_those_of_the_definitions(saliency, mask):
    assume(np.ptp(saliency) > 0 and mask.any() and not mask.all())
    standardised = (saliency - saliency.mean()) / saliency.std()
    assert object_nss(saliency, mask) == pytest.approx(standardised[mask].mean(), abs=1e-12)
    assert object_plcc(saliency, mask) == pytest.approx(
        np.corrcoef(saliency.ravel(), mask.ravel())[0, 1], abs=1e-12
    )
    won = [(p > n) + (p == n) / 2 for p in saliency[mask] for n in saliency[~mask]]
    assert object_auc(saliency, mask) == pytest.approx(np.mean(won), abs=1e-12)


@given(few_levels, masks)
@settings(deadline=None, max_examples=60)
def test_the_roc_curve_holds_the_rates_at_every_threshold_and_the_area(saliency, mask):
    assume(np.ptp(saliency) > 0 and mask.any() and not mask.all())
    curve = object_roc(saliency, mask)
    assert curve.area == pytest.approx(object_auc(saliency, mask), abs=1e-12)
    assert curve.thresholds.tolist() == [np.inf, *sorted(set(saliency.ravel().tolist()), reverse=True)]
    for threshold, false_rate, true_rate in zip(
        curve.thresholds, curve.false_positive_rate, curve.true_positive_rate, strict=True
    ):
        detected = saliency >= threshold
        assert true_rate == pytest.approx((detected & mask).sum() / mask.sum())
        assert false_rate == pytest.approx((detected & ~mask).sum() / (~mask).sum())


def test_a_curve_is_read_at_given_false_positive_rates_at_its_upper_end():
    curve = object_roc([[4, 3], [2, 1]], [[1, 0], [1, 0]])
    np.testing.assert_allclose(curve.at([0, 0.25, 0.5, 0.75, 1]), [0.5, 0.5, 1, 1, 1])
    tied = object_roc([[1, 1], [0, 0]], [[1, 0], [0, 0]])
    np.testing.assert_allclose(tied.at([[0, 1 / 6], [1 / 3, 1]]), [[0, 0.5], [1, 1]])
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        curve.at(1.5)


def test_empty_and_full_masks_are_undefined_with_their_reason():
    saliency = np.arange(30.0).reshape(SIZE)
    for mask, reason in ((np.zeros(SIZE), "empty mask"), (np.ones(SIZE), "full mask")):
        scores = score_object_frame(saliency, mask, frame="dog/3")
        assert {score.reason for score in scores.scores.values()} == {reason}
        assert all(math.isnan(score.value) for score in scores.scores.values())
        with pytest.raises(ValueError, match="empty or full"):
            object_roc(saliency, mask)


def test_a_constant_map_scores_chance():
    mask = np.eye(4)
    with pytest.warns(ConstantMapWarning, match="dog/3"):
        scores = score_object_frame(np.ones((4, 4)), mask, frame="dog/3")
    assert (scores["plcc"], scores["auc"], scores["nss"], scores.constant) == (0, 0.5, 0, True)


def test_a_map_of_another_size_is_resized_to_the_mask():
    mask = np.zeros((8, 8), dtype=np.bool_)
    mask[:4] = True
    scores = score_object_frame([[1.0], [0.0]], mask, frame="dog/3", metrics=["auc"])
    assert scores.resized_from == (2, 1)
    assert scores["auc"] == 1
    assert scores.scores["auc"].family == "objects"


def test_masks_that_are_not_binary_are_refused():
    for mask in (np.full(SIZE, 255), np.full(SIZE, 0.5), np.full(SIZE, np.nan)):
        with pytest.raises(ValueError, match="`mask` must hold 0 and 1 only"):
            object_auc(np.arange(30.0).reshape(SIZE), mask)
    with pytest.raises(ValueError, match=r"`mask` must be \(H, W\)"):
        object_auc(np.arange(30.0).reshape(SIZE), np.ones(30))


def test_a_map_that_is_not_finite_is_an_error_that_names_the_frame():
    saliency = np.ones(SIZE)
    saliency[2, 3] = np.nan
    with pytest.raises(MapError, match=r"frame dog/3 .* row 2, column 3"):
        score_object_frame(saliency, np.eye(6, 5), frame="dog/3")


def test_unknown_metrics_are_refused_by_name():
    with pytest.raises(ValueError, match="unknown metric 'kl': expected some of plcc, auc, nss"):
        score_object_frame(np.ones(SIZE), np.eye(6, 5), frame="dog/3", metrics=["kl"])
