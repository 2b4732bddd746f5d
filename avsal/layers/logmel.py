"""A small convolutional network on log-mel frames, 10 ms apart: features of sound that keep its timing.

The filter bank is librosa's default (Slaney's scale, filters of equal area). SoundNet's steps of 46 and 93 ms
are as coarse as one and two frames of video; these begin at 10 ms.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from avsal.layers.soundnet import SAMPLE_RATE, SCALE
from avsal.layers.width import scaled

__all__ = ["HOP", "LogMelConvolution", "LogMelNet", "log_mel", "mel_filters"]

HOP = 220
"""Samples from one frame to the next: 9.98 ms."""

WINDOW = 551
"""Samples of the Hann window: 25 ms."""

FFT = 1024
MELS = 64
HIGHEST = 8000.0
FLOOR = 1e-5
"""Added to the energy: about 76 dB below full-scale speech, under the noise of compressed sound."""

# out channels, kernel, stride
LAYERS = ((64, 5, 1), (128, 5, 2), (128, 5, 2), (256, 5, 2))


def mel_filters(
    sample_rate: int = SAMPLE_RATE, fft: int = FFT, mels: int = MELS, highest: float = HIGHEST
) -> NDArray[np.float32]:
    """Triangular filters that turn a power spectrum into mel bands, by torchaudio where it loads.

    torchaudio does not load beside every build of torch; the filters are then computed here, by the same
    formula. Tests hold both to librosa's.

    Slaney's scale, as librosa has it by default: linear below 1 kHz (15 bands), then 27 bands to each factor
    6.4; each triangle reaches from its neighbours' peaks and is divided by half its width in Hz.

    Returns:
        (mels, fft // 2 + 1).
    """
    filters = _torchaudio_filters(sample_rate, fft, mels, highest)
    if filters is not None:
        return filters
    step, knee = 200.0 / 3, 15.0  # Hz of one mel below 1 kHz, and the mel at 1 kHz
    top = knee + 27 * np.log(highest / 1000) / np.log(6.4) if highest > 1000 else highest / step
    mel = np.linspace(0.0, top, mels + 2)
    peaks = np.where(mel < knee, mel * step, 1000 * np.exp((mel - knee) * np.log(6.4) / 27))
    bins = np.linspace(0.0, sample_rate / 2, fft // 2 + 1)
    below, above = (peaks[1:-1] - peaks[:-2])[:, None], (peaks[2:] - peaks[1:-1])[:, None]
    rising, falling = (bins - peaks[:-2, None]) / below, (peaks[2:, None] - bins) / above
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (below + above)).astype(np.float32)


def _torchaudio_filters(sample_rate: int, fft: int, mels: int, highest: float) -> NDArray[np.float32] | None:
    """torchaudio's filters, None where it does not load."""
    try:
        from torchaudio.functional import melscale_fbanks
    except (ImportError, OSError, RuntimeError):
        return None
    with torch.device("cpu"):  # also where a model is built without values
        bands: Tensor = melscale_fbanks(
            fft // 2 + 1, 0.0, highest, mels, sample_rate, norm="slaney", mel_scale="slaney"
        )
    return np.ascontiguousarray(bands.T.numpy(), dtype=np.float32)


def log_mel(audio: Tensor, filters: Tensor) -> Tensor:
    """Natural logarithm of the energy in each band, of frames centred on samples 0, `HOP`, 2 `HOP`, ...

    Args:
        audio: (B, A) at 22,050 Hz in [-1, 1]; silence is assumed before and after.
        filters: (M, F) of `mel_filters`.

    Returns:
        (B, M, 1 + A // HOP) float32.
    """
    # energies pass the largest half-precision number
    with torch.autocast(audio.device.type, enabled=False):
        window = torch.hann_window(WINDOW, device=audio.device)
        spectrum = torch.stft(
            audio.float(), FFT, HOP, WINDOW, window, center=True, pad_mode="constant", return_complex=True
        )
        return torch.log(filters.float() @ (spectrum.real.square() + spectrum.imag.square()) + FLOOR)


class LogMelConvolution(nn.Module):
    """`log_mel` by a convolution with waves under its window, for runtimes without a Fourier transform.

    0.07 billion multiply-adds a second of sound more; equal to `log_mel` up to rounding.
    """

    def __init__(self) -> None:
        super().__init__()
        phase = 2 * np.pi / FFT * np.outer(np.arange(FFT // 2 + 1), np.arange(WINDOW))
        window = 0.5 - 0.5 * np.cos(2 * np.pi / WINDOW * np.arange(WINDOW))
        waves = np.concatenate([np.cos(phase), np.sin(phase)]) * window
        self.register_buffer("waves", torch.from_numpy(waves.astype(np.float32))[:, None], persistent=False)

    def forward(self, audio: Tensor, filters: Tensor) -> Tensor:
        """As `log_mel`."""
        before = WINDOW // 2 + 1  # the window is centred on a frame's sample, which is its 277th
        padded = nn.functional.pad(audio, (before, WINDOW - before))
        spectrum = nn.functional.conv1d(padded[:, None], self.get_buffer("waves"), stride=HOP)
        real, imaginary = spectrum.square().chunk(2, 1)
        return torch.log(filters @ (real + imaginary) + FLOOR)


class LogMelNet(nn.Module):
    """Four convolutions over time with mel bands as channels: steps of 10, 20, 40 and 80 ms.

    308,480 parameters at width 1. Takes sound exactly as `SoundNet` does, so that either can stand in the
    other's place.

    Args:
        width: multiplies every channel count.

    Attributes:
        channels: of each layer's output.
        timed: the layers, counted from 1, whose steps are fine enough to be multiplied with pictures in time.
        front: what makes log-mel frames, in an export; None: `log_mel`.
    """

    timed = (3, 4)

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.channels = tuple(scaled(out, width) for out, *_ in LAYERS)
        self.register_buffer("filters", torch.from_numpy(mel_filters()), persistent=False)
        self.front: LogMelConvolution | None = None
        self.norm = nn.BatchNorm1d(MELS)
        in_channels = MELS
        for number, (out, (_, kernel, stride)) in enumerate(zip(self.channels, LAYERS, strict=True), 1):
            convolution = nn.Conv1d(in_channels, out, kernel, stride, kernel // 2, bias=False)
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"batchnorm{number}", nn.BatchNorm1d(out))
            in_channels = out

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Extract features.

        Args:
            audio: (B, 1, A) at 22,050 Hz, about +-256; A at least 1.

        Returns:
            for each layer (B, C, steps) after ReLU.
        """
        front = log_mel if self.front is None else self.front
        x = front(audio[:, 0] / SCALE, self.get_buffer("filters"))
        x = self.norm(x.to(self.norm.weight.dtype))
        features = []
        for number in range(1, len(LAYERS) + 1):
            x = torch.relu(self.get_submodule(f"batchnorm{number}")(self.get_submodule(f"conv{number}")(x)))
            features.append(x)
        return features

    @staticmethod
    def step_times(layer: int, num_steps: int, *, device: torch.device | None = None) -> Tensor:
        """Centres of the outputs of conv `layer` in samples from the waveform's start."""
        hop = HOP
        for _, _, stride in LAYERS[:layer]:
            hop *= stride
        return hop * torch.arange(num_steps, device=device, dtype=torch.float32)
