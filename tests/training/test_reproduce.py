"""From a miniature of the STAViS tree to a table of TSFP-Net: the lines of docs/reproduce.md."""

import json

import numpy as np
import pytest
import torch
from command_line import run_line
from fake_media import write_image, write_mat, write_wav

from avsal.errors import CheckpointError, DatasetError
from avsal.models import create_model
from avsal.weights import read_header, save_checkpoint

SIZE, FRAMES = (36, 48), 12
SETS = {
    "DIEM": "diem",
    "Coutrot_db1": "coutrot1",
    "Coutrot_db2": "coutrot2",
    "AVAD": "avad",
    "ETMD_av": "etmd",
    "SumMe": "summe",
}
VIDEOS = {"train": ("first", "second"), "test": ("third",)}
NETWORK = {"width": 0.05, "num_frames": 8, "size": [32, 48]}
TINY = [f"train.model.arguments.{key}={str(value).replace(' ', '')}" for key, value in NETWORK.items()]
TINY += ["train.stored_size=32x48", "train.steps=1", "train.epochs=null", "train.clips.workers=0"]
TINY += ["train.clips.batch_size=2", "train.clips.accumulation=1", "train.validation.pictures=0"]
TINY += ["train.validation.frame_step=6", "train.engine.threads=1", "evaluate.every=6"]
TINY += ["evaluate.baselines=[centre_bias]"]


def add_video(root, folder, name, seed):
    random = np.random.default_rng(seed)
    annotations = root / "annotations" / folder / name
    for number in range(1, FRAMES + 1):
        image = random.integers(0, 255, (*SIZE, 3)).astype(np.uint8)
        write_image(root / "video_frames" / folder / name / f"img_{number:05d}.jpg", image)
        points = np.zeros(SIZE, np.uint8)
        row, column = 10 + seed % 5, 10 + 2 * number
        points[row, column] = points[row + 3, column + 2] = 1
        density = np.zeros(SIZE, np.uint8)
        density[row - 3 : row + 4, column - 3 : column + 4] = 200
        write_image(annotations / "maps" / f"eyeMap_{number:05d}.jpg", density)
        write_mat(annotations / f"fixMap_{number:05d}.mat", {"eyeMap": points})
    write_wav(root / "video_audio" / folder / name / f"{name}.wav", seconds=FRAMES / 25)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of data sets: in it the STAViS tree, with lists of its own as the authors' code reads them."""
    data = tmp_path_factory.mktemp("data")
    root = data / "STAVIS"
    lists = root / "fold_lists"
    lists.mkdir(parents=True)
    for number, folder in enumerate(SETS):
        for part, names in VIDEOS.items():
            text = "\n".join(f"{name} {FRAMES} 25.0" for name in names)
            for fold in (1, 2, 3):
                number_of = "" if folder == "DIEM" else f"_{fold}"
                (lists / f"{folder}_list_{part}{number_of}_fps.txt").write_text(text)
            for place, name in enumerate(names):
                add_video(root, folder, name, 10 * number + place)
    torch.manual_seed(0)
    save_checkpoint(create_model("tsfpnet", **NETWORK), data / "dhf1k.safetensors")
    return data


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    """Table 7 of one fold, from nothing but the data and a checkpoint; returns the folder of runs."""
    out = tmp_path_factory.mktemp("runs")
    line = ["reproduce", "tsfpnet", "table7", f"root={data}", f"out={out}/runs", f"stores={out}/stores"]
    line += ["folds=1", "from_scratch=true", f"initial={data}/dhf1k.safetensors", *TINY]
    assert run_line(*line) == 0
    return out, line


def test_a_table_is_made_beside_the_papers_from_the_data_in_one_line(made, data):
    out, _ = made
    text = (out / "runs" / "tsfpnet_table7.md").read_text()
    assert text.startswith("# TSFP-Net, Table 7")
    assert "| **tsfpnet_av** |" in text
    assert "| **tsfpnet_av_zero_audio** |" in text
    assert "TSFP-Net Table 7" in text
    assert "ACLNet" not in text, "of another table of the same data"
    assert "which is not the paper's" in text
    assert "from scratch" in text
    visual = read_header(out / "runs" / "tsfpnet_six_split1" / "best.safetensors")
    heard = read_header(out / "runs" / "tsfpnet_av_six_split1" / "best.safetensors")
    assert str(data / "dhf1k.safetensors") in visual.protocol["starts_from"]
    assert "tsfpnet_six_split1/best.safetensors" in heard.protocol["starts_from"]
    assert "audio from random numbers, not pretrained" in heard.protocol["starts_from"]
    assert set(visual.data["train"]["recordings"]) == set(SETS.values())
    assert all(names == ["first", "second"] for names in visual.data["train"]["recordings"].values())
    for name in ("curves.png", "README.md"):
        assert (out / "runs" / "tsfpnet_av_six_split1" / name).stat().st_size > 500
    assert "starts_from" in (out / "runs" / "tsfpnet_av_six_split1" / "README.md").read_text()


def test_what_is_done_is_not_done_again_and_another_table_shares_it(made, capsys):
    out, line = made
    state = out / "runs" / "tsfpnet_av_six_split1" / "log.jsonl"
    before = state.stat().st_mtime_ns
    assert run_line(*line) == 0
    assert "training" not in capsys.readouterr().err
    assert state.stat().st_mtime_ns == before
    assert run_line(*["table5" if word == "table7" else word for word in line]) == 0
    told = capsys.readouterr()
    assert "training" not in told.err
    assert told.out.count("| **tsfpnet_av** |") == 3  # DIEM, Coutrot1, Coutrot2


def test_lists_of_sets_and_folds_are_scored_in_one_call(made, data, capsys):
    out, _ = made
    weights = f"weights={out}/runs/tsfpnet_av_six_split{{fold}}/best.safetensors"
    words = ["data=avad,etmd", f"root={data}/STAVIS", "split=test", "every=6", "baselines=centre_bias"]
    words += [f"out={out}/scores", "metrics=nss,cc"]
    assert run_line("evaluate", weights, "fold=1", *words) == 0
    text = capsys.readouterr().out
    assert text.count("## ") == 2
    assert (out / "scores" / "avad" / "evaluation.json").exists()
    header = read_header(out / "runs" / "tsfpnet_av_six_split1" / "best.safetensors")
    about = json.loads((out / "scores" / "etmd" / "evaluation.json").read_text())
    assert about["model"]["sha256"] == header.sha256
    with pytest.raises(CheckpointError, match="split2"):
        run_line("evaluate", weights, "fold=1,2", *words)


def test_missing_data_and_weights_are_refused_with_the_way_out(made, data, tmp_path, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path / "cache"))
    _, line = made
    with pytest.raises(CheckpointError, match=r"avsal weights fetch soundnet8.*from_scratch=true"):
        run_line("train", "experiment=tsfpnet_av", "after=null", "model.initial=x", f"run_root={tmp_path}")
    assert not list(tmp_path.iterdir()), "a refused run leaves no folder"
    places = {"root": tmp_path, "out": tmp_path / "runs", "stores": tmp_path / "stores"}
    elsewhere = [f"{key}={places.get(key, value)}" for key, _, value in (w.partition("=") for w in line[3:])]
    with pytest.raises(DatasetError, match=r"expected .annotations.DIEM. in"):
        run_line(*line[:3], *elsewhere)
