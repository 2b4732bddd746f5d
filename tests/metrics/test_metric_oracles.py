"""Agreement with independent implementations on the stored frames."""

import math
import warnings

import numpy as np
import pytest

from avsal.metrics import FrameScores, MapError, score_frame, stavis_postprocess

EXACT = {
    "nss": ["pysaliency/NSS"],
    "cc": ["pysaliency/CC"],
    "sim": ["pysaliency/SIM"],
    "kl": ["pysaliency/MIT_KLDiv"],
    "auc_judd": ["pysaliency/AUC_uniform", "sklearn/roc_auc_fixlist_vs_allpixels"],
    "s_auc": ["pysaliency/sAUC_all_others", "sklearn/roc_auc_fixlist_vs_otherlist"],
    "ig": ["pysaliency/IG_bits_sumnorm"],
}
MIT = {
    "nss": ["mit_octave/NSS"],
    "cc": ["mit_octave/CC"],
    "sim": ["mit_octave/similarity"],
    "kl": ["mit_octave/KLdiv"],
    "ig": ["mit_octave/InfoGain"],
    "auc_judd": ["mit_octave/AUC_Judd_nojitter"],
}
RANDOM = {
    "auc_judd": "mit_octave/AUC_Judd_jitter",
    "auc_borji": "mit_octave/AUC_Borji",
    "s_auc": "mit_octave/AUC_shuffled",
}
CLOSED = {
    "auc_judd": "AUC_Judd_mit_expected",
    "auc_borji": "AUC_Borji_expected_step0.1",
    "s_auc": "sAUC_mit_expected_step0.1",
}
TIED = {"centre_bias_model", "constant", "perfect_density", "quant8_int255", "sparse_zeros"}


def scored(case, family: str) -> FrameScores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the constant map's warning is tested elsewhere
        return score_frame(case.saliency, frame=case.name, family=family, **case.truth)


def usable(case, oracle: str) -> bool:
    """Whether the oracle is defined and exact on the frame, see fixtures/README.md."""
    if case.name == "no_fixation":
        return False
    if case.name == "constant" and oracle in {"mit_octave/NSS", "mit_octave/CC"}:
        return False
    if case.name == "sparse_zeros" and oracle == "pysaliency/IG_bits_sumnorm":
        return False  # minus infinity here, see the test of information gain
    if oracle.endswith("nojitter") and case.name in TIED:
        return False
    return math.isfinite(case.oracles.get(oracle, math.nan))


def test_enough_oracles_are_usable(load_case):
    exact = [
        usable(load_case("noise"), oracle)
        for oracles in (*EXACT.values(), *MIT.values())
        for oracle in oracles
    ]
    assert all(exact)
    assert len(exact) == 15


def test_the_exact_family_agrees_with_pysaliency_and_scikit_learn(case):
    scores = scored(case, "exact")
    for metric, oracles in EXACT.items():
        for oracle in filter(lambda name: usable(case, name), oracles):
            assert scores[metric] == pytest.approx(case.oracles[oracle], rel=0, abs=1e-6), oracle


def test_the_mit_family_agrees_with_the_matlab_code(case):
    scores = scored(case, "mit")
    for metric, oracles in MIT.items():
        for oracle in filter(lambda name: usable(case, name), oracles):
            assert scores[metric] == pytest.approx(case.oracles[oracle], rel=0, abs=1e-6), oracle


def test_closed_forms_lie_within_four_standard_errors_of_the_random_matlab_runs(case):
    scores = scored(case, "mit")
    for metric, oracle in RANDOM.items():
        mean = case.oracles[f"{oracle}_mean"]
        if math.isfinite(mean):
            error = case.oracles[f"{oracle}_std"] / math.sqrt(case.oracles[f"{oracle}_n"])
            assert abs(scores[metric] - mean) <= 4 * error + 1e-12, oracle


def test_closed_forms_equal_those_computed_apart(case):
    scores = scored(case, "mit")
    for metric, name in CLOSED.items():
        if math.isfinite(case.closed[name]):
            assert scores[metric] == pytest.approx(case.closed[name], abs=1e-12), name


def test_the_frame_without_fixations_has_no_score_in_either_family(load_case):
    for family in ("exact", "mit"):
        scores = scored(load_case("no_fixation"), family)
        assert {score.reason for score in scores.scores.values()} == {"no fixation"}
        assert all(math.isnan(score.value) for score in scores.scores.values())
        assert scores.num_fixations == 0


def test_the_constant_frame_scores_as_the_uniform_map(load_case):
    case = load_case("constant")
    exact, mit = scored(case, "exact"), scored(case, "mit")
    assert exact.constant
    assert (exact["auc_judd"], exact["s_auc"], exact["nss"], exact["cc"]) == (0.5, 0.5, 0, 0)
    assert (mit["auc_borji"], mit["s_auc"], mit["nss"], mit["cc"]) == (0.5, 0.5, 0, 0)
    num_fixated = len(set(zip(*(axis.tolist() for axis in case.fixations), strict=True)))
    assert mit["auc_judd"] == pytest.approx(0.5 + 1 / (2 * num_fixated + 2))
    uniform = np.full(case.density.shape, 1 / case.density.size)
    shifted = case.density - case.density.min()
    assert mit["sim"] == pytest.approx(np.minimum(uniform, shifted / shifted.sum()).sum())


def test_stavis_postprocessing_agrees_with_the_matlab_code(case):
    if not math.isfinite(case.oracles["stavis_octave/CC"]) or case.name == "constant":
        assert case.name in {"constant", "no_fixation"}  # where the original divides by zero
        return
    if case.saliency.max() > 1:  # the original saturates such maps in silence
        with pytest.raises(MapError, match=r"made for maps in 0\.\.1 but this one runs from 0 to 255"):
            stavis_postprocess(case.saliency)
        return
    scores = score_frame(stavis_postprocess(case.saliency), frame=case.name, family="mit", **case.truth)
    for metric, oracle in (("nss", "NSS"), ("cc", "CC"), ("sim", "similarity")):
        expected = case.oracles[f"stavis_octave/{oracle}"]
        assert scores[metric] == pytest.approx(expected, rel=0, abs=1e-6), oracle
    error = case.oracles["stavis_octave/AUC_shuffled_std"] / math.sqrt(
        case.oracles["stavis_octave/AUC_shuffled_n"]
    )
    assert abs(scores["s_auc"] - case.oracles["stavis_octave/AUC_shuffled_mean"]) <= 4 * error + 1e-12
