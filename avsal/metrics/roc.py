"""The receiver operating characteristic as an object: rates at falling thresholds, and the area below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RocCurve"]


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Rates from the strictest threshold, where both are 0, to the laxest, where both are 1.

    Attributes:
        thresholds: (K,) falling; a value counts as detected when it is at least the threshold. The first is
            infinite.
        false_positive_rate: (K,) 0 to 1, never falling.
        true_positive_rate: (K,) 0 to 1, never falling.
    """

    thresholds: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Area below the curve by the trapezoid rule: ties between thresholds count half.

        Examples:
            >>> RocCurve(np.array([np.inf, 1, 0]), np.array([0, 0, 1]), np.array([0, 0.5, 1])).area
            0.75
        """
        heights = (self.true_positive_rate[1:] + self.true_positive_rate[:-1]) / 2
        return float(np.diff(self.false_positive_rate) @ heights)

    def at(self, false_positive_rate: ArrayLike) -> NDArray[np.float64]:
        """True positive rates at given false positive rates, by which curves of many frames are averaged.

        Between points the curve is straight; where it rises vertically its upper end is taken.

        Args:
            false_positive_rate: any shape, 0 to 1.

        Raises:
            ValueError: for a rate outside 0..1.
        """
        wanted = np.asarray(false_positive_rate, dtype=np.float64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() <= 1:
            raise ValueError(f"rates must lie in 0..1 but reach from {wanted.min()} to {wanted.max()}")
        before = np.searchsorted(self.false_positive_rate, wanted, side="right") - 1
        after = np.minimum(before + 1, self.false_positive_rate.size - 1)
        start, end = self.false_positive_rate[before], self.false_positive_rate[after]
        share = (wanted - start) / np.where(end > start, end - start, 1)
        low, high = self.true_positive_rate[before], self.true_positive_rate[after]
        return low + share * (high - low)
