"""One entry makes a metric: it is scored, validated, judged and labelled by it."""

import numpy as np
import pytest
import torch
from gaze_recordings import followed_gaze

from avsal.ablation.verdicts import ConditionScore, compare
from avsal.errors import ConfigError
from avsal.evaluation import Evaluation, EvaluationSettings
from avsal.metrics import METRIC_TABLE, METRICS, Metric, register_metric, score_frame
from avsal.report.labels import column_order, metric_label
from avsal.training.settings import ValidationSettings
from avsal.training.validation import better, rows
from avsal.types import Recording


@pytest.fixture
def distance():
    """Mean absolute difference of densities: less is better."""

    def compute(saliency, truth, family):
        return float(np.abs(saliency.values / saliency.values.sum() - truth.density.values).sum())

    def in_batches(predicted, truth):
        return (predicted - truth.density).abs().flatten(1).mean(1)

    entry = Metric("distance", "distance", False, 0.01, ("density",), compute=compute, batch=in_batches)
    register_metric(entry)
    yield entry
    del METRIC_TABLE["distance"]


def test_one_entry_is_a_metric_everywhere(distance):
    assert "distance" in METRICS
    assert "distance" in column_order()
    assert metric_label("distance") == "distance ↓"
    density = np.array([[0.5, 0.5], [0.0, 0.0]])
    assert score_frame(density, frame="x", density=density, metrics=["distance"])[
        "distance"
    ] == pytest.approx(0)

    gaze = followed_gaze(size=(32, 48), num_frames=3)
    recording = Recording("a", "made", "nowhere", num_frames=3, frame_rate=25.0, load_fixations=lambda: gaze)
    settings = EvaluationSettings(metrics=("distance",), baselines=("uniform",))
    (result,) = Evaluation.prepare([recording], settings).score()
    assert result.baselines["uniform"].values["distance"].min() > 0.1

    told = ValidationSettings(metrics=("distance",), select="distance")
    assert told.metrics == ("distance",)
    assert better("distance", 0.1, 0.2)
    assert not better("distance", 0.3, 0.2)


def test_validation_takes_its_function_of_batches(distance):
    class Truth:
        density = torch.ones(2, 4, 4)
        recording, frame = ("a", "a"), (0, 1)
        points, mask = torch.zeros(2, 1, 2, dtype=torch.long), torch.ones(2, 1, dtype=torch.bool)

    found = rows(torch.zeros(2, 4, 4), Truth(), ("distance",))
    assert [row.scores for row in found] == [{"distance": 1.0}] * 2


def test_less_is_better_is_judged_so(distance):
    scores = [
        ConditionScore(f"v{i}", "", condition, "distance", value + i * 0.01)
        for i in range(8)
        for condition, value in (("original", 0.2), ("zero", 0.9))
    ]
    (found,) = compare(scores)
    assert found.improved == 1
    assert found.gain == pytest.approx(0.7)


def test_a_metric_of_unknown_direction_is_not_judged():
    scores = [
        ConditionScore(f"v{i}", "", name, "l1", 0.1 * i) for i in range(6) for name in ("original", "zero")
    ]
    with pytest.raises(ConfigError, match="register_metric"):
        _ = compare(scores, margins={"l1": 0.1})[0].gain


def test_names_are_taken_once(distance):
    with pytest.raises(ValueError, match="already"):
        register_metric(distance)
    with pytest.raises(ValueError, match="how it is computed"):
        register_metric(Metric("empty", "empty", True, 0.1))
