"""Training: from clips and settings to checkpoints; see `Trainer`."""

from avsal.train.initial import Inheritance, build_model, inherit
from avsal.train.settings import TrainSettings
from avsal.train.sources import ClipSource, ValidationBatch, ValidationSource
from avsal.train.stopping import DivergedError, StoppedError
from avsal.train.trainer import Trainer

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
