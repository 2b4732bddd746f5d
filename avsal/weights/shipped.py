"""The trained checkpoints that ship with avsal: one table, one default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from avsal.errors import CheckpointError
from avsal.models import model_info
from avsal.weights.checkpoint import effective_arguments, read_header
from avsal.weights.header import CheckpointHeader, plain

__all__ = ["DEFAULT", "SHIPPED", "ShippedCheckpoint", "differing", "shipped_as", "shipped_checkpoint"]

FOLDER = Path(__file__).parents[1] / "checkpoints"


@dataclass(frozen=True)
class ShippedCheckpoint:
    """A checkpoint in the package.

    Attributes:
        name: what one types.
        file: its name in the folder `avsal/checkpoints`.
        demonstration: whether it only shows what avsal does; its maps are no state of the art and no paper's.
    """

    name: str
    file: str
    demonstration: bool = False

    @property
    def path(self) -> Path:
        """The file."""
        return FOLDER / self.file


#: by name; of several for one model, the first that has the arguments asked for counts
SHIPPED = {
    entry.name: entry
    for entry in (
        ShippedCheckpoint("tsfpnet_av_mobile", "tsfpnet_av_mobile.safetensors"),
        ShippedCheckpoint("tsfpnet_av-small", "tsfpnet_av-small.safetensors", demonstration=True),
    )
}
#: what `avsal.load_model()` and every command take where nothing is named
DEFAULT = "tsfpnet_av_mobile"


@cache
def shipped_header(path: Path) -> CheckpointHeader | None:
    """The header of a shipped file; None where the installation lacks it."""
    try:
        return read_header(path)
    except CheckpointError:
        return None


def shipped_checkpoint(model: str, arguments: Mapping[str, Any] | None = None) -> ShippedCheckpoint | None:
    """The shipped checkpoint of a model with these arguments; None if there is none.

    Args:
        model: its name in the registry.
        arguments: arguments of its constructor; those not given may be anything.
    """
    for entry in SHIPPED.values():
        header = shipped_header(entry.path)
        if header is not None and header.model == model and not differing(header, arguments or {}):
            return entry
    return None


def shipped_as(sha256: str) -> ShippedCheckpoint | None:
    """The shipped checkpoint whose tensors have this hash, wherever they were loaded from."""
    for entry in SHIPPED.values():
        header = shipped_header(entry.path)
        if header is not None and header.sha256 == sha256:
            return entry
    return None


def differing(header: CheckpointHeader, arguments: Mapping[str, Any]) -> list[str]:
    """The arguments that a checkpoint has otherwise."""
    known = effective_arguments(model_info(header.model), header.arguments)
    return [key for key, value in arguments.items() if plain(known.get(key)) != plain(value)]
