"""How positions in time are joined: taken where they lie, in runs, and without those that are padding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Combination", "Convolution", "Maximum", "Row", "gathered"]

#: a tensor (P, 1, H, W, C) and a row of it
Row = tuple[Tensor, int]


def runs(rows: Sequence[Row | None]) -> Iterator[tuple[int, Tensor]]:
    """Rows that follow one another in memory, as views, each with its place among the rows."""
    begin = 0
    while begin < len(rows):
        row = rows[begin]
        end = begin + 1
        if row is not None:
            tensor, first = row
            while end < len(rows):
                after = rows[end]
                if after is None or after[0] is not tensor or after[1] != first + end - begin:
                    break
                end += 1
            yield begin, tensor[first : first + end - begin]
        begin = end


def gathered(rows: Sequence[Row]) -> Tensor:
    """(P, 1, H, W, C) of all rows: a view where they follow one another."""
    pieces = [piece for _, piece in runs(rows)]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


class Combination(ABC):
    """Joins what lies in a layer's window in time."""

    def __call__(self, taps: Sequence[Sequence[Row | None]]) -> Tensor:
        """Join.

        Args:
            taps: for each place in the window, the positions there, of every result; None: padding.

        Returns:
            (P, 1, H, W, C).
        """
        out: Tensor | None = None
        for number, rows in enumerate(taps):
            for begin, x in runs(rows):
                if out is None:
                    out = self.empty(len(rows), x)
                self.add(out[begin : begin + len(x)], x, number)
        assert out is not None  # a position reads at least one other
        return out

    @abstractmethod
    def empty(self, count: int, x: Tensor) -> Tensor:
        """(count, 1, H, W, C) that nothing was added to."""

    @abstractmethod
    def add(self, out: Tensor, x: Tensor, tap: int) -> None:
        """Add positions at one place in the window to results, in place."""


class Maximum(Combination):
    """Of max-pools."""

    def empty(self, count: int, x: Tensor) -> Tensor:
        """See `Combination.empty`."""
        return x.new_full((count, *x.shape[1:]), -torch.inf)

    def add(self, out: Tensor, x: Tensor, tap: int) -> None:
        """See `Combination.add`."""
        torch.maximum(out, x, out=out)


class Convolution(Combination):
    """Of convolutions: a product of matrices for each place in the window where kernels are 1 in space.

    Args:
        weight: (C', C / groups, k, h, w).
        bias: (C',) or None.
        stride: in height and width, as all that follows.
        padding: zeros at both ends.
        dilation: of the kernel.
        groups: of channels.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> None:
        self.weight, self.bias, self.groups = weight.detach(), None if bias is None else bias.detach(), groups
        self.stride, self.padding, self.dilation = stride, padding, dilation
        flat = (*weight.shape[3:], *stride, *padding) == (1, 1, 1, 1, 0, 0)
        self.dense = flat and groups == 1
        self.by_channel = flat and weight.shape[:2] == (groups, 1)
        self._weights: dict[torch.dtype, list[Tensor]] = {}

    def weights(self, kind: torch.dtype) -> list[Tensor]:
        """For each place, (C, C'), (C,) or (C', C, h, w)."""
        if kind not in self._weights:
            kernels = self.weight.to(kind).unbind(2)
            if self.dense:
                kernels = tuple(one[:, :, 0, 0].T.contiguous() for one in kernels)
            elif self.by_channel:
                kernels = tuple(one[:, 0, 0, 0].contiguous() for one in kernels)
            else:
                kernels = tuple(one.contiguous(memory_format=torch.channels_last) for one in kernels)
            self._weights[kind] = list(kernels)
        return self._weights[kind]

    def empty(self, count: int, x: Tensor) -> Tensor:
        """See `Combination.empty`."""
        device = x.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        sizes = (x.shape[2:4], self.weight.shape[3:], self.stride, self.padding, self.dilation)
        height, width = (
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for side, kernel, stride, padding, dilation in zip(*sizes, strict=True)
        )
        out = x.new_empty((count, 1, height, width, len(self.weight)), dtype=kind)
        return out.zero_() if self.bias is None else out.copy_(self.bias)

    def add(self, out: Tensor, x: Tensor, tap: int) -> None:
        """See `Combination.add`."""
        x, weight = x.to(out.dtype), self.weights(out.dtype)[tap]
        if self.dense:
            flat = out.view(-1, out.shape[-1])
            torch.addmm(flat, x.reshape(-1, x.shape[-1]), weight, out=flat)
        elif self.by_channel:
            out.addcmul_(x, weight)
        else:
            sizes = (self.stride, self.padding, self.dilation, self.groups)
            out[:, 0] += F.conv2d(x[:, 0].movedim(-1, 1), weight, None, *sizes).movedim(1, -1)
