"""Prediction: which windows of a video a model sees, and the stream of maps that comes out."""

from avsal.clips.windows import Window, WindowPlan
from avsal.prediction.stream import PRECISIONS, Prediction, PredictionStream, predict

__all__ = ["PRECISIONS", "Prediction", "PredictionStream", "Window", "WindowPlan", "predict"]
