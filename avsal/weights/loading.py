"""`load_model`: a model with its weights, from whatever names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from avsal.errors import CheckpointError, ConfigError, did_you_mean
from avsal.models import ArgumentValue, SaliencyModel, create_model, list_models, model_info
from avsal.weights.catalogue import CATALOGUE, cache_folder, fetched
from avsal.weights.checkpoint import (
    HEADER,
    effective_arguments,
    fill,
    header_of,
    is_ours,
    load_checkpoint,
    read_header,
)
from avsal.weights.conversion import without_wrapper_prefix
from avsal.weights.header import CheckpointHeader, plain
from avsal.weights.hub import from_hub, hub_id, weights_in
from avsal.weights.published_file import recognised_model
from avsal.weights.shipped import DEFAULT, SHIPPED, differing, shipped_checkpoint
from avsal.weights.state_file import read_state

__all__ = ["Found", "find_weights", "load_model"]


@dataclass(frozen=True)
class Found:
    """What a name, a path or an id stands for.

    Attributes:
        file: with the weights; None: there are none, the model is as it was made.
        model: its name in the registry, where that was given; None: the file tells.
    """

    file: Path | None
    model: str | None = None


def load_model(
    name_or_file: str | os.PathLike[str] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    **arguments: ArgumentValue,
) -> SaliencyModel:
    """A model in evaluation mode, with the weights that are asked for or that ship with the package.

        load_model()                                   the default
        load_model("tsfpnet_av", num_frames=16)        by name; shipped weights, if they fit, or none
        load_model("runs/1/best.safetensors")          a checkpoint: it knows its model
        load_model("ViNet_DHF1K.pt")                   its authors' file: recognised by its keys
        load_model("folder"), ("somebody/model")       a folder of `save_pretrained`, an id of the Hub
        load_model("tsfpnet", weights="state.ckpt")    a state dict under our names, or its authors'

    A model without trained weights has `trained` False. `avsal.weights.model_identity` says what was loaded.
    The prefixes that Lightning, DataParallel and torch.compile put before every name are taken off.

    Args:
        name_or_file: one of `list_models()`, of the shipped checkpoints, or what `find_weights` takes. None:
            what `weights` says, or the default.
        weights: anything that `find_weights` takes, of the model named.
        device: where the model goes.
        revision: branch, tag or commit, of a Hub id.
        **arguments: arguments of the model's constructor. A checkpoint of ours brings its own, which must
            agree but for the model's `choices`.

    Raises:
        CheckpointError: a file is missing, broken, of another model, or does not fit.
        ConfigError: unknown model, argument or device.
    """
    name = None
    if name_or_file is not None and weights is not None:
        name = str(name_or_file)
        if name not in list_models():
            found = find_weights(name_or_file, arguments, revision)
            raise ConfigError(
                f"{found.file} is a checkpoint, so `weights` has no place: name a model, or leave one out"
            )
    given = weights if weights is not None else name_or_file
    found = find_weights(DEFAULT if given is None else given, arguments, revision)
    name = name or found.model
    if found.file is None:
        if weights is not None:
            if str(weights) in CATALOGUE:
                fetched(str(weights))  # says how to bring it
            raise ConfigError(f"no weights of {given} ship with avsal: name a file, a folder or a Hub id")
        assert name is not None
        return placed(create_model(name, **arguments), device)
    return placed(load_file(found.file, name, arguments), device)


def find_weights(
    given: str | os.PathLike[str],
    arguments: Mapping[str, ArgumentValue] | None = None,
    revision: str | None = None,
) -> Found:
    """What `given` stands for; every verb's model and ``--weights`` end here. Only a Hub id is fetched.

    In this order: a model's name (its shipped checkpoint, if one has these arguments, else what was fetched
    under this name), a shipped checkpoint's name, a name of `avsal weights list` whose file was fetched, a
    file, a folder of `save_pretrained`, a Hub id such as ``name/model`` or ``hf://name/model``.

    Raises:
        CheckpointError: it looks like a path or an id, but there is no such file, folder or repository.
        ConfigError: it looks like a name, but there is no such model; or it is no text or path at all.
    """
    if not isinstance(given, str | os.PathLike):
        advice = "it is a model already" if isinstance(given, torch.nn.Module) else "give a name or a path"
        raise ConfigError(f"expected a model's name or weights but got {type(given).__name__}: {advice}")
    text, path = str(given), Path(given)
    if not text:
        raise ConfigError("expected a model's name or weights but found an empty name: see avsal models")
    if text in list_models():
        shipped = shipped_checkpoint(text, arguments)
        if shipped is not None:
            return Found(shipped.path, text)
        fits = set(arguments or ()) <= set(model_info(text).choices)
        here = text in CATALOGUE and fits and (cache_folder() / CATALOGUE[text].file).is_file()
        return Found(fetched(text) if here else None, text)
    if text in SHIPPED:
        return Found(SHIPPED[text].path)
    if text in CATALOGUE:
        return Found(fetched(text))
    if os.path.isdir(path):
        return Found(weights_in(path))
    if os.path.lexists(path):
        return Found(path)
    if (repository := hub_id(text)) is not None:
        return Found(from_hub(repository, revision))
    if path.suffix == "" and os.sep not in text:
        known = [*list_models(), *SHIPPED]
        hint = did_you_mean(text, known)
        raise ConfigError(f"unknown model {text!r}: expected one of {', '.join(known)}{hint}")
    raise CheckpointError(f"there is no checkpoint {text!r}: check the path")


def load_file(path: Path, name: str | None, arguments: Mapping[str, Any]) -> SaliencyModel:
    """The model in a file of any kind.

    Args:
        path: path of the file.
        name: name of the model it must be; None: whichever it is.
        arguments: arguments of its constructor.
    """
    if is_ours(path):
        header = read_header(path)
        if name not in (None, header.model):
            raise CheckpointError(f"{path} is a checkpoint of the model {header.model}, not of {name}")
        return load_checkpoint(path, **check_arguments(header, arguments, path))
    tensors, _ = without_wrapper_prefix(read_state(path).tensors)
    if name is None:
        return recognised_model(tensors, path, None, arguments)
    with torch.random.fork_rng(devices=[]):
        model = create_model(name, **arguments)
    if not set(tensors) & set(model.state_dict()):
        return recognised_model(tensors, path, name, arguments)
    fill(model, tensors, str(path))
    model.trained = True
    vars(model)[HEADER] = header_of(model, source=path.name)
    return model


def placed(model: SaliencyModel, device: str | torch.device) -> SaliencyModel:
    """The model on a device, in evaluation mode.

    Raises:
        ConfigError: there is no such device here, or no room on it.
    """
    try:
        return model.to(device).eval()
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ConfigError(f"the model cannot be put on the device {str(device)!r}: {reason}") from error


def check_arguments(header: CheckpointHeader, arguments: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Those of the arguments that may differ from the checkpoint's and do.

    Raises:
        ConfigError: arguments that the model does not take, or that the checkpoint contradicts.
    """
    known = effective_arguments(model_info(header.model), header.arguments)
    for key in arguments:
        if key not in known:
            raise ConfigError(f"model {header.model!r} takes no argument {key!r}{did_you_mean(key, known)}")
    choices = model_info(header.model).choices
    others = differing(header, arguments)
    for key in others:
        if key in choices:
            continue
        raise ConfigError(
            f"{path} was made with {key}={json.dumps(known[key])}, not {json.dumps(plain(arguments[key]))}: "
            "leave the argument out, or name the model without these weights"
        )
    return {key: arguments[key] for key in others}
