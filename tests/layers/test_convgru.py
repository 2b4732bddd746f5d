import pytest
import torch
from torch import nn

from avsal.layers.convgru import ConvGRU, SeparableProduct


def gru(**arguments: float) -> ConvGRU:
    torch.manual_seed(0)
    layer = ConvGRU(3, 4, **arguments)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer.eval()


def product(x: torch.Tensor, part: SeparableProduct) -> torch.Tensor:
    x = nn.functional.conv2d(x, part.depthwise.weight, padding=1, groups=x.shape[1])
    x = part.inner_norm(x).clamp(0, 6)
    return part.scale * part.norm(nn.functional.conv2d(x, part.pointwise.weight))


def test_a_step_is_the_equations_of_a_gru():
    layer = gru()
    x, h = torch.randn(2, 3, 5, 6), torch.randn(2, 4, 5, 6)
    seen = {name: product(x, layer.of_input[name]) for name in "rzc"}
    kept = {name: product(h, layer.of_hidden[name]) for name in "rzc"}
    r, z = (torch.sigmoid(seen[name] + kept[name] + layer.bias[name]) for name in "rz")
    candidate = torch.tanh(seen["c"] + r * kept["c"] + layer.bias["c"])
    torch.testing.assert_close(layer(x, h), (1 - z) * h + z * candidate)


def test_a_sequence_starts_from_zeros():
    layer, x = gru(), torch.randn(1, 3, 5, 6)
    torch.testing.assert_close(layer(x), layer(x, torch.zeros(1, 4, 5, 6)))


def test_dropout_acts_in_training_alone_and_alike_at_every_step_and_place():
    layer = gru(dropout=0.5)
    assert layer.dropout_masks() is None
    layer.train()
    masks = layer.dropout_masks()
    assert masks.shape == (3, 1, 4, 1, 1)
    assert set(masks.unique().tolist()) == {0.0, 2.0}
    layer.eval()
    x, h = torch.randn(1, 3, 5, 6), torch.randn(1, 4, 5, 6)
    torch.testing.assert_close(layer(x, h, torch.ones_like(masks)), layer(x, h))
    assert not torch.allclose(layer(x, h, masks), layer(x, h))


def test_dropout_keeps_the_mean():
    torch.manual_seed(0)
    layer = ConvGRU(3, 4000, dropout=0.2).train()
    assert layer.dropout_masks().mean().item() == pytest.approx(1, abs=0.02)
