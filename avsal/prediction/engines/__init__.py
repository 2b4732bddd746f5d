"""Ways to compute a film's maps: which one is faster, and which maps it gives."""

from avsal.prediction.engines.choice import ENGINES, create_engine, supported_engines
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.live import LiveState
from avsal.prediction.engines.runs import Job, Output

__all__ = ["ENGINES", "Engine", "Job", "LiveState", "Output", "create_engine", "supported_engines"]
