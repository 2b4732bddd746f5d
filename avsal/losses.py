"""Training losses: the metrics' formulas, to be minimised, and the weighted sums that the papers state.

Every term is computed per frame and then averaged over the frames where it is defined: NSS skips frames
without fixations, KL, CC and SIM skip frames whose density is zero, and the result says how many. Open in
the papers and decided here: KL and SIM divide both maps by their sums; KL has the metrics' eps; the standard
deviation is the population's (TSFP-Net's text says variance); BCE, L1 and MSE compare the prediction with
the density divided by its maximum, so that targets fill 0..1 and a binary mask stays as it is.

Shapes: B batch, T' maps, H and W size, N points (padded).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from avsal.errors import ConfigError, did_you_mean
from avsal.metrics import formulas
from avsal.metrics.family import EPSILON

__all__ = ["PAPER_LOSSES", "TERMS", "LossValue", "WeightedLoss", "create_loss", "list_losses"]

#: What each paper states, as weights of terms.
PAPER_LOSSES: dict[str, dict[str, float]] = {
    "tsfpnet": {"kl": 1.0, "cc": 0.5, "nss": 0.1},  # Chang and Zhu 2021, section 3.2
    "tsfpnet_kl": {"kl": 1.0},  # the same, Table 9
    "resnet3d": {"l1": 1.0},  # Sun et al. 2020, eq. 1
    "sal3d": {"bce": 1.0},  # Djilali et al. 2020, eq. 3
    "conv3d": {"mse": 1.0},  # Ding and Fang, eq. 2
    "esan": {"nss": 1.0, "sim": 1.0, "cc": 1.0, "kl": 1.0},  # Chen et al. 2021, eq. 12
    "unisal": {"kl": 1.0, "nss": 0.1, "cc": 0.1},  # Droste et al. 2020, section 3.4
    "stavis": {"bce_sum": 0.1, "cc": 2.0, "nss": 1.0},  # Tsiami et al. 2020, released code
}


class LossValue(NamedTuple):
    """What a loss returns.

    Attributes:
        total: scalar to differentiate; 0, with zero gradient, where no term is defined on any frame.
        terms: the unweighted terms, scalars without gradient.
        skipped: for each term the number of frames that it left out, scalar integers.
    """

    total: Tensor
    terms: dict[str, Tensor]
    skipped: dict[str, Tensor]


@dataclass(frozen=True)
class WeightedLoss:
    """A weighted sum of terms.

    Attributes:
        weights: by term, see `TERMS`.

    Raises:
        ConfigError: no term, or one that is unknown.

    Examples:
        >>> loss = WeightedLoss({"l1": 1.0})
        >>> loss(torch.full((1, 1, 2, 2), 0.25), torch.ones(1, 1, 2, 2)).total
        tensor(0.7500)
    """

    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        """Check the names of the terms."""
        unknown = sorted(set(self.weights) - set(TERMS))
        if unknown or not self.weights:
            found = repr(unknown[0]) if unknown else "none"
            raise ConfigError(f"a loss is made of the terms {', '.join(TERMS)} but {found} was given")

    @property
    def needs_fixations(self) -> bool:
        """Whether points must be given."""
        return "nss" in self.weights

    def __call__(
        self, prediction: Tensor, density: Tensor, points: Tensor | None = None, mask: Tensor | None = None
    ) -> LossValue:
        """Compare maps with ground truth of the same size. Single precision at least, also under autocast.

        Args:
            prediction: (B, T', H, W), non-negative; 0 to 1 for bce.
            density: (B, T', H, W), non-negative, not necessarily normalised.
            points: (B, T', N, 2) rows and columns of fixations in pixels of the maps, padded with valid
                indices.
            mask: (B, T', N) true for fixations, false for padding.

        Raises:
            ValueError: shapes that do not fit, or no points where `needs_fixations`.
        """
        if prediction.ndim != 4 or prediction.shape != density.shape:
            raise ValueError(
                f"`prediction` and `density` must have one shape (B, T', H, W) but have "
                f"{tuple(prediction.shape)} and {tuple(density.shape)}"
            )
        if points is None or mask is None:
            if self.needs_fixations:
                raise ValueError("the term nss needs `points` and `mask`, the fixations of every frame")
            points = torch.zeros(*prediction.shape[:2], 0, 2, dtype=torch.long, device=prediction.device)
            mask = torch.zeros(points.shape[:-1], dtype=torch.bool, device=prediction.device)
        _check_points(prediction, points, mask)
        with torch.autocast(prediction.device.type, enabled=False):
            frames = _Frames.of(prediction, density, points, mask)
            total = frames.prediction.new_zeros(())
            terms, skipped = {}, {}
            for name, weight in self.weights.items():
                values, defined = _TERMS[name](frames)
                term = torch.where(defined, values, 0).sum() / defined.sum().clamp(min=1)
                total = total + weight * term
                terms[name] = term.detach()
                skipped[name] = (~defined).sum()
        return LossValue(total, terms, skipped)


def list_losses() -> list[str]:
    """The names that `create_loss` takes, sorted."""
    return sorted(PAPER_LOSSES)


def create_loss(name: str) -> WeightedLoss:
    """The loss that a paper states.

    Args:
        name: one of `list_losses()`; for other sums build a `WeightedLoss`.

    Raises:
        ConfigError: for an unknown name.

    Examples:
        >>> create_loss("tsfpnet").weights
        {'kl': 1.0, 'cc': 0.5, 'nss': 0.1}
    """
    if name not in PAPER_LOSSES:
        hint = did_you_mean(name, PAPER_LOSSES)
        raise ConfigError(f"unknown loss {name!r}: expected one of {', '.join(list_losses())}{hint}")
    return WeightedLoss(PAPER_LOSSES[name])


class _Frames(NamedTuple):
    """The frames of a batch: M = B * T'."""

    prediction: Tensor  # (M, H, W)
    density: Tensor  # (M, H, W)
    looked_at: Tensor  # (M,) whether the density is more than zeros
    points: Tensor  # (M, N, 2)
    weights: Tensor  # (M, N), 0 for padding

    @classmethod
    def of(cls, prediction: Tensor, density: Tensor, points: Tensor, mask: Tensor) -> _Frames:
        precise = torch.promote_types(prediction.dtype, torch.float32)
        flat = prediction.flatten(0, 1).to(precise)
        target = density.flatten(0, 1).to(precise)
        return cls(
            flat,
            target,
            target.amax((1, 2)) > 0,
            points.flatten(0, 1).long(),
            mask.flatten(0, 1).to(precise),
        )

    def distributions(self) -> tuple[Tensor, Tensor]:
        return formulas.distribution(self.prediction), formulas.distribution(self.density)

    def scaled_density(self) -> Tensor:
        """(M, H, W) 0 to 1, zeros where nobody looked."""
        peak = self.density.amax((1, 2), keepdim=True)
        return self.density / torch.where(peak > 0, peak, 1)

    def everywhere(self, errors: Tensor) -> tuple[Tensor, Tensor]:
        """The mean over pixels of (M, H, W) errors, defined on every frame."""
        return errors.mean((1, 2)), torch.ones_like(self.looked_at)


def _kl(frames: _Frames) -> tuple[Tensor, Tensor]:
    return formulas.divergence(*frames.distributions(), EPSILON["exact"]), frames.looked_at


def _cc(frames: _Frames) -> tuple[Tensor, Tensor]:
    return -formulas.correlation(frames.prediction, frames.density), frames.looked_at


def _nss(frames: _Frames) -> tuple[Tensor, Tensor]:
    values = formulas.normalised_scanpath(frames.prediction, frames.points, frames.weights)
    return -values, frames.weights.any(1)


def _sim(frames: _Frames) -> tuple[Tensor, Tensor]:
    return -formulas.overlap(*frames.distributions()), frames.looked_at


def _bce(frames: _Frames) -> tuple[Tensor, Tensor]:
    target = frames.scaled_density()
    return frames.everywhere(F.binary_cross_entropy(frames.prediction, target, reduction="none"))


def _bce_sum(frames: _Frames) -> tuple[Tensor, Tensor]:
    values, defined = _bce(frames)
    return values * frames.prediction[0].numel(), defined


def _l1(frames: _Frames) -> tuple[Tensor, Tensor]:
    return frames.everywhere((frames.prediction - frames.scaled_density()).abs())


def _mse(frames: _Frames) -> tuple[Tensor, Tensor]:
    return frames.everywhere((frames.prediction - frames.scaled_density()).square())


_TERMS: dict[str, Callable[[_Frames], tuple[Tensor, Tensor]]] = {
    "kl": _kl,
    "cc": _cc,
    "nss": _nss,
    "sim": _sim,
    "bce": _bce,
    "bce_sum": _bce_sum,
    "l1": _l1,
    "mse": _mse,
}
#: Terms that a loss can be made of; all are minimised, so cc, nss and sim are the metrics' negatives.
TERMS = tuple(_TERMS)


def _check_points(prediction: Tensor, points: Tensor, mask: Tensor) -> None:
    if points.shape != (*prediction.shape[:2], mask.shape[-1], 2) or mask.shape != points.shape[:-1]:
        raise ValueError(
            f"`points` and `mask` must be (B, T', N, 2) and (B, T', N) with the prediction's B and T', "
            f"{tuple(prediction.shape[:2])}, but are {tuple(points.shape)} and {tuple(mask.shape)}"
        )
