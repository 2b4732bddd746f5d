"""`load_model` by name, by file, and by both; in this process and in another."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from avsal.errors import CheckpointError, ConfigError
from avsal.layers.s3d import S3D
from avsal.models import create_model
from avsal.weights import load_model, save_checkpoint

SMALL = {"num_frames": 8, "size": (64, 64), "width": 0.1}


def trained_for_a_step():
    """A model after one step of training, so that nothing in it is as it was made."""
    torch.manual_seed(1)
    model = create_model("tsfpnet_av", **SMALL).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    maps = model(torch.rand(2, 3, 8, 64, 64) * 2 - 1, 256 * (torch.rand(2, 1, 8000) - 0.5))
    (maps - 0.3).square().mean().backward()
    optimiser.step()
    model.trained = True
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return trained_for_a_step()


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "last.safetensors"
    save_checkpoint(model, path)
    return path


def output(model) -> bytes:
    generator = torch.Generator().manual_seed(2)
    frames = torch.rand(1, 3, 8, 64, 64, generator=generator) * 2 - 1
    audio = 256 * (torch.rand(1, 1, 9000, generator=generator) - 0.5)
    with torch.no_grad():
        return model(frames, audio).numpy().tobytes()


ELSEWHERE = """
import hashlib, sys, torch
torch.set_num_threads(int(sys.argv[2]))
from avsal.weights import load_model
generator = torch.Generator().manual_seed(2)
frames = torch.rand(1, 3, 8, 64, 64, generator=generator) * 2 - 1
audio = 256 * (torch.rand(1, 1, 9000, generator=generator) - 0.5)
for model in (load_model(sys.argv[1]), load_model("tsfpnet_av", weights=sys.argv[1])):
    with torch.no_grad():
        print(model.trained, hashlib.sha256(model(frames, audio).numpy().tobytes()).hexdigest())
