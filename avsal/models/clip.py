"""What models that only see do with a clip before they look at it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from avsal.layers.framewise import framewise
from avsal.models.registry import SaliencyModel

__all__ = ["check_visual_clip", "pad_to_multiple"]


def check_visual_clip(model: SaliencyModel, frames: Tensor, audio: Tensor | None) -> None:
    """Raise ValueError where `frames` are not (B, 3, T, H, W) with the model's T, or where there is sound.

    Args:
        model: one that cannot hear.
        frames: as given to it.
        audio: as given to it.
    """
    name, num_frames = type(model).__name__, model.spec.num_frames
    if audio is not None:
        raise ValueError(f"{name} is deaf: expected audio=None but found a tensor of {tuple(audio.shape)}")
    if frames.ndim != 5 or frames.shape[1] != 3 or frames.shape[2] != num_frames:
        raise ValueError(
            f"{name} expects frames of shape (B, 3, {num_frames}, H, W) but found {tuple(frames.shape)}"
        )


@framewise
def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """(B, C, T, H, W) with zeros below and to the right, so that H and W are multiples of `multiple`."""
    H, W = ((multiple - side % multiple) % multiple for side in frames.shape[-2:])  # as exports divide, too
    return F.pad(frames, (0, W, 0, H))
