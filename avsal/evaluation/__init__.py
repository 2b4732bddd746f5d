"""Evaluation of models and of anybody's maps on data sets, beside baseline rows."""

from avsal.evaluation.baselines import VideoBaselines
from avsal.evaluation.centre_bias import CentreBias
from avsal.evaluation.intervals import Interval, bootstrap_interval
from avsal.evaluation.kernel_density import Mixture, fit_mixture
from avsal.evaluation.map_collection import MapCollection, normalised_name
from avsal.evaluation.maps import MapSource, PredictedMap
from avsal.evaluation.problems import Problem, Problems
from avsal.evaluation.protocols import (
    PROTOCOLS,
    Aggregate,
    AveragingProtocol,
    aggregate,
    common_frames,
    on_frames,
    protocol,
)
from avsal.evaluation.rows import RowWriter, read_rows
from avsal.evaluation.run import Evaluation, frame_statement
from avsal.evaluation.scores import FrameRow, VideoScores
from avsal.evaluation.settings import BASELINES, EvaluationSettings
from avsal.evaluation.truth import FrameTruth, VideoTruth
from avsal.evaluation.undefined_scores import OBSERVER_ROWS, undefined_reason
from avsal.evaluation.video import VideoResult

__all__ = [
    "BASELINES",
    "OBSERVER_ROWS",
    "PROTOCOLS",
    "Aggregate",
    "AveragingProtocol",
    "CentreBias",
    "Evaluation",
    "EvaluationSettings",
    "FrameRow",
    "FrameTruth",
    "Interval",
    "MapCollection",
    "MapSource",
    "Mixture",
    "PredictedMap",
    "Problem",
    "Problems",
    "RowWriter",
    "VideoBaselines",
    "VideoResult",
    "VideoScores",
    "VideoTruth",
    "aggregate",
    "bootstrap_interval",
    "common_frames",
    "fit_mixture",
    "frame_statement",
    "normalised_name",
    "on_frames",
    "protocol",
    "read_rows",
    "undefined_reason",
]
