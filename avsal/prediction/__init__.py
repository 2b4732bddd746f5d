"""Prediction: which windows of a video a model sees, and the stream of maps that comes out."""

from typing import TYPE_CHECKING

from avsal.clips.windows import Window, WindowPlan
from avsal.lazy import lazy_names

if TYPE_CHECKING:
    from avsal.prediction.front import predict
    from avsal.prediction.live_stream import LiveStream, live
    from avsal.prediction.prediction import Prediction
    from avsal.prediction.stream import PRECISIONS, PredictionStream
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "live_stream": "LiveStream live",
            "prediction": "Prediction",
            "stream": "PRECISIONS PredictionStream",
            "front": "predict",
        },
    )

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
