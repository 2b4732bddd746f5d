"""Folders in the Hub's form."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import avsal
from avsal.cli import main
from avsal.errors import CheckpointError
from avsal.models import create_model
from avsal.weights import from_pretrained, load_model, push_to_hub, read_header, save_pretrained


@pytest.fixture
def model():
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64), width=0.1)
    model.trained = True
    return model


def test_a_saved_folder_gives_the_same_model(model, tmp_path):
    folder = save_pretrained(model, tmp_path / "new" / "folder", scores={"NSS": 2.0}, licence="MIT")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again = from_pretrained(folder)
    assert again.trained
    frames, audio = torch.rand(1, 3, 8, 64, 64), torch.rand(1, 1, 8000)
    with torch.no_grad():
        assert torch.equal(again(frames, audio), model(frames, audio))
    config = json.loads((folder / "config.json").read_text())
    assert (config["model"], config["arguments"]["width"]) == ("tsfpnet_av", 0.1)


def test_the_card_is_filled_from_the_header(model, tmp_path):
    folder = save_pretrained(
        model,
        tmp_path,
        protocol={"epochs": 3, "loss": "KL - CC"},
        data="DIEM, split 1",
        scores={"NSS": 2.5, "CC": float("nan")},
        licence="CC-BY-4.0",
        source="https://example.org/run/7",
    )
    card = (folder / "README.md").read_text()
    assert card.startswith("---\n")
    assert "library_name: avsal\nlicense: cc-by-4.0\n" in card
    assert "- audio-visual\n" in card
    for line in (
        "# tsfpnet_av",
        "the weights: not its authors'.",
        "- epochs: `3`",
        "- loss: KL - CC",
        "DIEM, split 1",
        "| NSS | `2.5` |",
        "| CC | undefined |",
        "https://example.org/run/7",
        "8 frames of 64x64, RGB in 0..1",
        read_header(folder / "model.safetensors").sha256,
    ):
        assert line in card
    assert "untrained" not in card


def test_the_card_of_an_untrained_model_says_so_and_states_what_is_not_stated(tmp_path):
    save_pretrained(
        create_model("tsfpnet", num_frames=8, size=(64, 64), width=0.1), tmp_path, licence="My own 2"
    )
    card = (tmp_path / "README.md").read_text()
    assert "**The weights are untrained: the maps mean nothing.**" in card
    assert card.count("Not stated.") == 4  # training, data, scores, source
    assert "license: other\nlicense_name: My own 2" in card
    assert "- audio-visual" not in card


def test_a_loaded_model_keeps_its_card(model, tmp_path):
    save_pretrained(model, tmp_path / "a", scores={"NSS": 2.0}, source="here")
    save_pretrained(from_pretrained(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a" / "README.md").read_text() == (tmp_path / "b" / "README.md").read_text()


def test_the_hub_reads_the_cards_metadata(model, tmp_path):
    from huggingface_hub import ModelCard

    save_pretrained(
        model, tmp_path, scores={"NSS": 2.5, "CC": float("nan")}, extra={"scored_on": "HEVC (27 videos)"}
    )
    for path in (tmp_path / "README.md", Path(avsal.__file__).parent / "checkpoints/README.md"):
        card = ModelCard(path.read_text())
        assert card.data.library_name == "avsal"
        assert card.data.pipeline_tag == "image-segmentation"
        assert "saliency" in card.data.tags
        assert card.data.eval_results
    card = ModelCard((tmp_path / "README.md").read_text())
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("nss", 2.5, "HEVC (27 videos)")
    for line in (
        "## Intended use",
        "who watch a video freely and hear it",
        "## Limits",
        "```bibtex",
        "@misc{tsfpnet_av,",
    ):
        assert line in card.text


def test_a_pushed_model_is_what_save_pretrained_writes(model, tmp_path, monkeypatch, capsys):
    """The Hub is a stand-in: what its library is asked for is noted, nothing is sent."""
    import huggingface_hub

    asked = {}

    class Interface:
        def __init__(self, **about):
            asked.update(about)

        def create_repo(self, repository, *, private, exist_ok):
            asked.update(repository=repository, private=private)
            return f"https://hub/{repository}"

        def upload_folder(self, *, repo_id, folder_path, revision, commit_message):
            asked.update(
                files=sorted(path.name for path in Path(folder_path).iterdir()), message=commit_message
            )
            shutil.copytree(folder_path, tmp_path / repo_id)

    monkeypatch.setattr(huggingface_hub, "HfApi", Interface)
    assert push_to_hub(model, "somebody/model", private=True, licence="MIT") == "https://hub/somebody/model"
    assert asked["files"] == ["README.md", "config.json", "model.safetensors"]
    assert (asked["library_name"], asked["repository"], asked["private"]) == ("avsal", "somebody/model", True)
    again = load_model(tmp_path / "somebody/model")
    assert all(again.state_dict()[name].equal(tensor) for name, tensor in model.state_dict().items())
    assert main(["weights", "push", str(tmp_path / "somebody/model"), "hf://other/model"]) == 0
    assert capsys.readouterr().out == "https://hub/other/model\n"
    assert asked["private"] is False
    for wrong in ("model", "a/b/c", "../x", "hf://"):
        with pytest.raises(CheckpointError, match="expected a Hub id such as name/model but found"):
            push_to_hub(model, wrong)

    def refuses(*arguments, **options):
        raise OSError("401 Client Error\nlong")

    monkeypatch.setattr(Interface, "create_repo", refuses)
    with pytest.raises(CheckpointError, match=r"the Hub does not take a/b: 401 Client Error; log in by"):
        push_to_hub(model, "a/b")


def refusal(given, **options) -> str:
    with pytest.raises(CheckpointError) as caught:
        from_pretrained(given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert "holds no model.safetensors" in refusal(tmp_path)


def test_a_hub_id_is_downloaded_by_the_hubs_own_library(model, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    save_pretrained(model, tmp_path)
    asked = {}

    def download(repository, file, *, revision, library_name, library_version):
        asked.update(repository=repository, file=file, revision=revision, library=library_name)
        return str(tmp_path / file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert from_pretrained("somebody/model", revision="v1").name == "tsfpnet_av"
    assert asked == {
        "repository": "somebody/model",
        "file": "model.safetensors",
        "revision": "v1",
        "library": "avsal",
    }


def test_a_hub_that_has_it_not_or_cannot_be_reached_is_one_line(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    from huggingface_hub.errors import LocalEntryNotFoundError

    assert "neither a folder nor a Hub id" in refusal("a/b/c/d")

    def offline(*arguments, **options):
        raise LocalEntryNotFoundError("Cannot find the file\nand the Hub is offline")

    monkeypatch.setattr(hub, "hf_hub_download", offline)
    assert "the Hub gives no model.safetensors of it: Cannot find the file" in refusal("somebody/model")


@pytest.mark.parametrize("given", ["somebody/model", "hf://somebody/model", Path("hf://somebody/model")])
def test_every_way_to_name_weights_takes_a_hub_id_and_a_folder(model, given, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    save_pretrained(model, tmp_path / "saved")
    monkeypatch.setattr(
        hub, "hf_hub_download", lambda repository, file, **options: str(tmp_path / "saved" / file)
    )
    for again in (
        load_model(given),
        load_model("tsfpnet_av", weights=given, width=0.1),
        load_model(tmp_path / "saved"),
        load_model("tsfpnet_av", weights=tmp_path / "saved"),
    ):
        for name, tensor in model.state_dict().items():
            assert tensor.equal(again.state_dict()[name])


def test_a_path_is_never_taken_for_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for path in ("runs/best", "other/best.safetensors", "a/b/c", "/x/y", "./model"):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            load_model(path)
