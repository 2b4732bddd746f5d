"""The log of a run: JSON lines as the truth, a table and TensorBoard made of them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO

from avsal.errors import ConfigError, MediaError
from avsal.training.run_folder import RunFolder, write_synced

__all__ = ["RunLog"]


class RunLog:
    """Writes one JSON object a line: ``kind`` is step, validation, or end.

    Args:
        folder: of the run.
        step: that the run goes on from: what was logged after it is taken out, as those steps are repeated.
        tensorboard: whether to write event files too.
        write: False in all but one of several processes.

    Raises:
        ConfigError: TensorBoard is asked for and not installed.
        MediaError: the disk refuses.
    """

    def __init__(self, folder: RunFolder, *, step: int, tensorboard: bool, write: bool = True) -> None:
        self._folder = folder
        self._validations: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        self._writer: Any = None
        if not write:
            return
        kept = []
        if folder.log.exists():
            for line in folder.log.read_text("utf-8").splitlines():
                entry = _parsed(line)
                if entry is not None and entry["step"] <= step and entry["kind"] != "end":
                    kept.append(line)
                    if entry["kind"] == "validation":
                        self._validations.append(entry)
            write_synced(folder.log, "".join(f"{line}\n" for line in kept).encode())
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ConfigError(
                    "run.tensorboard=true needs TensorBoard: pip install 'avsal[tensorboard]'"
                ) from error
            self._writer = SummaryWriter(str(folder.tensorboard), purge_step=step + 1)
        try:
            self._file = folder.log.open("a", encoding="utf-8")
        except OSError as error:
            raise MediaError(f"cannot write {folder.log}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._writer is not None:
            self._writer.close()

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Add a line; numbers within `values` go to TensorBoard, validations to the table too.

        Raises:
            MediaError: the disk refuses.
        """
        if self._file is None:
            return
        entry = {"kind": kind, "step": step, **values}
        try:
            self._file.write(json.dumps(_finite(entry)) + "\n")
            self._file.flush()
        except OSError as error:
            raise MediaError(f"cannot write {self._folder.log}: {error.strerror}; make room") from error
        if self._writer is not None:
            for name, value in _numbers(values):
                self._writer.add_scalar(f"{kind}/{name}", value, step)
        if kind == "validation":
            self._validations.append(entry)
            write_synced(self._folder.validation, _table(self._validations).encode())


def _parsed(line: str) -> dict[str, Any] | None:
    """The entry, None for a line that a kill cut short."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) and {"kind", "step"} <= set(entry) else None


def _numbers(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((f"{prefix}{name}", float(value)))
    return found


def _table(entries: list[dict[str, Any]]) -> str:
    rows = [dict(_numbers(entry)) for entry in entries]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _finite(value: Any) -> Any:
    """JSON has no NaN: null."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
