"""MobileNetV2 in torchvision's names and in the older ones, as the encoder of models that have it."""

import pytest
import torch

from avsal.layers.mobilenet import MobileNetV2
from avsal.models import create_model
from avsal.weights import convert_state, initialise
from avsal.weights.mobilenet_layouts import LAYOUTS
from tests.key_filled import filled


def published(layout):
    state = filled({layout.theirs(key): x.shape for key, x in MobileNetV2(last=True).state_dict().items()})
    return state | {"classifier.1.weight": torch.zeros(10, 1280), "classifier.1.bias": torch.zeros(10)}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_tensor_comes_to_its_place(layout):
    state = published(layout)
    conversion = convert_state(state)
    assert (conversion.backbone, conversion.layout) == ("mobilenet_v2", layout.name)
    assert conversion.recipe.mean == (0.485, 0.456, 0.406)
    for theirs, tensor in state.items():
        if not theirs.startswith("classifier"):
            assert torch.equal(conversion.tensors[layout.ours(theirs)], tensor)


def test_the_older_names_number_the_layers_of_a_block_through():
    older = LAYOUTS[1]
    assert older.ours("features.1.conv.3.weight") == "features.1.conv.1.weight"
    assert older.ours("features.17.conv.7.running_var") == "features.17.conv.3.running_var"
    assert older.ours("features.18.0.weight") == "features.18.0.weight"


@pytest.mark.parametrize("name", ["unisal", "tsfpnet_mobile"])
def test_it_is_the_encoder_of_models(name, tmp_path):
    """What lies behind the end of a shorter encoder is left out."""
    state, model = published(LAYOUTS[1]), create_model(name)
    torch.save(state, tmp_path / "mobilenet_v2.pth.tar")
    (told,) = initialise(model, encoder=tmp_path / "mobilenet_v2.pth.tar")
    assert (told.module, told.backbone) == ("encoder", "mobilenet_v2")
    assert torch.equal(model.encoder.features[0][0].weight, state["features.0.0.weight"])
