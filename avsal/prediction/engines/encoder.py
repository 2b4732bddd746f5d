"""S3D over a video: shared positions once, edges for each window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.s3d import S3D, BasicConv3d, Mixed, SeparableConv3d
from avsal.prediction.engines.temporal import (
    Delay,
    Edges,
    Features,
    Maximum,
    Step,
    TemporalConv,
    TemporalLayer,
    spatial,
)

__all__ = ["TapedEncoder", "flat_conv"]


def flat_conv(conv: nn.Conv3d, *, relu: bool = True) -> Callable[[Tensor], Tensor]:
    """A convolution that is 1 in time, as a layer over (P, C, H, W), with its ReLU."""
    weight = conv.weight[:, :, 0].contiguous(memory_format=torch.channels_last)
    run = partial(
        F.conv2d,
        weight=weight,
        bias=conv.bias,
        stride=conv.stride[1:],
        padding=conv.padding[1:],
    )
    return (lambda x: torch.relu_(run(x))) if relu else run


class TapedSeparable:
    """`SeparableConv3d` with its norms folded."""

    def __init__(self, layer: SeparableConv3d, edges: Edges, most: int | None = None) -> None:
        self.over_space = flat_conv(layer.conv_s)
        conv = layer.conv_t
        self.over_time = TemporalConv(
            edges,
            conv.weight,
            conv.bias,
            stride=conv.stride[0],
            padding=int(conv.padding[0]),
            most=most,
        )
        self.temporal: list[TemporalLayer] = [self.over_time]

    def __call__(self, features: Features, step: Step) -> Features:
        """See `SeparableConv3d`."""
        return self.over_time(spatial(features, self.over_space), step)


class TapedMixed:
    """`Mixed` with its norms folded; the branch without a temporal kernel waits for the others."""

    def __init__(self, block: Mixed, edges: Edges, most: int | None = None) -> None:
        def basic(layer: nn.Module) -> Callable[[Tensor], Tensor]:
            assert isinstance(layer, BasicConv3d)
            return flat_conv(layer.conv)

        def separable(layer: nn.Module) -> TapedSeparable:
            assert isinstance(layer, SeparableConv3d)
            return TapedSeparable(layer, edges, most)

        self.direct = basic(block.branch0[0])
        self.reduce = [basic(branch[0]) for branch in (block.branch1, block.branch2)]
        self.separable = [separable(branch[1]) for branch in (block.branch1, block.branch2)]
        self.pooled = basic(block.branch3[1])
        self.delay = Delay(edges, 3, padding=1, most=most)
        self.maximum = Maximum(edges, 3, padding=1, most=most)
        self.temporal: list[TemporalLayer] = [
            self.delay,
            self.maximum,
            *(layer.over_time for layer in self.separable),
        ]

    def __call__(self, features: Features, step: Step) -> Features:
        """See `Mixed`."""
        branches = [self.delay(spatial(features, self.direct), step)]
        for reduce, separable in zip(self.reduce, self.separable, strict=True):
            branches.append(separable(spatial(features, reduce), step))
        pooled = spatial(features, partial(F.max_pool2d, kernel_size=3, stride=1, padding=1))
        branches.append(spatial(self.maximum(pooled, step), self.pooled))
        return replace(branches[0], x=torch.cat([branch.x for branch in branches], -1))


class TapedEncoder:
    """`S3D` for windows of a video.

    Args:
        encoder: with its norms folded.
        edges: of the windows.
    """

    def __init__(self, encoder: S3D, edges: Edges) -> None:
        stem, _, reduce, third = encoder.base1
        assert isinstance(stem, SeparableConv3d)
        assert isinstance(third, SeparableConv3d)
        assert isinstance(reduce, BasicConv3d)
        self.stem, self.third = TapedSeparable(stem, edges), TapedSeparable(third, edges)
        self.reduce = flat_conv(reduce.conv)
        self.pool3 = Maximum(edges, 3, 2, 1)
        # zeros at the right end alone reach all of base4, and no further back than two positions before it
        ends_only = edges.right and not edges.left
        self.pool4 = Maximum(edges, 2, 2, most=2 if ends_only else None)

        self.base2 = [TapedMixed(block, edges) for block in mixed(encoder.base2)]
        self.base3 = [TapedMixed(block, edges) for block in mixed(encoder.base3)]
        reach = (1, 0) if ends_only else (None, None)
        self.base4 = [
            TapedMixed(block, edges, most) for block, most in zip(mixed(encoder.base4), reach, strict=True)
        ]
        blocks = (*self.base2, *self.base3, *self.base4)
        self.temporal: list[TemporalLayer] = [
            *self.stem.temporal,
            *self.third.temporal,
            self.pool3,
            self.pool4,
            *(layer for block in blocks for layer in block.temporal),
        ]

    def __call__(self, frames: Features, step: Step) -> tuple[Features, Features, Features, Features]:
        """See `S3D`; the four taps."""
        halve = partial(F.max_pool2d, kernel_size=3, stride=2, padding=1)
        x = spatial(spatial(self.stem(frames, step), halve), self.reduce)
        base1 = x = self.third(x, step)
        x = spatial(x, halve)
        for block in self.base2:
            x = block(x, step)
        base2 = x
        x = self.pool3(spatial(x, halve), step)
        for block in self.base3:
            x = block(x, step)
        base3 = x
        x = self.pool4(spatial(x, partial(F.max_pool2d, kernel_size=2, stride=2)), step)
        for block in self.base4:
            x = block(x, step)
        return base1, base2, base3, x


def mixed(stage: nn.Sequential) -> list[Mixed]:
    """The blocks of a stage."""
    return [block for block in stage if isinstance(block, Mixed)]
