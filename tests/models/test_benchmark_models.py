"""The table of the models' work, time and memory is made of what is measured."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "benchmark_models.py"))


@pytest.mark.parametrize(
    ("name", "options", "largest"),
    [
        ("tsfpnet", {"width": 0.05, "num_frames": 8}, 4.5),
        ("tsfpnet_av", {"width": 0.05, "num_frames": 8}, 4.0),  # sound is as long as before
        ("resnet3d", {"width": 0.05}, 4.5),
    ],
)
def test_four_times_as_many_pixels_are_about_four_times_the_work(name, options, largest):
    small = SCRIPT["measure"](name, {**options, "size": [32, 48]}, 2, None)
    large = SCRIPT["measure"](name, {**options, "size": [64, 96]}, 1, None)
    assert 3.0 < large["work"] / small["work"] < largest
    assert all(small[key] > 0 for key in ("parameters", "seconds", "processor"))
    line = SCRIPT["table_line"](name, "size=[32,48]", small)
    assert line.startswith(f"| {name} | size=[32,48] | {small['parameters'] / 1e6:.2f} |")
    assert line.count("|") == len(SCRIPT["COLUMNS"]) + 1
