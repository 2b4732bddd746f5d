"""Files of published networks: ours made from them, and they as they are."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avsal.errors import CheckpointError, ConfigError
from avsal.models import SaliencyModel, create_model
from avsal.weights.checkpoint import (
    HEADER,
    fill,
    header_of,
    is_ours,
    save_checkpoint,
    verified_tensors,
    write_tensors,
)
from avsal.weights.conversion import Conversion, convert_state, names_of, network_named
from avsal.weights.header import BackboneHeader, CheckpointHeader, sha256_of
from avsal.weights.mismatch import check_numbers
from avsal.weights.published import MODELS
from avsal.weights.state_file import read_state, read_table

__all__ = ["convert", "model_of", "read_backbone", "recognised_model"]

logger = logging.getLogger(__name__)


def convert(
    file: str | os.PathLike[str], out: str | os.PathLike[str], as_name: str | None = None
) -> tuple[BackboneHeader | CheckpointHeader, Conversion]:
    """Convert a published network to a file of ours: our names, safetensors, the input recipe in its header.

    A backbone becomes a file to begin training from, a whole model a checkpoint.

    Args:
        file: .pt, .pth, .tar, .safetensors or .npz.
        out: the file to write.
        as_name: the network it must be; None takes whichever it is.

    Returns:
        The header as written, and the conversion.

    Raises:
        CheckpointError: the file cannot be read, or does not convert without a tensor left.
        ConfigError: there is no such network, or `out` is `file`.
    """
    file, out = Path(file), Path(out)
    if out.exists() and out.samefile(file):
        raise ConfigError(f"converting {file} onto itself would lose it: name another file to write")
    names_of(as_name)  # before a large file is read
    found = read_backbone(file, as_name)
    if found.backbone in MODELS:
        return save_checkpoint(model_of(found, file), out), found
    header = BackboneHeader(
        found.backbone, found.layout, found.recipe, file.name, sha256_of(found.tensors), found.notes
    )
    write_tensors(found.tensors, out, header.to_metadata())
    return header, found


def read_backbone(path: str | os.PathLike[str], name: str | tuple[str, ...] | None = None) -> Conversion:
    """A network's weights from a file that `convert` wrote or straight from a published one.

    Args:
        path: path of the file.
        name: name of the network it must be, or several that it may be; None takes whichever it is.

    Raises:
        CheckpointError: the file cannot be read or does not convert.
        ConfigError: there is no such network.
    """
    path, names = Path(path), names_of(name)
    if is_ours(path):
        header = BackboneHeader.from_metadata(read_table(path).metadata, path)
        if header.backbone not in names:
            raise CheckpointError(f"{path} is {header.backbone}, not {' or '.join(names)}")
        expected = network_named(header.backbone).tensors
        tensors = verified_tensors(path, expected, header.sha256, header.backbone)
        check_numbers(tensors, expected, str(path))
        return Conversion(header.backbone, header.layout, tensors, header.recipe, header.notes)
    state = read_state(path)
    found = convert_state(state.tensors, names, source=str(path))
    return replace(found, notes=state.notes + found.notes)


def recognised_model(
    tensors: Mapping[str, Tensor], path: Path, name: str | None, arguments: Mapping[str, Any]
) -> SaliencyModel:
    """The model that a published state dict holds, with a note to the log of what it is taken for.

    Args:
        tensors: as published.
        path: they came from.
        name: name of the model it must be; None: any.
        arguments: arguments of the model's constructor.

    Raises:
        CheckpointError: no such model, or a tensor is left over, missing, or does not fit.
        ConfigError: the model takes no such argument.
    """
    wanted = name if name in MODELS else None
    try:
        found = convert_state(tensors, wanted, source=str(path))
    except CheckpointError as error:
        if wanted is not None:
            raise
        raise CheckpointError(
            f"{error}; weights under avsal's own names need their model's name beside them"
            if name is None
            else f"{path} holds no weights of {name} under our names, and {error}"
        ) from error
    kind = "model" if found.backbone in MODELS else "backbone"
    told = f"{path} is the {kind} {found.backbone} in the layout of {found.layout}"
    if kind == "backbone":
        raise CheckpointError(
            f"{told}, not the whole model{f' {name}' if name else ''}: give it as the weights of "
            f"{'the' if name else 'a'} model's encoder or audio, and train the rest"
        )
    if name not in (None, found.backbone):
        raise CheckpointError(f"{told}, not {name}")
    logger.warning("%s: taken for %s in the layout of %s", path, found.backbone, found.layout)
    return model_of(found, path, arguments)


def model_of(found: Conversion, path: Path, arguments: Mapping[str, Any] | None = None) -> SaliencyModel:
    """A converted whole model, which knows where its weights come from.

    Args:
        found: the conversion.
        path: path of the file that was converted.
        arguments: arguments of the model's constructor.

    Raises:
        CheckpointError: the arguments make a model of other shapes.
        ConfigError: the model takes no such argument.
    """
    about = MODELS[found.backbone]
    with torch.random.fork_rng(devices=[]):  # loading draws no numbers from the caller's generator
        model = create_model(about.name, **{**about.arguments, **(arguments or {})})
    fill(model, found.tensors, str(path))
    model.spec = found.recipe.applied_to(model.spec)
    model.trained = True
    extra = {"layout": found.layout, **({"notes": list(found.notes)} if found.notes else {})}
    source = f"{path.name}, in the layout of {found.layout}, {about.source}"
    vars(model)[HEADER] = header_of(model, licence=about.licence, source=source, extra=extra)
    return model
