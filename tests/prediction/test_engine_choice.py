"""Engines from a video to its maps: by `predict`, by the command line, and by several processes."""

import csv
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest
import videos
from command_line import read_line
from saliency_models import lively

from avsal.cli import main
from avsal.cli.predict import PredictLine, run_line
from avsal.prediction import predict
from avsal.weights import save_checkpoint
from avsal.workflows.launch import place_in_launch, submit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return videos.moving_dot(tmp_path_factory.mktemp("engines") / "dot.mp4", frames=45)


@pytest.fixture(scope="module")
def model():
    return lively("tsfpnet_av", num_frames=8)


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    model.trained = True
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(model, path)
    return str(path)


def submitted(words):
    """The job of a line with --submit."""
    line = read_line(*words).read(PredictLine)
    return submit(run_line, line, options=line.submit, folder=line.out / "submitted")


def maps_of(model, video, **options):
    return np.stack([prediction.map for prediction in predict(model, video, **options)])


@pytest.mark.parametrize("options", [{}, {"every": 3}, {"start": 0.4, "end": 1.1}, {"audio": "zero"}])
def test_exact_is_the_default_and_gives_the_plain_maps(model, video, options):
    assert predict(model, video).engine.name == "exact"
    plain = maps_of(model, video, engine="plain", **options)
    exact = maps_of(model, video, batch_size=2, **options)
    assert exact.shape == plain.shape
    assert np.abs(exact - plain).max() < 1e-4 * np.ptp(plain)
    assert np.abs(exact[1:] - plain[:-1]).max() > 1e-3 * np.ptp(plain)  # control: the neighbour's differ


@pytest.mark.parametrize("engine", ["live", "streaming"])
@pytest.mark.parametrize("part", [(0.0, 0.12), (0.6, 0.9)])
def test_a_part_of_a_video_has_the_maps_of_the_whole(model, video, engine, part):
    start, end = part
    whole = maps_of(model, video, engine=engine)
    some = maps_of(model, video, engine=engine, start=start, end=end)
    first = round(start * 25)
    assert np.abs(some - whole[first : first + len(some)]).max() < 1e-4 * np.ptp(whole)
    plain = maps_of(model, video, engine="plain", start=start, end=end)
    assert np.abs(some - plain).max() > 1e-3 * np.ptp(whole)  # control: they are not the plain maps


@pytest.mark.parametrize("engine", ["live", "streaming"])
@pytest.mark.parametrize("options", [{"every": 3}, {"every": 11}, {"every": 4, "start": 0.6, "end": 1.0}])
def test_maps_between_those_that_are_computed_are_interpolated_and_the_others_stay(
    model, video, engine, options
):
    every = options["every"]
    whole = maps_of(model, video, engine=engine, **(options | {"every": 1}))
    found = list(predict(model, video, engine=engine, **options))
    assert len(found) == len(whole)
    last = len(whole) - 1
    for number, prediction in enumerate(found):
        assert prediction.interpolated == bool(number % every and number != last)
        if not prediction.interpolated:
            assert np.abs(prediction.map - whole[number]).max() < 1e-4 * np.ptp(whole)
    share = np.float32(1 / every)
    np.testing.assert_allclose(found[1].map, (1 - share) * found[0].map + share * found[every].map, atol=1e-5)
    assert np.abs(whole[every] - whole[0]).max() > 1e-3 * np.ptp(whole)  # control: they differ


def test_summary_tells_the_engine(weights, video, tmp_path):
    for given, named in (([], "exact"), (["--engine", "live"], "live")):
        out = tmp_path / named
        command = ["predict", str(video), "-o", str(out), "--weights", weights, "--save", "csv", "-q", *given]
        assert main(command) == 0
        assert json.loads((out / "dot.json").read_text())["engine"] == named


def test_processes_share_out_videos_and_one_broken_video_stops_nobody(weights, tmp_path):
    (tmp_path / "videos").mkdir()
    for name in "abcd":
        videos.moving_dot(tmp_path / "videos" / f"{name}.mp4", frames=3)
    (tmp_path / "videos" / "b.mp4").write_bytes(b"not a video")

    command = [
        sys.executable,
        "-m",
        "avsal",
        "predict",
        str(tmp_path / "videos"),
        "-o",
        str(tmp_path / "out"),
    ]
    command += ["--weights", weights, "--save", "csv", "--skip-existing"]

    def launch(rank):  # as srun does
        place = {"SLURM_PROCID": str(rank), "SLURM_NTASKS": "2", "SLURM_STEP_ID": "0", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            env=os.environ | place,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    processes = [launch(0), launch(1)]
    printed = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 1]
    assert printed[0][1] == ""
    assert "b.mp4" in printed[1][1]
    done = sorted(path.stem for path in (tmp_path / "out").glob("?.csv"))
    assert done == sorted(path.stem for path in (tmp_path / "out").glob("?.json")) == ["a", "c", "d"]
    with (tmp_path / "out" / "outputs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert [row["outputs"] for row in rows] == ["a.csv", "", "c.csv", "d.csv"]
    assert "b.mp4" in rows[1]["error"]
    assert "a.mp4" in printed[0][0]
    assert "c.mp4" in printed[0][0]
    assert "d.mp4" in printed[1][0]


def test_a_broken_video_ends_nobody_under_torchrun(weights, tmp_path):
    (tmp_path / "videos").mkdir()
    for name, frames in (("a", 150), ("c", 150)):
        videos.moving_dot(tmp_path / "videos" / f"{name}.mp4", frames=frames)
    (tmp_path / "videos" / "b.mp4").write_bytes(b"not a video")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "avsal", "predict", str(tmp_path / "videos"), "-o", str(tmp_path / "out")]
    command += ["--weights", weights, "--save", "csv", "--skip-existing"]
    ended = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode != 0
    assert "b.mp4" in ended.stderr
    done = sorted(path.name for path in (tmp_path / "out").glob("?.*"))
    assert done == ["a.csv", "a.json", "b.failed.json", "c.csv", "c.json"]


