"""Evaluation of models and of anybody's maps on data sets, beside baseline rows."""

from avsal.evaluation.areas import read_areas
from avsal.evaluation.baselines import VideoBaselines
from avsal.evaluation.centre_bias import CentreBias
from avsal.evaluation.fixation_rows import FixationRows, by_area, write_fixations
from avsal.evaluation.intervals import Interval, bootstrap_interval
from avsal.evaluation.kernel_density import Mixture, fit_mixture
from avsal.evaluation.map_collection import MapCollection, normalised_name
from avsal.evaluation.maps import MapSource, PredictedMap
from avsal.evaluation.people import score_people
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
    "FixationRows",
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
    "by_area",
    "common_frames",
    "fit_mixture",
    "frame_statement",
    "normalised_name",
    "on_frames",
    "protocol",
    "read_areas",
    "read_rows",
    "score_people",
    "undefined_reason",
    "write_fixations",
]