"""


def test_a_model_trained_for_a_step_gives_the_same_output_in_another_process(model, checkpoint, tmp_path):
    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(checkpoint), str(torch.get_num_threads())],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=tmp_path,
    )
    expected = f"True {hashlib.sha256(output(model)).hexdigest()}"
    assert elsewhere.stdout.split("\n")[:2] == [expected, expected]


def test_a_name_alone_gives_fresh_weights_that_say_so():
    fresh = load_model("tsfpnet", **SMALL)
    assert not fresh.trained
    assert not fresh.training
    assert fresh.spec.num_frames == 8


def test_a_checkpoint_that_ships_is_what_its_name_means(model, checkpoint, tmp_path, monkeypatch):
    (tmp_path / "tsfpnet_av-small.safetensors").write_bytes(checkpoint.read_bytes())
    monkeypatch.setattr("avsal.weights.shipped.FOLDER", tmp_path)
    assert output(load_model("tsfpnet_av")) == output(model)
    assert load_model("tsfpnet_av", width=0.1, num_frames=8).trained
    assert not load_model(
        "tsfpnet_av", **{**SMALL, "width": 0.2}
    ).trained  # another network than the shipped one
    assert not load_model("tsfpnet", **SMALL).trained  # the name of another model that begins alike


WRITERS = {
    "ours.pth": torch.save,
    "wrapped.tar": lambda state, path: torch.save({"state_dict": state, "epoch": 2}, path),
    "parallel.pt": lambda state, path: torch.save({f"module.{k}": v for k, v in state.items()}, path),
    "plain.safetensors": save_file,
    "arrays.npz": lambda state, path: np.savez(path, **{k: v.numpy() for k, v in state.items()}),
}


@pytest.mark.parametrize("container", WRITERS)
def test_a_state_dict_of_the_whole_model_is_taken_from_any_container(container, model, tmp_path):
    WRITERS[container](model.state_dict(), tmp_path / container)
    again = load_model("tsfpnet_av", weights=tmp_path / container, **SMALL)
    assert again.trained
    assert not again.training
    assert output(again) == output(model)


def refusal(*arguments, kind=CheckpointError, **options) -> str:
    with pytest.raises(kind) as caught:
        load_model(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rename(state):
    state["head.1.wieght"] = state.pop("head.1.weight")


def transpose(state):
    state["fusion.visual.weight"] = state["fusion.visual.weight"].t()


def put_nan(state):
    state["head.1.weight"] = state["head.1.weight"] * float("nan")


def drop_head(state):
    for name in [name for name in state if name.startswith("head.")]:
        del state[name]


MISTAKES = {
    rename: "was head.1.weight renamed to head.1.wieght?",
    transpose: "of another shape (fusion.visual.weight",
    put_nan: "NaN or infinity in 1 tensors: head.1.weight",
    drop_head: "missing (head.0.conv.weight",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_state_dict_with_a_mistake_is_one_line_that_lists_it(mistake, model, tmp_path):
    state = dict(model.state_dict())
    mistake(state)
    torch.save(state, tmp_path / "wrong.pth")
    message = refusal("tsfpnet_av", weights=tmp_path / "wrong.pth", **SMALL)
    assert MISTAKES[mistake] in message
    assert str(tmp_path / "wrong.pth") in message


def test_half_precision_is_converted_with_a_note(model, tmp_path, caplog):
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    torch.save(state, tmp_path / "half.pth")
    again = load_model("tsfpnet_av", weights=tmp_path / "half.pth", **SMALL)
    assert again.head[1].weight.dtype == torch.float32
    assert "converted from torch.float16" in caplog.text


def test_weights_of_another_model_are_named(checkpoint, model, tmp_path):
    assert "is a checkpoint of the model tsfpnet_av, not of tsfpnet" in refusal("tsfpnet", weights=checkpoint)
    torch.save(model.state_dict(), tmp_path / "av.pth")
    message = refusal("tsfpnet", weights=tmp_path / "av.pth", **SMALL)
    assert "left over (fusion." in message
    torch.save(S3D(0.1).state_dict(), tmp_path / "narrow.pth")
    assert "holds no weights of tsfpnet" in refusal("tsfpnet", weights=tmp_path / "narrow.pth", **SMALL)


def test_a_backbone_in_place_of_the_whole_model_is_sent_to_its_place(tmp_path):
    torch.save(S3D().state_dict(), tmp_path / "s3d.pth")
    message = refusal("tsfpnet", weights=tmp_path / "s3d.pth", **SMALL)
    assert "is the backbone s3d" in message
    assert "the weights of the model's encoder or audio" in message
    message = refusal(tmp_path / "s3d.pth")
    assert "is the backbone s3d in the layout of base1 to base4 alone, not the whole model" in message


def test_weights_under_our_names_need_their_models_name(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "ours.pth")
    assert "weights under avsal's own names need their model's name" in refusal(tmp_path / "ours.pth")


def test_files_that_are_none_are_one_line(tmp_path):
    (tmp_path / "page.pth").write_text("<!doctype html>")
    (tmp_path / "empty.pth").touch()
    assert "web page" in refusal("tsfpnet", weights=tmp_path / "page.pth", **SMALL)
    assert "is empty" in refusal("tsfpnet", weights=tmp_path / "empty.pth", **SMALL)
    assert "there is no checkpoint" in refusal("tsfpnet", weights=tmp_path / "absent.pth", **SMALL)
    assert "web page" in refusal(tmp_path / "page.pth")
    assert "there is no checkpoint" in refusal(tmp_path / "absent.safetensors")
    assert "holds no model.safetensors" in refusal(tmp_path)


def test_a_mistyped_name_is_corrected():
    assert "did you mean 'tsfpnet_av'" in refusal("tsfpnet_aw", kind=ConfigError)


def test_arguments_that_a_checkpoint_contradicts_are_refused(checkpoint):
    assert load_model(checkpoint, num_frames=8, size=(64, 64)).spec.num_frames == 8  # they agree
    for given in (checkpoint, "tsfpnet_av"):
        weights = None if given is checkpoint else checkpoint
        message = refusal(given, kind=ConfigError, weights=weights, num_frames=16)
        assert "was made with num_frames=8, not 16" in message
        assert "takes no argument 'num_frame'; did you mean 'num_frames'" in refusal(
            given, kind=ConfigError, weights=weights, num_frame=16
        )


def test_a_checkpoint_and_weights_at_once_are_refused(checkpoint):
    assert "`weights` has no place" in refusal(checkpoint, kind=ConfigError, weights=checkpoint)


@pytest.mark.parametrize("given", [5, 2.5, b"tsfpnet", ["tsfpnet"], np.zeros(3), torch.nn.Linear(2, 2)])
def test_what_is_neither_a_name_nor_a_path_is_said(given):
    assert "expected a model's name or weights but got" in refusal(given, kind=ConfigError)
    assert "expected a model's name or weights but got" in refusal("tsfpnet", kind=ConfigError, weights=given)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "", "meta:x"])
def test_a_device_that_is_not_there_is_said(device):
    if device == "cuda:99" and torch.cuda.device_count() > 99:
        pytest.skip("it is there")
    assert "cannot be put on the device" in refusal("tsfpnet", kind=ConfigError, device=device, **SMALL)


@pytest.mark.parametrize(
    "prefix", ["model.", "module.", "_orig_mod.", "model.module.", "module._orig_mod.", "_orig_mod.model."]
)
def test_the_prefixes_of_wrappers_are_taken_off(prefix, model, tmp_path):
    state = {f"{prefix}{key}": tensor for key, tensor in model.state_dict().items()}
    if prefix == "model.":  # a module of Lightning, with a loss that has a tensor
        state = {"state_dict": state | {"loss.scale": torch.ones(1)}, "pytorch-lightning_version": "2.5"}
    torch.save(state, tmp_path / "wrapped.ckpt")
    assert output(load_model("tsfpnet_av", weights=tmp_path / "wrapped.ckpt", **SMALL)) == output(model)


def test_weights_of_nothing_that_ships_are_said():
    assert "no weights of tsfpnet ship" in refusal("tsfpnet", kind=ConfigError, weights="tsfpnet", **SMALL)


def test_nothing_named_is_the_default_and_weights_alone_are_enough(checkpoint, model):
    assert load_model().trained
    assert output(load_model(weights=checkpoint)) == output(model)
