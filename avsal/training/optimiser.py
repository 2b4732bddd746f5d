"""Optimisers by name, over a model's parts with learning rates of their own."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.optim import Optimizer

from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.training.parameter_groups import parameter_groups
from avsal.training.settings import OptimSettings

__all__ = ["create_optimiser", "set_learning_rate"]

_OPTIMISERS: dict[str, type[Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "adadelta": torch.optim.Adadelta,
}


def create_optimiser(model: SaliencyModel, settings: OptimSettings) -> Optimizer:
    """The optimiser of a model's trainable parameters; each group remembers its factor as ``lr_factor``.

    Caffe's AdaDelta calls its decay "momentum"; here it is ``options: {rho: 0.95}``.

    Raises:
        ConfigError: a part that the model does not have, nothing to train, or an option the optimiser does
            not take.
    """
    groups = parameter_groups(
        model,
        settings.learning_rate,
        frozen=settings.frozen,
        learning_rates=settings.learning_rates,
    )
    for group in groups:
        group["weight_decay"] = settings.weight_decays.get(group["name"], settings.weight_decay)
    build = _OPTIMISERS[settings.name]
    known = [name for name in inspect.signature(build).parameters if name not in ("self", "params", "lr")]
    for name in settings.options:
        if name not in known:
            raise ConfigError(
                f"`optim.options` of {settings.name} must be some of {', '.join(known)} but has {name!r}"
            )
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.options.items()
    }
    try:
        return build(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, **options)  # type: ignore[call-arg]
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the optimiser {settings.name} cannot be built: {error}") from error


def set_learning_rate(optimiser: Optimizer, learning_rate: float) -> None:
    """Give every group this learning rate times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * group["lr_factor"]
