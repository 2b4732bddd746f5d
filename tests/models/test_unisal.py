"""UNISAL: the maps of the authors' own code in every domain, and a video that streams."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.models.unisal import DOMAINS
from avsal.weights.unisal_layouts import UNISAL
from tests.key_filled import filled, frames_of

FIXTURES = Path(__file__).parent / "fixtures"
SMALL = {"width": 0.05, "size": (32, 64), "frame_step": 2, "steps": 3}
THEIRS = {"dhf1k": "DHF1K", "hollywood": "Hollywood", "ucf_sports": "UCFSports", "salicon": "SALICON"}


def small(**arguments):
    torch.manual_seed(0)
    return create_model("unisal", **{**SMALL, **arguments})


@pytest.fixture(scope="module")
def state():
    """A state dict in our names, filled by the authors' names."""
    model = create_model("unisal")
    named = filled({UNISAL.theirs(key): tensor.shape for key, tensor in model.state_dict().items()})
    assert len(named) == 834  # and their dropout mask
    return {UNISAL.ours(key): tensor for key, tensor in named.items()}


@pytest.mark.parametrize("domain", DOMAINS)
def test_maps_are_those_of_the_authors_code(domain, state):
    model = create_model("unisal", domain=domain, frame_step=1 if domain == "salicon" else 2)
    model.load_state_dict(state)
    expected = np.load(FIXTURES / "unisal.npz")[THEIRS[domain]]
    frames = frames_of((1, 3, 6, 64, 96), 2.0)[:, :, : len(expected)]
    with torch.inference_mode():
        found = model(frames)[0].log()[:, 4::8, 4::8].numpy()
    assert np.abs(found - expected).max() < 1e-4 * np.ptp(expected)
    assert np.abs(np.exp(found) - np.exp(expected)).max() < 1e-4 * np.exp(expected).max()


@pytest.mark.parametrize("domain", ["dhf1k", "salicon"])
def test_a_video_frame_by_frame_is_the_clip(domain):
    model = small(domain=domain)
    frames = frames_of((1, 3, 7, 32, 64))
    with torch.inference_mode():
        together = model(frames)[0]
        state = ()
        for t in range(7):
            one, state = model.step(frames[:, :, t], state)
            torch.testing.assert_close(one[0], together[t])
    assert len(state) == (0 if domain == "salicon" else 2)  # no more, however long the video


def test_sequences_are_interleaved():
    model = small()
    frames = frames_of((1, 3, 6, 32, 64))
    other = frames.clone()
    other[:, :, 1] += 1
    with torch.inference_mode():
        changed = [not torch.allclose(a, b) for a, b in zip(model(frames)[0], model(other)[0], strict=True)]
        assert changed == [False, True, False, True, False, True]
        torch.testing.assert_close(model(frames, phases=(0,)), model(frames)[:, ::2])
        torch.testing.assert_close(model(frames, phases=(1,)), model(frames)[:, 1::2])


def test_pictures_bypass_the_memory():
    model = small(domain="salicon", frame_step=1)
    frames = frames_of((1, 3, 3, 32, 64))
    with torch.inference_mode():
        torch.testing.assert_close(model(frames)[:, 2], model(frames[:, :, 2:])[:, 0])


def test_maps_are_distributions():
    with torch.inference_mode():
        maps = small()(frames_of((2, 3, 6, 45, 70)))
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, 6))


@pytest.mark.parametrize(
    ("domain", "size", "frames"),
    [
        ("dhf1k", (224, 384), 60),
        ("hollywood", (224, 416), 48),
        ("ucf_sports", (256, 384), 48),
        ("salicon", (288, 384), 1),
    ],
)
def test_sizes_and_steps_are_the_domains(domain, size, frames):
    with torch.device("meta"):
        spec = create_model("unisal", domain=domain).spec
    assert (spec.size, spec.num_frames) == (size, frames)


def test_parameters_of_other_domains_take_no_gradients():
    names = {name for name, p in small(domain="hollywood").named_parameters() if p.requires_grad}
    assert {"adaptation.hollywood.weight", "smoothing.hollywood.weight", "recurrent.bias.r"} <= names
    assert not any(other in name for name in names for other in ("dhf1k", "ucf_sports", "salicon"))
    pictures = {name for name, p in small(domain="salicon").named_parameters() if p.requires_grad}
    assert not any(name.startswith(("recurrent", "remember")) for name in pictures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"domain": "DHF1K"}, "dhf1k"), ({"frame_step": 0}, "at least 1"), ({"steps": 0}, "at least 1")],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        create_model("unisal", **arguments)


@pytest.mark.parametrize("phases", [(2,), (-1,), ()])
def test_phases_without_a_frame_are_refused(phases):
    with pytest.raises(ValueError, match="phases"):
        small()(torch.zeros(1, 3, 6, 32, 64), phases=phases)
