"""Command lines that a stranger may type: one clear line, exit code 2, and nothing is begun."""

from pathlib import Path

import pytest

import avsal
from avsal.cli import main

DEMO_CLIP = Path(avsal.__file__).parent / "assets" / "demo.mp4"

SMALL = "-O width=0.05 -O num_frames=8 -O size=[32,56] --untrained"
PREDICT = f"predict {DEMO_CLIP} --model tsfpnet {SMALL}"
ABLATE = f"ablate {DEMO_CLIP} --model tsfpnet_av {SMALL} --end 0.4"

LINES = {
    "predict EMPTY": "found an empty name",
    "predict https://[::1": "https://[::1 is no address",
    f"predict {DEMO_CLIP} --model EMPTY": "found an empty name",
    f"{PREDICT} --submit cluster=local,nodes=-1": "expected nodes above 0",
    f"{ABLATE} --conditions shifted:1e308": "expected a number from -86400 to 86400",
    f"{ABLATE} --conditions gain:1e300": "expected a number from -200 to 200",
    f"{ABLATE} --conditions lowpass:1e-300": "expected a number from 1 to 1e+06",
    f"{ABLATE} --conditions pitch:1e6": "expected a number from -24 to 24",
    f"{ABLATE} --conditions zero --seed -1": "`seed` must be at least 0",
    f"ablate --control synchrony --videos 1 --model tsfpnet_av {SMALL}": "`videos` must be at least 2",
    f"ablate --control synchrony --reruns -1 --model tsfpnet_av {SMALL}": "`reruns` must be at least 0",
    f"{ABLATE} --conditions pitch:nan": "expected a number from -24 to 24",
    "evaluate DATA height=1 metrics=nss,cc baselines=uniform": "on a map of 1x2: expected 0.5 at least",
    "evaluate DATA height=1000000 metrics=nss baselines=uniform": "`height` must be at most 16384",
    "evaluate DATA --untrained": "unknown option --untrained",
    "evaluate data=LONG root=.": "unknown data set 'xxx",
    "evaluate DATA LONG=1": " letters)",
    "predict LONG": " letters)",
    f"predict {DEMO_CLIP} --weights LONG": "unknown model 'xxx",
    f"{PREDICT} --save LONG": "expected some of overlay",
    f"{ABLATE} --conditions LONG": " letters)",
    "train experiment=LONG": " letters)",
    "train experiment=small_sounding_silent sound.noise=2": "`sound.noise` must be a share",
    "train experiment=small_sounding_silent sound.noise=nan": "`sound.noise` must be a share",
}


@pytest.mark.parametrize("line", LINES)
def test_strange_lines_are_answered_in_one_line(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifest.csv").write_text(f"id,video,gaze\na,{DEMO_CLIP},a.csv\n")
    (tmp_path / "a.csv").write_text("frame,x,y\n0,10,10\n1,12,10\n")
    before = sorted(tmp_path.rglob("*"))
    words = line.replace("DATA", f"data=manifest root={tmp_path}").split(" ")
    words = [word.replace("EMPTY", "").replace("LONG", "x" * 5000) for word in words]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("avsal: error: "), told
    assert told.count("\n") == 1, told
    assert LINES[line] in told
    assert "x" * 200 not in told, "a name that nobody reads to its end"
    assert sorted(tmp_path.rglob("*")) == before, "something was left"
