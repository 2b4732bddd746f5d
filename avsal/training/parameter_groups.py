"""Frozen parts and learning rates of parts, as an optimiser wants them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from avsal.errors import ConfigError

__all__ = ["check_parts", "freeze", "innermost", "parameter_groups", "part_named"]


def parameter_groups(
    model: nn.Module,
    learning_rate: float,
    *,
    frozen: Iterable[str] = (),
    learning_rates: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Divide a model's parameters by learning rate; neither the model nor its parameters are changed.

    A part is a module's or parameter's dotted name, such as ``encoder`` or ``encoder.base1``. Of parts within
    parts, the inner one decides. Parameters of frozen parts, and those that already take no gradient, are in
    no group.

    Args:
        model: model to train.
        learning_rate: learning rate of everything that `learning_rates` does not name.
        frozen: parts that are not trained.
        learning_rates: factor on the learning rate by part.

    Returns:
        Groups for `torch.optim`, each with ``params``, ``lr``, ``name`` (of the part, ``rest`` for what is in
        none) and ``lr_factor``; no empty ones.

    Raises:
        ConfigError: a part that the model does not have, a factor that is not positive, or nothing to train.
    """
    factors = dict(learning_rates or {})
    frozen = list(frozen)
    check_parts(model, [*factors, *frozen])
    for part, factor in factors.items():
        if factor <= 0:
            raise ConfigError(
                f"the learning-rate factor of {part!r} must be positive, not {factor}: freeze it"
            )
    both = sorted(set(factors) & set(frozen))
    if both:
        raise ConfigError(f"the part {both[0]!r} is frozen and has a learning rate: leave one out")
    groups: dict[str, list[nn.Parameter]] = {part: [] for part in ("rest", *factors)}
    for name, parameter in model.named_parameters():
        inner = innermost(name, [*factors, *frozen])
        if parameter.requires_grad and inner not in frozen:
            groups[inner or "rest"].append(parameter)
    if not any(groups.values()):
        raise ConfigError("nothing is left to train: every part is frozen")
    return [
        {"params": groups[part], "lr": learning_rate * factor, "name": part, "lr_factor": factor}
        for part, factor in {"rest": 1.0, **factors}.items()
        if groups[part]
    ]


def freeze(model: nn.Module, parts: Iterable[str]) -> list[nn.Module]:
    """Stop gradients into parts of a model.

    Args:
        model: model to change.
        parts: dotted names of modules or parameters.

    Returns:
        The frozen modules. Batch norms within them must not follow the batches either: put these modules back
        into evaluation mode after each `model.train()`.

    Raises:
        ConfigError: a part that the model does not have.
    """
    parts = list(parts)
    check_parts(model, parts)
    for name, parameter in model.named_parameters():
        if innermost(name, parts):
            parameter.requires_grad_(False)
    return [module for name, module in model.named_modules() if name in parts]


def part_named(model: nn.Module, part: str) -> nn.Module:
    """The module called `part`.

    Raises:
        ConfigError: the model has none.
    """
    check_parts(model, [part])
    return model.get_submodule(part)


def innermost(name: str, parts: Iterable[str]) -> str | None:
    """The longest of `parts` that the parameter called `name` lies in."""
    within = [part for part in parts if name == part or name.startswith(f"{part}.")]
    return max(within, key=len, default=None)


def check_parts(model: nn.Module, parts: Iterable[str]) -> None:
    """Raise ConfigError where the model has no such part, or one without parameters."""
    names = [name for name, _ in model.named_parameters()]
    for part in parts:
        if not any(innermost(name, [part]) for name in names):
            known = sorted({name.partition(".")[0] for name in names})
            raise ConfigError(f"the model has no part {part!r}: expected names such as {', '.join(known)}")
