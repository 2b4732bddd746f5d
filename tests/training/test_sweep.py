"""`avsal train -m`: sweeps, what they leave behind, and their tables beside the papers'."""

import csv
import importlib.util
import json
import os
from pathlib import Path

import pytest
from command_line import run_line
from fake_media import write_video
from gaze_recordings import followed_gaze

from avsal.clips import StoreSettings, prepare
from avsal.errors import CheckpointError, ConfigError
from avsal.models import create_model
from avsal.types import Recording
from avsal.weights import read_header

SIZE = (64, 112)
TINY = [
    "data=hevc",
    "data.train=[video0,video1]",
    "data.validation=[video2]",
    "data.clips_per_recording=1",
    "steps=1",
    "epochs=null",
    "clips.batch_size=2",
    "clips.accumulation=1",
    "validation.pictures=0",
    "validation.first_frames=null",
    "validation.frame_step=4",
    "engine.threads=1",
    "from_scratch=true",
    "model.arguments.width=0.05",
    "model.arguments.size=[64,112]",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A prepared store of three videos of 20 frames with the gaze of eight people."""
    root = tmp_path_factory.mktemp("videos")
    recordings = []
    for index in range(3):
        video = root / f"video{index}.mp4"
        write_video(video, size=SIZE, num_frames=20, sound=False)
        gaze = followed_gaze(size=SIZE, num_frames=20, wander=0.02, seed=index)
        recordings.append(
            Recording(f"video{index}", "hevc", video, None, load_fixations=lambda gaze=gaze: gaze)
        )
    prepare(recordings, root / "store", StoreSettings(SIZE, sample_rate=22050), workers=1)
    return root / "store"


@pytest.fixture
def sweep(store, tmp_path):
    """Runs a sweep over tiny runs; returns its exit code."""

    def run(*words):
        sets = f"data.sets=[{{name: hevc, store: {store}}}]"
        return run_line("train", "-m", *TINY, sets, f"run_root={tmp_path}", *words)

    return run


def table_of(folder):
    """The values of `sweep.csv` by kind, row and metric."""
    with (folder / "sweep.csv" if folder.is_dir() else folder).open(encoding="utf-8") as file:
        return {
            (line["kind"], line["row"], line["metric"]): float(line["value"]) for line in csv.DictReader(file)
        }


def test_an_ablation_ends_with_its_rows_beside_the_papers(sweep, tmp_path, capsys):
    assert sweep("experiment=ablation_levels", "model.arguments.num_frames=8") == 0
    folder = tmp_path / "ablation_levels"
    table = table_of(folder)
    for name, levels in (("final", "final"), ("multi", "multi"), ("full", "pyramid")):
        header = read_header(folder / f"{name}_seed0" / "best.safetensors")
        assert header.arguments["levels"] == levels
        row = {"final": "only final-level", "multi": "only multi-level", "full": "TSFP-Net"}[name]
        assert table["measured", row, "nss"] == pytest.approx(header.scores["nss"], rel=1e-5)
        model = create_model("tsfpnet", **header.arguments)
        assert table["measured", row, "parameters"] == pytest.approx(model.num_parameters / 1e6, rel=1e-5)
    change = table["measured", "only multi-level", "nss"] - table["measured", "TSFP-Net", "nss"]
    assert table["measured", "only multi-level", "change in NSS"] == pytest.approx(change, abs=1e-4)
    assert ("measured", "TSFP-Net", "change in NSS") not in table
    assert table["cited", "TSFP-Net (only multi-level)", "nss"] == 2.8857
    assert table["cited", "TSFP-Net (only multi-level)", "change in NSS"] == pytest.approx(2.8857 - 3.0086)
    assert ("baseline", "centre bias", "nss") in table
    text = (folder / "sweep.md").read_text()
    assert text.startswith("## TSFP-Net, Table 8")
    assert "TSFP-Net Table 8; DHF1K val" in text
    assert text in capsys.readouterr().out


def test_a_run_that_fails_is_named_and_hides_no_other(sweep, tmp_path, capsys):
    assert sweep("experiment=tsfpnet_dhf1k", "model.arguments.num_frames=12,8") == 1
    printed = capsys.readouterr()
    assert "tsfpnet_dhf1k_model.arguments.num_frames=12: model 'tsfpnet' cannot be built" in printed.err
    table = table_of(tmp_path / "tsfpnet_dhf1k_sweep.csv")
    assert ("measured", "model.arguments.num_frames=8", "nss") in table
    assert "model.arguments.num_frames=12 (FAILED)" in printed.out


def test_a_sweep_whose_runs_all_fail_is_an_error(sweep):
    with pytest.raises(ConfigError, match="multiple of 8"):
        sweep("experiment=tsfpnet_dhf1k", "model.arguments.num_frames=12,13")


def test_a_stopped_sweep_begins_no_other_run_and_goes_on_where_it_was(sweep, tmp_path, monkeypatch, capsys):
    from avsal.training import Trainer
    from avsal.training.stopping import StopRequest

    line = ["experiment=ablation_loss", "model.arguments.num_frames=8", "steps=2"]
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_asked_to_stop", lambda self, stop: True)
        patch.setattr(StopRequest, "name", "SIGINT", raising=False)
        assert sweep(*line) == 130
    folder = tmp_path / "ablation_loss"
    assert (folder / "kl_seed0" / "state.pt").exists()
    assert not (folder / "full_seed0" / "settings.json").exists()
    capsys.readouterr()
    assert sweep(*line, "run.resume=auto") == 0
    assert {row for kind, row, _ in table_of(folder) if kind == "measured"} == {"only KL loss", "TSFP-Net"}
    told = [json.loads((folder / f"{row}_seed0" / "settings.json").read_text()) for row in ("kl", "full")]
    losses = [settings["loss"] for settings in told]
    assert losses == [{"kl": 1}, {"kl": 1, "cc": 0.5, "nss": 0.1}]


def test_rows_multiply_with_seeds_and_are_compared_within_one(sweep, tmp_path):
    assert sweep("experiment=ablation_sal3d", "seed=0,1") == 0
    table = table_of(tmp_path / "ablation_sal3d")
    for seed in (0, 1):
        base = table["measured", f"3DSAL-base, seed={seed}", "nss"]
        weighted = table["measured", f"3DSAL-weighted, seed={seed}", "nss"]
        change = table["measured", f"3DSAL-base, seed={seed}", "change in NSS"]
        assert change == pytest.approx(base - weighted, abs=1e-4)
    assert table["cited", "3DSAL-base", "change in NSS"] == pytest.approx(1.7119 - 2.8023)


def test_one_trained_model_is_scored_at_every_stride(sweep, tmp_path):
    line = ["experiment=ablation_resnet3d", "validation.frame_step=1"]
    assert sweep(*line) == 0
    folder = tmp_path / "ablation_resnet3d"
    table = table_of(folder)
    header = read_header(folder / "proposed_seed0" / "best.safetensors")
    strides = json.loads((folder / "proposed_seed0" / "strides.json").read_text())
    assert list(strides["scores"]) == ["1", "2", "4", "8", "16"]
    own = strides["scores"][str(header.spec.stride)]
    for metric in ("nss", "cc", "sim", "kl"):
        assert own[metric] == pytest.approx(header.scores[metric], abs=1e-4)
    assert len({scores["kl"] for scores in strides["scores"].values()}) == 5
    assert all(scores["frames"] == 20 and scores["fps"] > 0 for scores in strides["scores"].values())
    assert table["measured", "Proposed, stride 16", "kl"] == pytest.approx(
        strides["scores"]["16"]["kl"], rel=1e-5
    )
    assert ("measured", "Proposed-S, stride 8", "fps") in table
    assert table["cited", "3D-ResNet Proposed (stride 16)", "fps"] == 107
    assert table["cited", "3D-ResNet Proposed", "parameters"] == 200

    written = (folder / "proposed_seed0" / "strides.json").read_text()
    assert sweep(*line, "run.resume=auto", "row=proposed") == 0
    assert (folder / "proposed_seed0" / "strides.json").read_text() == written


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["experiment=ablation_frames", "model.arguments.num_frames=8"],
            "what the rows of TSFP-Net, Table 1 set",
        ),
        (["experiment=ablation_frames", "row=t8"], "`row` must be one of t16, t32, t48 but is 't8'"),
        (["experiment=tsfpnet_dhf1k", "row=t16"], "the experiment has no table"),
        (["experiment=tsfpnet_dhf1k", "validation.strides=[1]"], "models that predict all frames"),
        (["experiment=resnet3d_ledov", "validation.strides=[17]"], r"must lie in 1\.\.16 but has 17"),
        (["experiment=tsfpnet_dhf1k", "stps=1,2"], "unknown setting `stps`: did you mean `steps`"),
    ],
)
def test_mistakes_are_one_clear_error(sweep, words, message):
    with pytest.raises((ConfigError, CheckpointError), match=message) as raised:
        sweep(*words)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_submitits_local_executor_runs_a_sweep(sweep, tmp_path, monkeypatch):
    for package in ("submitit", "hydra_plugins.hydra_submitit_launcher"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'avsal[slurm]'")
    root = str(Path(__file__).parents[2])  # the processes import the checkout too
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    line = ["experiment=ablation_loss", "model.arguments.num_frames=8", "hydra/launcher=submitit_local"]
    assert sweep(*line, f"hydra.launcher.submitit_folder={tmp_path}/jobs") == 0
    table = table_of(tmp_path / "ablation_loss")
    assert {row for kind, row, _ in table if kind == "measured"} == {"only KL loss", "TSFP-Net"}
    outputs = list((tmp_path / "jobs").rglob("*_result.pkl"))
    assert len(outputs) == 2, "the runs are submitit's, not this process's"
