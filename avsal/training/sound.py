"""What becomes of a batch's sound while training: kept, made silent or noise, or taken away."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.training.settings import SoundSettings

__all__ = ["attention_loss", "drop_sound"]


def drop_sound(audio: Tensor | None, settings: SoundSettings, generator: torch.Generator) -> Tensor | None:
    """Silence some clips of a batch, let some hear noise instead, or take the sound of all.

    A clip without sound and one that is silent are different things to a model, and it must learn both. The
    noise is that of the condition ``noise`` of an ablation: white, Gaussian, as loud as the clip.

    Args:
        audio: (B, 1, A), or None where the clips have none.
        settings: the shares.
        generator: generator of this batch, so that a resumed run draws the same.

    Returns:
        (B, 1, A) with zeros for the silenced clips and noise for those that hear it, or None.
    """
    if audio is None or not settings.use:
        return None
    if torch.rand((), generator=generator) < settings.missing:
        return None
    silent = torch.rand(len(audio), generator=generator) < settings.zero
    if settings.noise:  # draws nothing where it is off, so that runs of before are made again as they were
        noisy = torch.rand(len(audio), generator=generator) < settings.noise
        level = audio.float().square().mean(2, keepdim=True).sqrt()
        noise = torch.randn(audio.shape, generator=generator).to(audio.device) * level
        audio = torch.where(noisy.to(audio.device)[:, None, None], noise.to(audio.dtype), audio)
    return audio.masked_fill(silent.to(audio.device)[:, None, None], 0.0)


def attention_loss(logits: Tensor, density: Tensor) -> Tensor:
    """Cross-entropy of the coarse attention against where people looked, over all cells of the grid.

    Args:
        logits: (B, 1, h, w); their softmax over the grid is the attention.
        density: (B, T', H, W), non-negative; summed over T' and pooled to the grid. Clips whose density is
            zero do not count.

    Returns:
        Mean over the clips that count; 0 where none does.
    """
    h, w = logits.shape[-2:]
    target = F.adaptive_avg_pool2d(density.float().sum(1, keepdim=True), (h, w)).flatten(1)
    mass = target.sum(1, keepdim=True)
    target = target / torch.where(mass > 0, mass, 1)
    entropy = -(target * F.log_softmax(logits.float().flatten(1), 1)).sum(1)
    return entropy.sum() / (mass > 0).sum().clamp(min=1)
