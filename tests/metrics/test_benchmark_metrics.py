"""The benchmark's port is the MIT procedure, and the closed forms are many times as fast."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_metrics.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_metrics", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mapped(points, size) -> np.ndarray:
    made = np.zeros(size, dtype=np.bool_)
    made[points] = True
    return made


@pytest.mark.parametrize("name", ["smooth_360x640", "sparse_zeros", "quant8_int255", "one_fixation"])
def test_the_port_gives_what_the_matlab_code_gave(benchmark, load_case, name):
    case = load_case(name)
    size = case.saliency.shape
    fixations, others = mapped(case.fixations, size), mapped(case.others, size)
    generator = np.random.default_rng(0)
    for oracle, draw in (
        ("mit_octave/AUC_Judd_jitter", lambda: benchmark.port_auc_judd(case.saliency, fixations, generator)),
        (
            "mit_octave/AUC_shuffled",
            lambda: benchmark.port_shuffled_auc(case.saliency, fixations, others, generator),
        ),
    ):
        values = [draw() for _ in range(5)]
        number, spread = case.oracles[f"{oracle}_n"], case.oracles[f"{oracle}_std"]
        error = math.hypot(spread / math.sqrt(number), np.std(values, ddof=1) / math.sqrt(len(values)))
        assert abs(np.mean(values) - case.oracles[f"{oracle}_mean"]) <= 4 * error + 1e-6


def test_the_closed_forms_are_ten_times_as_fast_as_the_port(benchmark, capsys):
    times = benchmark.measure((360, 640), 50, repeats=8)
    assert benchmark.speed_up(times) >= 10, capsys.readouterr().out
    assert "all seven" in capsys.readouterr().out
