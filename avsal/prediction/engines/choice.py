"""Engines by name."""

from __future__ import annotations

import torch

from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.models.tsfpnet import TSFPNet
from avsal.models.tsfpnet_mobile import TSFPNetMobile
from avsal.prediction.engines.carried import CarriedEngine
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.exact import ExactEngine
from avsal.prediction.engines.framewise import FramewiseEngine
from avsal.prediction.engines.live import LiveEngine
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.streaming import StreamingEngine

__all__ = ["ENGINES", "create_engine", "supported_engines"]

#: engines that share work between windows, which TSFP-Net was built for
TAPED: dict[str, type[ExactEngine | StreamingEngine | LiveEngine]] = {
    "exact": ExactEngine,
    "streaming": StreamingEngine,
    "live": LiveEngine,
}

ENGINES = (*TAPED, "plain")


def supported_engines(model: SaliencyModel) -> tuple[str, ...]:
    """The engines that a model can be run by, the default one first."""
    if isinstance(model, TSFPNet):
        return ENGINES
    if isinstance(model, TSFPNetMobile):
        return (FramewiseEngine.name, PlainEngine.name)
    return ("plain",) if model.delay is None else ("streaming", "plain")


def create_engine(
    model: SaliencyModel,
    name: str | None = None,
    *,
    batch_size: int | None = None,
    precision: torch.dtype = torch.float32,
) -> Engine:
    """An engine for a model.

    Args:
        model: on its device, in evaluation mode.
        name: of `ENGINES`; None: the model's default.
        batch_size: windows, or frames of a stream, at once; None: the engine's own.
        precision: what the network computes in.

    Raises:
        ConfigError: no such engine, or it cannot run this model.
    """
    if name is not None and name not in ENGINES:
        raise ConfigError(f"unknown engine {name!r}: expected one of {', '.join(ENGINES)}")
    supported = supported_engines(model)
    name = name or supported[0]
    if name not in supported:
        expected = " or ".join(map(repr, supported))
        raise ConfigError(f"{model.name!r} cannot be run by the engine {name!r}: expected {expected}")
    if name in TAPED and isinstance(model, TSFPNet):
        return TAPED[name](model, batch_size, precision)
    if name == FramewiseEngine.name and isinstance(model, TSFPNetMobile):
        return FramewiseEngine(model, batch_size, precision)
    if name == CarriedEngine.name:
        return CarriedEngine(model, batch_size, precision)
    return PlainEngine(model, batch_size, precision)
