"""A map that is going to be scored: validated once, its moments computed once and shared by all metrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.errors import AvsalError

__all__ = [
    "ConstantMapWarning",
    "Map",
    "MapError",
    "MapLike",
    "as_density",
    "blocks",
    "resize_bicubic",
    "resize_map",
]

_BLOCK = 16384  # values, 128 kB as float64


class MapError(AvsalError, ValueError):
    """A map cannot be scored: it is not finite, or negative where a density is needed."""


class ConstantMapWarning(UserWarning):
    """A prediction has the same value everywhere; it scores as the uniform map."""


class Map:
    """An (H, W) map with what several metrics need of it, computed when first asked for.

    Every metric takes a plain array or a `Map`; a caller who asks for several metrics of one frame passes the
    same `Map` to all.

    Attributes:
        values: (H, W) uint8, float32 or float64. Ranks are taken in this type: no tie is made or broken.
        low: smallest value.
        high: largest value.
        size: (H, W).
        label: how errors call this map.
    """

    def __init__(
        self,
        values: ArrayLike,
        *,
        role: str = "saliency",
        frame: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Validate a map and bring it to `size`.

        Args:
            values: (H, W) numbers.
            role: what the map is, for messages.
            frame: identifies the frame, for messages.
            size: (H, W) to resize to, see `resize_map`; None keeps the map's own.

        Raises:
            MapError: a value is not finite.
            ValueError: not a two-dimensional array of numbers.
        """
        self.label = f"`{role}`" if frame is None else f"`{role}` of frame {frame}"
        array = np.asarray(values)
        if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "buif":
            raise ValueError(
                f"{self.label} must be an (H, W) array of numbers but is {array.dtype} of shape {array.shape}"
            )
        self.values = _scorable(array)
        self.low, self.high = self.values.min(), self.values.max()
        if not (np.isfinite(self.low) and np.isfinite(self.high)):
            wrong = ~np.isfinite(self.values)
            row, column = np.argwhere(wrong)[0]
            raise MapError(
                f"{self.label} must be finite but {np.count_nonzero(wrong)} of {wrong.size} values are not, "
                f"the first at row {row}, column {column}: mend the model or the file that made it"
            )
        if size is not None and size != self.values.shape:
            # Interpolation weights add up to 1 within rounding only; a constant map must stay constant.
            constant = self.low == self.high
            self.values = np.full(size, self.low) if constant else resize_map(self.values, size)
            self.low, self.high = self.values.min(), self.values.max()

    @classmethod
    def prediction(
        cls, values: MapLike, *, frame: str | None = None, size: tuple[int, int] | None = None
    ) -> Map:
        """The map as a prediction; warns with `ConstantMapWarning`. A `Map` is passed through."""
        if isinstance(values, Map):
            return values
        made = cls(values, frame=frame, size=size)
        if made.constant:
            message = f"{made.label} is constant ({float(made.low):g}): it is scored as the uniform map"
            warnings.warn(message, ConstantMapWarning, stacklevel=3)
        return made

    @classmethod
    def density(cls, values: MapLike, *, role: str = "density", frame: str | None = None) -> Map:
        """The map as a density: non-negative, not necessarily normalised. A `Map` is passed through.

        Raises:
            MapError: a value is negative or not finite.
        """
        made = values if isinstance(values, Map) else cls(values, role=role, frame=frame)
        made.require_non_negative()
        return made

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def constant(self) -> bool:
        """Whether all values are the same."""
        return bool(self.low == self.high)

    @cached_property
    def total(self) -> float:
        """Sum of all values."""
        return float(self.values.sum(dtype=np.float64))

    @property
    def mean(self) -> float:
        """Mean of all values."""
        return self.total / self.values.size

    @cached_property
    def squares(self) -> float:
        """Sum of the squared differences from the mean; exactly 0 for a constant map."""
        if self.constant:
            return 0.0
        return sum(float(np.vdot(centred, centred)) for (centred,) in blocks((self, self.mean, 1.0)))

    def distribution(self, shifted: bool = False) -> tuple[float, float]:
        """Offset and factor that make the map a distribution: ``(values - offset) * factor`` sums to 1.

        Args:
            shifted: take off the minimum first. A map that is constant when shifted, or else zero everywhere,
                becomes uniform.
        """
        if self.low == self.high == 0:
            return -1.0, 1 / self.values.size
        offset = float(self.low) if shifted and not self.constant else 0.0
        return offset, 1 / (self.total - offset * self.values.size)

    def scaled(self, pixels: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float64]:
        """Values scaled to 0..1 by the whole map's minimum and maximum; the map must not be constant.

        Args:
            pixels: (K,) row * W + column, all by default.

        Returns:
            (K,) float64.
        """
        low, high = float(self.low), float(self.high)
        return (self.values.ravel()[pixels].astype(np.float64) - low) / (high - low)

    def require_non_negative(self) -> None:
        """Raise MapError where a density is needed and this map has negative values."""
        if self.low < 0:
            raise MapError(
                f"{self.label} must be non-negative for a metric on densities but its minimum is "
                f"{float(self.low):g}: convert it to a density first (exponentiate a map of log-densities)"
            )

    def require_size(self, size: tuple[int, int], whose: str) -> None:
        """Raise ValueError unless the map has this (H, W)."""
        if self.size != size:
            raise ValueError(
                f"{self.label} must have the size of {whose}, {size}, but is {self.size}: "
                f"resize the prediction with `resize_map`, never the ground truth"
            )


