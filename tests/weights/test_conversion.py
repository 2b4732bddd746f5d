"""Files of published backbones: every container, every mistake, one clear line each."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from avsal.errors import CheckpointError, ConfigError
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SoundNet
from avsal.weights import BackboneHeader, convert, convert_state, load_model, read_backbone, read_header
from avsal.weights.state_file import read_table


def published(width: float = 1.0) -> dict[str, torch.Tensor]:
    """SoundNet as keunhong published it: small enough to be written often."""
    torch.manual_seed(0)
    state = SoundNet(width=width).state_dict()
    state = {key: x.unsqueeze(-1) if x.ndim == 3 else x for key, x in state.items()}
    state["conv8_objs.weight"], state["conv8_objs.bias"] = torch.rand(10, 1024, 8, 1), torch.rand(10)
    return state


def as_training_run(state):
    return {
        "epoch": 60,
        "arch": "x",
        "state_dict": state,
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
    }


CONTAINERS = {
    "torch.pt": lambda state, path: torch.save(state, path),
    "legacy.pth": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "run.pth.tar": lambda state, path: torch.save(as_training_run(state), path),
    "legacy_run.tar": lambda state, path: torch.save(
        as_training_run(state), path, _use_new_zipfile_serialization=False
    ),
    "model.pt": lambda state, path: torch.save({"model": {"state_dict": state}, "step": 3}, path),
    "parameters.pt": lambda state, path: torch.save(
        {k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state.items()}, path
    ),
    "plain.safetensors": save_file,
    "arrays.npz": lambda state, path: np.savez(path, **{k: v.numpy() for k, v in state.items()}),
    "packed.npz": lambda state, path: np.savez_compressed(path, **{k: v.numpy() for k, v in state.items()}),
    "fortran.npz": lambda state, path: np.savez(
        path, **{k: np.array(v.numpy(), order="F") for k, v in state.items()}
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_converts_to_the_same_tensors(container, tmp_path):
    state = published()
    CONTAINERS[container](state, tmp_path / container)
    header, conversion = convert(tmp_path / container, tmp_path / "out.safetensors", "soundnet")
    for key, tensor in SoundNet().state_dict().items():
        assert torch.equal(conversion.tensors[key], state[key].reshape(tensor.shape))
    again = read_backbone(tmp_path / "out.safetensors")
    assert again.recipe == conversion.recipe
    assert all(torch.equal(again.tensors[key], tensor) for key, tensor in conversion.tensors.items())
    assert header == BackboneHeader.from_metadata(
        read_table(tmp_path / "out.safetensors").metadata, tmp_path / "out.safetensors"
    )
    assert (header.source, header.layout) == (container, "keunhong/pytorch-soundnet")


def test_what_a_training_run_wraps_around_is_named(tmp_path):
    torch.save(as_training_run(published()), tmp_path / "run.pth")
    notes = read_backbone(tmp_path / "run.pth").notes
    assert notes[0] == "the state dict is under 'state_dict'; left out epoch, arch, optimizer"


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precision_is_converted_with_a_note(kind):
    state = {key: x.to(kind) if x.is_floating_point() else x for key, x in published().items()}
    conversion = convert_state(state)
    assert f"converted from {kind}" in conversion.notes
    assert conversion.tensors["conv3.weight"].dtype == torch.float32
    assert torch.equal(conversion.tensors["conv3.weight"], state["conv3.weight"].float().flatten(2))


def renamed(state):
    state["batchnorm3.wieght"] = state.pop("batchnorm3.weight")


def transposed(state):
    state["conv5.weight"] = state["conv5.weight"].transpose(0, 1)


def with_nan(state):
    state["batchnorm2.running_var"][3] = float("nan")


def with_integers(state):
    state["conv1.bias"] = torch.zeros(16, dtype=torch.int32)


def with_extra(state):
    state["lstm.weight_ih_l0"] = torch.zeros(4, 4)


MISTAKES = {
    renamed: "1 missing (batchnorm3.weight); 1 left over (batchnorm3.wieght); was batchnorm3.weight rena",
    transposed: "conv5.weight should be (256, 128, 4) but is (128, 256, 4), transposed?",
    with_nan: "holds NaN or infinity in 1 tensors: batchnorm2.running_var",
    with_integers: "another kind of number: expected torch.float32, found torch.int32 in conv1.bias",
    with_extra: "1 left over (lstm.weight_ih_l0)",
    lambda state: state.pop("conv7.bias"): "1 missing (conv7.bias)",
    lambda state: [
        state.pop(f"conv{n}.weight") for n in range(1, 8)
    ]: "7 missing (conv1.weight, conv2.weight, conv3.weight, conv4.weight, conv5.weight and 2 more)",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_state_dict_is_one_line_that_lists_it(mistake, tmp_path):
    state = published()
    mistake(state)
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(CheckpointError) as caught:
        convert(tmp_path / "wrong.pth", tmp_path / "out.safetensors", "soundnet")
    assert MISTAKES[mistake] in str(caught.value)
    assert str(tmp_path / "wrong.pth") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.safetensors").exists()


def test_another_network_is_named():
    with pytest.raises(CheckpointError, match="is s3d in the layout of base1 to base4 alone, not soundnet"):
        convert_state(S3D().state_dict(), "soundnet")


def test_an_unknown_network_is_described_by_its_first_tensors():
    with pytest.raises(
        CheckpointError, match=r"expected soundnet in a layout of keunhong.*found 1 tensors: lin.weight"
    ):
        convert_state({"lin.weight": torch.zeros(3, 3)}, "soundnet")
    with pytest.raises(CheckpointError, match="expected s3d or soundnet or vgg16"):
        convert_state({"lin.weight": torch.zeros(3, 3)})


def test_an_empty_state_dict_is_no_backbone():
    with pytest.raises(CheckpointError, match="found no tensors"):
        convert_state({})


def test_a_narrower_network_is_refused_by_its_shapes():
    with pytest.raises(CheckpointError, match="of another shape"):
        convert_state(published(width=0.5), "soundnet")


def test_an_unknown_name_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(ConfigError, match="unknown network 'resnet50': expected one of s3d, soundnet"):
        convert(tmp_path / "absent.pth", tmp_path / "out.safetensors", "resnet50")


def test_a_file_is_not_converted_onto_itself(tmp_path):
    path = tmp_path / "soundnet.pth"
    torch.save(published(), path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="onto itself"):
        convert(path, path, "soundnet")
    assert path.read_bytes() == before


def test_a_converted_backbone_is_no_model_and_is_checked_again(tmp_path):
    torch.save(published(), tmp_path / "soundnet.pth")
    out = tmp_path / "out.safetensors"
    convert(tmp_path / "soundnet.pth", out, "soundnet")
    with pytest.raises(CheckpointError, match="holds the backbone soundnet, not a model"):
        read_header(out)
    with pytest.raises(CheckpointError, match="holds the backbone soundnet, not a model"):
        load_model("tsfpnet_av", weights=out)
    with pytest.raises(CheckpointError, match="is soundnet, not s3d"):
        read_backbone(out, "s3d")
    content = bytearray(out.read_bytes())
    content[-3] ^= 1
    out.write_bytes(content)
    with pytest.raises(CheckpointError, match="do not have the hash"):
        read_backbone(out)
