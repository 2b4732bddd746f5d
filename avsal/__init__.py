"""avsal predicts where people look in a video with sound.

model = avsal.load_model("tsfpnet_av", weights="checkpoint.safetensors")
for frame in avsal.predict(model, "clip.mp4"):
    frame.time, frame.map
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avsal.models import create_model, list_models
    from avsal.prediction import predict
    from avsal.weights import from_pretrained, load_model, save_checkpoint, save_pretrained

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "create_model",
    "from_pretrained",
    "list_models",
    "load_model",
    "predict",
    "save_checkpoint",
    "save_pretrained",
]

_HOMES = {
    "create_model": "avsal.models",
    "list_models": "avsal.models",
    "predict": "avsal.prediction",
    "from_pretrained": "avsal.weights",
    "load_model": "avsal.weights",
    "save_checkpoint": "avsal.weights",
    "save_pretrained": "avsal.weights",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that importing avsal is quick and `avsal --help` answers at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'avsal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
