"""Stages chain by checkpoint: what fits is taken, what is fresh or left over is listed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from avsal.errors import CheckpointError
from avsal.models import SaliencyModel, create_model
from avsal.training.settings import ModelSettings
from avsal.weights import initialise, load_model

__all__ = ["Inheritance", "build_model", "inherit"]


@dataclass(frozen=True)
class Inheritance:
    """What a model got from the checkpoint of an earlier stage.

    Attributes:
        file: the checkpoint.
        taken: names of tensors with the checkpoint's values.
        fresh: names of the model's tensors that the checkpoint does not have.
        other_shape: names of tensors that both have, in different shapes; the model's stay fresh.
        left_over: names of the checkpoint's tensors that the model does not have.
    """

    file: str
    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    other_shape: tuple[str, ...]
    left_over: tuple[str, ...]

    def describe(self) -> str:
        """One line."""
        parts = [f"{len(self.taken)} tensors from {self.file}"]
        for what, names in (
            ("fresh", self.fresh),
            ("fresh because of another shape", self.other_shape),
            ("left over", self.left_over),
        ):
            if names:
                tops = sorted({".".join(name.split(".")[:2]) for name in names})
                parts.append(f"{len(names)} {what} ({', '.join(tops[:8])}{', ...' if len(tops) > 8 else ''})")
        return "; ".join(parts)


def build_model(settings: ModelSettings) -> tuple[SaliencyModel, list[str]]:
    """A model with the weights that it starts from.

    Returns:
        The model, and a line on each source of weights.

    Raises:
        CheckpointError: a weight file cannot be used.
        ConfigError: unknown model or argument.
    """
    model = create_model(settings.name, **settings.arguments)
    notes = []
    if settings.encoder or settings.audio:
        for part in initialise(model, encoder=settings.encoder, audio=settings.audio):
            notes.append(f"{part.part}: {part.backbone} from {part.file}")
    if settings.initial:
        notes.append(inherit(model, settings.initial).describe())
    return model, notes


def inherit(model: SaliencyModel, file: str) -> Inheritance:
    """Take every tensor of a checkpoint, or of what else `load_model` takes, whose name and shape fit.

    The checkpoint's mean, std, value range and channel order become the model's: the weights expect them.

    Raises:
        CheckpointError: the file cannot be used, or nothing in it fits.
    """
    if Path(file).suffix and not Path(file).exists():
        raise CheckpointError(
            f"there is no checkpoint {file} to start from: train the stage before this one, or name another "
            "file with model.initial= (null for none)"
        )
    earlier = load_model(file)
    theirs, own = earlier.state_dict(), model.state_dict()
    taken = [name for name in own if name in theirs and theirs[name].shape == own[name].shape]
    if not taken:
        raise CheckpointError(
            f"nothing in {file} ({earlier.name}) fits {model.name}: name a checkpoint of an earlier stage"
        )
    with torch.no_grad():
        for name in taken:
            own[name].copy_(theirs[name])
    spec = earlier.spec
    model.spec = replace(
        model.spec, mean=spec.mean, std=spec.std, value_range=spec.value_range, channels=spec.channels
    )
    return Inheritance(
        file,
        tuple(taken),
        tuple(name for name in own if name not in theirs),
        tuple(name for name in own if name in theirs and name not in set(taken)),
        tuple(name for name in theirs if name not in own),
    )
