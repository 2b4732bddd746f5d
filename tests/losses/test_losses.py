"""The losses: shared definitions, sums as stated, gradients, and frames without ground truth."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from avsal import metrics
from avsal.errors import ConfigError
from avsal.losses import PAPER_LOSSES, TERMS, WeightedLoss, create_loss, list_losses

B, T, H, W, N = 2, 3, 6, 7, 5


@pytest.fixture
def clip() -> dict[str, torch.Tensor]:
    """Predictions strictly between 0 and 1 and complete ground truth, in double precision."""
    generator = torch.Generator().manual_seed(0)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    rows = torch.randint(0, H, (B, T, N, 1), generator=generator)
    columns = torch.randint(0, W, (B, T, N, 1), generator=generator)
    mask = rand(B, T, N) < 0.7
    mask[..., 0] = True
    return {
        "prediction": 0.05 + 0.9 * rand(B, T, H, W),
        "density": rand(B, T, H, W) ** 4,
        "points": torch.cat([rows, columns], dim=-1),
        "mask": mask,
    }


def frames():
    return itertools.product(range(B), range(T))


@pytest.mark.parametrize(
    ("term", "metric"),
    [
        ("kl", lambda c, i: metrics.kl_divergence(c["prediction"][i], c["density"][i])),
        ("cc", lambda c, i: -metrics.cc(c["prediction"][i], c["density"][i])),
        ("sim", lambda c, i: -metrics.sim(c["prediction"][i], c["density"][i])),
        ("nss", lambda c, i: -metrics.nss(c["prediction"][i], tuple(c["points"][i][c["mask"][i]].numpy().T))),
    ],
)
def test_terms_are_the_mean_over_frames_of_the_metrics(clip, term, metric):
    loss = WeightedLoss({term: 1.0})(**clip)
    expected = np.mean([metric(clip, frame) for frame in frames()])
    assert loss.total.item() == pytest.approx(expected, abs=1e-10)
    assert int(loss.skipped[term]) == 0


def test_pixelwise_terms_compare_with_the_density_scaled_to_its_maximum(clip):
    prediction = clip["prediction"]
    target = clip["density"] / clip["density"].amax((2, 3), keepdim=True)
    expected = {
        "bce": F.binary_cross_entropy(prediction, target),
        "bce_sum": F.binary_cross_entropy(prediction, target) * H * W,
        "l1": F.l1_loss(prediction, target),
        "mse": F.mse_loss(prediction, target),
    }
    for term, value in expected.items():
        torch.testing.assert_close(WeightedLoss({term: 1.0})(**clip).total, value)


def test_a_binary_mask_and_an_empty_one_stay_as_they_are(clip):
    mask = (clip["density"] > 0.3).double()
    mask[0, 0] = 0
    loss = create_loss("conv3d")(clip["prediction"], mask)
    torch.testing.assert_close(loss.total, F.mse_loss(clip["prediction"], mask))
    assert int(loss.skipped["mse"]) == 0


@pytest.mark.parametrize("name", list_losses())
def test_named_losses_are_the_weighted_sums_of_their_terms(clip, name):
    loss = create_loss(name)
    value = loss(**clip)
    alone = {term: WeightedLoss({term: 1.0})(**clip).total for term in loss.weights}
    torch.testing.assert_close(value.terms, alone)
    expected = sum(weight * alone[term] for term, weight in loss.weights.items())
    torch.testing.assert_close(value.total, expected)
    assert not any(term.requires_grad for term in value.terms.values())


def test_the_papers_weights_are_those_they_state():
    assert PAPER_LOSSES["tsfpnet"] == {"kl": 1.0, "cc": 0.5, "nss": 0.1}
    assert PAPER_LOSSES["tsfpnet_kl"] == {"kl": 1.0}
    assert PAPER_LOSSES["resnet3d"] == {"l1": 1.0}
    assert PAPER_LOSSES["sal3d"] == {"bce": 1.0}
    assert PAPER_LOSSES["conv3d"] == {"mse": 1.0}
    assert PAPER_LOSSES["esan"] == {"nss": 1.0, "sim": 1.0, "cc": 1.0, "kl": 1.0}
    assert PAPER_LOSSES["stavis"] == {"bce_sum": 0.1, "cc": 2.0, "nss": 1.0}


@pytest.mark.parametrize("term", TERMS)
def test_gradients_agree_with_finite_differences(clip, term):
    loss = WeightedLoss({term: 1.0})
    prediction = clip.pop("prediction").requires_grad_()
    clip["density"][0, 1] = 0
    clip["mask"][1, 2] = False
    assert torch.autograd.gradcheck(lambda maps: loss(maps, **clip).total, prediction)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("degenerate", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("term", TERMS)
def test_values_and_gradients_are_finite_for_constant_maps(clip, term, degenerate, kind):
    prediction = clip.pop("prediction").to(kind)
    prediction[0, 0] = degenerate
    prediction[1, 1] = 0
    prediction[1, 1, 2, 3] = 1e-30
    prediction.requires_grad_()
    loss = WeightedLoss({term: 1.0})(prediction, **clip).total
    (gradient,) = torch.autograd.grad(loss, prediction)
    assert loss.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", list_losses())
def test_frames_without_ground_truth_are_skipped_counted_and_get_no_gradient_from_it(clip, name):
    loss = create_loss(name)
    whole = {key: tensor[:1, 1:] for key, tensor in clip.items()}
    expected = loss(**whole)
    clip["density"][0, 0] = 0
    clip["mask"][0, 0] = False
    prediction = clip.pop("prediction")[:1].requires_grad_()
    value = loss(prediction, *(clip[key][:1] for key in ("density", "points", "mask")))
    (gradient,) = torch.autograd.grad(value.total, prediction)
    assert gradient.isfinite().all()
    for term in loss.weights:
        if term in {"kl", "cc", "sim", "nss"}:
            assert int(value.skipped[term]) == 1
            torch.testing.assert_close(value.terms[term], expected.terms[term])
    if set(loss.weights) <= {"kl", "cc", "sim", "nss"}:
        assert not gradient[0, 0].any()


def test_fixations_without_density_and_density_without_fixations_are_skipped_apart(clip):
    clip["density"][0, 0] = 0
    clip["mask"][1, :2] = False
    value = create_loss("tsfpnet")(**clip)
    assert {term: int(number) for term, number in value.skipped.items()} == {"kl": 1, "cc": 1, "nss": 2}


def test_a_batch_without_any_ground_truth_gives_zero_with_zero_gradient(clip):
    prediction = clip["prediction"].requires_grad_()
    nothing = torch.zeros_like(clip["density"])
    value = create_loss("tsfpnet")(prediction, nothing, clip["points"], torch.zeros_like(clip["mask"]))
    (gradient,) = torch.autograd.grad(value.total, prediction)
    assert value.total == 0
    assert not gradient.any()


def test_losses_do_not_depend_on_the_scale_of_the_density_or_on_padding(clip):
    padded = dict(clip)
    padded["density"] = clip["density"] * 255
    padded["points"] = torch.cat([clip["points"], torch.zeros(B, T, 4, 2, dtype=torch.long)], dim=2)
    padded["mask"] = torch.cat([clip["mask"], torch.zeros(B, T, 4, dtype=torch.bool)], dim=2)
    for name in list_losses():
        torch.testing.assert_close(create_loss(name)(**padded).total, create_loss(name)(**clip).total)


def test_a_gradient_step_lowers_every_named_loss(clip):
    for name in list_losses():
        logits = torch.logit(clip["prediction"]).requires_grad_()
        truth = {key: clip[key] for key in ("density", "points", "mask")}
        before = create_loss(name)(torch.sigmoid(logits), **truth).total
        (gradient,) = torch.autograd.grad(before, logits)
        after = create_loss(name)(torch.sigmoid(logits - 1e-3 * gradient / gradient.norm()), **truth).total
        assert after < before, name


def test_half_precision_predictions_are_compared_in_single_precision(clip):
    truth = {key: clip[key] for key in ("points", "mask")}
    for name in list_losses():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = create_loss(name)(clip["prediction"].bfloat16(), clip["density"].float(), **truth)
        single = create_loss(name)(clip["prediction"].bfloat16().float(), clip["density"].float(), **truth)
        assert half.total.dtype == torch.float32
        torch.testing.assert_close(half.total, single.total)


def test_losses_without_nss_need_no_fixations(clip):
    for name in ("tsfpnet_kl", "resnet3d", "sal3d", "conv3d"):
        assert not create_loss(name).needs_fixations
        assert create_loss(name)(clip["prediction"], clip["density"]).total.isfinite()


def test_wrong_use_is_refused_with_what_was_expected(clip):
    with pytest.raises(ConfigError, match=r"unknown loss 'tsfp': expected one of .*; did you mean 'tsfpnet'"):
        create_loss("tsfp")
    with pytest.raises(ConfigError, match=r"made of the terms kl, cc, .* but 'kld' was given"):
        WeightedLoss({"kld": 1.0})
    with pytest.raises(ConfigError, match="but none was given"):
        WeightedLoss({})
    with pytest.raises(ValueError, match="needs `points` and `mask`"):
        create_loss("tsfpnet")(clip["prediction"], clip["density"])
    with pytest.raises(ValueError, match=r"one shape \(B, T', H, W\)"):
        create_loss("tsfpnet_kl")(clip["prediction"], clip["density"][..., :3])
    with pytest.raises(ValueError, match=r"\(B, T', N, 2\) and \(B, T', N\)"):
        create_loss("tsfpnet")(**{**clip, "mask": clip["mask"][..., :2]})
