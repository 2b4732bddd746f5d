import itertools
import math

import pytest
import torch
from torch import Tensor

from avsal.layers.convlstm import BidirectionalConvLSTM, ConvLSTM


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def convolved(image: Tensor, kernel: Tensor, row: int, column: int) -> float:
    """One output pixel of a convolution with zero padding; image (C, H, W), kernel (C, k, k)."""
    total = 0.0
    reach = kernel.shape[1] // 2
    for c, i, j in itertools.product(*(range(n) for n in kernel.shape)):
        y, x = row + i - reach, column + j - reach
        if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
            total += float(image[c, y, x]) * float(kernel[c, i, j])
    return total


def by_loops(sequence: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Equation 10, one pixel and channel at a time; sequence (S, C, H, W) -> (S, C', H, W)."""
    S, C, H, W = sequence.shape
    hidden_channels = weight.shape[0] // 4
    hidden = torch.zeros(hidden_channels, H, W, dtype=torch.float64)
    cell = torch.zeros_like(hidden)
    states = []
    for step in range(S):
        next_hidden, next_cell = torch.zeros_like(hidden), torch.zeros_like(cell)
        for c, row, column in itertools.product(range(hidden_channels), range(H), range(W)):
            i, f, o, g = (
                convolved(sequence[step], weight[gate, :C], row, column)
                + convolved(hidden, weight[gate, C:], row, column)
                + float(bias[gate])
                for gate in range(c, 4 * hidden_channels, hidden_channels)
            )
            new = sigmoid(f) * float(cell[c, row, column]) + sigmoid(i) * math.tanh(g)
            next_cell[c, row, column] = new
            next_hidden[c, row, column] = sigmoid(o) * math.tanh(new)
        hidden, cell = next_hidden, next_cell
        states.append(hidden)
    return torch.stack(states)


def lively(module: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that states differ much from step to step."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return module


@pytest.fixture
def sequence() -> Tensor:
    return torch.randn(2, 4, 3, 4, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_agrees_with_equation_10_by_plain_loops(sequence: Tensor, kernel_size: int):
    lstm = lively(ConvLSTM(3, 2, kernel_size))
    with torch.no_grad():
        found = lstm(sequence)
    for clip, states in zip(sequence, found, strict=True):
        expected = by_loops(clip, lstm.gates.weight.detach(), lstm.gates.bias.detach())
        torch.testing.assert_close(states.double(), expected, rtol=1e-5, atol=1e-5)


def test_both_directions_agree_with_plain_loops(sequence: Tensor):
    lstm = lively(BidirectionalConvLSTM(3, 2))
    ahead, back = lstm.forward_lstm.gates, lstm.backward_lstm.gates
    with torch.no_grad():
        found = lstm(sequence)
        for clip, states in zip(sequence, found, strict=True):
            past = by_loops(clip, ahead.weight, ahead.bias)
            future = torch.stack(list(by_loops(torch.stack(list(clip)[::-1]), back.weight, back.bias))[::-1])
            torch.testing.assert_close(states.double(), past + future, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("directions", ["both", "forward", "backward"])
def test_gradients_agree_with_finite_differences(directions: str):
    lstm = lively(BidirectionalConvLSTM(2, 2, directions)).double()
    sequence = torch.randn(1, 3, 2, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    names = [name for name, _ in lstm.named_parameters()]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(lstm, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (sequence.requires_grad_(), *lstm.parameters()))


def test_the_backward_direction_is_the_forward_one_on_the_reversed_video(sequence: Tensor):
    ahead, back = (lively(BidirectionalConvLSTM(3, 2, way)) for way in ("forward", "backward"))
    with torch.no_grad():
        assert torch.equal(back(sequence), ahead(sequence.flip(1)).flip(1))
        assert not torch.allclose(back(sequence), ahead(sequence), atol=1e-2)


def test_each_direction_sees_only_its_side_of_the_video(sequence: Tensor):
    ahead, back = (lively(BidirectionalConvLSTM(3, 2, way)) for way in ("forward", "backward"))
    changed = sequence.clone()
    changed[:, 2] += 1
    with torch.no_grad():
        ahead_differs = (ahead(sequence) - ahead(changed)).abs().amax((0, 2, 3, 4)) > 0
        back_differs = (back(sequence) - back(changed)).abs().amax((0, 2, 3, 4)) > 0
    assert ahead_differs.tolist() == [False, False, True, True]
    assert back_differs.tolist() == [True, True, True, False]


def test_reversing_time_and_swapping_directions_reverses_the_states(sequence: Tensor):
    lstm, swapped = lively(BidirectionalConvLSTM(3, 2)), BidirectionalConvLSTM(3, 2)
    swapped.forward_lstm.load_state_dict(lstm.backward_lstm.state_dict())
    swapped.backward_lstm.load_state_dict(lstm.forward_lstm.state_dict())
    with torch.no_grad():
        assert torch.equal(swapped(sequence.flip(1)), lstm(sequence).flip(1))


def test_a_silenced_direction_changes_nothing(sequence: Tensor):
    both = lively(BidirectionalConvLSTM(3, 2))
    for kept, other in (("forward", "backward"), ("backward", "forward")):
        one = BidirectionalConvLSTM(3, 2, kept)
        one.load_state_dict({k: v for k, v in both.state_dict().items() if k.startswith(kept)})
        silenced = BidirectionalConvLSTM(3, 2)
        state = {k: torch.zeros_like(v) if k.startswith(other) else v for k, v in both.state_dict().items()}
        silenced.load_state_dict(state)
        with torch.no_grad():
            assert torch.equal(silenced(sequence), one(sequence))


def test_one_step_needs_no_state(sequence: Tensor):
    lstm = lively(ConvLSTM(3, 2))
    with torch.no_grad():
        i, _, o, g = torch.nn.functional.conv2d(
            sequence[:, 0], lstm.gates.weight[:, :3], lstm.gates.bias, padding=1
        ).chunk(4, 1)
        expected = o.sigmoid() * torch.tanh(i.sigmoid() * g.tanh())
        torch.testing.assert_close(lstm(sequence[:, :1])[:, 0], expected)


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="must be both, forward or backward but is 'sideways'"):
        BidirectionalConvLSTM(3, 2, "sideways")


def test_a_sequence_carried_on_is_the_whole(sequence: Tensor):
    lstm = lively(ConvLSTM(sequence.shape[2], 3))
    with torch.no_grad():
        whole, last = lstm.carry_on(sequence)
        first, state = lstm.carry_on(sequence[:, :1])
        rest, end = lstm.carry_on(sequence[:, 1:], state)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)
    for found, expected in zip(end, last, strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(lstm(sequence), whole)
