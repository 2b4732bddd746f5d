"""Changes of a waveform that ask what in the sound matters: parts of it, bands, its envelope, its pitch.

All take (A,) float32 and give as many samples. librosa and SciPy are imported when they are needed.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError

__all__ = ["band", "harmonic_part", "noise_with_envelope", "percussive_part", "pitch_shifted", "scrambled"]

Waveform = NDArray[np.float32]

#: samples of the transforms below: shorter sounds are padded
_FFT = 2048

#: seconds over which loudness is taken for the envelope
_ENVELOPE = 0.025


def harmonic_part(audio: Waveform) -> Waveform:
    """What sounds on: steady pitches (median filtering of the spectrogram, Fitzgerald 2010)."""
    return _separated(audio)[0]


def percussive_part(audio: Waveform) -> Waveform:
    """What strikes: onsets and clatter; the harmonic part and it add up to the audio."""
    return _separated(audio)[1]


def _separated(audio: Waveform) -> tuple[Waveform, Waveform]:
    import librosa

    padded = _padded(audio)
    harmonic, percussive = librosa.effects.hpss(padded, n_fft=_FFT)
    return _cut(harmonic, audio), _cut(percussive, audio)


def pitch_shifted(audio: Waveform, sample_rate: int, semitones: float) -> Waveform:
    """Higher by so many semitones, lower where negative, at the same pace (phase vocoder)."""
    import librosa

    with warnings.catch_warnings():  # librosa 1.0.0 warns of arguments that it hands to itself
        warnings.filterwarnings("ignore", "The `(hop_length|n_fft)` parameter", FutureWarning)
        shifted = librosa.effects.pitch_shift(_padded(audio), sr=sample_rate, n_steps=semitones, n_fft=_FFT)
    return _cut(shifted, audio)


def band(audio: Waveform, sample_rate: int, hertz: float, kind: str) -> Waveform:
    """What lies below (``lowpass``) or above (``highpass``) a frequency; nothing is moved in time.

    Butterworth of order 4, run forwards and backwards: -6 dB at the frequency.

    Raises:
        ConfigError: the frequency is not below half the sample rate.
    """
    from scipy.signal import butter, sosfiltfilt

    if not 0 < hertz < sample_rate / 2:
        raise ConfigError(
            f"{kind}:{hertz:g}: expected a frequency below half the sample rate at which the model hears, "
            f"{sample_rate / 2:g} Hz"
        )
    if not len(audio):
        return audio.copy()
    sections = butter(4, hertz, kind, fs=sample_rate, output="sos")
    filtered = sosfiltfilt(sections, audio.astype(np.float64), padlen=min(3 * sample_rate, len(audio) - 1))
    return np.asarray(filtered, np.float32)


def noise_with_envelope(audio: Waveform, sample_rate: int, rng: np.random.Generator) -> Waveform:
    """White noise that is as loud as the audio at every moment (root mean square over 25 ms)."""
    from scipy.ndimage import uniform_filter1d

    if not len(audio):
        return audio.copy()
    length = max(1, round(_ENVELOPE * sample_rate))
    power = uniform_filter1d(np.square(audio, dtype=np.float64), length, mode="nearest")
    return (np.sqrt(np.maximum(power, 0)) * rng.standard_normal(len(audio))).astype(np.float32)


def scrambled(audio: Waveform, rng: np.random.Generator) -> Waveform:
    """The same spectrum over the whole video with random phases: its timbre without any event in time."""
    if not len(audio):
        return audio.copy()
    spectrum = np.fft.rfft(audio.astype(np.float64))
    phases = rng.uniform(0, 2 * np.pi, len(spectrum))
    phases[0] = 0
    if len(audio) % 2 == 0 and len(phases) > 1:
        phases[-1] = 0  # must stay real
    return np.fft.irfft(np.abs(spectrum) * np.exp(1j * phases), len(audio)).astype(np.float32)


def _padded(audio: Waveform) -> Waveform:
    return np.pad(audio, (0, max(0, _FFT - len(audio))))


def _cut(changed: Waveform, audio: Waveform) -> Waveform:
    return np.ascontiguousarray(changed[: len(audio)], np.float32)
