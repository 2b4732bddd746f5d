"""What a checkpoint says of itself: enough to rebuild its model and to know where its weights come from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avsal.errors import CheckpointError
from avsal.types import ClipSpec

__all__ = [
    "FORMAT_VERSION",
    "KEY",
    "CheckpointHeader",
    "parse",
    "plain",
    "serialise",
    "sha256_of",
    "spec_from_json",
]

FORMAT_VERSION = 1
KEY = "avsal"  # of our JSON among the safetensors metadata, whose values are strings


@dataclass(frozen=True)
class CheckpointHeader:
    """The header of a model's checkpoint.

    Attributes:
        model: name in the registry.
        arguments: all constructor arguments, defaults included, as plain JSON values.
        spec: what the model takes in, with the input recipe its weights were trained on.
        trained: whether the weights came from a training run.
        sha256: of the tensors, see `sha256_of`.
        protocol: how they were trained, as plain JSON values.
        data: what they were trained on.
        scores: what they reached.
        licence: of the weights.
        source: where they come from.
        extra: anything else, as plain JSON values.
        avsal_version: that wrote the file.
        format_version: of the header.
    """

    model: str
    arguments: Mapping[str, Any]
    spec: ClipSpec
    trained: bool
    sha256: str
    protocol: Any = None
    data: Any = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    licence: str | None = None
    source: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    avsal_version: str = ""
    format_version: int = FORMAT_VERSION

    def to_metadata(self) -> dict[str, str]:
        """The safetensors metadata that carry this header."""
        return serialise("model", asdict(self))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: Path) -> CheckpointHeader:
        """Read the header from safetensors metadata.

        Raises:
            CheckpointError: the file is not our checkpoint of a model, is newer than this avsal, or its
                header lacks something.
        """
        kind, values = parse(metadata, path)
        if kind != "model":
            raise CheckpointError(
                f"{path} holds the backbone {values.get('backbone')}, not a model: give it as the weights of "
                "a model's encoder or audio"
            )
        try:
            values["spec"] = spec_from_json(values["spec"])
            known = {f.name for f in fields(cls)}
            header = cls(**{key: value for key, value in values.items() if key in known})
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} has a damaged header ({error}): copy it again") from error
        kinds = {
            "model": str,
            "arguments": dict,
            "trained": bool,
            "sha256": str,
            "scores": dict,
            "extra": dict,
        }
        for name, wanted in kinds.items():
            if not isinstance(getattr(header, name), wanted):
                raise CheckpointError(
                    f"{path} has a damaged header ({name} is no {wanted.__name__}): copy it again"
                )
        return header


def serialise(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Metadata for safetensors: our JSON of `values`, and the framework as the Hub wants it."""
    text = json.dumps({"kind": kind, **plain(values)}, allow_nan=False, ensure_ascii=False)
    return {"format": "pt", KEY: text}


def parse(metadata: Mapping[str, str], path: Path) -> tuple[str, dict[str, Any]]:
    """The kind of our file (``model`` or ``backbone``) and its values, from safetensors metadata.

    Raises:
        CheckpointError: not a file of ours, or of a newer format.
    """
    if KEY not in metadata:
        raise CheckpointError(
            f"{path} is no checkpoint of avsal (it has no header of ours): convert a published backbone with "
            "`avsal weights convert FILE OUT --as NAME`, or name the model that the state dict belongs to"
        )
    try:
        values = json.loads(metadata[KEY])
        kind, version = values.pop("kind"), values["format_version"]
        newer = version > FORMAT_VERSION
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error!r}): copy it again") from error
    if newer:
        raise CheckpointError(
            f"{path} has format {version}, written by avsal {values.get('avsal_version')}: this one reads up "
            f"to {FORMAT_VERSION}; update avsal"
        )
    return kind, values


def plain(value: Any) -> Any:
    """`value` as JSON knows it: tuples become lists, paths strings, NumPy and torch scalars numbers.

    NaN and infinity become null: a score that is not defined has no number.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | Tensor):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(
        f"a checkpoint's header holds numbers, strings, lists and mappings but got {type(value).__name__}"
    )


def spec_from_json(values: Mapping[str, Any]) -> ClipSpec:
    """A ClipSpec from its JSON form.

    Raises:
        TypeError: an unknown field.
        ValueError: a value that makes no sense.
    """
    fields_by_name: dict[str, Any] = {key: as_tuple(item) for key, item in values.items()}
    return ClipSpec(**fields_by_name)


def as_tuple(value: Any) -> Any:
    """`value` with every list a tuple, at any depth: a frozen spec holds tuples, JSON knows lists."""
    return tuple(as_tuple(item) for item in value) if isinstance(value, list) else value


def sha256_of(tensors: Mapping[str, Tensor]) -> str:
    """Hash over names, types, shapes and values, whatever their order; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
