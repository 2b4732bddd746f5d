"""What an output says of the model that made it."""

import json

import pytest
import torch

from avsal.models import create_model
from avsal.weights import DEFAULT, SHIPPED, load_model, model_identity, read_header, save_checkpoint
from avsal.weights.shipped import shipped_as

SMALL = {"num_frames": 8, "size": [64, 64], "width": 0.1}


@pytest.fixture
def model():
    return create_model("tsfpnet", **SMALL)


def test_an_untrained_model_says_that_its_maps_mean_nothing(model):
    identity = model_identity(model)
    assert (identity.name, identity.origin) == ("tsfpnet", "untrained")
    assert identity.arguments["levels"] == "pyramid"  # a default too
    assert "its maps mean nothing" in identity.describe()
    assert identity.label == "tsfpnet (untrained)"


def test_a_checkpoint_is_known_by_its_hash_and_says_what_it_was_trained_on(model, tmp_path):
    model.trained = True
    header = save_checkpoint(model, tmp_path / "a.safetensors", data=["DIEM", "AVAD"], licence="MIT")
    loaded = load_model(tmp_path / "a.safetensors")
    identity = model_identity(loaded)
    assert (identity.origin, identity.sha256) == ("trained", header.sha256)
    assert (identity.trained_on, identity.licence) == ("DIEM, AVAD", "MIT")
    assert identity.label == f"tsfpnet ({header.sha256[:8]})"
    assert json.loads(json.dumps(identity.to_json()))["sha256"] == header.sha256
    with torch.no_grad():
        next(loaded.parameters()).add_(1)
    changed = model_identity(loaded)
    assert (changed.origin, changed.trained_on) == ("changed", None)
    assert changed.sha256 != header.sha256


def test_half_precision_weights_are_still_those_of_their_checkpoint(model, tmp_path):
    model.trained = True
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    torch.save(half, tmp_path / "half.pth")
    loaded = load_model("tsfpnet", weights=tmp_path / "half.pth", **SMALL)
    assert model_identity(loaded).origin == "trained"
    assert model_identity(loaded).source == "half.pth"


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_says_what_it_is_wherever_it_lies(name, tmp_path):
    entry = SHIPPED[name]
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(entry.path.read_bytes())
    identity = model_identity(load_model(copy))
    assert identity == model_identity(load_model(name))
    assert identity.origin == ("demonstration" if entry.demonstration else "shipped")
    assert identity.checkpoint == name
    assert identity.trained_on
    assert identity.licence
    paper = create_model(identity.name).info.paper
    assert paper not in identity.label + identity.describe()
    assert "\n" not in identity.describe()


def test_the_default_is_one_that_ships():
    assert model_identity(load_model()).checkpoint == DEFAULT
    assert shipped_as(read_header(SHIPPED[DEFAULT].path).sha256) is SHIPPED[DEFAULT]


def test_a_module_that_is_none_of_ours_is_named_by_its_class():
    assert model_identity(torch.nn.Linear(2, 2)).name == "Linear"


def test_a_training_runs_notes_of_its_clips_become_names(model, tmp_path):
    model.trained = True
    clips = {"recordings": {"diem": ["a", "b"], "avad": ["c"]}, "frames": 30, "sha256": "0"}
    notes = {
        "train": {"gaze": clips, "sound": {"videos": "SoundingObjects", "arguments": {}}},
        "validation": clips,
    }
    save_checkpoint(model, tmp_path / "a.safetensors", data=notes)
    identity = model_identity(load_model(tmp_path / "a.safetensors"))
    assert identity.trained_on == "diem (2 recordings), avad (1 recording), SoundingObjects"
