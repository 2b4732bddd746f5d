"""Convolutional GRU (Ballas et al., ICLR 2016) of separable convolutions, each product normalised."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["ConvGRU", "SeparableProduct"]

Norm = Callable[[int], nn.Module]


class SeparableProduct(nn.Module):
    """One product of a gate: 3x3 depthwise, norm, ReLU6, 1x1, norm; then a factor a channel.

    Args:
        in_channels: C.
        out_channels: C'.
        norm: builds a normalisation for a number of channels.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.inner_norm = norm(in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = norm(out_channels)
        self.scale = nn.Parameter(torch.ones(out_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        inner = nn.functional.relu6(self.inner_norm(self.depthwise(x)))
        return self.scale * self.norm(self.pointwise(inner))


class ConvGRU(nn.Module):
    """GRU whose matrix products are separable convolutions.

    With products W of the input and U of the hidden state h, gates r, z = sigmoid(W + U + b), candidate
    c = tanh(W + r * U + b): the new h is (1 - z) * h + z * c. A sequence starts from zeros.

    Args:
        in_channels: C.
        hidden_channels: C'.
        norm: builds a normalisation for a number of channels.
        dropout: probability that a channel of the hidden state is dropped from a product, in training.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, norm: Norm = nn.BatchNorm2d, dropout: float = 0.0
    ) -> None:
        super().__init__()

        def products(channels: int) -> nn.ModuleDict:
            return nn.ModuleDict(
                {name: SeparableProduct(channels, hidden_channels, norm) for name in ("r", "z", "c")}
            )

        self.of_input = products(in_channels)
        self.of_hidden = products(hidden_channels)
        self.bias = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(hidden_channels, 1, 1)) for name in ("r", "z", "c")}
        )
        self.hidden_channels = hidden_channels
        self.dropout = dropout

    def forward(self, x: Tensor, hidden: Tensor | None = None, masks: Tensor | None = None) -> Tensor:
        """One step.

        Args:
            x: (B, C, H, W).
            hidden: (B, C', H, W) of the step before; None at the start of a sequence.
            masks: the sequence's `dropout_masks`.

        Returns:
            (B, C', H, W), the hidden state, which is the output too.
        """
        if hidden is None:
            hidden = x.new_zeros(len(x), self.hidden_channels, *x.shape[-2:])
        seen = [hidden] * 3 if masks is None else [hidden * mask for mask in masks]
        r = torch.sigmoid(self.of_input["r"](x) + self.of_hidden["r"](seen[0]) + self.bias["r"])
        z = torch.sigmoid(self.of_input["z"](x) + self.of_hidden["z"](seen[1]) + self.bias["z"])
        c = torch.tanh(self.of_input["c"](x) + r * self.of_hidden["c"](seen[2]) + self.bias["c"])
        return (1 - z) * hidden + z * c

    def dropout_masks(self) -> Tensor | None:
        """What of the hidden state a sequence drops, alike at every step (Gal and Ghahramani, NeurIPS 2016).

        Returns:
            (3, 1, C', 1, 1) factors for the products of r, z and c; None where nothing is dropped.
        """
        if not self.training or self.dropout == 0:
            return None
        keep = torch.full_like(self.bias["r"], 1 - self.dropout).expand(3, 1, -1, 1, 1)
        return torch.bernoulli(keep) / (1 - self.dropout)
