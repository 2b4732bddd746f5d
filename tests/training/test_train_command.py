"""`avsal train` from its line to its checkpoints."""

import json
import sys

import pytest
from command_line import run_line
from fake_media import write_video
from training.tiny_run import log_of

from avsal.errors import CheckpointError, ConfigError, DatasetError
from avsal.weights import read_header

TINY = [
    "experiment=small_sounding_silent",
    "model.arguments.width=0.05",
    "model.arguments.num_frames=8",
    "model.arguments.size=[32,56]",
    "+data.videos.size=[32,56]",
    "data.videos.num_frames=8",
    "data.num_clips=4",
    "data.num_held_out=2",
    "clips.batch_size=2",
    "steps=2",
    "validation.pictures=0",
    "validation.metrics=[nss,cc]",
    "engine.threads=1",
]


def run(*words):
    return run_line("train", *words)


def test_a_line_trains_and_the_folder_is_named_after_the_experiment(tmp_path):
    line = list(sys.argv)
    assert run(*TINY, f"run_root={tmp_path}") == 0
    folder = tmp_path / "small_sounding_silent"
    assert len(log_of(folder)) == 2
    assert (folder / "best.safetensors").exists()
    assert json.loads((folder / "data.json").read_text())["train"]["arguments"]["cue"] == "synchrony"
    assert not (tmp_path / ".hydra").exists()
    assert not (folder / ".hydra").exists()
    assert sys.argv == line


def test_stages_chain_and_a_sweep_gives_each_run_its_folder(tmp_path):
    second = ["experiment=small_sounding_synchrony", *TINY[1:], "steps=1", f"run_root={tmp_path}"]
    line = "avsal train experiment=small_sounding_silent"
    with pytest.raises(CheckpointError, match=line) as raised:
        run(*second)
    assert "stages=run" in str(raised.value)
    assert "small_sounding_silent is not trained yet" in str(raised.value)
    run(*TINY, f"run_root={tmp_path}", "steps=1")
    assert run(*second, "seed=0,1", "run.resume=auto") == 0
    folders = sorted(path.parent for path in tmp_path.rglob("best.safetensors"))
    names = ["small_sounding_silent", "small_sounding_synchrony_aligned"]
    assert [folder.name for folder in folders] == [*names, f"{names[1]}_seed1"]
    told = [json.loads((folder / "settings.json").read_text()) for folder in folders]
    assert [settings["seed"] for settings in told] == [0, 0, 1]
    assert told[1]["model"]["initial"] == str(folders[0] / "best.safetensors") == told[2]["model"]["initial"]
    header = read_header(folders[2] / "best.safetensors")
    assert str(folders[0]) in header.protocol["starts_from"]
    assert (tmp_path / "small_sounding_synchrony_sweep.md").exists()


def test_help_lists_the_experiments(capsys):
    with pytest.raises(SystemExit):
        run("--help")
    text = capsys.readouterr().out
    assert "avsal train experiment=tsfpnet_dhf1k" in text
    assert "protocol=published" in text


def test_show_prints_all_settings(capsys):
    assert run("--show", "experiment=small_hevc", "optim.learning_rate=1") == 0
    text = capsys.readouterr().out
    assert "learning_rate: 1\n" in text
    assert "patience: null" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["experiment=small_hevk"], "small_hevk"),
        (
            ["experiment=small_hevc", "optim.lerning_rate=1"],
            "`optim.lerning_rate`: did you mean `optim.learning_rate`",
        ),
        (["experiment=small_hevc", "zebra=1"], "unknown setting `zebra`: `avsal train --show`"),
        (
            ["experiment=small_hevc", "validation.patiense=1"],
            "`validation.patiense`: did you mean `validation.patience`",
        ),
        (["experiment=small_hevc", "steps"], "expected choices as key=value but found 'steps'"),
        (["experiment=small_hevc", "after=null", "model.arguments.width=x"], "tsfpnet"),
        (["experiment=small_hevc", "after=null", "model.arguments.size=[8,8]"], "at least 32x32 pixels"),
        (
            ["experiment=tsfpnet_dhf1k", "model.encoder=null"],
            "the encoder of tsfpnet would start from random",
        ),
        (["experiment=small_hevc", "stages=maybe"], "`stages` must be found or run"),
        (["experiment=vinet_a_dhf1k"], "encoder of vinet_a would start from random"),
        (["data=hevc"], "set `epochs` or `steps`"),
    ],
)
def test_mistakes_on_the_line_are_one_clear_error(tmp_path, words, message):
    with pytest.raises(ConfigError, match=message) as raised:
        run(*words, f"run_root={tmp_path}")
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir()), "a refused run leaves no folder"


def test_data_that_is_not_there_is_said_with_the_remedy(tmp_path, capsys):
    with pytest.raises(DatasetError, match="avsal data prepare"):
        run(
            "experiment=small_hevc",
            f"run_root={tmp_path}",
            f"data_root={tmp_path}",
            "after=null",
            "from_scratch=true",
        )
    assert capsys.readouterr() == ("", "")


def test_a_stopped_run_leaves_with_130_and_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    from avsal.training import Trainer
    from avsal.training.stopping import StopRequest

    monkeypatch.setattr(Trainer, "_asked_to_stop", lambda self, stop: True)
    monkeypatch.setattr(StopRequest, "name", "SIGINT", raising=False)
    assert run(*TINY, f"run_root={tmp_path}") == 130
    assert "run.resume=auto" in capsys.readouterr().err


def test_ones_own_videos_and_gaze_train_and_are_evaluated_without_a_store(tmp_path, capsys):
    lines = ["id,video,gaze,split"]
    for number in range(4):
        write_video(tmp_path / "mine" / f"{number}.mp4", num_frames=12)
        rows = [f"{frame},{10 + frame + number},{8 + number}" for frame in range(12)]
        (tmp_path / "mine" / f"{number}.csv").write_text("\n".join(["frame,x,y", *rows]))
        lines.append(f"own{number},{number}.mp4,{number}.csv,{'test' if number == 3 else 'train'}")
    (tmp_path / "mine" / "manifest.csv").write_text("\n".join(lines))
    words = ["experiment=small_hevc", "data=manifest", f"root={tmp_path}/mine", f"run_root={tmp_path}/runs"]
    words += [
        "after=null",
        "from_scratch=true",
        *(word for word in TINY[1:] if not word.startswith(("data", "+"))),
    ]
    assert run(*words, "clips.workers=0") == 0
    folder = tmp_path / "runs" / "small_hevc"
    told = json.loads((folder / "data.json").read_text())
    assert len(told["train"]["recordings"]["manifest"]) == 2
    assert "own3" not in str(told)
    line = [f"weights={folder}/best.safetensors", "data=manifest", f"root={tmp_path}/mine", "split=test"]
    line += ["every=6", "metrics=cc,nss", "baselines=centre_bias", f"out={tmp_path}/scores"]
    assert run_line("evaluate", *line) == 0
    assert "| **" in capsys.readouterr().out
