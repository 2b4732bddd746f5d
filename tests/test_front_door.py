"""`import avsal` and what stands at its front door; what Python returns is what the commands write."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from command_line import run_line
from fake_media import write_video
from gaze_recordings import followed_gaze

import avsal
from avsal.errors import ConfigError
from avsal.evaluation import read_rows
from avsal.models import create_model
from avsal.weights import save_checkpoint

SIZE = (32, 48)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    model = create_model("tsfpnet_av", width=0.05, num_frames=8, size=SIZE)
    model.trained = True
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(model, path)
    return str(path)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two videos of ten frames with gaze, listed in a manifest."""
    folder = tmp_path_factory.mktemp("videos")
    lines = ["id,video,gaze"]
    for name in "ab":
        write_video(folder / f"{name}.mp4", num_frames=10, size=SIZE)
        gaze = followed_gaze(size=SIZE, num_frames=10, wander=0.03, seed=ord(name))
        rows = zip(gaze.frame, gaze.x, gaze.y, gaze.observer, strict=True)
        text = "frame,x,y,observer\n" + "".join(f"{f},{x},{y},{who}\n" for f, x, y, who in rows)
        (folder / f"{name}.csv").write_text(text)
        lines.append(f"{name},{name}.mp4,{name}.csv")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_everything_is_there_and_nothing_is_imported_before_it_is_used():
    assert set(avsal.__all__) <= set(dir(avsal))
    for name in avsal.__all__:
        assert getattr(avsal, name) is not None
    program = "import sys, avsal; print(sorted({'torch', 'numpy', 'av', 'hydra'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        avsal.evalute  # noqa: B018


def test_predict_writes_what_python_predicts(weights, root, tmp_path):
    line = ["predict", root / "a.mp4", "--weights", weights, "--save", "csv,h5", "-q"]
    assert run_line(*line, "-o", tmp_path / "command") == 0
    model = avsal.load_model(weights)
    settings = avsal.PredictSettings(save=("csv", "h5"))
    found = avsal.predict_video(model, root / "a.mp4", tmp_path / "python" / "a", settings)
    assert (tmp_path / "python/a.csv").read_text() == (tmp_path / "command/a.csv").read_text()
    assert found.num_maps == 10
    assert not found.damaged
    about = json.loads((tmp_path / "command/a.json").read_text())
    changing = {"seconds", "seconds_per_map", "seconds_by_part", "weights"}
    assert {key: about[key] for key in about.keys() - changing} == {
        key: json.loads(json.dumps(value)) for key, value in found.summary.items() if key not in changing
    }
    maps = np.stack([prediction.map for prediction in avsal.predict(model, root / "a.mp4")])
    with (tmp_path / "python/a.csv").open() as stream:
        peaks = [float(row["peak"]) for row in csv.DictReader(stream)]
    np.testing.assert_allclose(maps.max((1, 2)), peaks, rtol=1e-4)


def test_evaluate_writes_what_python_scores(weights, root, tmp_path):
    common = ["data=manifest", f"root={root}", f"weights={weights}", "every=3", "baselines=centre_bias", "-q"]
    common += ["costs=false"]  # of which no two measurements agree
    assert run_line("evaluate", *common, f"out={tmp_path / 'command'}") == 0
    data = avsal.load_dataset("manifest", root)
    scores = avsal.evaluate(avsal.load_model(weights), data, every=3, baselines=["centre_bias"], costs=False)
    folder = scores.save(tmp_path / "python")
    for name in ("table.md", "table.csv", "videos.csv", "frames/tsfpnet_av.csv", "frames/centre_bias.csv"):
        assert (folder / name).read_text() == (tmp_path / "command" / name).read_text(), name
    assert scores.complete
    assert [entry.video for entry in read_rows(folder / "frames/tsfpnet_av.csv")] == ["a", "b"]
    assert "tsfpnet_av" in repr(scores)
    assert str(scores).startswith("## ")
    with pytest.raises(ConfigError, match="overwrite"):
        scores.save(folder)
    with pytest.raises(ConfigError, match="did you mean `every`"):
        avsal.evaluate(None, data, evry=3)


def test_prepare_and_train_are_the_commands(root, tmp_path):
    line = [
        "data",
        "prepare",
        "manifest",
        "--root",
        root,
        "--out",
        tmp_path / "command",
        "--size",
        "64x112",
        "-q",
    ]
    assert run_line(*line) == 0
    settings = avsal.PrepareSettings(size=(64, 112))
    prepared = avsal.prepare(avsal.load_dataset("manifest", root), tmp_path / "python", settings)
    assert (prepared.stored, prepared.problems) == (2, ())
    from avsal.clips import Store

    assert prepared.store.fingerprint == Store(tmp_path / "command").fingerprint

    tiny = {
        "data.train": ["a"], "data.validation": ["b"], "data.clips_per_recording": 1, "steps": 2,
        "clips.batch_size": 1, "validation.pictures": 0, "validation.first_frames": None,
        "validation.frame_step": 5, "engine.threads": 1, "model.arguments.width": 0.05,
        "model.arguments.size": [64, 112], "model.arguments.num_frames": 8, "after": None,
        "from_scratch": True,
    }  # fmt: skip
    run = avsal.train("small_hevc", store=prepared.store, changes=tiny, folder=tmp_path / "run")
    words = [f"{key}={json.dumps(value).replace(' ', '')}" for key, value in tiny.items()]
    sets = f"data.sets=[{{name: manifest, store: {tmp_path / 'command'}}}]"
    assert run_line("train", "experiment=small_hevc", *words, sets, f"run.folder={tmp_path / 'line'}") == 0
    both = [
        [entry["loss"] for entry in map(json.loads, path.read_text().splitlines()) if entry["kind"] == "step"]
        for path in (run.folder / "log.jsonl", tmp_path / "line" / "log.jsonl")
    ]
    assert both[0] == both[1]
    assert len(both[0]) == 2
    assert run.best is not None
    assert run.checkpoint.exists()
    assert run.model().trained
    assert run.plot(tmp_path / "curves.png").stat().st_size > 1000
