"""Training: from clips and settings to checkpoints; see `Trainer`."""

from avsal.training.initial import Inheritance, Start, build_model, check_start, inherit
from avsal.training.settings import TrainSettings
from avsal.training.sources import ClipSource, ValidationBatch, ValidationSource
from avsal.training.stopping import DivergedError, StoppedError
from avsal.training.trainer import Trainer

__all__ = [
    "ClipSource",
    "DivergedError",
    "Inheritance",
    "Start",
    "StoppedError",
    "TrainSettings",
    "Trainer",
    "ValidationBatch",
    "ValidationSource",
    "build_model",
    "check_start",
    "inherit",
]
