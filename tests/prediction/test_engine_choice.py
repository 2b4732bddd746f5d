"""Engines from a video to its maps: by `predict`, by the command line, and by several processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import videos
from command_line import read_line
from saliency_models import lively

from avsal.cli import main
from avsal.cli.parsing import settings_of
from avsal.cli.predict import PredictLine, run_line
from avsal.prediction import predict
from avsal.weights import save_checkpoint
from avsal.workflows.launch import submit

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
    arguments = read_line(*words)
    line = settings_of(arguments, PredictLine)
    return submit(run_line, line, arguments, options=line.submit, folder=line.out / "submitted")


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

    def launch(rank):
        place = {"RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
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
    done = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert done == ["a.csv", "a.json", "c.csv", "c.json", "d.csv", "d.json"]
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
    done = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert done == ["a.csv", "a.json", "c.csv", "c.json"]


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
    assert sorted(path.name for path in (tmp_path / "out").glob("*.csv")) == ["a.csv", "b.csv", "c.csv"]
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


def test_more_processes_than_videos_is_no_error(weights, video, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert main(["predict", str(video), "-o", str(tmp_path / "out"), "--weights", weights]) == 0
    assert not (tmp_path / "out").exists()
