"""What models check and do before they look at a clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from avsal.layers.framewise import framewise
from avsal.models.registry import SaliencyModel

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "check_visual_clip",
    "chosen_phases",
    "frame_size",
    "pad_to_multiple",
]

#: of pictures that encoders trained on ImageNet saw, from 0 to 1
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def frame_size(size: Sequence[int], least: int = 1) -> tuple[int, int]:
    """The argument `size` of a model, (height, width), as two whole numbers.

    Raises:
        ValueError: not two, or one of them below `least` pixels.
    """
    if len(size) != 2 or min(size) < least:
        raise ValueError(
            f"`size` must be (height, width) of at least {least}x{least} pixels but is {tuple(size)}"
        )
    return int(size[0]), int(size[1])


def check_visual_clip(
    model: SaliencyModel, frames: Tensor, audio: Tensor | None, *, any_length: bool = False
) -> None:
    """Raise ValueError where `frames` are not (B, 3, T, H, W) with the model's T, or where there is sound.

    Args:
        model: one that cannot hear.
        frames: as given to it.
        audio: as given to it.
        any_length: whether it takes any T from 1.
    """
    if audio is not None:
        raise ValueError(
            f"{model.name} takes no sound: expected audio=None but found a tensor of {tuple(audio.shape)}"
        )
    T = "T" if any_length else model.spec.num_frames
    if frames.ndim != 5 or frames.shape[1] != 3 or frames.shape[2] < 1 or T not in ("T", frames.shape[2]):
        raise ValueError(
            f"{model.name} expects frames of shape (B, 3, {T}, H, W) but found {tuple(frames.shape)}"
        )


def chosen_phases(phases: Sequence[int] | None, period: int, num_frames: int) -> list[int]:
    """Which frames get maps, by their index modulo `period`: those of `phases`, all where it is None.

    Raises:
        ValueError: phases that are none, or without a frame among `num_frames`.
    """
    wanted = sorted(set(range(period) if phases is None else phases))
    if not set(wanted) <= set(range(period)) or not any(phase < num_frames for phase in wanted):
        expected = f"some of 0..{min(period, num_frames) - 1}"
        raise ValueError(f"`phases` of {num_frames} frames must be {expected} but is {phases}")
    return wanted


@framewise
def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """(B, C, T, H, W) with zeros below and to the right, so that H and W are multiples of `multiple`."""
    H, W = ((multiple - side % multiple) % multiple for side in frames.shape[-2:])  # as exports divide, too
    return F.pad(frames, (0, W, 0, H))
