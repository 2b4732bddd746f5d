"""No file and no word on the line can name code that is then run."""

import re
from pathlib import Path

import pytest

from avsal.errors import ConfigError
from avsal.types import ClipSpec
from avsal.workflows.training_data import GENERATORS, SyntheticData, _generator, data_settings, sources
from datasets_av.sounding_objects import SoundingObjects

ROOT = Path(__file__).parents[2]

RUNS = re.compile(
    r"hydra\.utils|instantiate\(|get_class\(|get_method\(|pickle\.loads?\(|allow_pickle\s*=\s*True"
    r"|weights_only\s*=\s*False|yaml\.(unsafe_)?load\(|\beval\(|\bexec\(|os\.system|shell\s*=\s*True|joblib"
)


def test_nothing_in_the_packages_makes_code_of_what_a_file_says():
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("avsal", "datasets_av")
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in path.read_text().splitlines()
        if RUNS.search(line) and ".eval()" not in line
    ]
    assert not found


def test_no_configuration_names_a_target():
    assert not [path for path in (ROOT / "configs").rglob("*.yaml") if "_target_" in path.read_text()]


TARGETS = [
    "pathlib.Path.touch", "torch.utils.collect_env.run", "numpy.load", "os.system", "subprocess.run",
    "builtins.eval", "datasets_av.sounding_objects.write_videos", "avsal.cli.main", "", None, 3,
    ["os.system"],
]  # fmt: skip


@pytest.mark.parametrize("key", ["_target_", "generator"])
@pytest.mark.parametrize("target", TARGETS)
def test_dotted_paths_are_refused(tmp_path, monkeypatch, key, target):
    monkeypatch.chdir(tmp_path)
    videos = {key: target, "self": "made", "command": "touch made", "cmd": "touch made", "_args_": ["made"]}
    data = data_settings(
        {"kind": "synthetic", "name": "x", "videos": videos, "held_out": {"seed": 2}, "num_clips": 2}
    )
    assert isinstance(data, SyntheticData)
    with pytest.raises(ConfigError, match=r"`data.videos.generator` must be one of sounding_objects"):
        sources(data, None, ClipSpec(4, (32, 56)))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


BAD_ARGUMENTS = {
    "unknown": ({"sed": 1}, r"unknown setting `data.videos.sed`: did you mean `data.videos.seed`"),
    "target below": ({"observers": {"_target_": "os.system"}}, r"unknown setting `data.videos.observers"),
    "float seed": ({"seed": 1e30}, r"`data.videos.seed` must be a whole number but is 1e\+30"),
    "huge": ({"num_frames": 10**9}, r"`num_frames` must be at most 100000"),
    "text": ({"num_frames": "many"}, "must be a whole number"),
    "large": ({"size": [100000, 100000]}, "`size` must be at most 4096"),
    "endless": ({"frame_rate": float("inf")}, "`frame_rate` must be at most"),
    "nan": ({"frame_rate": float("nan")}, "`frame_rate` must be"),
    "no cue": ({"cue": "smell"}, "must be one of identity, rhythm, synchrony"),
    "negative": ({"seed": -1}, "`seed` must be at least 0"),
}


@pytest.mark.parametrize(("arguments", "says"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_wrong_arguments_of_a_generator_are_told_in_one_line(arguments, says):
    videos = {"generator": "sounding_objects", **arguments}
    data = data_settings(
        {
            "kind": "synthetic",
            "name": "x",
            "videos": videos,
            "held_out": {"setting": "visible"},
            "num_clips": 2,
        }
    )
    with pytest.raises(ConfigError, match=says) as caught:
        sources(data, None, ClipSpec(4, (32, 56)))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_the_name_that_old_files_gave_is_understood():
    former = {"_target_": "datasets_av.sounding_objects.SoundingObjects", "num_frames": 8, "size": [32, 56]}
    assert _generator(former, "data.videos") == SoundingObjects(num_frames=8, size=(32, 56))
    assert set(GENERATORS) == {"sounding_objects", "sounding_clips"}
