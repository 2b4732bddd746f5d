"""The formulas that metrics and losses share, for torch: differentiable, without checks, on any device.

Values and gradients are finite for every finite input, also where a metric is undefined; the callers decide
what such frames count as. Nothing waits for the device.

Shapes: B frames, H and W size, N points (padded; `weights` 0 where there is none).
"""

import torch
from torch import Tensor

__all__ = [
    "at_points",
    "correlation",
    "distribution",
    "divergence",
    "normalised_scanpath",
    "overlap",
]


def at_points(maps: Tensor, points: Tensor) -> Tensor:
    """Values of (B, H, W) maps at (B, N, 2) rows and columns: (B, N)."""
    index = points[..., 0] * maps.shape[-1] + points[..., 1]
    return maps.flatten(1).gather(1, index)


def distribution(maps: Tensor, *, shifted: bool = False) -> Tensor:
    """(B, H, W) divided by the sum of each map; uniform where it is too near zero for finite gradients.

    Args:
        maps: (B, H, W), non-negative unless shifted.
        shifted: take off each map's minimum first.
    """
    if shifted:
        maps = maps - maps.amin((1, 2), keepdim=True)
    total = maps.sum((1, 2), keepdim=True)
    empty = total <= torch.finfo(maps.dtype).tiny ** 0.5  # 1e-19 in single precision
    uniform = 1 / (maps.shape[1] * maps.shape[2])
    return torch.where(empty, uniform, maps / torch.where(empty, 1, total))


def divergence(saliency: Tensor, density: Tensor, eps: float) -> Tensor:
    """(B,) Kullback-Leibler divergence of (B, H, W) distributions, see `avsal.metrics.kl`."""
    return (density * torch.log(eps + density / (saliency + eps))).sum((1, 2))


def overlap(saliency: Tensor, density: Tensor) -> Tensor:
    """(B,) similarity of (B, H, W) distributions, see `avsal.metrics.similarity`."""
    return torch.minimum(saliency, density).sum((1, 2))


def correlation(saliency: Tensor, density: Tensor) -> Tensor:
    """(B,) Pearson's coefficient of (B, H, W) maps, 0 where one is constant, see `avsal.metrics.cc`."""
    saliency, density = _centred(saliency), _centred(density)
    length = _root(saliency.square().sum((1, 2))) * _root(density.square().sum((1, 2)))
    product = (saliency * density).sum((1, 2))
    return torch.where(length == 0, 0, product / torch.where(length == 0, 1, length))


def normalised_scanpath(saliency: Tensor, points: Tensor, weights: Tensor, *, correction: int = 0) -> Tensor:
    """(B,) weighted mean of the standardised map at points, 0 for a constant map or without points.

    See `avsal.metrics.scanpath`.

    Args:
        saliency: (B, H, W).
        points: (B, N, 2) rows and columns.
        weights: (B, N) how much each counts.
        correction: 1 for the sample standard deviation, 0 for the population's.
    """
    centred = _centred(saliency)
    num_pixels = centred.shape[1] * centred.shape[2]
    deviation = _root(centred.square().sum((1, 2)) / (num_pixels - correction))
    mean = (at_points(centred, points) * weights).sum(1) / weights.sum(1).clamp(min=1)
    return torch.where(deviation == 0, 0, mean / torch.where(deviation == 0, 1, deviation))


def _centred(maps: Tensor) -> Tensor:
    """(B, H, W) minus each map's mean, exactly 0 for a constant map, where the mean is off by rounding."""
    constant = maps.amin((1, 2), keepdim=True) == maps.amax((1, 2), keepdim=True)
    return torch.where(constant, 0, maps - maps.mean((1, 2), keepdim=True))


def _root(values: Tensor) -> Tensor:
    """Square root whose derivative at 0 is 0, not infinite."""
    zero = values == 0
    return torch.where(zero, 0, torch.where(zero, 1, values).sqrt())
