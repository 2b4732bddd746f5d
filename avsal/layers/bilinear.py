"""Bilinear layers where sound and picture meet: STAViS's at each location, AViNet's within each channel."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from avsal.layers.width import scaled

__all__ = ["BilinearByChannel", "BilinearByLocation", "per_location"]


class BilinearByLocation(nn.Module):
    """STAViS's fusion (Tsiami et al., CVPR 2020, section 3.3): affine maps, ReLU, a bilinear layer.

    Of the picture only the two middle positions in time count, as in the released code.

    Args:
        seen: channels of the picture's features.
        heard: channels of the sound's.
        width: factor on all channel counts.

    Attributes:
        channels: of the result, 64.
    """

    def __init__(self, seen: int, heard: int, width: float = 1.0) -> None:
        super().__init__()
        hidden, self.channels = scaled(128, width), scaled(64, width)
        self.visual = nn.Linear(seen, hidden)
        self.sound = nn.Linear(heard, hidden)
        self.bilinear = nn.Bilinear(hidden, hidden, self.channels)

    def forward(self, features: Tensor, sound: Tensor) -> Tensor:
        """(B, C, T, h, w) and (B, C') -> (B, 64, h, w)."""
        middle = features.shape[2] // 2
        picture = features[:, :, max(middle - 1, 0) : middle + 1].mean(2)
        visual = torch.relu(self.visual(rearrange(picture, "b c h w -> b h w c")))
        heard = torch.relu(self.sound(sound))
        return per_location(self.bilinear, visual, heard).movedim(-1, 1)


class BilinearByChannel(nn.Module):
    """AViNet's fusion: within each channel, all positions of the picture times all steps of the sound.

    The picture is pooled first: its maximum over time, every other column.

    Args:
        grid: (T, h, w) of the features; T of the result may be another.
        steps: of the sound.
    """

    def __init__(self, grid: tuple[int, int, int], steps: int) -> None:
        super().__init__()
        self.grid = grid
        T, h, w = grid
        self.product = nn.Bilinear(h * -(-w // 2), steps, T * h * w)

    def forward(self, features: Tensor, sound: Tensor) -> Tensor:
        """(B, C, T', h, w) and (B, C, steps) -> (B, C, T, h, w)."""
        T, h, w = self.grid
        pooled = features.amax(2)[..., ::2].flatten(2)
        fused: Tensor = self.product(pooled, sound)
        return rearrange(fused, "b c (t h w) -> b c t h w", t=T, h=h, w=w)


def per_location(layer: nn.Bilinear, visual: Tensor, sound: Tensor) -> Tensor:
    """`layer` on (B, H, W, C) and (B, C), the sound multiplied into the weights once, not per location."""
    weight = torch.einsum("ovs,bs->bov", layer.weight, sound)
    return torch.einsum("bov,bhwv->bhwo", weight, visual) + layer.bias
