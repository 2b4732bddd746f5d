"""Ways to compute a video's maps: which one is faster, and which maps it gives."""

from avsal.prediction.engines.choice import ENGINES, create_engine, supported_engines
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.runs import WindowJob, WindowMaps

__all__ = ["ENGINES", "Engine", "WindowJob", "WindowMaps", "create_engine", "supported_engines"]
