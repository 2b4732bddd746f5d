"""Whole models from their authors' files: recognised by their keys, converted, or loaded as they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avsal import __version__
from avsal.models import SaliencyModel, create_model
from avsal.weights.checkpoint import HEADER, effective_arguments, fill
from avsal.weights.conversion import Conversion, convert_state
from avsal.weights.header import CheckpointHeader, plain, sha256_of
from avsal.weights.published_models import MODELS

__all__ = ["model_of_conversion", "recognised_model"]

logger = logging.getLogger(__name__)


def recognised_model(
    tensors: Mapping[str, Tensor],
    path: Path,
    name: str | tuple[str, ...] | None,
    arguments: Mapping[str, Any],
) -> SaliencyModel:
    """The model that a published state dict holds, with a note to the log of what it is taken for.

    Args:
        tensors: as published.
        path: they came from.
        name: of the model it must be, or several that it may be; None: any.
        arguments: of the model's constructor.

    Raises:
        CheckpointError: no such model, or a tensor is left over, missing, or does not fit.
        ConfigError: the model takes no such argument.
    """
    conversion = convert_state(tensors, tuple(MODELS) if name is None else name, source=str(path))
    logger.warning("%s: taken for %s in the layout of %s", path, conversion.backbone, conversion.layout)
    return model_of_conversion(conversion, path, arguments)


def model_of_conversion(
    conversion: Conversion, path: Path, arguments: Mapping[str, Any] | None = None
) -> SaliencyModel:
    """A converted state dict as a model, which knows where its weights come from.

    Args:
        conversion: of one of `MODELS`.
        path: of the file that was converted.
        arguments: of the model's constructor.

    Raises:
        CheckpointError: the arguments make a model of other shapes.
        ConfigError: the model takes no such argument.
    """
    about = MODELS[conversion.backbone]
    with torch.random.fork_rng(devices=[]):  # loading draws no numbers from the caller's generator
        model = create_model(about.name, **{**about.arguments, **(arguments or {})})
    fill(model, conversion.tensors, str(path))
    model.spec = conversion.recipe.applied_to(model.spec)
    model.trained = True
    vars(model)[HEADER] = CheckpointHeader(
        model=model.name,
        arguments=plain(effective_arguments(model.info, model.arguments)),
        spec=model.spec,
        trained=True,
        sha256=sha256_of(model.state_dict()),
        licence=about.licence,
        source=f"{path.name}, in the layout of {conversion.layout}, {about.source}",
        extra={"notes": list(conversion.notes)} if conversion.notes else {},
        avsal_version=__version__,
    )
    return model
