"""Max-pooling that remembers where it found its maxima, and what puts values back there, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from avsal.layers.framewise import each_frame, framewise

__all__ = ["max_pool_frames", "max_unpool_frames"]


@framewise
def max_pool_frames(x: Tensor, kernel: int, stride: int, padding: int = 0) -> tuple[Tensor, Tensor]:
    """Max-pool every frame.

    Args:
        x: (B, C, T, H, W).
        kernel: its height and width.
        stride: in H and W.
        padding: on every side; never the maximum.

    Returns:
        maxima: (B, C, T, H', W').
        indices: the same shape: where in its frame each maximum is, row by row; of equal ones the first.
    """
    flat = x.transpose(1, 2).flatten(0, 1)
    maxima, indices = F.max_pool2d(flat, kernel, stride, padding, return_indices=True)
    maxima, indices = (y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2) for y in (maxima, indices))
    return maxima, indices


@framewise
def max_unpool_frames(x: Tensor, indices: Tensor, size: Sequence[int]) -> Tensor:
    """Put each value where a max-pool had found its maximum, zero elsewhere.

    Where pools overlap, several values may belong to one place: the last of them stays.

    Args:
        x: (B, C, T, H, W).
        indices: as `max_pool_frames` gave them, the same shape.
        size: (H', W') of the frames that were pooled.

    Returns:
        (B, C, T, H', W').
    """

    def spread(pictures: Tensor, places: Tensor) -> Tensor:
        # kernel and stride only serve to compute the size, which is given
        return F.max_unpool2d(pictures.contiguous(), places.contiguous(), [2, 2], [2, 2], [0, 0], list(size))

    return each_frame(spread, x, indices)
