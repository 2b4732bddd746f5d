"""A measure made by hand that any network has to beat: does the mouth move when it is loud?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["motion_against_loudness"]

LAG = 0.1
"""Seconds by which movement may lead or follow the sound."""


def motion_against_loudness(
    frames: NDArray[np.uint8],
    sound: NDArray[np.float32],
    faces: NDArray[np.float64],
    *,
    frame_rate: float,
    sample_rate: int,
) -> NDArray[np.float64]:
    """For each face, the best correlation of its mouth's movement with the loudness of the sound.

    Movement: mean absolute difference of neighbouring frames over the mouth's patch, the middle half of the
    face's width and its height from 60 to 95 %. Loudness: logarithm of the sound's power over each frame's
    time. The correlation is the greatest over lags of at most a tenth of a second.

    Args:
        frames: (T, H, W, 3).
        sound: (A,) of the same seconds.
        faces: (K, 4) x0, y0, x1, y1 in pixels.
        frame_rate: frame rate in frames a second.
        sample_rate: sample rate in Hz.

    Returns:
        (K,) in [-1, 1]; 0 where nothing moves or the sound is even.
    """
    T = len(frames)
    edges = np.round(np.arange(T + 1) / frame_rate * sample_rate).astype(int)
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    power = np.diff(power[np.minimum(edges, len(sound))])
    loudness = np.log(power / sample_rate * frame_rate + 1e-7)
    most = round(LAG * frame_rate)
    found = []
    for x0, y0, x1, y1 in faces.tolist():
        width, height = x1 - x0, y1 - y0
        rows = slice(int(y0 + 0.6 * height), max(int(y0 + 0.95 * height), int(y0 + 0.6 * height) + 1))
        columns = slice(int(x0 + 0.25 * width), max(int(x0 + 0.75 * width), int(x0 + 0.25 * width) + 1))
        grey = frames[:, rows, columns].astype(np.float32).mean(-1)
        motion = np.abs(np.diff(grey, axis=0)).mean((1, 2)).astype(np.float64)
        # the difference of frames i and i + 1 lies between them: it goes with the mean of their loudness
        between = (loudness[1:] + loudness[:-1]) / 2
        scores = [_correlation(motion, between, lag) for lag in range(-most, most + 1)]
        found.append(max(scores))
    return np.array(found)


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64], lag: int) -> float:
    """Of `first` with `second` moved later by `lag` steps, over the steps that both have."""
    if lag < 0:
        first, second, lag = second, first, -lag
    one, other = first[lag:], second[: len(second) - lag]
    if len(one) < 3:
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0
