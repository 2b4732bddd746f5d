"""Modulated deformable convolution in plain PyTorch (Zhu et al., "Deformable ConvNets v2", CVPR 2019).

Offsets and modulation have the channel order of torchvision's operator: group by group, kernel position by
kernel position (rows first), and for offsets the vertical one before the horizontal one. Borders are its too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DeformableConv2d", "deformable_conv2d", "torchvision_operator"]


@cache
def torchvision_operator() -> Callable[..., Tensor] | None:
    """torchvision's `deform_conv2d`, or None where torchvision is missing or was built for another torch."""
    try:
        from torchvision.ops import deform_conv2d
    except (ImportError, OSError, RuntimeError):
        return None
    return deform_conv2d


def deformable_conv2d(
    x: Tensor, offset: Tensor, modulation: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Convolution whose kernel positions move and weigh freely at every pixel.

    out(p) = bias + sum over k of weight_k . x(p + p_k + offset_k(p)) * modulation_k(p), with stride 1 and the
    kernel's positions p_k centred on p. Between pixels x is bilinear, beyond its border it is zero. Zero
    offsets and unit modulation give the plain convolution with zero padding.

    Positions are computed in float32 at least, as half precision cannot tell neighbouring pixels apart.

    Args:
        x: (B, C, H, W).
        offset: (B, G * K * 2, H, W) in pixels, where K is the number of kernel positions. The channels of x
            form G equal deformable groups, each with offsets of its own.
        modulation: (B, G * K, H, W) factors.
        weight: (C', C, kH, kW), kH and kW odd.
        bias: (C',) or None.

    Returns:
        (B, C', H, W).

    Raises:
        ValueError: shapes that do not fit each other.
    """
    B, C, H, W = x.shape
    out_channels, in_channels, kH, kW = weight.shape
    K = kH * kW
    G = modulation.shape[1] // K
    if in_channels != C or kH % 2 == 0 or kW % 2 == 0:
        raise ValueError(f"`weight` must be (C', {C}, odd, odd) but is {tuple(weight.shape)}")
    if G < 1 or C % G or modulation.shape != (B, G * K, H, W):
        expected = f"(B, G * {K}, H, W) with B, H, W of `x` {tuple(x.shape)} and G a divisor of its channels"
        raise ValueError(f"`modulation` must be {expected} but is {tuple(modulation.shape)}")
    if offset.shape != (B, 2 * G * K, H, W):
        raise ValueError(f"`offset` must be {(B, 2 * G * K, H, W)} but is {tuple(offset.shape)}")

    operator = torchvision_operator() if x.is_cuda else None  # its CPU kernel is a single-threaded loop
    if operator is not None and x.dtype in (torch.float32, torch.float64):
        return operator(x, offset, weight, bias, padding=(kH // 2, kW // 2), mask=modulation)

    precise = torch.promote_types(x.dtype, torch.float32)
    position = torch.arange(K, device=x.device)
    pixel_y = torch.arange(H, device=x.device, dtype=precise)[:, None]
    pixel_x = torch.arange(W, device=x.device, dtype=precise)
    shift_y, shift_x = offset.to(precise).view(B, G, K, 2, H, W).unbind(3)
    sample_y = pixel_y + (position // kW - kH // 2).view(K, 1, 1) + shift_y
    sample_x = pixel_x + (position % kW - kW // 2).view(K, 1, 1) + shift_x
    # grid_sample's -1 and 1 are the outer edges of the first and the last pixel
    grid = torch.stack([(2 * sample_x + 1) / W - 1, (2 * sample_y + 1) / H - 1], -1).view(B * G, K * H, W, 2)
    source = x.to(precise).reshape(B * G, C // G, H, W)
    samples = F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    samples = samples.view(B, G, C // G, K, H, W) * modulation.view(B, G, 1, K, H, W)
    columns = samples.reshape(B, C * K, H * W).to(weight.dtype)
    out = torch.matmul(weight.reshape(out_channels, C * K), columns).view(B, out_channels, H, W)
    return out if bias is None else out + bias.view(-1, 1, 1)


class DeformableConv2d(nn.Module):
    """Deformable convolution that reads its offsets and modulation from other features by a 3x3 convolution.

    That convolution starts at zero, so that training starts from a plain convolution at modulation 0.5, as
    Deformable ConvNets v2 does.

    Args:
        in_channels: C of the features that are sampled.
        out_channels: C'.
        guide_channels: of the features that offsets and modulation are read from.
        kernel_size: odd.
        deformable_groups: G, a divisor of `in_channels`.

    Attributes:
        convolution: holds weight and bias; plain convolution with the same parameters.
        guidance: convolution to 2 G K offsets in pixels, then G K logits of the modulation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        guide_channels: int,
        *,
        kernel_size: int = 3,
        deformable_groups: int = 1,
    ) -> None:
        super().__init__()
        if deformable_groups < 1 or in_channels % deformable_groups:
            raise ValueError(
                f"`deformable_groups` must divide the {in_channels} channels but is {deformable_groups}"
            )
        self.num_modulations = deformable_groups * kernel_size**2
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.guidance = nn.Conv2d(guide_channels, 3 * self.num_modulations, 3, padding=1)
        for parameter in self.guidance.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Convolve x where the guide says.

        Args:
            x: (B, C, H, W).
            guide: (B, guide_channels, H, W).

        Returns:
            (B, C', H, W).
        """
        offset, logits = self.guidance(guide).split((2 * self.num_modulations, self.num_modulations), 1)
        weight, bias = self.convolution.weight, self.convolution.bias
        return deformable_conv2d(x, offset, torch.sigmoid(logits), weight, bias)
