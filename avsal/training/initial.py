"""Stages chain by checkpoint: what fits is taken, what is fresh or left over is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from avsal.errors import CheckpointError, ConfigError
from avsal.models import SaliencyModel, create_model
from avsal.training.settings import ModelSettings, TrainSettings
from avsal.weights import CATALOGUE, initialise, load_model, model_identity, pretrained_parts
from avsal.weights.catalogue import fetched

__all__ = ["Inheritance", "build_model", "check_start", "inherit", "started_from"]


@dataclass(frozen=True)
class Inheritance:
    """What a model got from the checkpoint of an earlier stage.

    Attributes:
        file: the checkpoint.
        sha256: of its tensors.
        taken: names of tensors with the checkpoint's values.
        fresh: names of the model's tensors that the checkpoint does not have.
        other_shape: names of tensors that both have, in different shapes; the model's stay fresh.
        left_over: names of the checkpoint's tensors that the model does not have.
    """

    file: str
    sha256: str
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


@dataclass(frozen=True)
class Start:
    """What a model starts from.

    Attributes:
        notes: a line on each source of weights.
        parts: for ``encoder`` and ``audio``, where the network has such a part that was published pretrained:
            where its weights come from, None where they are random.
    """

    notes: tuple[str, ...] = ()
    parts: Mapping[str, str | None] = field(default_factory=dict)


def started_from(start: Start) -> str:
    """What a card says of a run's beginning, in a line."""
    fresh = [part for part, source in start.parts.items() if source is None]
    told = [*start.notes, *(f"{part} from random numbers, not pretrained" for part in fresh)]
    return "; ".join(told) or "random numbers"


def build_model(settings: ModelSettings) -> tuple[SaliencyModel, Start]:
    """A model with the weights that it starts from.

    Raises:
        CheckpointError: a weight file cannot be used.
        ConfigError: unknown model or argument.
    """
    model = create_model(settings.name, **settings.arguments)
    notes = []
    sources: dict[str, str | None] = dict.fromkeys(pretrained_parts(model))
    for given in (settings.encoder, settings.audio):
        if given in CATALOGUE:
            try:
                fetched(given)
            except CheckpointError as error:
                raise CheckpointError(
                    f"{error}; or do without published weights, from_scratch=true"
                ) from error
    if settings.encoder or settings.audio:
        for part in initialise(model, encoder=settings.encoder, audio=settings.audio):
            notes.append(f"{part.part}: {part.backbone} from {part.file}")
            sources[part.part] = f"{part.backbone} from {part.file}"
    if settings.initial:
        earlier = inherit(model, settings.initial)
        notes.append(earlier.describe())
        for name, (module, _) in pretrained_parts(model).items():
            if any(taken.startswith(f"{module}.") for taken in earlier.taken):
                sources[name] = f"{earlier.file} ({earlier.sha256[:12]})"
    return model, Start(tuple(notes), sources)


def check_start(settings: TrainSettings, start: Start) -> None:
    """Raise ConfigError where a part that was published pretrained would start from random numbers unsaid.

    Args:
        settings: settings of the run; ``from_scratch`` says it.
        start: what the model starts from.
    """
    if settings.from_scratch:
        return
    model = settings.model
    for part, source in start.parts.items():
        if source is None:
            raise ConfigError(
                f"the {part} of {model.name} would start from random numbers: give its published weights, "
                f"model.{part}=FILE or a name of `avsal weights list`, or a checkpoint with "
                "model.initial=FILE, or say from_scratch=true"
            )


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
        model_identity(earlier).sha256,
        tuple(taken),
        tuple(name for name in own if name not in theirs),
        tuple(name for name in own if name in theirs and name not in set(taken)),
        tuple(name for name in theirs if name not in own),
    )
