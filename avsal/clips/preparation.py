"""Frames and sound as a model wants them: the step between what was decoded and what a network is given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avsal.types import ClipSpec

__all__ = [
    "content_region",
    "content_size",
    "crop_to_content",
    "normalise",
    "normalise_clips",
    "resize_map",
    "waveform",
]


def content_size(spec: ClipSpec, video_size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) that a video's frames are scaled to before they reach the model.

    The model's own size for ``stretch``; for ``fit`` the largest size of the video's aspect ratio inside it.
    """
    if spec.resize == "stretch":
        return spec.size
    scale = min(spec.size[0] / video_size[0], spec.size[1] / video_size[1])
    height, width = (max(1, round(side * scale)) for side in video_size)
    return min(height, spec.size[0]), min(width, spec.size[1])


def _margins(spec: ClipSpec, content: tuple[int, int]) -> tuple[int, int]:
    return (spec.size[0] - content[0]) // 2, (spec.size[1] - content[1]) // 2


def content_region(
    spec: ClipSpec, video_size: tuple[int, int], map_size: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of a map of the model's input, of `map_size`, that the video's picture fills.

    All of them for ``stretch``; for ``fit`` the centred part, at least one row and column.
    """
    content = content_size(spec, video_size)
    margins = _margins(spec, content)
    region = []
    for axis in (0, 1):
        scale = map_size[axis] / spec.size[axis]
        first = round(margins[axis] * scale)
        region.append(slice(first, max(round((margins[axis] + content[axis]) * scale), first + 1)))
    return region[0], region[1]


def normalise(images: Sequence[NDArray[np.uint8]], spec: ClipSpec) -> Tensor:
    """Turn frames of `content_size` into a model's input.

    Args:
        images: T frames (H, W, 3) uint8 RGB.
        spec: spec of the model.

    Returns:
        (3, T, H, W) float32 of the model's size, channels innermost in memory.
    """
    return normalise_clips([torch.from_numpy(np.stack(images))], spec)[0]


def normalise_clips(clips: Sequence[Tensor], spec: ClipSpec) -> Tensor:
    """Turn several clips into a model's input, on the device that they are on.

    Args:
        clips: B tensors (T, H, W, 3) uint8 RGB, each of its video's `content_size`.
        spec: spec of the model.

    Returns:
        (B, 3, T, H, W) float32 of the model's size, channels innermost in memory.
    """
    device = clips[0].device
    mean, std = _on_device(tuple(spec.mean), device), _on_device(tuple(spec.std), device)
    batch = torch.zeros(len(clips), len(clips[0]), *spec.size, 3, device=device)
    for values, pixels in zip(batch, clips, strict=True):
        height, width = pixels.shape[1:3]
        top, left = _margins(spec, (height, width))
        content = values[:, top : top + height, left : left + width]
        content.copy_(pixels.flip(-1) if spec.channels == "bgr" else pixels)
        rows = content.view(
            len(pixels), height, width * 3
        )  # long rows: a last axis of 3 is slow to broadcast
        rows.mul_(spec.value_range / 255).sub_(mean.repeat(width)).div_(std.repeat(width))
    return batch.permute(0, 4, 1, 2, 3)


@cache
def _on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Copied once: a GPU's host waits for each copy."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)


def crop_to_content(saliency: Tensor, spec: ClipSpec, video_size: tuple[int, int]) -> Tensor:
    """Take the padding of ``fit`` off maps (..., H, W); whatever their size, they show the model's input."""
    rows, columns = content_region(spec, video_size, (saliency.shape[-2], saliency.shape[-1]))
    return saliency[..., rows, columns]


def waveform(samples: NDArray[np.float32], spec: ClipSpec) -> Tensor:
    """(1, A) float32 at the model's scale, from (A,) samples in [-1, 1] at the model's sample rate."""
    return torch.from_numpy(samples).float()[None] * spec.audio_scale


def resize_map(saliency: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear resizing of a map (H, W) to another (height, width), antialiased where it shrinks."""
    if saliency.shape == size:
        return saliency
    tensor = torch.from_numpy(np.ascontiguousarray(saliency))[None, None]
    return F.interpolate(tensor, size, mode="bilinear", antialias=True)[0, 0].numpy()
