"""What our files say of themselves: enough to rebuild a model and to know where its weights come from."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from avsal import __version__
from avsal.errors import CheckpointError
from avsal.types import ClipSpec
from avsal.weights.recipe import InputRecipe

__all__ = ["FORMAT_VERSION", "KEY", "BackboneHeader", "CheckpointHeader", "plain", "sha256_of"]

FORMAT_VERSION = 1
KEY = "avsal"  # of our JSON among the safetensors metadata, whose values are strings


@dataclass(frozen=True)
class Header(ABC):
    """What both kinds of file say; the metadata of a safetensors file carry it as JSON."""

    def to_metadata(self) -> dict[str, str]:
        """The safetensors metadata that carry this header, and the framework as the Hub wants it."""
        kind = "model" if isinstance(self, CheckpointHeader) else "backbone"
        values = {"kind": kind, **plain(asdict(self))}
        return {"format": "pt", KEY: json.dumps(values, allow_nan=False, ensure_ascii=False)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: Path) -> Self:
        """Read the header from safetensors metadata.

        Raises:
            CheckpointError: the file is not ours, of the other kind, newer than this avsal, or its header
                lacks something or holds values of another kind.
        """
        kind, values = parse(metadata, path)
        if (kind == "model") != issubclass(cls, CheckpointHeader):
            what = str(values.get(str(kind)))[:80]
            raise CheckpointError(
                f"{path} is a checkpoint of the whole model {what}, not of a backbone: load it as the model's"
                " weights"
                if kind == "model"
                else f"{path} holds the backbone {what}, not a model: give it as the weights of a model's "
                "encoder or audio"
            )
        try:
            known = {item.name for item in fields(cls)}
            return cls(**cls.typed({key: value for key, value in values.items() if key in known}))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0][:200]
            raise CheckpointError(f"{path} has a damaged header ({reason}): copy it again") from error

    @classmethod
    @abstractmethod
    def typed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The header's values from their JSON forms."""


@dataclass(frozen=True)
class CheckpointHeader(Header):
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
    avsal_version: str = __version__
    format_version: int = FORMAT_VERSION

    @classmethod
    def typed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The values, their kinds checked, the spec's ranges too."""
        kinds = {"model": str, "arguments": dict, "spec": dict, "trained": bool, "sha256": str}
        check_kinds(values, kinds)
        optional = {"scores": dict, "extra": dict, "licence": str | None, "source": str | None}
        check_kinds({"scores": {}, "extra": {}, "licence": None, "source": None} | values, optional)
        return values | {"spec": ClipSpec(**as_tuples(values["spec"]))}


@dataclass(frozen=True)
class BackboneHeader(Header):
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
    avsal_version: str = __version__
    format_version: int = FORMAT_VERSION

    @classmethod
    def typed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The values, their kinds checked, the recipe's ranges too."""
        check_kinds(values, {"backbone": str, "layout": str, "recipe": dict, "source": str, "sha256": str})
        notes = tuple(str(note) for note in values.get("notes", ()))
        recipe = InputRecipe(**as_tuples(values["recipe"]))
        recipe.applied_to(ClipSpec(1, (1, 1)))  # raises where a value makes no sense
        return values | {"recipe": recipe, "notes": notes}


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Raise TypeError where a value is of another kind, KeyError where it is not there."""
    for name, wanted in kinds.items():
        if not isinstance(values[name], wanted):
            raise TypeError(f"{name} is no {getattr(wanted, '__name__', wanted)}")


def parse(metadata: Mapping[str, str], path: Path) -> tuple[str, dict[str, Any]]:
    """The kind of our file (``model`` or ``backbone``) and its values, from safetensors metadata.

    Raises:
        CheckpointError: not a file of ours, or of a newer format.
    """
    if KEY not in metadata:
        raise CheckpointError(
            f"{path} is no checkpoint of avsal (it has no header of ours): convert published weights with "
            "`avsal weights convert FILE OUT --as NAME`, or name the model that the state dict belongs to"
        )
    try:
        values = json.loads(metadata[KEY])
        kind, version = values.pop("kind"), values["format_version"]
        check_kinds(values, {"format_version": int})
        newer = version > FORMAT_VERSION
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error!r:.200}): copy it again") from error
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


def as_tuples(value: Any) -> Any:
    """`value` with every list in it a tuple, at any depth: frozen dataclasses hold tuples, JSON lists."""
    if isinstance(value, dict):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def sha256_of(tensors: Mapping[str, Tensor]) -> str:
    """Hash over names, types, shapes and values, whatever their order; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
