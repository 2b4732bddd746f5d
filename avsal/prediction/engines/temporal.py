"""Layers over time that compute each position once for all windows, and per window only what padding reaches.

A window of a video is padded with zeros at both ends of every layer. A position whose inputs lie inside the
window is the same in every window that has it; it is computed once, when its last input is known, and named
by its centre frame, for all phases of the strides: at stride 1 with a dilation (`FeatureCache`). Positions
that padding reaches, the edges, belong to one window each. Where the edges meet, nothing is left to share and
whole windows go on as a batch.

Shapes: P positions, n windows, H W size, C channels, channels innermost.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.prediction.engines.feature_cache import FeatureCache

__all__ = [
    "Collapse",
    "Delay",
    "Edges",
    "Features",
    "Gather",
    "Maximum",
    "Step",
    "TemporalConv",
    "TemporalLayer",
    "spatial",
]


@dataclass(frozen=True)
class Edges:
    """Which ends of a window are padded with zeros as in training; the video goes on at the others."""

    left: bool
    right: bool


@dataclass(frozen=True)
class Step:
    """What is computed together.

    Attributes:
        windows: frames that the windows begin at.
        oldest: no later window begins before this frame.
        last: the video ends with these frames.
    """

    windows: tuple[int, ...]
    oldest: int
    last: bool = False


@dataclass(frozen=True)
class Features:
    """The new positions of a layer, in one tensor so that layers over space treat them in one call.

    Attributes:
        x: (num_shared + n * left + n * right, H, W, C): shared positions of consecutive frames, then the left
            edge of each window, then the right edge; or (n * length, H, W, C) whole windows.
        first: centre frame of the first shared position.
        num_shared: positions that all windows share.
        length: positions of a window.
        stride: frames from one position of a window to the next.
        left: positions of a window that padding at its left end reaches.
        right: the same for the right end.
        whole: nothing is shared.
    """

    x: Tensor
    first: int
    num_shared: int
    length: int
    stride: int = 1
    left: int = 0
    right: int = 0
    whole: bool = False

    def edges(self, num_windows: int) -> tuple[Tensor, Tensor]:
        """(n, left, H, W, C) and (n, right, H, W, C)."""
        middle = self.num_shared + num_windows * self.left
        shape = self.x.shape[1:]
        left = self.x[self.num_shared : middle].reshape(num_windows, self.left, *shape)
        return left, self.x[middle:].reshape(num_windows, self.right, *shape)

    def windows(self) -> Tensor:
        """(n, C, length, H, W) of whole windows, channels innermost in memory."""
        assert self.whole
        return self.x.unflatten(0, (-1, self.length)).permute(0, 4, 1, 2, 3)


def spatial(features: Features, layer: Callable[[Tensor], Tensor]) -> Features:
    """Apply a layer over (P, C, H, W) to all positions."""
    return replace(features, x=layer(features.x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class TemporalLayer(ABC):
    """A layer over time with zero padding, and the positions of its input that later calls need.

    Args:
        edges: of the windows.
        kernel: in positions.
        stride: in positions.
        padding: at either end, in positions.
        shared: whether positions that windows share are wanted.
        most: of the right edge's positions that are wanted beyond a window's length, None for all.
    """

    def __init__(
        self,
        edges: Edges,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        shared: bool = True,
        most: int | None = None,
    ) -> None:
        self.edges, self.kernel, self.stride, self.padding = edges, kernel, stride, padding
        self.shared, self.most = shared, most
        self.cache = FeatureCache()
        self._next: int | None = None  # centre frame of the next shared output

    @abstractmethod
    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """(B, P, H, W, C) -> (B, P', H, W, C') without padding."""

    def reset(self) -> None:
        """Forget the video."""
        self._next = None

    def __call__(self, features: Features, step: Step) -> Features:
        """Compute what is new; see `Features`."""
        f, p, k, s = features, self.padding, self.kernel, self.stride
        n, length = len(step.windows), (features.length + 2 * self.padding - k) // self.stride + 1
        if f.whole:
            x = F.pad(f.x.unflatten(0, (n, f.length)), (0, 0, 0, 0, 0, 0, p, p))
            return replace(f, x=self.valid(x, s, 1).flatten(0, 1), length=length, stride=f.stride * s)
        if self._next is None:
            self.cache.start(f.first)
            self._next = f.first + (p * f.stride if self.edges.left else 0)
        self.cache.append(f.x[: f.num_shared])
        if step.last and not self.edges.right and p:
            self.cache.append(f.x.new_zeros((p * f.stride, *f.x.shape[1:])))

        left = -(-(f.left + p) // s) if self.edges.left else 0
        right = length - -(-(f.length - f.right + p - k + 1) // s) if self.edges.right else 0
        shared = self.shared
        if self.most is not None:
            shared = shared and right < length + self.most  # else the edge is all that is wanted
            right = min(right, length + self.most)
        lowest = s * (length - right) - p  # first input of the right edge
        starts = [f.left] if self.edges.left else [lowest] if self.edges.right else []
        if self.edges.left and left + right >= length:
            x = F.pad(self._whole(f, step), (0, 0, 0, 0, 0, 0, p, p))
            self.cache.forget(step.oldest + f.stride * f.left)
            x = self.valid(x, s, 1).flatten(0, 1)
            return Features(x, 0, 0, length, f.stride * s, whole=True)

        parts = []
        first, end = self._next, self.cache.end - (k - 1 - p) * f.stride
        if end > first and shared:
            x = self.cache.read(first - p * f.stride, self.cache.end)
            parts.append(self.valid(x[None], 1, f.stride)[0])
            self._next = end
        number = max(0, end - first) if shared else 0
        if n and (left or right):
            left_edge, right_edge = f.edges(n)
            if left:
                behind = self._shared(f, step, f.left, s * (left - 1) - p + k)
                x = torch.cat([left_edge.new_zeros((n, p, *f.x.shape[1:])), left_edge, behind], 1)
                parts.append(self.valid(x, s, 1).flatten(0, 1))
            if right:
                before = self._shared(f, step, lowest, f.length - f.right)
                zeros = s * (length - 1) - p + k - f.length
                missing = right_edge[:, max(0, lowest - f.length + f.right) :]
                pad = right_edge.new_zeros((n, max(0, zeros), *f.x.shape[1:]))
                x = torch.cat([before, missing, pad], 1)
                for window, positions in zip(step.windows, x, strict=True):
                    early = -(
                        (window + f.stride * lowest) // f.stride
                    )  # edges may reach back beyond the video
                    positions[: max(0, early)] = 0
                parts.append(self.valid(x, s, 1).flatten(0, 1))
        x = torch.cat(parts) if len(parts) > 1 else parts[0] if parts else self._nothing(f)
        keep = [step.oldest + f.stride * start for start in starts]
        if shared:
            keep.append(self._next - p * f.stride)
        self.cache.forget(min(keep))
        return Features(x, first, number, length, f.stride * s, left, right)

    def _nothing(self, f: Features) -> Tensor:
        """No position, of the right shape."""
        return self.valid(f.x.new_zeros((1, self.kernel, *f.x.shape[1:])), 1, 1)[0, :0]

    def _shared(self, f: Features, step: Step, begin: int, end: int) -> Tensor:
        """(n, end - begin, H, W, C): the windows' positions begin .. end - 1, all shared."""
        if end <= begin or not step.windows:
            return f.x.new_zeros((len(step.windows), max(0, end - begin), *f.x.shape[1:]))
        reach = (end - begin - 1) * f.stride + 1
        firsts = [window + f.stride * begin for window in step.windows]
        return torch.stack([self.cache.read(first, first + reach, f.stride) for first in firsts])

    def _whole(self, f: Features, step: Step) -> Tensor:
        """(n, length, H, W, C): whole windows."""
        left, right = f.edges(len(step.windows))
        skipped = max(0, f.right - f.length)  # edges may reach back beyond the window's beginning
        shared = self._shared(f, step, f.left, f.length - f.right)
        parts = [part for part in (left, shared, right[:, skipped:]) if part.shape[1]]
        return torch.cat(parts, 1)


