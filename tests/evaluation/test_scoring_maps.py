import dataclasses

import numpy as np
import pytest
from gaze_recordings import followed_gaze, made_recording

from avsal.evaluation import EvaluationSettings, VideoTruth
from avsal.evaluation.scoring import score_map, treat_map
from avsal.metrics import Map, MapError, Points, as_density, score_frame, stavis_postprocess

SIZE = (36, 64)
GENERATOR = np.random.default_rng(0)
BASELINE = Map(GENERATOR.random(SIZE).astype(np.float32) + 0.1)
SALIENCY = GENERATOR.random(SIZE).astype(np.float32)


def frame_truth(**settings):
    truth = VideoTruth(made_recording("video", followed_gaze()), EvaluationSettings(**settings))
    others = Points.of(followed_gaze(seed=5).at(0), SIZE)
    return dataclasses.replace(next(iter(truth)), others=others, baseline=BASELINE), truth


def test_scores_are_those_of_the_metrics():
    truth, video = frame_truth()
    row = score_map(SALIENCY, truth, video.metrics, video.settings)
    plain = score_frame(
        SALIENCY,
        frame="x",
        fixations=truth.fixations,
        density=truth.density,
        others=truth.others,
        baseline=BASELINE,
    )
    for metric in ("nss", "cc", "sim", "kl", "auc_judd", "s_auc"):
        assert row.values[metric] == plain[metric]
    assert list(row.values) == list(video.metrics)
    assert row.samplers == {"s_auc": "given"}
    assert row.num_fixations == 8


def test_information_gain_has_the_stated_floor_in_exact_only():
    truth, video = frame_truth()
    zero = np.zeros(SIZE, np.float32)
    zero[0, 0] = 1
    row = score_map(zero, truth, ("ig",), video.settings)
    plain = score_frame(
        as_density(zero, 0.01), frame="x", fixations=truth.fixations, baseline=BASELINE, metrics=("ig",)
    )
    assert row.values["ig"] == pytest.approx(plain["ig"], rel=1e-6)
    blank = score_map(np.zeros(SIZE), truth, ("ig",), video.settings)
    assert blank.values["ig"] == pytest.approx(
        score_map(np.ones(SIZE), truth, ("ig",), video.settings).values["ig"]
    )
    with pytest.raises(MapError, match="non-negative"):
        score_map(SALIENCY - 0.5, truth, ("ig",), video.settings)
    bare = score_map(zero, truth, ("ig",), EvaluationSettings(ig_floor=0))
    assert bare.values["ig"] == -np.inf
    mit = score_map(SALIENCY, truth, ("nss", "ig"), EvaluationSettings(family="mit"))
    expected = score_frame(
        SALIENCY,
        frame="x",
        fixations=truth.fixations,
        baseline=BASELINE,
        metrics=("nss", "ig"),
        family="mit",
    )
    assert mit.values == {"nss": expected["nss"], "ig": expected["ig"]}


def test_a_map_that_is_not_finite_is_an_error_that_names_the_frame():
    truth, video = frame_truth()
    broken = SALIENCY.copy()
    broken[3, 4] = np.nan
    with pytest.raises(MapError, match=r"video/0.*row 3, column 4"):
        score_map(broken, truth, ("nss",), video.settings)


def test_a_constant_map_is_told_and_warns_nobody():
    truth, video = frame_truth()
    row = score_map(np.full((5, 5), 3.0), truth, video.metrics, video.settings)
    assert row.constant
    assert row.values["nss"] == 0


def test_post_processing_happens_at_the_maps_own_size():
    truth, video = frame_truth(postprocess="stavis")
    small = SALIENCY[:18, :32]
    treated = treat_map(small, "video/0", video.settings, SIZE, None, None)
    row = score_map(treated, truth, ("nss",), video.settings)
    expected = score_frame(stavis_postprocess(small), frame="x", fixations=truth.fixations, metrics=("nss",))
    assert row.values["nss"] == expected["nss"]
    assert row.values["nss"] != score_map(small, truth, ("nss",), EvaluationSettings()).values["nss"]


def test_masks_are_scored_by_their_own_metrics():
    mask = np.zeros(SIZE, bool)
    mask[10:20, 10:30] = True
    recording = dataclasses.replace(
        made_recording("video", followed_gaze()), load_fixations=None, load_mask=lambda frame: mask
    )
    video = VideoTruth(recording, EvaluationSettings())
    row = score_map(mask.astype(float), next(iter(video)), video.metrics, video.settings)
    assert [row.values["auc"], row.values["plcc"]] == pytest.approx([1, 1])
    assert row.num_fixations is None
