import pytest
import torch
from torch import nn

from avsal.layers.initialisation import he_initialise

LAYERS = {
    "2-D": nn.Conv2d(64, 64, 3, padding=1),
    "3-D": nn.Conv3d(32, 64, 3, padding=1),
    "grouped": nn.Conv3d(64, 64, 3, padding=1, groups=4),
    "transposed": nn.ConvTranspose3d(64, 32, 4, stride=2, padding=1),
    "transposed, uneven": nn.ConvTranspose3d(64, 64, (4, 8, 8), stride=(2, 4, 4), padding=(1, 2, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_have_twice_the_power_of_inputs_which_the_relu_halves(name):
    torch.manual_seed(0)
    layer = LAYERS[name]
    he_initialise(layer)
    size = (16, 16) if isinstance(layer, nn.Conv2d) else (8, 16, 16)
    with torch.no_grad():
        output = layer(torch.randn(1, layer.in_channels, *size))
    inner = output[..., 4:-4, 4:-4]  # away from the zeros around the input
    if inner.ndim == 5:
        inner = inner[:, :, 2:-2]
    assert inner.square().mean().item() == pytest.approx(2, rel=0.15)
    assert not layer.bias.any()


def test_the_layer_before_a_sigmoid_gets_a_tenth():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(32, 32, 3), nn.ReLU(), nn.Conv3d(32, 32, 3))
    he_initialise(network, logits=network[-1])
    assert (network[0].weight.std() / network[2].weight.std()).item() == pytest.approx(10, rel=0.05)


def test_other_layers_keep_their_weights():
    norm = nn.BatchNorm3d(4)
    he_initialise(nn.Sequential(norm, nn.Linear(4, 4)))
    assert (norm.weight == 1).all()