MapLike = ArrayLike | Map


def blocks(*maps: tuple[Map, float, float]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Run through maps of one size in pieces that stay in the processor's cache.

    Whole maps as temporaries cost more in memory traffic than the arithmetic on them.

    Args:
        *maps: each with an offset and a factor.

    Yields:
        For each map (K,) float64 of ``(values - offset) * factor``, to be overwritten at will.
    """
    for start in range(0, maps[0][0].values.size, _BLOCK):
        pieces = []
        for made, offset, factor in maps:
            piece = made.values.ravel()[start : start + _BLOCK].astype(np.float64)
            if offset:
                piece -= offset
            if factor != 1:
                piece *= factor
            pieces.append(piece)
        yield tuple(pieces)


def _scorable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Contiguous, in the smallest of uint8, float32 and float64 that holds every value."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    elif array.dtype in (np.float16, np.uint16, np.int8, np.int16):
        array = array.astype(np.float32)
    elif array.dtype not in (np.uint8, np.float32):
        array = array.astype(np.float64, copy=False)
    return np.ascontiguousarray(array)


def resize_map(values: ArrayLike, size: tuple[int, int]) -> NDArray[np.float32]:
    """Bring a prediction to the ground truth's size: bilinear, with antialiasing where it shrinks.

    MATLAB's `imresize` is bicubic by default; OpenCV does not antialias. Neither gives these values.

    Args:
        values: (H, W) numbers; 8-bit maps are interpolated without rounding.
        size: (H, W) wanted.
    """
    from PIL import Image

    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    resized = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def resize_bicubic(values: ArrayLike, size: tuple[int, int]) -> NDArray[np.generic]:
    """Bring a prediction to the ground truth's size as MATLAB's `imresize` does: bicubic, antialiased.

    A map that is not negative stays so: where the curve overshoots below 0 it is cut.

    Args:
        values: (H, W) numbers; returned as they are where they have the size, or are the same everywhere.
        size: (H, W) wanted.
    """
    from PIL import Image

    array = np.asarray(values)
    if array.shape == tuple(size) or array.min() == array.max():
        return array
    image = Image.fromarray(array.astype(np.float32))
    resized = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC), dtype=np.float32)
    return resized.clip(min=0) if array.min() >= 0 else resized


def as_density(saliency: ArrayLike, uniform: float = 0.0) -> NDArray[np.float64]:
    """Turn a non-negative map into a probability map, on purpose and with a stated floor.

    ``(1 - uniform) * S / sum(S) + uniform / P``. A floor above 0 makes information gain finite for maps with
    zeros where somebody looked, such as 8-bit ones.

    Args:
        saliency: (H, W), non-negative; zeros everywhere give the uniform map.
        uniform: share of the uniform map, 0 to 1.

    Returns:
        (H, W) that sums to 1.

    Raises:
        MapError: a value is negative or not finite.

    Examples:
        >>> as_density([[3, 1], [0, 0]], uniform=0.2)
        array([[0.65, 0.25],
               [0.05, 0.05]])
    """
    if not 0 <= uniform <= 1:
        raise ValueError(f"`uniform` must lie in 0..1 but is {uniform}")
    made = Map(saliency)
    made.require_non_negative()
    offset, factor = made.distribution()
    return (1 - uniform) * factor * (made.values.astype(np.float64) - offset) + uniform / made.values.size
