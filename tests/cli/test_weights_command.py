"""`avsal weights`: convert, show, list, fetch."""

import pytest
import torch

from avsal.cli import main
from avsal.cli.weights import BACKBONES, MODELS
from avsal.layers.soundnet import SoundNet
from avsal.models import create_model
from avsal.weights import CATALOGUE, save_checkpoint
from avsal.weights import published as table


@pytest.fixture
def published(tmp_path):
    """SoundNet with its classifier, as a training run would keep it."""
    state = {**SoundNet().state_dict(), "conv8_objs.bias": torch.zeros(1000)}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "soundnet8_final.pth")
    return tmp_path / "soundnet8_final.pth"


def lines(capsys) -> dict[str, str]:
    """First words of the printed lines -> the rest."""
    rows = [line for line in capsys.readouterr().out.splitlines() if line[:1].strip()]
    return {row[:12].strip(): row[12:].strip() for row in rows}


def test_convert_says_what_it_found_and_what_it_left_out(published, tmp_path, capsys):
    out = tmp_path / "soundnet.safetensors"
    assert main(["weights", "convert", str(published), str(out), "--as", "soundnet"]) == 0
    text = capsys.readouterr().out
    assert "soundnet, 49 tensors, none left over or missing" in text
    assert "keunhong/pytorch-soundnet" in text
    assert "mono sound at 22050 Hz, samples within 256" in text
    assert "the state dict is under 'state_dict'; left out epoch" in text
    assert "left out on purpose: 1 tensors of the object and scene classifiers" in text
    assert main(["weights", "show", str(out)]) == 0
    shown = lines(capsys)
    assert shown["backbone"] == "soundnet"
    assert shown["layout"] == "keunhong/pytorch-soundnet (converted from soundnet8_final.pth)"
    assert len(shown["SHA-256"]) == 64


def test_show_tells_what_a_published_file_is_and_how_to_convert_it(published, capsys):
    assert main(["weights", "show", str(published)]) == 0
    assert lines(capsys)["to convert"] == f"avsal weights convert {published} OUT --as soundnet"


def test_show_prints_a_checkpoints_header(tmp_path, capsys):
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64), width=0.1)
    path = tmp_path / "a.safetensors"
    save_checkpoint(
        model, path, scores={"NSS": 2.5, "CC": float("nan")}, licence="MIT", protocol={"epochs": 3}
    )
    assert main(["weights", "show", str(path)]) == 0
    text = capsys.readouterr().out
    for part in (
        "tsfpnet_av",
        "fusion: bilinear",
        "no: its maps mean nothing",
        "8 frames of 64x64",
        "NSS: 2.5",
    ):
        assert part in text
    for part in ("CC: undefined", "MIT", "epochs: 3", "format 1"):
        assert part in text


def test_list_names_every_entry_and_what_to_do_for_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))
    (tmp_path / "soundnet8_final.pth").touch()
    assert main(["weights", "list"]) == 0
    text = capsys.readouterr().out
    assert all(f"{name}\n" in text for name in CATALOGUE)
    assert "`avsal weights fetch r3d_18_kinetics`" in text
    assert f"in the cache: {tmp_path / 'soundnet8_final.pth'}" in text
    assert text.endswith(f"Files are kept in {tmp_path} (AVSAL_CACHE moves it).\n")


def test_fetch_prints_the_path_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))
    (tmp_path / "sound8.pth").touch()
    assert main(["weights", "fetch", "soundnet8_mit"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'sound8.pth'}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fetch", "s3d_kinetics"], "by hand and put it at"),
        (["fetch", "resnet"], "unknown weights 'resnet'"),
        (["show", "absent.pth"], "there is no weight file absent.pth"),
        (["convert", "absent.pth", "out.safetensors", "--as", "s3d"], "there is no weight file absent.pth"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, expected, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))
    assert main(["weights", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_the_names_after_as_are_the_backbones_there_are():
    assert set(BACKBONES) == set(table.BACKBONES)
    assert set(MODELS) == set(table.MODELS)
