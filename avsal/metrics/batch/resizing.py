"""Batched resizing of predictions."""

from torch import Tensor
from torch.nn import functional as F

from avsal.metrics.batch.inputs import floating

__all__ = ["resize_maps"]


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring (..., H, W) predictions to the ground truth's (H, W) as `resize_map` does."""
    flat = maps.reshape(-1, 1, *maps.shape[-2:]).double()  # in single precision the weights are off by 1e-5
    resized = F.interpolate(flat, size=size, mode="bilinear", antialias=True, align_corners=False)
    return resized.reshape(*maps.shape[:-2], *size).to(floating(maps).dtype)
