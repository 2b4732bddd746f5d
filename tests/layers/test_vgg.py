import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.layers.vgg import VGG16

CONVOLUTIONS = (2, 2, 3, 3, 3)


def torchvision_keys() -> list[str]:
    """The rule of the published names: a convolution and its ReLU take two numbers, a block's pool one."""
    keys = []
    index = 0
    for count in CONVOLUTIONS:
        for _ in range(count):
            keys += [f"features.{index}.weight", f"features.{index}.bias"]
            index += 2
        index += 1
    return keys


def plain_vgg(state: dict[str, Tensor], images: Tensor) -> dict[int, Tensor]:
    """The outputs of all 31 layers, written out."""
    x = images
    outputs = {}
    index = 0
    for count in CONVOLUTIONS:
        for _ in range(count):
            x = F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1)
            outputs[index] = x
            x = x.clamp(min=0)
            outputs[index + 1] = x
            index += 2
        x = F.max_pool2d(x, 2)
        outputs[index] = x
        index += 1
    return outputs


@pytest.fixture
def network() -> VGG16:
    torch.manual_seed(0)
    network = VGG16(width=1 / 16)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def test_names_and_shapes_are_those_of_torchvision():
    with torch.device("meta"):
        state = VGG16().state_dict()
    assert list(state) == torchvision_keys()
    assert list(state)[-1] == "features.28.bias"
    assert state["features.0.weight"].shape == (64, 3, 3, 3)
    assert state["features.17.weight"].shape == (512, 256, 3, 3)
    assert state["features.28.weight"].shape == (512, 512, 3, 3)


def test_with_the_classifier_the_number_of_parameters_is_the_published_one():
    with torch.device("meta"):
        number = sum(parameter.numel() for parameter in VGG16().parameters())
    classifier = (512 * 7 * 7 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000)
    assert number == 14_714_688
    assert number + classifier == 138_357_544


def test_every_layer_equals_the_plain_network(network):
    images = torch.randn(2, 3, 45, 64)
    with torch.no_grad():
        expected = plain_vgg(network.state_dict(), images)
        outputs = network(images, range(31))
    assert len(outputs) == len(expected) == 31
    for index, output in enumerate(outputs):
        torch.testing.assert_close(output, expected[index])


def test_pools_of_a_published_size_have_the_published_shapes():
    with torch.device("meta"):
        p3, p4, p5 = VGG16()(torch.empty(1, 3, 256, 320), (16, 23, 30))
    assert (p3.shape, p4.shape, p5.shape) == ((1, 256, 32, 40), (1, 512, 16, 20), (1, 512, 8, 10))


def test_layers_behind_the_last_one_asked_for_are_not_computed(network):
    network.features[24].weight.data.fill_(float("nan"))
    (output,) = network(torch.randn(1, 3, 32, 32), [23])
    assert output.isfinite().all()


def test_a_shorter_network_has_fewer_weights_and_the_same_outputs(network):
    short = VGG16(width=1 / 16, last=23)
    assert list(short.state_dict()) == [key for key in torchvision_keys() if int(key.split(".")[1]) < 24]
    short.load_state_dict({key: network.state_dict()[key] for key in short.state_dict()})
    images = torch.randn(1, 3, 32, 48)
    for left, right in zip(short(images, (16, 23)), network(images, (16, 23)), strict=True):
        assert torch.equal(left, right)


def test_fresh_weights_pass_the_signal_through_all_layers():
    torch.manual_seed(0)
    network = VGG16(width=0.25)
    with torch.no_grad():
        (output,) = network(torch.randn(1, 3, 64, 64), [30])
    assert 0.1 < output.std() < 10


def test_width_scales_the_channels():
    assert VGG16(width=1 / 8).channels == (8, 16, 32, 64, 64)


@pytest.mark.parametrize("after", [(), (30, 23), (23, 23), (31,), (-1,)])
def test_impossible_layers_are_refused(network, after):
    with pytest.raises(ValueError, match="ascending"):
        network(torch.randn(1, 3, 32, 32), after)


@pytest.mark.parametrize("last", [-1, 31])
def test_an_impossible_length_is_refused(last):
    with pytest.raises(ValueError, match="`last`"):
        VGG16(width=1 / 16, last=last)
