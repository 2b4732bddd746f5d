"""What a run of a sweep left in its folder: what it varied, how far it came, how good its checkpoint is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from avsal.configuration import from_mapping
from avsal.models import create_model
from avsal.training.rows import TableSettings
from avsal.training.run_folder import RunFolder, read_json, read_log
from avsal.weights import CheckpointHeader, read_header

__all__ = ["SweepRun", "read_sweep_run"]


@dataclass(frozen=True)
class SweepRun:
    """One run.

    Attributes:
        folder: of the run.
        row: of the experiment's table, None where it has none.
        table: of the experiment.
        choices: that the line and the sweep made, as ``key=value``.
        data: name of the data.
        error: why it failed when it was last started, None where it did not.
        settings: that it was told; empty where it never began.
        frames: hash of the validation frames.
        header: of the best checkpoint, None where there is none.
        parameters: of the model.
        steps: that are done.
        end: the closing facts, None where it has not come to its end.
        strides: scores by stride of the windows, and the device that they were taken on.
    """

    folder: Path
    row: str | None
    table: TableSettings | None
    choices: Sequence[str]
    data: str | None
    error: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    frames: str | None = None
    header: CheckpointHeader | None = None
    parameters: int | None = None
    steps: int = 0
    end: Mapping[str, Any] | None = None
    strides: Mapping[str, Any] = field(default_factory=dict)


def read_sweep_run(path: Path) -> SweepRun:
    """Read a run's folder.

    Raises:
        CheckpointError: its best checkpoint, or another file in it, is damaged.
    """
    folder = RunFolder(path)
    note = _json(folder.sweep)
    table = note.get("table")
    entries = read_log(folder.log) if folder.log.exists() else []
    header = read_header(folder.best) if folder.best.exists() else None
    return SweepRun(
        path,
        note.get("row"),
        None if table is None else from_mapping(TableSettings, table, "table"),
        note.get("choices", ()),
        note.get("data"),
        note.get("error"),
        settings=_json(folder.settings),
        frames=(_json(folder.data).get("validation") or {}).get("sha256"),
        header=header,
        parameters=None if header is None else _parameters(header),
        steps=max((entry["step"] for entry in entries), default=0),
        end=next((entry for entry in entries if entry["kind"] == "end"), None),
        strides=_json(folder.strides),
    )


def _parameters(header: CheckpointHeader) -> int:
    with torch.device("meta"):
        return create_model(header.model, **header.arguments).num_parameters


def _json(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where a run has not come so far as to write it."""
    return read_json(path) if path.exists() else {}
