"""What every batched metric does first and last: (..., H, W) to (B, H, W) with checks, and back."""

import math
import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from avsal.metrics.family import Family
from avsal.metrics.maps import ConstantMapWarning, MapError

__all__ = [
    "flat_density",
    "flat_map",
    "flat_points",
    "flat_prediction",
    "floating",
    "point_weights",
    "require_non_negative",
    "resize_maps",
    "result",
]


def flat_prediction(saliency: Tensor) -> Tensor:
    """(B, H, W), finite; constant maps are counted in a warning."""
    maps = flat_map(saliency, "saliency")
    constant = int((maps.amin((1, 2)) == maps.amax((1, 2))).sum())
    if constant:
        message = f"{constant} of {len(maps)} predictions are constant: they are scored as the uniform map"
        warnings.warn(message, ConstantMapWarning, stacklevel=3)
    return maps


def flat_density(density: Tensor, maps: Tensor, role: str) -> Tensor:
    """(B, H, W), finite and non-negative, of the size and type of the prediction's (B, H, W) `maps`."""
    densities = flat_map(density, role)
    if densities.shape != maps.shape:
        raise ValueError(
            f"`{role}` must have the prediction's shape {tuple(maps.shape)} but has {tuple(densities.shape)}"
        )
    require_non_negative(density, role)
    return densities.to(maps.dtype)


def flat_map(values: Tensor, role: str) -> Tensor:
    """(B, H, W), finite, at least float32, without gradient."""
    if values.ndim < 2:
        raise ValueError(f"`{role}` must be (..., H, W) but has shape {tuple(values.shape)}")
    maps = floating(values.detach()).reshape(-1, *values.shape[-2:])
    _require(torch.isfinite(maps).flatten(1).all(1), values, role, "finite")
    return maps


def floating(maps: Tensor) -> Tensor:
    """The same values, in float32 unless they are float32 or float64."""
    return maps if maps.dtype in (torch.float32, torch.float64) else maps.float()


def flat_points(points: Tensor, mask: Tensor, maps: Tensor, role: str) -> tuple[Tensor, Tensor]:
    """(B, N, 2) and (B, N), checked against the maps."""
    if points.ndim < 2 or points.shape[-1] != 2 or points.shape[:-1] != mask.shape:
        raise ValueError(
            f"`{role}` and its mask must be (..., N, 2) and (..., N) but are {tuple(points.shape)} and "
            f"{tuple(mask.shape)}"
        )
    if mask.dtype != torch.bool or points.is_floating_point():
        raise ValueError(
            f"`{role}` must be pixel indices with a boolean mask but are {points.dtype}, {mask.dtype}"
        )
    num_maps, num_points = math.prod(mask.shape[:-1]), mask.shape[-1]
    if num_maps != len(maps):
        raise ValueError(f"`{role}` must belong to {len(maps)} maps but belong to {num_maps}")
    points, mask = points.reshape(num_maps, num_points, 2).long(), mask.reshape(num_maps, num_points)
    limit = points.new_tensor(maps.shape[-2:])
    if not bool(((points >= 0) & (points < limit)).all()):
        raise ValueError(f"`{role}` must lie inside {tuple(maps.shape[-2:])}, padding too")
    if not num_points:  # reductions over points need at least a padded one
        points, mask = points.new_zeros(len(maps), 1, 2), mask.new_zeros(len(maps), 1)
    return points, mask


def point_weights(points: Tensor, mask: Tensor, maps: Tensor, family: Family) -> Tensor:
    """(B, N) bool: every point in `exact`, every pixel once in `mit`."""
    if family == "exact":
        return mask
    pixels = (points[..., 0] * maps.shape[-1] + points[..., 1]).masked_fill(~mask, -1)
    ascending, order = pixels.sort(1)
    first = torch.ones_like(mask)
    first[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    return torch.zeros_like(mask).scatter(1, order, first) & mask


def result(values: Tensor, defined: Tensor, like: Tensor) -> Tensor:
    """(B,) values with the leading dimensions of the map `like`, NaN where not `defined` (B,)."""
    return torch.where(defined, values, torch.nan).reshape(like.shape[:-2])


def require_non_negative(values: Tensor, role: str) -> None:
    """Raise MapError that names the first of (..., H, W) maps with a negative value."""
    _require(values.amin((-2, -1)).flatten() >= 0, values, role, "non-negative")


def _require(good: Tensor, values: Tensor, role: str, quality: str) -> None:
    """Raise MapError that names the first frame of the batch where `good` (B,) is false."""
    if not bool(good.all()):
        place = [int(axis) for axis in np.unravel_index(int((~good).nonzero()[0]), values.shape[:-2])]
        raise MapError(f"`{role}` must be {quality} but is not at {place} of the batch")


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring (..., H, W) predictions to the ground truth's (H, W) as `resize_map` does."""
    flat = maps.reshape(-1, 1, *maps.shape[-2:]).double()  # in single precision the weights are off by 1e-5
    resized = F.interpolate(flat, size=size, mode="bilinear", antialias=True, align_corners=False)
    return resized.reshape(*maps.shape[:-2], *size).to(floating(maps).dtype)
