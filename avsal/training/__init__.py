"""Training: from clips and settings to checkpoints; see `Trainer`."""

from avsal.training.initial import Inheritance, build_model, inherit
from avsal.training.settings import TrainSettings
from avsal.training.sources import ClipSource, ValidationBatch, ValidationSource
from avsal.training.stopping import DivergedError, StoppedError
from avsal.training.trainer import Trainer

__all__ = [
    "ClipSource",
    "DivergedError",
    "Inheritance",
    "StoppedError",
    "TrainSettings",
    "Trainer",
    "ValidationBatch",
    "ValidationSource",
    "build_model",
    "inherit",
]
