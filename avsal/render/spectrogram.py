"""The sound of a video as a picture on its time axis."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avsal.render.colormap import colormap

__all__ = ["spectrogram_png"]

#: decibels below the loudest that are shown, and the lowest pitch in Hz
_RANGE, _LOWEST = 60.0, 60.0


def spectrogram_png(
    samples: NDArray[np.float32],
    sample_rate: int,
    start: float,
    end: float,
    size: tuple[int, int] = (72, 960),
) -> bytes:
    """Loudness by time and pitch, pitch on a logarithmic axis from 60 Hz to half the sample rate.

    Args:
        samples: (A,) in [-1, 1], from 0 s.
        sample_rate: in Hz.
        start: seconds at the left edge.
        end: seconds at the right edge, after `start`; what no sample covers is silent.
        size: (H, W) in pixels.

    Returns:
        a PNG.
    """
    from PIL import Image

    height, width = size
    length = 1 << max(6, round(np.log2(0.04 * sample_rate)))
    centres = np.round((start + (np.arange(width) + 0.5) * (end - start) / width) * sample_rate).astype(int)
    padded = np.pad(samples, length)
    begins = np.clip(centres + length // 2, 0, len(padded) - length)
    frames = padded[begins[:, None] + np.arange(length)] * np.hanning(length)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    pitches = np.geomspace(_LOWEST, sample_rate / 2, height + 1)
    edges = np.minimum(np.round(pitches * length / sample_rate).astype(int), power.shape[1] - 1)
    rows = [power[:, low : max(low + 1, high)].mean(1) for low, high in pairwise(edges)]
    decibel = 10 * np.log10(np.maximum(np.stack(rows[::-1]), 1e-12))
    shown = np.clip(1 + (decibel - decibel.max()) / _RANGE, 0, 1) if decibel.max() > -115 else 0 * decibel
    stream = io.BytesIO()
    Image.fromarray(colormap("magma")[(shown * 255 + 0.5).astype(np.uint8)]).save(stream, "PNG")
    return stream.getvalue()
