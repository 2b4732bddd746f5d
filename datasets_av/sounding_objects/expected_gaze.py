"""Where gaze is expected on sounding objects, known exactly because it was simulated.

In every frame gaze is a mixture of Gaussians about K + 1 aims: the K objects and the centre of the frame. The
weights follow from the observers' probabilities and latencies. A map with these weights is the target; with
the weights of somebody who does not hear, it is the best map that can be made without sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.scene import Turns

__all__ = ["ExpectedGaze", "Setting", "expected_gaze"]

Setting = Literal["decides", "irrelevant", "visible"]


@dataclass(frozen=True, eq=False)
class ExpectedGaze:
    """The expected gaze of one video. Legend: K objects, T frames.

    Attributes:
        aims: (T, K + 1, 2) as (x, y) in pixels: the objects' centres, then the centre of the frame.
        weights: (T, K + 1) how probable each aim is, given all that happened; rows sum to 1.
        weights_with_sound: (T, K + 1) given what can be seen and heard.
        weights_without_sound: (T, K + 1) given what can be seen.
        size: (H, W) of the frame in pixels.
        scatter: standard deviation of gaze about its aim in pixels.
        sigma: standard deviation of the target density about the aims in pixels.
    """

    aims: NDArray[np.float64]
    weights: NDArray[np.float64]
    weights_with_sound: NDArray[np.float64]
    weights_without_sound: NDArray[np.float64]
    size: tuple[int, int]
    scatter: float
    sigma: float

    def density(self, frame: int) -> NDArray[np.float32]:
        """(H, W) target density of a 0-based frame, -1 for the last; sums to 1."""
        return self._render(frame, self.weights, self.sigma)

    def best_map(self, frame: int, *, sound: bool, sigma: float | None = None) -> NDArray[np.float32]:
        """The best prediction that can be made of a frame.

        Scored against `density` by CC, no map is expected to do better than the one of the default sigma. NSS
        and AUC judge fixations, which scatter less than the target density does: for them the best of all
        maps has ``sigma=scatter``, and the default is the best of those as broad as the target.

        Args:
            frame: 0-based, -1 for the last.
            sound: whether the sound was heard.
            sigma: standard deviation of its Gaussians in pixels; None: that of the target density.

        Returns:
            (H, W), sums to 1.
        """
        weights = self.weights_with_sound if sound else self.weights_without_sound
        return self._render(frame, weights, self.sigma if sigma is None else sigma)

    def _render(self, frame: int, weights: NDArray[np.float64], sigma: float) -> NDArray[np.float32]:
        H, W = self.size
        x, y = self.aims[frame].T
        # a pixel's centre lies at its index + 0.5
        across = np.exp(-0.5 * ((np.arange(W) + 0.5 - x[:, None]) / sigma) ** 2)
        down = np.exp(-0.5 * ((np.arange(H) + 0.5 - y[:, None]) / sigma) ** 2)
        density = (down * weights[frame][:, None]).T @ across
        return (density / density.sum()).astype(np.float32)


def expected_gaze(
    setting: Setting,
    observers: Observers,
    attended: Turns,
    aims: NDArray[np.float64],
    times: NDArray[np.float64],
    size: tuple[int, int],
    scale: float,
) -> ExpectedGaze:
    """Work out the expected gaze.

    Args:
        setting: in ``decides`` sound tells the attended object, in ``visible`` sight does too, in
            ``irrelevant`` neither does.
        observers: how they behave.
        attended: which object has their attention when, before latency.
        aims: (T, K + 1, 2) as (x, y) in pixels.
        times: (T,) seconds.
        size: (H, W) of the frame in pixels.
        scale: pixels of the frame for one pixel of the observers' `scatter` and `sigma`.
    """
    K = aims.shape[1] - 1
    noticed = observers.noticed(times[:, None] - attended.starts)
    # those who have noticed this turn but not yet the next
    following = noticed - np.append(noticed[:, 1:], np.zeros((len(times), 1)), axis=1)
    share = following @ np.eye(K)[attended.objects]
    arrived = noticed[:, :1]
    centre = 1.0 - arrived * (observers.attended + observers.others)
    elsewhere = (arrived - share) * (observers.others / (K - 1))
    told = np.hstack([observers.attended * share + elsewhere, centre])
    untold = np.hstack([np.repeat((1.0 - centre) / K, K, axis=1), centre])
    return ExpectedGaze(
        aims=aims,
        weights=told,
        weights_with_sound=untold if setting == "irrelevant" else told,
        weights_without_sound=told if setting == "visible" else untold,
        size=size,
        scatter=observers.scatter * scale,
        sigma=observers.sigma * scale,
    )