class TemporalConv(TemporalLayer):
    """Convolution over time, then ReLU where asked for.

    Args:
        edges: of the windows.
        weight: (C', C, k, 1, 1).
        bias: (C',) or None.
        relu: whether ReLU follows.
        **options: see `TemporalLayer`.
    """

    def __init__(
        self,
        edges: Edges,
        weight: Tensor,
        bias: Tensor | None,
        *,
        stride: int = 1,
        padding: int = 0,
        relu: bool = True,
        shared: bool = True,
        most: int | None = None,
    ) -> None:
        super().__init__(edges, weight.shape[2], stride, padding, shared=shared, most=most)
        self.weight = weight[:, :, :, 0].contiguous(memory_format=torch.channels_last)
        self.bias, self.relu = bias, relu

    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """See `TemporalLayer.valid`: a 2-D convolution of an image whose rows are positions."""
        H = x.shape[2]
        image = x.flatten(2, 3).permute(0, 3, 1, 2)
        out = F.conv2d(image, self.weight, self.bias, (stride, 1), 0, (dilation, 1))
        if self.relu:
            out = torch.relu_(out)
        return out.permute(0, 2, 3, 1).unflatten(2, (H, -1))


class Collapse(TemporalLayer):
    """Depthwise convolution over time whose kernel is its stride, without padding.

    Args:
        edges: of the windows.
        weight: (C, 1, k, 1, 1).
    """

    def __init__(self, edges: Edges, weight: Tensor) -> None:
        super().__init__(edges, weight.shape[2], weight.shape[2])
        self.weight = weight[:, 0, :, 0, 0].T.contiguous()

    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """See `TemporalLayer.valid`."""
        slices = shifted(x, self.kernel, stride, dilation)
        kernel = self.weight.to(x.dtype)
        out = slices[0] * kernel[0]
        for weight, positions in zip(kernel[1:], slices[1:], strict=True):
            out.addcmul_(positions, weight)
        return out


