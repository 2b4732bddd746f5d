"""`load_model`: a model with its weights, from a name, a file, or both."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avsal.errors import CheckpointError, ConfigError
from avsal.models import SaliencyModel, create_model, list_models, model_info
from avsal.weights.catalogue import resolve
from avsal.weights.checkpoint import effective_arguments, fill, load_checkpoint, read_header
from avsal.weights.conversion import convert_state, without_wrapper_prefix
from avsal.weights.filetype import file_kind
from avsal.weights.header import KEY, CheckpointHeader, plain
from avsal.weights.model_file import recognised_model
from avsal.weights.published_models import MODELS
from avsal.weights.safetensors_file import read_table
from avsal.weights.state_file import read_state

__all__ = ["load_model", "shipped_checkpoint"]

SHIPPED = Path(__file__).parents[1] / "checkpoints"


def load_model(
    name_or_file: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
    **arguments: Any,
) -> SaliencyModel:
    """A model in evaluation mode, with the weights that are asked for or that ship with the package.

    - A checkpoint of ours alone is enough: it knows its model. So is the file of a model's authors, which is
      recognised by its keys.
    - A name alone gives the trained checkpoint that ships with avsal for it, if there is one and it has these
      arguments; otherwise fresh weights, and the model's `trained` is False.
    - A name and `weights`: a checkpoint of ours of that model, or a state dict of the whole model in our
      names or its authors' (.pt, .pth, .safetensors, .npz).

    Args:
        name_or_file: one of `list_models()`, a weight file, or a name of the catalogue whose file is there.
        weights: for the named model, the same.
        device: where the model goes.
        **arguments: of the model's constructor. A checkpoint of ours brings its own, which must agree but for
            the model's `choices`.

    Raises:
        CheckpointError: a file is missing, broken, of another model, or does not fit.
        ConfigError: unknown model or argument.
    """
    if str(name_or_file) not in list_models():
        path = existing_file(resolve(name_or_file))
        if weights is not None:
            raise ConfigError(
                f"{path} is a checkpoint, so `weights` has no place: name a model, or leave one out"
            )
        if not has_header(path):
            return recognised_model(read_state(path).tensors, path, None, arguments).to(device)
        chosen = check_arguments(read_header(path), arguments, path)
        return load_checkpoint(path, device=device, **chosen)
    name = str(name_or_file)
    if weights is not None:
        return load_into(name, resolve(weights), device, arguments)
    shipped = shipped_checkpoint(name, arguments)
    if shipped is not None:
        return load_checkpoint(shipped, device=device)
    return create_model(name, **arguments).to(device)


def existing_file(given: str | os.PathLike[str]) -> Path:
    """`given` as a path.

    Raises:
        CheckpointError: it looks like a path, but there is no such file.
        ConfigError: it looks like a name, but there is no such model.
    """
    path = Path(given)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: name the file in it, or use avsal.from_pretrained")
    if not path.exists():
        if path.suffix == "" and len(path.parts) == 1:
            model_info(str(given))  # names the models there are, and the nearest
        raise CheckpointError(
            f"there is no checkpoint {path}: check the path (a Hub id goes to avsal.from_pretrained)"
        )
    return path


def shipped_checkpoint(name: str, arguments: Mapping[str, Any] | None = None) -> Path | None:
    """The trained checkpoint that ships with avsal for a model with these arguments; None if there is none.

    Args:
        name: of the model.
        arguments: of its constructor; those not given may be anything.
    """
    for path in sorted([SHIPPED / f"{name}.safetensors", *SHIPPED.glob(f"{name}-*.safetensors")]):
        if path.is_file():
            header = read_header(path)
            if header.model == name and not differing(header, arguments or {}):
                return path
    return None


def has_header(path: Path) -> bool:
    """Whether a file is one of ours."""
    return file_kind(path) == "safetensors" and KEY in read_table(path).metadata


def load_into(
    name: str, path: Path, device: str | torch.device, arguments: Mapping[str, Any]
) -> SaliencyModel:
    """The named model with the weights of a file."""
    if has_header(path):
        header = read_header(path)
        if header.model != name:
            raise CheckpointError(f"{path} is a checkpoint of the model {header.model}, not of {name}")
        return load_checkpoint(path, device=device, **check_arguments(header, arguments, path))
    with torch.random.fork_rng(devices=[]):
        model = create_model(name, **arguments)
    tensors, _ = without_wrapper_prefix(read_state(path).tensors)
    if not set(tensors) & set(model.state_dict()):
        if name not in MODELS:
            refuse_backbone(tensors, path, name)
        return recognised_model(tensors, path, name, arguments).to(device)
    fill(model, tensors, str(path))
    model.trained = True
    return model.to(device).eval()


def refuse_backbone(tensors: Mapping[str, torch.Tensor], path: Path, name: str) -> None:
    """Raise CheckpointError that tells a backbone from weights that are no part of anything known."""
    try:
        found = convert_state(tensors, source=str(path))
    except CheckpointError as error:
        raise CheckpointError(f"{path} holds no weights of {name} under our names, and {error}") from error
    if found.backbone in MODELS:
        raise CheckpointError(
            f"{path} is the model {found.backbone} in the layout of {found.layout}, not {name}"
        )
    raise CheckpointError(
        f"{path} is the backbone {found.backbone} in the layout of {found.layout}, not the whole model "
        f"{name}: give it as the weights of the model's encoder or audio, and train the rest"
    )


def check_arguments(header: CheckpointHeader, arguments: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Those of the arguments that may differ from the checkpoint's and do.

    Raises:
        ConfigError: arguments that the model does not take, or that the checkpoint contradicts.
    """
    known = effective_arguments(model_info(header.model), header.arguments)
    for key in arguments:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"model {header.model!r} takes no argument {key!r}{hint}")
    choices = getattr(model_info(header.model).build, "choices", ())
    others = differing(header, arguments)
    for key in others:
        if key in choices:
            continue
        raise ConfigError(
            f"{path} was made with {key}={json.dumps(known[key])}, not {json.dumps(plain(arguments[key]))}: "
            "leave the argument out, or name the model without these weights"
        )
    return {key: arguments[key] for key in others}


def differing(header: CheckpointHeader, arguments: Mapping[str, Any]) -> list[str]:
    """The arguments that a checkpoint has otherwise."""
    known = effective_arguments(model_info(header.model), header.arguments)
    return [key for key, value in arguments.items() if plain(known.get(key)) != plain(value)]
