"""avsal predicts where people look in a video with sound.

model = avsal.load_model()
for frame in avsal.predict(model, "clip.mp4"):
    frame.time, frame.map
stream = avsal.live(model, fps=25)
maps = stream.push(frame)

data = avsal.load_dataset("diem", "DIEM", split="test", fold=1)
scores = avsal.evaluate(model, data)
effect = avsal.ablate(model, data, conditions=["zero", "noise"])
run = avsal.train("tsfpnet_av", changes={"data": "diem"})
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avsal.models import create_model, list_models
    from avsal.prediction import live, predict
    from avsal.render.plots import plot
    from avsal.weights import (
        from_pretrained,
        load_model,
        model_identity,
        push_to_hub,
        save_checkpoint,
        save_pretrained,
    )
    from avsal.workflows.ablate import ablate
    from avsal.workflows.ablate_control import ControlAblation, ablate_control
    from avsal.workflows.ablate_settings import AblateSettings
    from avsal.workflows.ablate_video import VideoAblation
    from avsal.workflows.crop import crop
    from avsal.workflows.data import load_dataset
    from avsal.workflows.data_ablation import DataAblation
    from avsal.workflows.evaluate import evaluate
    from avsal.workflows.evaluate_settings import EvaluateSettings
    from avsal.workflows.export import Exported, ExportSettings, export
    from avsal.workflows.import_gaze import ImportedGaze, ImportSettings, import_gaze
    from avsal.workflows.paper_tables import ReproduceSettings
    from avsal.workflows.predict import predict_video
    from avsal.workflows.prepare import Prepared, PrepareSettings, prepare
    from avsal.workflows.reproduce import Reproduction, reproduce
    from avsal.workflows.scores import Scores
    from avsal.workflows.train import TrainedRun, train
    from avsal.workflows.video_settings import CropSettings, PredictSettings

__version__ = "0.1.0"

_HOMES = {
    "AblateSettings": "avsal.workflows.ablate_settings",
    "ControlAblation": "avsal.workflows.ablate_control",
    "DataAblation": "avsal.workflows.data_ablation",
    "VideoAblation": "avsal.workflows.ablate_video",
    "ablate": "avsal.workflows.ablate",
    "ablate_control": "avsal.workflows.ablate_control",
    "CropSettings": "avsal.workflows.video_settings",
    "EvaluateSettings": "avsal.workflows.evaluate_settings",
    "ExportSettings": "avsal.workflows.export",
    "Exported": "avsal.workflows.export",
    "ImportSettings": "avsal.workflows.import_gaze",
    "ImportedGaze": "avsal.workflows.import_gaze",
    "PredictSettings": "avsal.workflows.video_settings",
    "PrepareSettings": "avsal.workflows.prepare",
    "Prepared": "avsal.workflows.prepare",
    "ReproduceSettings": "avsal.workflows.paper_tables",
    "Reproduction": "avsal.workflows.reproduce",
    "Scores": "avsal.workflows.scores",
    "TrainedRun": "avsal.workflows.train",
    "create_model": "avsal.models",
    "crop": "avsal.workflows.crop",
    "evaluate": "avsal.workflows.evaluate",
    "export": "avsal.workflows.export",
    "from_pretrained": "avsal.weights",
    "import_gaze": "avsal.workflows.import_gaze",
    "list_models": "avsal.models",
    "live": "avsal.prediction",
    "load_dataset": "avsal.workflows.data",
    "load_model": "avsal.weights",
    "model_identity": "avsal.weights",
    "plot": "avsal.render.plots",
    "predict": "avsal.prediction",
    "predict_video": "avsal.workflows.predict",
    "prepare": "avsal.workflows.prepare",
    "push_to_hub": "avsal.weights",
    "reproduce": "avsal.workflows.reproduce",
    "save_checkpoint": "avsal.weights",
    "save_pretrained": "avsal.weights",
    "train": "avsal.workflows.train",
}

__all__ = [
    "AblateSettings",
    "ControlAblation",
    "CropSettings",
    "DataAblation",
    "EvaluateSettings",
    "ExportSettings",
    "Exported",
    "ImportSettings",
    "ImportedGaze",
    "PredictSettings",
    "PrepareSettings",
    "Prepared",
    "ReproduceSettings",
    "Reproduction",
    "Scores",
    "TrainedRun",
    "VideoAblation",
    "__version__",
    "ablate",
    "ablate_control",
    "create_model",
    "crop",
    "evaluate",
    "export",
    "from_pretrained",
    "import_gaze",
    "list_models",
    "live",
    "load_dataset",
    "load_model",
    "model_identity",
    "plot",
    "predict",
    "predict_video",
    "prepare",
    "push_to_hub",
    "reproduce",
    "save_checkpoint",
    "save_pretrained",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that importing avsal is quick and `avsal --help` answers at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'avsal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
