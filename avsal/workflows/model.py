"""Loading the model that settings name, on its device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from avsal.configuration import Checked, setting, setting_fields
from avsal.errors import ConfigError
from avsal.workflows.launch import place_on_machine

if TYPE_CHECKING:
    import torch

    from avsal.models import SaliencyModel

__all__ = ["LoadSettings", "ModelSettings", "RunSettings", "load", "load_each", "pick_device"]

_MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class RunSettings(Checked):
    """How a model is run."""

    engine: str | None = setting(
        None,
        help="plain: every window from scratch; exact: the same maps for half the work; live and streaming: "
        "faster, but windows see the video's past (live) or past and the next 44 frames (streaming) at their "
        "ends, which changes maps [exact where the model can]",
        metavar="exact|streaming|live|plain",
        group=_MODEL,
    )
    batch_size: int | None = setting(
        None, help="windows at once [the choice of engine and model]", least=1, group=_MODEL
    )
    precision: str = setting(
        "float32",
        help="what the network computes in: float32, bfloat16 or float16 [float32, never TF32]; half "
        "precision changes maps, of the default model with sound or silence by up to 18 % (bfloat16, CC "
        "above 0.99) or 1.1 % (float16, CC above 0.9999) of their range",
        metavar="float32|bfloat16|float16",
        group=_MODEL,
    )

    @property
    def running(self) -> dict[str, Any]:
        """Engine, batch size and precision, as streams of predictions take them."""
        return {"engine": self.engine, "batch_size": self.batch_size, "precision": self.precision}


@dataclass(frozen=True, kw_only=True)
class LoadSettings(Checked):
    """Which model, with which weights, on which device."""

    model: str | None = setting(
        None,
        help="name, see `avsal models` [the checkpoint's own, else the default]",
        metavar="NAME",
        group=_MODEL,
    )
    weights: str | None = setting(
        None,
        help="a checkpoint, which knows its model, a folder of save_pretrained, or a Hub id",
        metavar="FILE",
        group=_MODEL,
    )
    arguments: Mapping[str, Any] = setting(
        factory=dict,
        help="argument of the model, such as levels=multi (see `avsal models --variants`); also as "
        "model.KEY=VALUE; may be repeated",
        flags=("-O", "--option"),
        group=_MODEL,
        prefix="model",
    )
    untrained: bool = setting(
        False, help="go on with random weights: the maps then mean nothing", group=_MODEL
    )
    device: str = setting("auto", help="where it runs: auto, cpu, cuda, cuda:1, mps", group=_MODEL)
    threads: int | None = setting(
        None, help="CPU threads [all; beside an overlay all but one]", least=1, group=_MODEL
    )


@dataclass(frozen=True, kw_only=True)
class ModelSettings(LoadSettings, RunSettings):
    """Which model, with which weights, and how it is run; the fields are its bases'."""


def pick_device(name: str) -> torch.device:
    """The device called `name`; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ConfigError: no such device.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():  # each process of a machine takes the next one
            return torch.device("cuda", place_on_machine() % torch.cuda.device_count())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason}); try --device cpu") from error
    return device


def load(settings: LoadSettings) -> SaliencyModel:
    """The model that the settings ask for, on its device.

    Raises:
        ConfigError: unknown model or device, or untrained weights that were not asked for.
        CheckpointError: the weight file cannot be used.
    """
    import torch

    from avsal.weights import load_model

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = pick_device(settings.device)
    model = load_model(settings.model, weights=settings.weights, **settings.arguments)
    if not model.trained and not settings.untrained:
        offered = "untrained" in setting_fields(type(settings))
        raise ConfigError(
            f"{model.name!r} lacks trained weights: none are installed or were given, so its maps would mean "
            "nothing; give a checkpoint with --weights FILE (see `avsal weights list`)"
            + (", or go on with --untrained to see the machinery run" if offered else "")
        )
    return model.to(device)


def load_each(settings: ModelSettings) -> list[SaliencyModel]:
    """The models that ``model=A,B`` or ``weights=A,B`` name, or both in pairs; one where there is no comma.

    Raises:
        ConfigError: see `load`; numbers that do not pair; arguments, which belong to one model.
        CheckpointError: a weight file cannot be used.
    """
    names, files = (
        [part.strip() for part in text.split(",")] if text else []
        for text in (settings.model, settings.weights)
    )
    number = max(len(names), len(files))
    if number < 2:
        return [load(settings)]
    if names and files and len(names) != len(files):
        raise ConfigError(
            f"`model` names {len(names)} and `weights` {len(files)}: give a file for each model, or files "
            "alone, which know their models"
        )
    if not all([*names, *files]):
        raise ConfigError("`model` and `weights`: expected a name or file between commas but found none")
    if settings.arguments:
        raise ConfigError("`model.` arguments are of one model: give checkpoints, which know theirs")
    pairs = zip_longest(names, files)
    return [load(replace(settings, model=name, weights=file)) for name, file in pairs]
