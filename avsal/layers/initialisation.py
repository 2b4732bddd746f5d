"""Random weights to start training from."""

from __future__ import annotations

from math import prod, sqrt

from torch import nn

__all__ = ["he_initialise"]


def he_initialise(module: nn.Module, logits: nn.Module | None = None) -> None:
    """Fill the convolutions of `module` so that ReLUs do not change a signal's power; biases become zero.

    He et al., "Delving Deep into Rectifiers", ICCV 2015: normally distributed with variance 2 / n, where n
    inputs add up to an output value; in a transposed convolution, kernel / stride positions of each channel.

    Args:
        module: with all its parts.
        logits: its last layer, where a sigmoid follows: it gets a tenth of the deviation, so that the sigmoid
            starts in its steep part.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            positions: float = prod(layer.kernel_size)
        elif isinstance(layer, nn.ConvTranspose3d):
            positions = prod(layer.kernel_size) / prod(layer.stride)
        else:
            continue
        deviation = sqrt(2 * layer.groups / (layer.in_channels * positions))
        nn.init.normal_(layer.weight, std=deviation / 10 if layer is logits else deviation)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
