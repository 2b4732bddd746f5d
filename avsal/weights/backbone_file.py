"""Files of published networks: `convert` writes ours, `read_backbone` takes ours or a published one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from avsal import __version__
from avsal.errors import CheckpointError, ConfigError
from avsal.weights.checkpoint import save_checkpoint, write_tensors
from avsal.weights.conversion import Conversion, backbone_named, convert_state, names_of
from avsal.weights.header import FORMAT_VERSION, KEY, CheckpointHeader, parse, serialise, sha256_of
from avsal.weights.mismatch import check_numbers, describe_mismatch, shapes
from avsal.weights.model_file import model_of_conversion
from avsal.weights.published_models import MODELS
from avsal.weights.recipe import InputRecipe
from avsal.weights.state_file import StateFile, read_state

__all__ = ["BackboneHeader", "convert", "read_backbone"]


@dataclass(frozen=True)
class BackboneHeader:
    """The header of a converted backbone.

    Attributes:
        backbone: which network.
        layout: in which it was published.
        recipe: what the weights expect as input.
        source: name of the file that was converted.
        sha256: of the tensors.
        notes: what was left out or changed.
        avsal_version: that wrote the file.
        format_version: of the header.
    """

    backbone: str
    layout: str
    recipe: InputRecipe
    source: str
    sha256: str
    notes: tuple[str, ...] = ()
    avsal_version: str = ""
    format_version: int = FORMAT_VERSION

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: Path) -> BackboneHeader:
        """Read the header from safetensors metadata.

        Raises:
            CheckpointError: the file holds a whole model, is newer than this avsal, or its header is damaged.
        """
        kind, values = parse(metadata, path)
        if kind != "backbone":
            raise CheckpointError(
                f"{path} is a checkpoint of the whole model {values.get('model')}, not of a backbone: "
                "load it as the model's weights"
            )
        try:
            values["recipe"] = InputRecipe.from_json(values["recipe"])
            values["notes"] = tuple(values["notes"])
            known = {field.name for field in fields(cls)}
            return cls(**{key: value for key, value in values.items() if key in known})
        except (AttributeError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} has a damaged header ({error}): copy it again") from error


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
    if as_name is not None:
        backbone_named(as_name)  # before a large file is read
    conversion = read_backbone(file, as_name)
    if conversion.backbone in MODELS:
        return save_checkpoint(model_of_conversion(conversion, file), out), conversion
    header = BackboneHeader(
        backbone=conversion.backbone,
        layout=conversion.layout,
        recipe=conversion.recipe,
        source=file.name,
        sha256=sha256_of(conversion.tensors),
        notes=conversion.notes,
        avsal_version=__version__,
    )
    write_tensors(conversion.tensors, out, serialise("backbone", asdict(header)))
    return header, conversion


def read_backbone(path: str | os.PathLike[str], name: str | tuple[str, ...] | None = None) -> Conversion:
    """A backbone's weights from a converted file or straight from a published one.

    Args:
        path: of the file.
        name: of the backbone it must be, or several that it may be; None takes whichever it is.

    Raises:
        CheckpointError: the file cannot be read or does not convert.
        ConfigError: there is no such backbone.
    """
    path = Path(path)
    state = read_state(path)
    if KEY in state.metadata:
        return read_converted(state, path, name)
    conversion = convert_state(state.tensors, name, source=str(path))
    notes = state.notes + conversion.notes
    return Conversion(conversion.backbone, conversion.layout, conversion.tensors, conversion.recipe, notes)


def read_converted(state: StateFile, path: Path, name: str | tuple[str, ...] | None) -> Conversion:
    """The weights in a file that `convert` wrote, its hash and shapes checked."""
    header = BackboneHeader.from_metadata(state.metadata, path)
    if header.backbone not in names_of(name):
        raise CheckpointError(f"{path} is {header.backbone}, not {' or '.join(names_of(name))}")
    expected = backbone_named(header.backbone).tensors
    problem = describe_mismatch(shapes(expected), shapes(state.tensors))
    if problem:
        raise CheckpointError(f"{path} does not fit {header.backbone}: {problem}")
    if sha256_of(state.tensors) != header.sha256:
        raise CheckpointError(
            f"{path} is damaged: its tensors do not have the hash its header names; copy it again"
        )
    check_numbers(state.tensors, expected, str(path))
    return Conversion(header.backbone, header.layout, state.tensors, header.recipe, header.notes)