def test_a_submitted_command_shares_out_videos_and_goes_on_where_it_stopped(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "videos").mkdir()
    for name in "abc":
        videos.moving_dot(tmp_path / "videos" / f"{name}.mp4", frames=3)
    (tmp_path / "videos" / "d.mp4").write_bytes(b"not a video")
    words = ["predict", str(tmp_path / "videos"), "-o", str(tmp_path / "out"), "--weights", weights]
    words += ["--save", "csv", "--skip-existing"]
    job = submitted([*words, "--submit", "cluster=local,tasks_per_node=2,timeout_min=5"])
    assert job.results() == [0, 1]
    assert sorted(path.name for path in (tmp_path / "out").glob("?.csv")) == ["a.csv", "b.csv", "c.csv"]
    again = submitted([*words, "--submit", "cluster=local,timeout_min=5"])
    assert again.results() == [1]
    assert again.stdout().count("done before") == 3


def test_wrong_options_of_a_submission_are_named(weights, video, tmp_path, capsys):
    words = ["predict", str(video), "-o", str(tmp_path), "--weights", weights, "--submit"]
    assert main([*words, "nodes"]) == 2
    assert "expected KEY=VALUE but found 'nodes'" in capsys.readouterr().err
    assert main([*words, "cluster=local,shape=round"]) == 2
    assert "shape" in capsys.readouterr().err
    assert main([*words, "cluster=moon"]) == 2
    assert "moon" in capsys.readouterr().err


@pytest.mark.parametrize("place", [{"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "x", "WORLD_SIZE": "2"}])
def test_a_wrong_place_among_processes_is_named(weights, video, tmp_path, monkeypatch, capsys, place):
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    assert main(["predict", str(video), "-o", str(tmp_path), "--weights", weights]) == 2
    assert "RANK" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "3", "SLURM_PROCID": "0", "SLURM_NTASKS": "9"}, (1, 3)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, (2, 4)),
        ({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, (2, 4)),
        # the shell of a batch script, and one that salloc opens
        ({"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1)),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1)),
    ],
)  # fmt: skip
def test_the_place_is_that_which_the_launcher_tells(monkeypatch, variables, place):
    for name in [name for name in os.environ if name.startswith("SLURM_") or name in ("RANK", "WORLD_SIZE")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert place_in_launch() == place


def test_a_killed_process_of_a_collection_loses_only_its_video_and_the_next_run_makes_it_whole(
    weights, tmp_path
):
    (tmp_path / "videos" / "deep").mkdir(parents=True)
    names = ["a", "b", "c", "deep/d", "e", "f"]
    for name in names:
        videos.moving_dot(tmp_path / "videos" / f"{name}.mp4", frames=400 if name == "c" else 3, sounds=[])
    out = tmp_path / "out"
    command = [sys.executable, "-m", "avsal", "predict", str(tmp_path / "videos"), "-o", str(out)]
    command += ["--weights", weights, "--save", "h5,csv", "--skip-existing", "-q"]
    killed = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=ROOT)
    while not (out / "b.json").exists():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert not (out / "c.json").exists()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("?.json")}
    assert main(command[3:]) == 0
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())  # none is made twice
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    expected = [f"{name}.{suffix}" for name in names for suffix in ("csv", "h5", "json")]
    assert found == sorted([*expected, "outputs.csv", *(["outputs.parquet"] if find_spec("pyarrow") else [])])
    with (out / "outputs.csv").open() as stream:
        rows = {row["outputs"]: row for row in csv.DictReader(stream)}
    assert [row["status"] for row in rows.values()] == ["done"] * 6
    assert rows["deep/d.h5 deep/d.csv"]["frames"] == "3"
    for name in names:
        with h5py.File(out / f"{name}.h5") as file:
            assert len(file["maps"]) == (400 if name == "c" else 3)


def test_more_processes_than_videos_is_no_error(weights, video, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert main(["predict", str(video), "-o", str(tmp_path / "out"), "--weights", weights]) == 0
    assert not (tmp_path / "out").exists()
