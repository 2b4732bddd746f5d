"""Convolutional LSTM (Shi et al., NeurIPS 2015, without peepholes), one-way and both ways."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BidirectionalConvLSTM", "ConvLSTM", "Directions", "LSTMState"]

Directions = Literal["both", "forward", "backward"]

#: hidden state and cell, each (B, C', H, W)
LSTMState = tuple[Tensor, Tensor]


class ConvLSTM(nn.Module):
    """LSTM over a sequence of images whose matrix products are convolutions.

    With i, f, o the sigmoids and g the tanh of four parts of one convolution of [input, hidden]:
    cell = f * cell + i * g, hidden = o * tanh(cell) (Chen et al., ESAN-VSP, eq. 10).

    Args:
        in_channels: C.
        hidden_channels: C' of hidden state and cell.
        kernel_size: odd.

    Attributes:
        gates: the convolution from C + C' to 4 C' channels, in the order i, f, o, g.
    """

    def __init__(self, in_channels: int, hidden_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.padding = kernel_size // 2
        self.gates = nn.Conv2d(
            in_channels + hidden_channels, 4 * hidden_channels, kernel_size, padding=self.padding
        )

    def forward(self, sequence: Tensor) -> Tensor:
        """(B, S, C, H, W) -> (B, S, C', H, W), the hidden states of a sequence from its start."""
        return self.carry_on(sequence)[0]

    def carry_on(self, sequence: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Hidden states of the next steps of a sequence.

        Args:
            sequence: (B, S, C, H, W), S steps.
            state: that of the step before; None: zeros, the start.

        Returns:
            (B, S, C', H, W), and the state of the last step.
        """
        from_input, from_hidden = self.gates.weight.tensor_split((self.in_channels,), 1)
        # the inputs' share of all steps needs no state and is convolved at once
        drives = F.conv2d(sequence.flatten(0, 1), from_input, self.gates.bias, padding=self.padding)
        hidden, cell = (None, None) if state is None else state
        states = []
        for drive in drives.unflatten(0, sequence.shape[:2]).unbind(1):
            if hidden is not None:
                drive = drive + F.conv2d(hidden, from_hidden, padding=self.padding)
            i, f, o, g = drive.chunk(4, 1)
            written = torch.sigmoid(i) * torch.tanh(g)
            cell = written if cell is None else torch.sigmoid(f) * cell + written
            hidden = torch.sigmoid(o) * torch.tanh(cell)
            states.append(hidden)
        assert hidden is not None  # there is a step
        assert cell is not None
        return torch.stack(states, 1), (hidden, cell)


class BidirectionalConvLSTM(nn.Module):
    """The sum of two ConvLSTMs, one reading the sequence forwards, one backwards (ESAN-VSP, eq. 11).

    Args:
        in_channels: C.
        hidden_channels: C'.
        directions: ``both``, or only ``forward`` or ``backward``; the other one is not built then.
        kernel_size: odd.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, directions: Directions = "both", kernel_size: int = 3
    ) -> None:
        super().__init__()
        if directions not in ("both", "forward", "backward"):
            raise ValueError(f"`directions` must be both, forward or backward but is {directions!r}")
        self.forward_lstm = self.backward_lstm = None
        if directions != "backward":
            self.forward_lstm = ConvLSTM(in_channels, hidden_channels, kernel_size)
        if directions != "forward":
            self.backward_lstm = ConvLSTM(in_channels, hidden_channels, kernel_size)

    def forward(self, sequence: Tensor) -> Tensor:
        """(B, S, C, H, W) -> (B, S, C', H, W), each step's states at that step's place."""
        states = []
        if self.forward_lstm is not None:
            states.append(self.forward_lstm(sequence))
        if self.backward_lstm is not None:
            states.append(self.backward_lstm(sequence.flip(1)).flip(1))
        return sum(states[1:], start=states[0])
