"""Engines by name."""

from __future__ import annotations

import torch

from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.prediction.engines.carried import CarriedEngine
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.shared import EDGES, SharedEngine
from avsal.prediction.engines.trace import Untraceable

__all__ = ["ENGINES", "create_engine", "supported_engines"]

ENGINES = (*EDGES, "plain")


def supported_engines(model: SaliencyModel) -> tuple[str, ...]:
    """The engines that a model can be run by, the default one first.

    Where a network treats every frame alone before it looks at a window, there is nothing beyond a window's
    ends to see: ``exact`` does all that the others could.
    """
    if model.delay is not None:
        return (CarriedEngine.name, PlainEngine.name)
    try:
        sees_beyond = SharedEngine(model, "streaming").past > 0
    except Untraceable:
        return (PlainEngine.name,)
    return ENGINES if sees_beyond else ("exact", PlainEngine.name)


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
        name: of `ENGINES`; None: the model's default: `plain` where its windows have nothing in common.
        batch_size: windows, or frames of a stream, at once; None: the engine's own.
        precision: what the network computes in.

    Raises:
        ConfigError: no such engine, or it cannot run this model; the message says why.
    """
    if name is not None and name not in ENGINES:
        raise ConfigError(f"unknown engine {name!r}: expected one of {', '.join(ENGINES)}")
    if name == PlainEngine.name:
        return PlainEngine(model, batch_size, precision)
    if model.delay is not None:
        if name not in (None, CarriedEngine.name):
            raise ConfigError(
                f"{model.name!r} cannot be run by the engine {name!r}: expected 'streaming' or 'plain'"
            )
        return CarriedEngine(model, batch_size, precision)
    try:
        engine = SharedEngine(model, name or "exact", batch_size, precision)
        if engine.name != "exact" and not engine.past:
            raise ConfigError(
                f"{model.name!r} cannot be run by the engine {name!r}: expected 'exact' or 'plain', since "
                "its frames stand alone"
            )
        return engine
    except Untraceable as error:
        if name is not None:
            raise ConfigError(
                f"{model.name!r} cannot be run by the engine {name!r}: expected 'plain', since {error}"
            ) from error
        plain = PlainEngine(model, batch_size, precision)
        plain.reason = f"windows share nothing: {error}"
        return plain
