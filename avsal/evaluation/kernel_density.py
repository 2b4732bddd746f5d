"""How well some observers predict another: a regularised kernel density estimate and its weights.

The estimate on a frame is ``k K + c C + u U``: K, Gaussians at the fixations of the observers that predict;
C, the centre bias; U, the uniform map; k + c + u = 1. Width and weights are those under which every observer
is likeliest given the others, on one video (Kümmerer et al., Information-theoretic model comparison unifies
saliency metrics, PNAS 2015, with leave-one-subject-out instead of their image-wise cross-validation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations

__all__ = ["Kernels", "Mixture", "fit_mixture", "kernel_image"]

#: of the Gaussian, as a fraction of the frame's width
_WIDTHS = (0.005, 0.007, 0.01, 0.014, 0.02, 0.028, 0.04, 0.056, 0.08)
_ITERATIONS = 60
#: a part that no frame needs keeps this weight, for frames where the others are absent
_SMALLEST = 1e-6


class Kernels:
    """Gaussians at the fixations of one frame, each with its whole mass inside the frame."""

    def __init__(self, fixations: Fixations, sigma: float) -> None:
        """Place them.

        Args:
            fixations: N of them, on one frame.
            sigma: in pixels.
        """
        self.observers = fixations.observer
        self._rows, self._columns = fixations.rows_and_columns()
        height, width = fixations.size
        self._vertical = _profiles(self._rows, height, sigma)
        self._horizontal = _profiles(self._columns, width, sigma)

    def image(self, chosen: NDArray[np.bool_] | slice = slice(None)) -> NDArray[np.float32]:
        """(H, W) sum of the chosen Gaussians; its own sum is their number."""
        return self._vertical[chosen].T @ self._horizontal[chosen]

    def taken_off(
        self, image: NDArray[np.float32], chosen: NDArray[np.bool_], weight: float, floor: float
    ) -> NDArray[np.float32]:
        """(H, W) image minus the chosen Gaussians times a weight, nowhere below a floor."""
        rest = image.copy()
        for vertical, horizontal in zip(self._vertical[chosen], self._horizontal[chosen], strict=True):
            rest -= np.multiply.outer(vertical * np.float32(weight), horizontal)
        return np.maximum(rest, floor, out=rest)  # rounding may leave less where a Gaussian was nearly all

    def at_other_observers(self) -> NDArray[np.float64]:
        """(N,) density of all other observers' fixations at each; 0 where there is no other observer."""
        kernels = self._vertical[:, self._rows] * self._horizontal[:, self._columns].astype(np.float64)
        other = self.observers[:, None] != self.observers[None]
        return (kernels * other).sum(0) / np.maximum(1, other.sum(0))


def kernel_image(fixations: Fixations, sigma: float) -> NDArray[np.float32]:
    """(H, W) sum of the same Gaussians at the fixations of many frames; its own sum is their number."""
    height, width = fixations.size
    rows, columns = fixations.rows_and_columns()
    # a fixation that lasts comes once for each frame: few pixels, many repeats
    pixels, counts = np.unique(rows * width + columns, return_counts=True)
    vertical = _profiles(pixels // width, height, sigma) * counts[:, None].astype(np.float32)
    image: NDArray[np.float32] = vertical.T @ _profiles(pixels % width, width, sigma)
    return image


@dataclass(frozen=True)
class Mixture:
    """The regularised estimate's parameters on one video.

    Attributes:
        width: sigma of the Gaussians as a fraction of the frame's width.
        kernel: weight of the other observers' fixations.
        centre: weight of the centre bias.
        uniform: weight of the uniform map.
    """

    width: float
    kernel: float
    centre: float
    uniform: float

    def share(self, count: int) -> float:
        """The weight of each of `count` Gaussians."""
        return self.kernel / (count * self._total(count)) if count else 0.0

    def floor(self, count: int, num_pixels: int) -> float:
        """What the uniform map alone gives each pixel."""
        return self.uniform / (self._total(count) * num_pixels)

    def _total(self, count: int) -> float:
        return (self.kernel if count else 0.0) + self.centre + self.uniform

    def image(
        self, others: NDArray[np.float32], count: int, centre: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """The estimate as (H, W) that sums to 1.

        Args:
            others: (H, W) sum of Gaussians.
            count: how many; without any the other parts share their weight.
            centre: (H, W) that sums to 1, None where there is no centre bias.
        """
        image = others * np.float32(self.share(count))
        if centre is not None and self.centre:
            image += centre * np.float32(self.centre / self._total(count))
        image += np.float32(self.floor(count, image.size))
        return image


def fit_mixture(frames: Sequence[Fixations], centre: NDArray[np.float32] | None) -> Mixture:
    """Choose width and weights by leave-one-observer-out likelihood.

    For each width the weights follow from expectation maximisation, whose likelihood has one maximum.

    Args:
        frames: fixations of some frames of one video, each on the same size.
        centre: (H, W) that sums to 1; None leaves the centre bias out.

    Raises:
        ValueError: no frame has fixations of two observers.
    """
    usable = [gaze for gaze in frames if len(gaze.observers) > 1]
    if not usable:
        raise ValueError("no frame has fixations of two observers, so none predicts another")
    height, width = usable[0].size
    points = [gaze.rows_and_columns() for gaze in usable]
    rows, columns = (np.concatenate(axis) for axis in zip(*points, strict=True))
    fixed = [np.full(len(rows), 1 / (height * width))]
    if centre is not None:
        fixed.append(centre[rows, columns].astype(np.float64))

    best, chosen = -np.inf, Mixture(_WIDTHS[0], 1.0, 0.0, 0.0)
    for share in _WIDTHS:
        kernel = np.concatenate([Kernels(gaze, share * width).at_other_observers() for gaze in usable])
        parts = np.stack([kernel, *fixed])
        weights = np.full(len(parts), 1 / len(parts))
        for _ in range(_ITERATIONS):
            shares = weights[:, None] * parts
            weights = (shares / shares.sum(0)).mean(1)
        likelihood = float(np.log(weights @ parts).mean())
        if likelihood > best:
            best, weights = likelihood, np.maximum(weights, _SMALLEST) / np.maximum(weights, _SMALLEST).sum()
            centre_weight = float(weights[2]) if centre is not None else 0.0
            chosen = Mixture(share, float(weights[0]), centre_weight, float(weights[1]))
    return chosen


def _profiles(pixels: NDArray[np.int64], length: int, sigma: float) -> NDArray[np.float32]:
    """(N, length) Gaussians around pixels, each summing to 1."""
    distance = np.arange(length) - pixels[:, None]
    profiles = np.exp(-0.5 * (distance / sigma) ** 2)
    return (profiles / profiles.sum(1, keepdims=True)).astype(np.float32)
