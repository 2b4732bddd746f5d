"""The sound window of STAViS and AViNet: faded in and out, in the middle of zeros.

Tsiami et al., "STAViS", CVPR 2020, section 3.2: the sound of the frames is weighted by a Hann window, so
that the middle frame's counts most. Both released codes put it into the middle of as many zeros as the
frames would last at 10 a second, so that the network behind always sees one length.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.layers.soundnet import LAYERS

__all__ = ["hann_centred", "num_steps"]


def num_steps(samples: int) -> int:
    """How many steps conv7 of SoundNet gives for so many samples, at least as many as it needs."""
    for _, kernel, stride, padding, pool in LAYERS:
        samples = ((samples + 2 * padding - kernel) // stride + 1) // pool
    return samples


def hann_centred(audio: Tensor, samples: int, batch: int) -> Tensor:
    """Sound times a Hann window over all of it, in the middle of zeros.

    Args:
        audio: (B, 1, A); where A is more than `samples`, the middle is kept.
        samples: of the result.
        batch: B that is expected.

    Returns:
        (B, 1, samples).

    Raises:
        ValueError: another shape.
    """
    if audio.ndim != 3 or audio.shape[:2] != (batch, 1) or audio.shape[2] < 1:
        raise ValueError(f"`audio` must have the shape ({batch}, 1, A) but has {tuple(audio.shape)}")
    length = audio.shape[-1]
    window = torch.hann_window(length, periodic=False, dtype=audio.dtype, device=audio.device)
    before = samples // 2 - length // 2
    return F.pad(audio * window, (before, samples - length - before))
