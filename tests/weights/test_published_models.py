"""Whole models from their authors' state dicts: converted, recognised, and loaded as they are."""

import dataclasses

import pytest
import torch

from avsal.cli import main
from avsal.errors import CheckpointError, ConfigError
from avsal.models import create_model
from avsal.weights import CATALOGUE, convert_state, initialise, load_model, read_header
from avsal.weights.published import BACKBONES, MODELS
from tests.key_filled import filled
from tests.published import authors_state


def test_a_file_of_the_authors_is_recognised_and_becomes_the_same_model_by_every_way(
    tmp_path, caplog, capsys
):
    """With the prefix of DataParallel, beside what training saved."""
    state = authors_state("vinet_s")
    file, out = tmp_path / "vinet_s.pth", tmp_path / "out.safetensors"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}, file)
    taken = load_model(file)
    assert "taken for vinet_s in the layout of ViNet-Saliency/vinet_v2" in caplog.text
    assert taken.trained
    assert main(["weights", "convert", str(file), str(out), "--as", "vinet_s"]) == 0
    assert f"{len(state)} tensors, none left over or missing" in capsys.readouterr().out
    converted = load_model(out)
    assert converted.spec == taken.spec
    both = zip(taken.state_dict().values(), converted.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in both)
    header = read_header(out)
    assert (header.model, header.trained, header.licence) == ("vinet_s", True, "CC-BY-NC-SA-4.0")
    assert header.source.startswith("vinet_s.pth, in the layout of")
    with pytest.raises(CheckpointError, match=r"is vinet_s in the layout of .*, not vinet"):
        load_model("vinet", weights=file)
    with pytest.raises(CheckpointError, match=r"is the model vinet_s in the layout of .*, not tsfpnet"):
        load_model("tsfpnet", weights=file)
    with pytest.raises(ConfigError, match="takes no argument 'levels'"):
        load_model(file, levels="multi")


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vinet_s"])
def test_every_layout_names_every_tensor_once(name):
    """No tensor of ours is without a name of theirs, and the other way round."""
    network = MODELS[name]
    for layout in network.layouts:
        theirs = {layout.theirs(ours) for ours in network.tensors}
        assert len(theirs) == len(network.tensors)
        assert {layout.ours(key) for key in theirs} == set(network.tensors)
        assert set(layout.modules.values()) <= {ours.rpartition(".")[0] for ours in network.tensors}


def test_the_backbone_of_stavis_is_taken_from_its_publishers_file(tmp_path):
    layout = BACKBONES["resnet50_3d"].layouts[0]
    shapes = {layout.theirs(ours): tuple(t.shape) for ours, t in BACKBONES["resnet50_3d"].tensors.items()}
    state = filled(shapes | {"layer4.0.conv1.weight": (4, 4, 1, 1, 1), "fc.weight": (400, 8)})
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "r.pth")
    model = create_model("stavis_visual")
    (part,) = initialise(model, encoder=tmp_path / "r.pth")
    assert (part.module, part.backbone) == ("encoder", "resnet50_3d")
    assert torch.equal(model.encoder.conv1.weight, state["conv1.weight"])
    assert model.spec == create_model("stavis_visual").spec


def test_a_tensor_left_over_or_missing_is_named():
    state = authors_state("stavis_visual")
    with pytest.raises(CheckpointError, match=r"strange\.weight"):
        convert_state({**state, "strange.weight": torch.zeros(3)}, "stavis_visual")
    del state["fuse.bias"]
    with pytest.raises(CheckpointError, match=r"fuse\.bias"):
        convert_state(state, "stavis_visual")


def test_a_file_of_stavis_whose_audio_branch_is_untrained_is_its_visual_network():
    """Files of both stages hold the same keys."""
    state = {f"module.{key}": tensor for key, tensor in authors_state("stavis").items()}
    assert convert_state(state).backbone == "stavis"
    state["module.fuseav.bias"].fill_(-6)  # as it is made, and as the visual stage leaves it
    found = convert_state(state)
    assert found.backbone == "stavis_visual"
    assert any("of the fusion" in note for note in found.notes)
    assert convert_state(state, "stavis").backbone == "stavis"


def test_one_file_serves_every_domain(tmp_path, monkeypatch):
    """The domain changes no tensor, so that a converted file may be loaded as another one."""
    file, out = tmp_path / "unisal_dhf1k.pth", tmp_path / "out.safetensors"
    state = authors_state("unisal") | {"rnn.cell_list.0.drop_mask_1": torch.ones(3, 256)}
    torch.save(state, file)
    assert main(["weights", "convert", str(file), str(out), "--as", "unisal"]) == 0
    sizes = {}
    for domain in (None, "hollywood"):
        chosen = {} if domain is None else {"domain": domain}
        published, converted = load_model(file, **chosen), load_model(out, **chosen)
        assert published.spec == converted.spec
        sizes[domain] = converted.spec.size
    assert sizes == {None: (224, 384), "hollywood": (224, 416)}
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))  # as if fetched: the name stands for it, in any domain
    entry = dataclasses.replace(CATALOGUE["unisal"], file=file.name, git_blob=None)
    monkeypatch.setitem(CATALOGUE, "unisal", entry)
    assert load_model("unisal", domain="salicon").trained
    assert not load_model("unisal", width=0.1).trained
    with pytest.raises(ConfigError, match="made with width"):
        load_model(out, width=0.5)
