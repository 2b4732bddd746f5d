"""The log of a run: JSON lines as the truth, a table and what trackers are told made of them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from avsal.errors import MediaError
from avsal.training.run_folder import RunFolder, read_log, write_synced
from avsal.types import Closable

__all__ = ["RunLog"]


class RunLog(Closable):
    """Writes one JSON object a line: ``kind`` is step, validation, or end.

    Args:
        folder: folder of the run.
        step: number of the step that the run goes on from: what was logged after it is taken out, as those
            steps are repeated.
        track: told the numbers of each line by name, and the step: for trackers.
        write: False in all but one of several processes.

    Raises:
        CheckpointError: an earlier log cannot be read.
        MediaError: the disk refuses.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        step: int,
        track: Callable[[dict[str, float], int], None] | None = None,
        write: bool = True,
    ) -> None:
        self._folder, self._track = folder, track
        self._validations: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        if not write:
            return
        kept = []
        if folder.log.exists():
            for entry in read_log(folder.log):
                if entry["step"] <= step and entry["kind"] != "end":
                    kept.append(json.dumps(entry))
                    if entry["kind"] == "validation":
                        self._validations.append(entry)
            write_synced(folder.log, "".join(f"{line}\n" for line in kept).encode())
        try:
            self._file = folder.log.open("a", encoding="utf-8")
        except OSError as error:
            raise MediaError(f"cannot write {folder.log}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Add a line; numbers within `values` go to the trackers, validations to the table too.

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
        if self._track is not None:
            self._track({f"{kind}/{name}": value for name, value in _numbers(values)}, step)
        if kind == "validation":
            self._validations.append(entry)
            write_synced(self._folder.validation, _table(self._validations).encode())


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
