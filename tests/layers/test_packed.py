import pytest
import torch
from torch import nn

from avsal.layers import packed
from avsal.layers.folding import folded
from avsal.layers.mobilenet import SeparableConv2d
from avsal.layers.packed import PackedConv2d, PackedConv3d
from avsal.workflows.cost import Counter

LAYERS = [
    nn.Conv2d(3, 8, 3, 2, 1, bias=False),
    nn.Conv2d(8, 6, 1),
    nn.Conv2d(8, 8, 5, padding=4, dilation=2, groups=8),
    nn.Conv2d(8, 4, 3, padding=(0, 1), groups=2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.ReLU6()])
def test_a_packed_layer_is_the_layer_and_its_activation(layer, activation):
    made = PackedConv2d.of(layer, activation)
    for batch, height, width in ((2, 9, 12), (1, 9, 12), (1, 5, 1), (3, 7, 6)):
        if layer.dilation != (1, 1) or layer.padding[0] or min(height, width) >= layer.kernel_size[0]:
            x = 6 * torch.randn(batch, layer.in_channels, height, width)
            with torch.no_grad():
                expected = layer(x) if activation is None else activation(layer(x))
                torch.testing.assert_close(made(x), expected, rtol=1e-5, atol=1e-5)
                assert made(x).permute(0, 2, 3, 1).is_contiguous()
            assert made(x[:0].clone()).shape == expected[:0].shape


def test_a_layer_of_moments_is_packed_alike_and_whatever_its_memory_looks_like():
    layer = nn.Conv3d(4, 6, (1, 3, 3), (1, 2, 1), (0, 1, 1))
    made = PackedConv3d.of(layer, nn.ReLU())
    x = torch.randn(2, 4, 5, 8, 9)
    with torch.no_grad():
        for given in (x, x.contiguous(memory_format=torch.channels_last_3d), x.flip(2)[:, :, ::2]):
            torch.testing.assert_close(made(given), layer(given).relu(), rtol=1e-5, atol=1e-5)


def test_precision_follows_autocast_and_other_builds_of_pytorch_do_without(monkeypatch):
    block = SeparableConv2d(8, 6).eval()
    small, x = folded(block), torch.randn(1, 8, 6, 7)
    assert [type(part) for part in small] == [PackedConv2d, PackedConv2d]
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            half = small(x)
        assert half.dtype == torch.bfloat16
        torch.testing.assert_close(half.float(), block(x), rtol=0.03, atol=0.03)
        monkeypatch.setattr(packed, "there", lambda kind: False)
        torch.testing.assert_close(small(x), block(x), rtol=1e-5, atol=1e-5)


def test_operations_are_counted_alike_however_a_network_is_packed():
    network = nn.Sequential(SeparableConv2d(3, 8), nn.Conv2d(8, 4, 3, 2, groups=2)).eval()
    x, counts = torch.randn(2, 3, 12, 16), []
    with torch.inference_mode():
        for one in (network, folded(network)):
            with Counter() as counter:
                one(x)
            counts.append(counter.operations)
    assert counts[0] == counts[1] > 2 * 2 * 8 * 12 * 16 * 9


def test_a_packed_network_is_exported_after_it_was_used():
    network = folded(nn.Sequential(SeparableConv2d(3, 8)).eval())
    x = torch.randn(1, 3, 12, 16)
    with torch.inference_mode():
        expected = network(x)
    with torch.no_grad():
        found = torch.export.export(network, (x.clone(),)).module()(x)
    torch.testing.assert_close(found, expected.clone(), rtol=1e-5, atol=1e-5)


class Doubled(nn.Conv2d):
    """A convolution with a forward of its own."""

    def forward(self, x):
        """Twice what the class gives."""
        return 2 * super().forward(x)


def test_a_convolution_with_a_forward_of_its_own_is_left_alone():
    network = nn.Sequential(SeparableConv2d(3, 8), Doubled(8, 4, 1)).eval()
    x = torch.randn(1, 3, 12, 16)
    with torch.no_grad():
        torch.testing.assert_close(folded(network)(x), network(x), rtol=1e-5, atol=1e-5)
