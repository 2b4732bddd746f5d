"""UNISAL's joint training from four released trees to its tables, in miniature."""

import json

import numpy as np
import pytest
from command_line import run_line
from fake_media import write_image, write_mat

from avsal.weights import read_header
from avsal.workflows.data import find_root
from datasets_av import action_sets, dhf1k

FRAMES, SIZE = 6, (36, 64)
VIDEOS = {
    "DHF1K": ("annotation/0001", "annotation/0002", "annotation/0601"),
    "HOLLYWOOD2": ("training/actioncliptrain00001_1", "testing/actioncliptest00007_1"),
    "UCF": ("training/Diving-Side-001", "testing/Diving-Side-010"),
}
SPLITS = {
    "0001": "train",
    "0002": "train",
    "0601": "val",
    "Diving-Side-001": "train",
    "Diving-Side-010": "test",
}
DOMAINS = {
    "unisal_dhf1k/unisal/dhf1k": "dhf1k",
    "unisal_hollywood2_ucf_sports/unisal/hollywood2": "hollywood",
    "unisal_hollywood2_ucf_sports/unisal/ucf_sports": "ucf_sports",
    "unisal_salicon/unisal/salicon": "salicon",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of four data sets, a training and a scored video or photograph of each."""
    rows = [{"video": name, "split": split, "num_frames": str(FRAMES)} for name, split in SPLITS.items()]
    monkeypatch.setattr(dhf1k, "read_table", lambda name: [row for row in rows if row["video"][0] == "0"])
    monkeypatch.setattr(
        action_sets, "read_table", lambda name: [row for row in rows if row["video"][0] == "D"]
    )
    root, random = tmp_path / "data", np.random.default_rng(0)

    def add(place, name):
        points = np.zeros(SIZE, np.uint8)
        points[tuple(random.integers(8, 28, (2, 3)))] = 255
        write_image(place / f"images/{name}.png", random.integers(0, 255, (*SIZE, 3)))
        write_image(place / f"maps/{name}.png", 40 + points // 2)
        write_image(place / f"fixation/{name}.png", points)

    for release, places in VIDEOS.items():
        for place in places:
            for number in range(1, FRAMES + 1):
                add(root / release / place, f"{number:04d}")
    gaze = np.zeros((1, 1), [("location", object), ("timestamp", object), ("fixations", object)])
    gaze[0, 0] = (np.ones((2, 2)), np.arange(2)[:, None], np.array([[9, 9], [30, 20]], np.uint16))
    for split in ("train", "val"):
        name = f"{split}/COCO_{split}2014_000000000009"
        write_image(root / f"SALICON/images/{name}.jpg", random.integers(0, 255, (*SIZE, 3)))
        write_image(root / f"SALICON/maps/{name}.png", random.integers(0, 255, SIZE))
        write_mat(root / f"SALICON/fixations/{name}.mat", {"resolution": np.array([SIZE]), "gaze": gaze})
    return root


def test_unisals_tables_share_one_joint_training_and_score_it_in_each_domain(data, tmp_path, capsys):
    runs = tmp_path / "runs"
    line = ["reproduce", "unisal", "dhf1k", f"root={data}", f"out={runs}", f"stores={tmp_path}/stores"]
    line += ["from_scratch=true", "allow_missing=true", "evaluate.every=3", "evaluate.baselines=[]"]
    line += ["train.model.arguments.width=0.05", "train.model.arguments.size=[32,64]", "train.steps=4"]
    line += ["train.epochs=null", "train.clips.workers=0", "train.validation.pictures=0"]
    line += [f"train.data.parts.{name}.data.min_frames=1" for name in ("dhf1k", "hollywood", "ucf_sports")]
    line += ["train.engine.threads=1"]
    assert run_line(*line) == 0
    told = capsys.readouterr()
    assert told.err.count("preparing") == 4
    assert "DHF1K, Hollywood-2, UCF Sports and SALICON in turns" in told.out
    log = [json.loads(entry) for entry in (runs / "unisal/log.jsonl").read_text().splitlines()]
    turns = {entry["turn"] for entry in log if entry["kind"] == "step"}
    assert turns == {"dhf1k", "hollywood", "ucf_sports", "salicon"}
    for table in ("hollywood2_ucf_sports", "salicon"):
        line[2] = table
        assert run_line(*line) == 0
        assert "training" not in capsys.readouterr().err
    assert "UNISAL | 3.381" in (runs / "unisal_hollywood2_ucf_sports.md").read_text()
    sha256 = read_header(runs / "unisal/best.safetensors").sha256
    for place, domain in DOMAINS.items():
        about = json.loads((runs / place / "evaluation.json").read_text())["model"]
        assert (about["arguments"]["domain"], about["sha256"]) == (domain, sha256)


def test_the_folder_of_a_data_set_is_found_among_those_that_look_alike(data):
    assert find_root("ucf_sports", data) == data / "UCF"
    assert find_root("hollywood2", data) == data / "HOLLYWOOD2"
    (data / "UCF").rename(data / "actions")  # before the other by name, and no name of either
    (data / "HOLLYWOOD2").rename(data / "Hollywood-2")
    assert find_root("ucf_sports", data) == data / "actions"
    assert find_root("hollywood2", data) == data / "Hollywood-2"
