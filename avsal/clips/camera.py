"""A camera over a photograph: fixed, or panning and zooming slowly, so that a still becomes a clip.

Its pictures, fixations and density maps move along together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.types import Fixations

__all__ = ["Views", "camera_views"]

CLOSEST = 0.6
"""Sides of the smallest part of the picture that is shown, as a share of the whole."""

ZOOM = 0.12
"""Greatest change of the shown part's sides in a second, as a share of them."""

PAN = 0.08
"""Greatest movement in a second, as a share of the picture's sides."""


@dataclass(frozen=True, eq=False)
class Views:
    """The part of a picture that each of T frames shows, which has the picture's aspect ratio.

    Attributes:
        corners: (T, 2) left and top as shares of the picture's width and height.
        sides: (T,) of the parts, as shares of the picture's.
    """

    corners: NDArray[np.float64]
    sides: NDArray[np.float64]

    def at(self, frames: list[int]) -> Views:
        """The views of some of the frames."""
        return Views(self.corners[frames], self.sides[frames])

    def images(self, picture: Tensor) -> Tensor:
        """(T, H, W, 3) uint8 of the views, each of the picture's size, from (H, W, 3) uint8."""
        shown = self._sampled(picture.movedim(-1, 0).float())
        return shown.round_().clamp_(0, 255).to(torch.uint8).movedim(1, -1).contiguous()

    def maps(self, saliency: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, h, w) of the views, each of the map's size, from (h, w); not normalised."""
        shown: NDArray[np.float32] = self._sampled(torch.from_numpy(saliency)[None])[:, 0].numpy()
        return shown

    def points(self, fixations: Fixations) -> Fixations:
        """The fixations of the picture (their `frame` is not looked at) that each view shows, where they lie
        in it; `frame` says which view."""
        height, width = fixations.size
        x = (fixations.x[None] / width - self.corners[:, :1]) / self.sides[:, None] * width
        y = (fixations.y[None] / height - self.corners[:, 1:]) / self.sides[:, None] * height
        view, which = np.nonzero((x >= 0) & (x < width) & (y >= 0) & (y < height))
        return Fixations(
            view,
            x[view, which],
            y[view, which],
            fixations.observer[which],
            fixations.size,
            None,
            fixations.dropped,
        )

    def _sampled(self, picture: Tensor) -> Tensor:
        """(T, C, H, W) of (C, H, W), bilinear."""
        sides, corners = torch.from_numpy(self.sides), torch.from_numpy(self.corners)
        # a view's middle in the picture's coordinates from -1 to 1
        middle = 2 * corners + sides[:, None] - 1
        affine = torch.zeros(len(sides), 2, 3)
        affine[:, 0, 0] = affine[:, 1, 1] = sides.float()
        affine[:, :, 2] = middle.float()
        shape = [len(sides), *picture.shape]
        grid = torch.nn.functional.affine_grid(affine, shape, align_corners=False)
        return torch.nn.functional.grid_sample(
            picture.expand(shape), grid, mode="bilinear", padding_mode="border", align_corners=False
        )


def camera_views(random: np.random.Generator, num_frames: int, frame_rate: float, moving: float) -> Views:
    """Draw what a camera shows of a picture.

    Args:
        random: all randomness comes from here.
        num_frames: T.
        frame_rate: frame rate in frames a second.
        moving: probability that the camera moves; otherwise it is fixed on the whole picture.
    """
    if random.random() >= moving:
        return Views(np.zeros((num_frames, 2)), np.ones(num_frames))
    seconds = max(1, num_frames - 1) / frame_rate
    first = random.uniform(CLOSEST, 1.0)
    last = float(np.clip(first * np.exp(random.uniform(-ZOOM, ZOOM) * seconds), CLOSEST, 1.0))
    sides = np.linspace(first, last, num_frames)
    start = random.random(2) * (1 - first)
    step = random.uniform(-PAN, PAN, 2) * seconds
    corners = start + np.linspace(0.0, 1.0, num_frames)[:, None] * step
    # at the picture's edge the camera stands still
    return Views(np.clip(corners, 0.0, 1 - sides[:, None]), sides)
