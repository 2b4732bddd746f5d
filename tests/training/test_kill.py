"""kill -9 at a moment that nobody chose: files are whole, and what comes after is as in an unbroken run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from training.tiny_run import log_of, trainer

from avsal.training.run_folder import remove_partial_files
from avsal.weights import load_model

SCRIPT = Path(__file__).with_name("tiny_run.py")
STEPS = 12
MORE = {"run__save_every": 3, "validation__pictures": 0}


def start(folder):
    root = SCRIPT.parents[1]
    paths = os.pathsep.join([str(root), str(root.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [sys.executable, str(SCRIPT), str(folder), str(STEPS), json.dumps(MORE)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def steps_logged(folder):
    log = folder / "log.jsonl"
    return log.read_text().count('"kind": "step"') if log.exists() else 0


def test_a_run_killed_and_resumed_equals_an_unbroken_one(tmp_path):
    folder = tmp_path / "killed"
    process = start(folder)
    deadline = time.monotonic() + 60
    while steps_logged(folder) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    logged = steps_logged(folder)
    process.kill()
    process.communicate()
    assert 5 <= logged < STEPS
    saved = torch.load(folder / "state.pt", weights_only=True)["progress"]["step"]
    assert logged - saved <= 3, "more than the steps since the last save are lost"
    for checkpoint in folder.glob("[bl]*.safetensors"):
        load_model(checkpoint)

    trainer(folder, steps=STEPS, **MORE).run()
    trainer(tmp_path / "whole", steps=STEPS, **MORE).run()
    assert log_of(folder) == log_of(tmp_path / "whole")
    assert log_of(folder, "validation") == log_of(tmp_path / "whole", "validation")
    assert [path.name for path in folder.glob(".*")] == [".lock"]


def test_what_a_kill_left_half_written_is_swept_away(tmp_path):
    (tmp_path / ".state.0a1b2c3d.part.pt").write_bytes(b"half")
    (tmp_path / "state.pt").write_bytes(b"whole")
    assert remove_partial_files(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
