import pytest
import torch
from training.tiny_run import SIZE, T

from avsal.errors import CheckpointError
from avsal.models import create_model
from avsal.training import build_model, inherit
from avsal.training.settings import ModelSettings
from avsal.weights import save_checkpoint

ARGUMENTS = {"width": 0.05, "num_frames": T, "size": list(SIZE)}


@pytest.fixture
def visual(tmp_path):
    torch.manual_seed(1)
    model = create_model("tsfpnet", **ARGUMENTS)
    save_checkpoint(model, tmp_path / "visual.safetensors")
    return model, str(tmp_path / "visual.safetensors")


def test_the_sound_stage_takes_the_whole_visual_network_and_says_what_is_fresh(visual):
    earlier, file = visual
    model, start = build_model(ModelSettings("tsfpnet_av", ARGUMENTS, initial=file))
    for name, value in earlier.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    (note,) = start.notes
    assert start.parts["audio"] is None
    assert file in start.parts["encoder"]
    assert f"{len(earlier.state_dict())} tensors from" in note
    assert "fresh (fusion." in note
    frames = torch.rand(1, 3, T, *SIZE)
    with torch.no_grad():
        assert torch.equal(model(frames, None), earlier(frames))


def test_going_back_to_the_visual_network_lists_what_is_left_over(tmp_path):
    model = create_model("tsfpnet_av", **ARGUMENTS)
    save_checkpoint(model, tmp_path / "av.safetensors")
    taken = inherit(create_model("tsfpnet", **ARGUMENTS), str(tmp_path / "av.safetensors"))
    assert taken.left_over
    assert all(name.startswith("fusion.") for name in taken.left_over)
    assert not taken.fresh
    assert not taken.other_shape
    assert "left over (fusion." in taken.describe()


def test_tensors_of_another_shape_stay_fresh_and_are_listed(visual):
    _, file = visual
    longer = create_model("tsfpnet", **(ARGUMENTS | {"num_frames": 16}))
    before = {name: value.clone() for name, value in longer.state_dict().items()}
    taken = inherit(longer, file)
    assert taken.other_shape
    assert not set(taken.other_shape) & set(taken.taken)
    for name in taken.other_shape:
        assert torch.equal(longer.state_dict()[name], before[name])
    assert "fresh because of another shape" in taken.describe()


def test_a_checkpoint_that_fits_nowhere_or_is_not_there_is_an_error(tmp_path):
    other = create_model("conv3d", width=0.05, size=[32, 32])
    save_checkpoint(other, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"nothing in .* fits tsfpnet"):
        inherit(create_model("tsfpnet", **ARGUMENTS), str(tmp_path / "other.safetensors"))
    with pytest.raises(CheckpointError, match="train the stage before this one"):
        inherit(create_model("tsfpnet", **ARGUMENTS), str(tmp_path / "none.safetensors"))
