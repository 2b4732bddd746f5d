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

from typing import TYPE_CHECKING

from avsal.lazy import lazy_names

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

_MODULES = {
    "models": "create_model list_models",
    "prediction": "live predict",
    "render.plots": "plot",
    "weights": "from_pretrained load_model model_identity push_to_hub save_checkpoint save_pretrained",
    "workflows.ablate": "ablate",
    "workflows.ablate_control": "ControlAblation ablate_control",
    "workflows.ablate_settings": "AblateSettings",
    "workflows.ablate_video": "VideoAblation",
    "workflows.crop": "crop",
    "workflows.data": "load_dataset",
    "workflows.data_ablation": "DataAblation",
    "workflows.evaluate": "evaluate",
    "workflows.evaluate_settings": "EvaluateSettings",
    "workflows.export": "ExportSettings Exported export",
    "workflows.import_gaze": "ImportSettings ImportedGaze import_gaze",
    "workflows.paper_tables": "ReproduceSettings",
    "workflows.predict": "predict_video",
    "workflows.prepare": "PrepareSettings Prepared prepare",
    "workflows.reproduce": "Reproduction reproduce",
    "workflows.scores": "Scores",
    "workflows.train": "TrainedRun train",
    "workflows.video_settings": "CropSettings PredictSettings",
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


__getattr__ = lazy_names(__name__, _MODULES)  # importing avsal is quick, and `avsal --help` answers at once


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