class Maximum(TemporalLayer):
    """Max-pooling over time of what is not negative, so that padding with zeros is padding with nothing."""

    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """See `TemporalLayer.valid`."""
        return reduce(torch.maximum, shifted(x, self.kernel, stride, dilation))


class Delay(TemporalLayer):
    """Each position as it is: what stands beside a convolution of the same kernel waits for it."""

    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """See `TemporalLayer.valid`."""
        return shifted(x, self.kernel, stride, dilation)[self.padding]


class Gather(TemporalLayer):
    """Whole windows of what is shared and of the edges."""

    def __init__(self, edges: Edges) -> None:
        super().__init__(edges, 1)

    def valid(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        """See `TemporalLayer.valid`."""
        return x

    def __call__(self, features: Features, step: Step) -> Features:
        """Whole windows."""
        f = features
        if f.whole:
            return f
        if self._next is None:
            self.cache.start(f.first)
            self._next = f.first
        self.cache.append(f.x[: f.num_shared])
        x = self._whole(f, step).flatten(0, 1) if step.windows else f.x[:0]
        self.cache.forget(step.oldest + f.stride * f.left)
        return Features(x, 0, 0, f.length, f.stride, whole=True)


def shifted(x: Tensor, kernel: int, stride: int, dilation: int) -> list[Tensor]:
    """For each tap of a kernel the positions (B, P', H, W, C) that it sees of (B, P, H, W, C)."""
    span = x.shape[1] - (kernel - 1) * dilation
    return [x[:, tap * dilation : tap * dilation + span : stride] for tap in range(kernel)]
