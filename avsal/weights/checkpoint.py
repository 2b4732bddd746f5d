"""Our checkpoints: safetensors whose header is enough to rebuild the model and predict with it.

Nothing in a file is ever run: the model's name is looked up in the registry, its arguments are plain values.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from avsal.errors import CheckpointError, ConfigError, MediaError
from avsal.media.atomic import atomic_path
from avsal.models import ArgumentValue, ModelInfo, SaliencyModel, create_model
from avsal.types import ClipSpec
from avsal.weights.header import KEY, CheckpointHeader, plain, sha256_of
from avsal.weights.mismatch import check_numbers, describe_mismatch, listed, non_finite, shapes
from avsal.weights.recipe import InputRecipe
from avsal.weights.state_file import file_kind, read_table, read_tensors

__all__ = [
    "HEADER",
    "About",
    "effective_arguments",
    "fill",
    "header_of",
    "is_ours",
    "load_checkpoint",
    "read_header",
    "save_checkpoint",
    "verified_tensors",
    "write_tensors",
]

logger = logging.getLogger(__name__)

HEADER = "checkpoint_header"  # attribute of a loaded model


class About(TypedDict, total=False):
    """What a checkpoint says of its weights: numbers, strings, lists and mappings.

    Attributes:
        protocol: how they were trained.
        data: what they were trained on.
        scores: what they reached; NaN is stored as null.
        licence: of the weights.
        source: where they come from.
        extra: anything else.
    """

    protocol: Any
    data: Any
    scores: Mapping[str, Any] | None
    licence: str | None
    source: str | None
    extra: Mapping[str, Any] | None


def save_checkpoint(
    model: SaliencyModel, path: str | os.PathLike[str], **about: Unpack[About]
) -> CheckpointHeader:
    """Write a model to a checkpoint. A stopped run leaves the old file or the new one, never half of one.

    What is not given or None among `about` is taken over from the checkpoint that the model was loaded from,
    as long as its weights have not changed since.

    Args:
        model: built by name; its `trained` goes into the header.
        path: path of the file; its folder is made.
        **about: see `About`.

    Returns:
        The header as written.

    Raises:
        CheckpointError: weights that are not finite (such a file could not be loaded), or the disk refuses.
        ConfigError: what is given is no model that `create_model` built.
    """
    path = Path(path)
    if not isinstance(model, SaliencyModel) or not hasattr(model, "info"):
        raise ConfigError(
            f"only a model built by `create_model` can be saved, since its name rebuilds it, not a "
            f"{type(model).__name__}; of a wrapped one, save what is inside"
        )
    broken = non_finite(model.state_dict())
    if broken:
        raise CheckpointError(
            f"the weights of {model.name} are not finite, so {path} is not written: {listed(broken)}"
        )
    header = header_of(model, **about)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_tensors(tensors, path, header.to_metadata())
    return header


def header_of(model: SaliencyModel, **about: Unpack[About]) -> CheckpointHeader:
    """What a checkpoint of a model would say of it; the arguments are those of `save_checkpoint`."""
    sha256 = sha256_of(model.state_dict())
    said = {key: value for key, value in about.items() if value is not None}
    loaded: CheckpointHeader | None = vars(model).get(HEADER)
    if loaded is not None and loaded.sha256 == sha256:
        said = {key: getattr(loaded, key) for key in About.__annotations__} | said
    return CheckpointHeader(
        model=model.name,
        arguments=plain(effective_arguments(model.info, model.arguments)),
        spec=model.spec,
        trained=model.trained,
        sha256=sha256,
        **{key: plain(value) for key, value in said.items()},
    )


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file beside its place, then rename it; who may read it is up to the umask.

    Raises:
        CheckpointError: the disk refuses.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            partial.touch()  # the library would let nobody else read it
            mode = partial.stat().st_mode
            save_file(dict(tensors), partial, dict(metadata))
            partial.chmod(mode)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
    except MediaError as error:
        raise CheckpointError(str(error)) from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error


def read_header(path: str | os.PathLike[str]) -> CheckpointHeader:
    """The header of a checkpoint; the tensors are not read.

    Raises:
        CheckpointError: the file is missing, broken or not a checkpoint of ours.
    """
    path = Path(path)
    return CheckpointHeader.from_metadata(read_table(path).metadata, path)


def load_checkpoint(
    path: str | os.PathLike[str], *, device: str | torch.device = "cpu", **choices: ArgumentValue
) -> SaliencyModel:
    """Rebuild the model of a checkpoint, in evaluation mode.

    Names, shapes and sizes are compared with the model that the header names before a tensor is read; then
    the hash, then that all values are finite. Half precision is converted to the model's, with a note to
    the log.

    Args:
        path: path of the file.
        device: where the model goes.
        **choices: arguments among the model's `choices`, in place of the checkpoint's.

    Raises:
        CheckpointError: the file is missing, broken, not a checkpoint of ours, or does not fit its model.
    """
    path = Path(path)
    header = read_header(path)
    try:
        with torch.device("meta"):  # names and shapes without memory
            skeleton = create_model(header.model, **header.arguments)
    except ConfigError as error:
        raise CheckpointError(f"{path} names a model that this avsal cannot build: {error}") from error
    check_spec(header.spec, skeleton.spec, path)
    tensors = verified_tensors(path, skeleton.state_dict(), header.sha256, f"its model {header.model}")
    with torch.random.fork_rng(devices=[]):  # loading draws no numbers from the caller's generator
        model = create_model(header.model, **{**header.arguments, **choices})
    if fill(model, tensors, str(path)):
        header = replace(header, sha256=sha256_of(model.state_dict()))
    model.spec = InputRecipe.of(header.spec).applied_to(model.spec) if choices else header.spec
    model.trained = header.trained
    vars(model)[HEADER] = header
    return model.to(device).eval()


def verified_tensors(path: Path, expected: Mapping[str, Tensor], sha256: str, what: str) -> dict[str, Tensor]:
    """The tensors of a file of ours; names and shapes are compared before one is read, the hash thereafter.

    Args:
        path: path of the file.
        expected: names and shapes, as a state dict.
        sha256: what the file's header says.
        what: the tensors are of, for messages.

    Raises:
        CheckpointError: they differ.
    """
    problem = describe_mismatch(shapes(expected), read_table(path).shapes)
    if problem:
        raise CheckpointError(f"{path} does not fit {what}: {problem}")
    tensors = read_tensors(path)
    if sha256_of(tensors) != sha256:
        raise CheckpointError(
            f"{path} is damaged: its tensors do not have the hash its header names; copy it again"
        )
    return tensors


def is_ours(path: Path) -> bool:
    """Whether a file is one that avsal wrote, told by its header."""
    return file_kind(path) == "safetensors" and KEY in read_table(path).metadata


def fill(module: torch.nn.Module, tensors: Mapping[str, Tensor], source: str) -> bool:
    """Copy tensors into a module, every one of them and nothing else.

    Other floating-point types are converted to the module's, with a note to the log.

    Args:
        module: module to fill.
        tensors: tensors by name.
        source: source of the tensors, for messages.

    Returns:
        Whether anything was converted.

    Raises:
        CheckpointError: names, shapes or kinds of number differ, or a value is not finite.
    """
    own = module.state_dict()
    problem = describe_mismatch(shapes(own), shapes(tensors))
    if problem:
        raise CheckpointError(f"{source} does not fit: {problem}")
    converted = check_numbers(tensors, own, source)
    if converted:
        logger.warning("%s: converted from %s", source, ", ".join(sorted(converted)))
    module.load_state_dict(dict(tensors), strict=True)
    return bool(converted)


def effective_arguments(info: ModelInfo, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All constructor arguments of a model: its class's defaults, its name's, then those given."""
    signature = inspect.signature(info.build).parameters.values()
    defaults = {p.name: p.default for p in signature if p.default is not inspect.Parameter.empty}
    return {**defaults, **info.defaults, **arguments}


def check_spec(stored: ClipSpec, built: ClipSpec, path: Path) -> None:
    """Raise CheckpointError where the stored spec contradicts what the model is.

    The input recipe (size, mean, std, range, channels, rate, scale) belongs to the weights and may differ;
    a model with sound has a rate.
    """
    for name in ("num_frames", "predicts", "start_windows"):
        if getattr(stored, name) != getattr(built, name):
            raise CheckpointError(
                f"{path} contradicts itself: its spec says {name} {getattr(stored, name)}, its model has "
                f"{getattr(built, name)}"
            )
    for field in fields(ClipSpec):
        if (getattr(stored, field.name) is None) != (getattr(built, field.name) is None):
            raise CheckpointError(f"{path} has a damaged header (spec.{field.name}): copy it again")
