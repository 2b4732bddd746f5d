"""Batched metrics that compare values: NSS, CC, SIM, KL and information gain."""

import torch
from torch import Tensor

from avsal.metrics import formulas
from avsal.metrics.batch.inputs import (
    flat_density,
    flat_points,
    flat_prediction,
    point_weights,
    require_non_negative,
    result,
)
from avsal.metrics.family import EPSILON, Family, check_family
from avsal.metrics.maps import MapError

__all__ = ["cc", "information_gain", "kl_divergence", "nss", "sim"]


def nss(saliency: Tensor, points: Tensor, mask: Tensor, family: Family = "exact") -> Tensor:
    """Normalised scanpath saliency, see `avsal.metrics.scanpath`."""
    check_family(family)
    maps = flat_prediction(saliency)
    points, mask = flat_points(points, mask, maps, "points")
    weights = point_weights(points, mask, maps, family).to(maps.dtype)
    values = formulas.normalised_scanpath(maps, points, weights, correction=int(family == "mit"))
    return result(values, mask.any(1), saliency)


def cc(saliency: Tensor, density: Tensor) -> Tensor:
    """Linear correlation coefficient, see `avsal.metrics.correlation`."""
    maps = flat_prediction(saliency)
    densities = flat_density(density, maps, "density")
    return result(formulas.correlation(maps, densities), densities.amax((1, 2)) > 0, saliency)


def sim(saliency: Tensor, density: Tensor, family: Family = "exact") -> Tensor:
    """Similarity, see `avsal.metrics.similarity`."""
    check_family(family)
    maps = flat_prediction(saliency)
    densities = flat_density(density, maps, "density")
    if family == "mit":
        predicted = formulas.distribution(maps, shifted=True)
    else:
        predicted = formulas.distribution(maps - maps.amin((1, 2), keepdim=True).clamp(max=0))
    values = formulas.overlap(predicted, formulas.distribution(densities, shifted=family == "mit"))
    return result(values, densities.amax((1, 2)) > 0, saliency)


def kl_divergence(saliency: Tensor, density: Tensor, family: Family = "exact") -> Tensor:
    """Kullback-Leibler divergence, see `avsal.metrics.kl`."""
    check_family(family)
    maps = flat_prediction(saliency)
    require_non_negative(saliency, "saliency")
    densities = flat_density(density, maps, "density")
    values = formulas.divergence(
        formulas.distribution(maps), formulas.distribution(densities), EPSILON[family]
    )
    return result(values, densities.amax((1, 2)) > 0, saliency)


def information_gain(
    saliency: Tensor, points: Tensor, mask: Tensor, baseline: Tensor, family: Family = "exact"
) -> Tensor:
    """Information gain in bits per fixation, see `avsal.metrics.gain`."""
    check_family(family)
    maps = flat_prediction(saliency)
    if family == "exact":
        require_non_negative(saliency, "saliency")
    baselines = flat_density(baseline, maps, "baseline")
    points, mask = flat_points(points, mask, maps, "points")
    weights = point_weights(points, mask, maps, family).to(maps.dtype)
    shifted = family == "mit"
    predicted, expected = (
        formulas.at_points(formulas.distribution(values, shifted=shifted), points)
        for values in (maps, baselines)
    )
    if shifted:
        predicted, expected = predicted + EPSILON["mit"], expected + EPSILON["mit"]
    elif bool(((expected == 0) & mask).any()):
        raise MapError("`baseline` must be positive wherever somebody looked: mix in a uniform share")
    bits = torch.where(weights > 0, torch.log2(predicted) - torch.log2(expected), 0)
    return result((bits * weights).sum(1) / weights.sum(1), mask.any(1), saliency)
