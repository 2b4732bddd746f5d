"""TASED-Net: the maps of the authors' own code, and what the decoder undoes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avsal.models import create_model
from avsal.weights.tased_layouts import TASED
from tests.key_filled import filled, frames_of

FIXTURES = Path(__file__).parent / "fixtures"


def published(model):
    """A state dict in the authors' names, filled by name and shape."""
    return filled({TASED.theirs(key): tensor.shape for key, tensor in model.state_dict().items()})


def test_maps_are_those_of_the_authors_code():
    model = create_model("tased")
    state = published(model)
    assert len(state) == 513
    model.load_state_dict({TASED.ours(key): tensor for key, tensor in state.items()})
    with torch.inference_mode():
        found = model(frames_of((1, 3, 32, 64, 96)))[0, 0, 2::4, 2::4].numpy()
    expected = np.load(FIXTURES / "tased.npz")["map"]
    # rounding may move a maximum, and with it a few values: see the module
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999
    assert np.median(np.abs(found - expected)) < 1e-4 * np.ptp(expected)


@pytest.mark.parametrize("count", [31, 33])
def test_it_takes_32_frames(count):
    with pytest.raises(ValueError, match="32"):
        create_model("tased", width=0.05)(torch.zeros(1, 3, count, 32, 32))


def test_all_frames_count_and_order_matters():
    model = create_model("tased", width=0.05)
    model.load_state_dict(filled({key: tensor.shape for key, tensor in model.state_dict().items()}))
    frames = frames_of((1, 3, 32, 32, 64))
    with torch.inference_mode():
        usual, backwards = model(frames), model(frames.flip(2))
        for frame in (0, 15, 31):
            other = frames.clone()
            other[:, :, frame] = 0
            assert not torch.equal(model(other), usual)
    assert not torch.equal(usual, backwards)
