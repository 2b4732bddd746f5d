"""Prediction: which windows of a video a model sees, and the stream of maps that comes out."""

from avsal.clips.windows import Window, WindowPlan
from avsal.prediction.live_stream import LiveStream, live
from avsal.prediction.prediction import Prediction
from avsal.prediction.stream import PRECISIONS, PredictionStream, predict

__all__ = [
    "PRECISIONS",
    "LiveStream",
    "Prediction",
    "PredictionStream",
    "Window",
    "WindowPlan",
    "live",
    "predict",
]
