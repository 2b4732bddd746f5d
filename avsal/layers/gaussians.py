"""Gaussians whose shape is learned: priors of where people look, and a smoothing that starts as one."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["GaussianPriors", "Smoothing", "gaussian_maps"]


def gaussian_maps(parameters: Tensor, height: int, width: int) -> Tensor:
    """Axis-aligned Gaussians with the maximum 1.

    Args:
        parameters: (N, 2, 2): of each Gaussian, for y and x, its mean from 0 (first pixel) to 1 (last pixel)
            and the natural logarithm of its deviation in the same unit.
        height: H.
        width: W.

    Returns:
        (N, H, W).
    """
    mean, deviation = parameters[..., 0], parameters[..., 1].exp()
    profiles = []
    for axis, length in enumerate((height, width)):
        place = torch.linspace(0, 1, length, device=parameters.device, dtype=parameters.dtype)
        profiles.append(torch.exp(-(((place - mean[:, axis, None]) / deviation[:, axis, None]) ** 2) / 2))
    return profiles[0][:, :, None] * profiles[1][:, None, :]


class GaussianPriors(nn.Module):
    """Sixteen learned Gaussian maps beside a network's features (Droste et al., UNISAL, Section 3.2).

    They start as nine round ones on a grid of quarters, three wide and three tall bands, and one over all.
    """

    count = 16

    #: height of the maps
    scale = 6.0

    def __init__(self) -> None:
        super().__init__()
        places = (0.25, 0.5, 0.75)
        means = [
            *product(places, repeat=2),
            *((0.5, x) for x in places),
            *((y, 0.5) for y in places),
            (0.5, 0.5),
        ]
        logarithms = [(-1.5, -1.5)] * 9 + [(0.0, -1.5)] * 3 + [(-1.5, 0.0)] * 3 + [(0.0, 0.0)]
        self.places_and_spreads = nn.Parameter(
            torch.stack([torch.tensor(means), torch.tensor(logarithms)], -1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C + 16, H, W), the maps after the features."""
        maps = self.scale * gaussian_maps(self.places_and_spreads, *features.shape[-2:])
        return torch.cat([features, maps.to(features).expand(len(features), -1, -1, -1)], 1)


class Smoothing(nn.Module):
    """Enlarges a map by repeating its pixels and smooths it by a learned kernel; it starts as a Gaussian.

    An enlarged pixel is one of factor x factor equal ones, so that the kernel's weights over them add up: the
    same numbers as convolving the large map, for a small kernel each place within a pixel on the small map.

    Args:
        size: of the kernel on the enlarged map, odd.
        factor: of the enlargement.
    """

    def __init__(self, size: int = 41, factor: int = 8) -> None:
        super().__init__()
        self.factor = factor
        start = gaussian_maps(torch.tensor([[[0.5, -2.0]] * 2]), size, size)
        self.weight = nn.Parameter((start / start.sum())[None])

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, h, w) -> (B, 1, factor h, factor w); beyond the border it is as at the border."""
        factor, reach = self.factor, self.weight.shape[-1] // 2
        far = -(-reach // factor)  # pixels of the small map that the kernel reaches
        within = torch.arange(factor, device=x.device)[:, None]
        step = torch.arange(-reach, reach + 1, device=x.device)
        hit = torch.div(within + step, factor, rounding_mode="floor")
        collect = F.one_hot(hit + far, 2 * far + 1).to(self.weight)  # (place, step, pixel)
        kernels = torch.einsum("pdi,qej,de->pqij", collect, collect, self.weight[0, 0])
        padded = F.pad(x, (far, far, far, far), mode="replicate")
        return F.pixel_shuffle(F.conv2d(padded, kernels.flatten(0, 1)[:, None]), factor)
