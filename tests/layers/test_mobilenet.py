import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.mobilenet import InvertedResidual, MobileNetV2

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def torchvision_keys() -> list[str]:
    """The names of the published state dict, without the classifier's."""

    def convolution(name: str, norm: str) -> list[str]:
        return [f"{name}.weight", *(f"{norm}.{part}" for part in NORM)]

    keys = convolution("features.0.0", "features.0.1")
    for block in range(1, 18):
        name = f"features.{block}.conv"
        inner = 1 if block == 1 else 2
        for index in range(inner):
            keys += convolution(f"{name}.{index}.0", f"{name}.{index}.1")
        keys += convolution(f"{name}.{inner}", f"{name}.{inner + 1}")
    return keys + convolution("features.18.0", "features.18.1")


def lived_in(network: MobileNetV2) -> MobileNetV2:
    """Batch norms as after training: nothing is 0 or 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


def plain_stages(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """The outputs of `features.N` by functions alone, from the paper's table."""

    def convolve(x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
        mean, variance, gain, bias = (
            state[f"{norm}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * gain + bias

    outputs = [convolve(images, "features.0.0", "features.0.1", 2).clamp(0, 6)]
    for block in range(1, 18):
        name = f"features.{block}.conv"
        stride = 2 if block in (2, 4, 7, 14) else 1
        x = outputs[-1]
        if block > 1:
            x = convolve(x, f"{name}.0.0", f"{name}.0.1").clamp(0, 6)
        inner = 1 if block == 1 else 2
        x = convolve(x, f"{name}.{inner - 1}.0", f"{name}.{inner - 1}.1", stride).clamp(0, 6)
        x = convolve(x, f"{name}.{inner}", f"{name}.{inner + 1}")
        same = stride == 1 and x.shape == outputs[-1].shape
        outputs.append(x + outputs[-1] if same else x)
    return [*outputs, convolve(outputs[-1], "features.18.0", "features.18.1").clamp(0, 6)]


def test_names_and_sizes_are_torchvisions():
    network = MobileNetV2(last=True)

    assert list(network.state_dict()) == torchvision_keys()
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_223_872
    assert network.state_dict()["features.17.conv.1.0.weight"].shape == (960, 1, 3, 3)
    assert network.state_dict()["features.18.0.weight"].shape == (1280, 320, 1, 1)


def test_stages_are_the_papers():
    torch.manual_seed(0)
    network = lived_in(MobileNetV2(0.25, last=True))
    images = torch.randn(2, 3, 33, 40)

    with torch.no_grad():
        found, expected = list(network.stages(images)), plain_stages(network.state_dict(), images)

    assert len(found) == len(expected) == 19
    assert tuple(x.shape[1] for x in found) == network.out_channels
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_taps_are_stages_at_strides_4_to_32():
    network = lived_in(MobileNetV2(0.25))
    images = torch.randn(1, 3, 64, 96)

    with torch.no_grad():
        taps, stages = network(images), list(network.stages(images))

    assert len(stages) == 18
    for tap, index, stride, channels in zip(
        taps, network.taps, network.strides, network.channels, strict=True
    ):
        assert tap.shape == (1, channels, 64 // stride, 96 // stride)
        assert torch.equal(tap, stages[index])


def test_channels_at_width_one():
    assert MobileNetV2().channels == (24, 32, 96, 320)


@pytest.mark.parametrize(("stride", "out", "residual"), [(1, 8, True), (2, 8, False), (1, 12, False)])
def test_a_block_adds_its_input_only_where_shapes_allow(stride: int, out: int, residual: bool):
    block = InvertedResidual(8, out, stride, expansion=2).eval()
    nn.init.zeros_(block.conv[-2].weight)
    x = torch.randn(1, 8, 6, 6)

    with torch.no_grad():
        y = block(x)

    assert torch.equal(y, x) if residual else not y.any()


def test_dense_stages_give_what_lies_before_the_halving():
    network = lived_in(MobileNetV2(0.25))
    images = torch.randn(1, 3, 45, 64)

    with torch.no_grad():
        usual, dense = list(network.stages(images)), list(network.stages(images, dense=(7, 14)))

    for index, (found, expected) in enumerate(zip(dense, usual, strict=True)):
        if index in (7, 14):
            assert found.shape[-2:] == dense[index - 1].shape[-2:]
            found = found[..., ::2, ::2]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
