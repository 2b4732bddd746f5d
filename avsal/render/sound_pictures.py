"""A sound as a picture: how loud it is in each column, or by time and pitch."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avsal.render.colormap import colormap

__all__ = ["draw_waveform", "loudness", "spectrogram_png"]

#: decibels below the loudest that are shown, and the lowest pitch in Hz
_RANGE, _LOWEST = 60.0, 60.0


def loudness(samples: NDArray[np.float32], rate: int, edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """(C,) largest magnitude of the samples between each two of C+1 ascending `edges` in seconds."""
    bounds = np.clip(np.round(edges * rate).astype(np.int64), 0, len(samples))
    magnitude = np.append(np.abs(samples), np.float32(0))
    peaks = np.maximum.reduceat(magnitude, bounds[:-1])
    return np.where(bounds[1:] > bounds[:-1], peaks, 0).astype(np.float32)


def draw_waveform(
    image: NDArray[np.uint8], peaks: NDArray[np.float32], full: float, colour: tuple[int, int, int]
) -> None:
    """Draw a column a peak, symmetric about the middle row, into `image`.

    Args:
        image: (H, C, 3) RGB, changed.
        peaks: (C,) magnitudes.
        full: the magnitude that fills the height.
        colour: RGB.
    """
    height = image.shape[0]
    half = np.maximum(np.clip(peaks / (full or 1), 0, 1) * (height / 2 - 1), 0.5)
    distance = np.abs(np.arange(height)[:, None] + 0.5 - height / 2)
    image[distance <= half] = colour


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
