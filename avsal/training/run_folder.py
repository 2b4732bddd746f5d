"""The folder of a run: what it was told and made of, its logs, its checkpoints, its state to resume from.

settings.json     the resolved settings
provenance.json   code, packages and machine; a list with one entry for each start and resumption
data.json         fingerprint of the clips: recordings, frames, hash
log.jsonl         one line a step, a validation, and the run's end
validation.csv    one row a validation
best.safetensors  the checkpoint with the best score on the validation clips
last.safetensors  the newest checkpoint
state.pt          all that the next step depends on
sweep.json        of a sweep: what was varied, and why the run failed if it did
strides.json      scores of the best checkpoint at several strides, where asked for
pictures/         frames as recorded, as people looked at them, as the model predicts
tensorboard/      event files, where asked for
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avsal.errors import ConfigError, MediaError
from avsal.media.atomic import atomic_path

__all__ = ["RunFolder"]


class RunFolder:
    """Paths of a run's files, and writing them whole or not at all.

    Args:
        path: of the folder; made when the run opens it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.settings = self.path / "settings.json"
        self.provenance = self.path / "provenance.json"
        self.data = self.path / "data.json"
        self.log = self.path / "log.jsonl"
        self.validation = self.path / "validation.csv"
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"
        self.state = self.path / "state.pt"
        self.sweep = self.path / "sweep.json"
        self.strides = self.path / "strides.json"
        self.pictures = self.path / "pictures"
        self.tensorboard = self.path / "tensorboard"

    def open(self, resume: str) -> bool:
        """Make the folder, or find the run in it.

        Args:
            resume: ``never`` or ``auto``.

        Returns:
            Whether there is a state to go on from.

        Raises:
            ConfigError: the folder holds a run and `resume` is ``never``, or it cannot be made.
        """
        if resume == "never" and (self.settings.exists() or self.state.exists()):
            raise ConfigError(
                f"{self.path} holds a run already: go on with it by run.resume=auto, or name another folder "
                "with run.folder="
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the run folder {self.path} cannot be made: {error.strerror}") from error
        return self.state.exists()

    def write_json(self, path: Path, value: Any) -> None:
        """Write a JSON file, whole or not at all.

        Raises:
            MediaError: the disk refuses.
        """
        with atomic_path(path) as partial:
            partial.write_text(json.dumps(value, indent=2, default=_plain) + "\n", encoding="utf-8")

    def note_start(self, facts: Mapping[str, Any]) -> None:
        """Add an entry to `provenance.json`."""
        earlier = json.loads(self.provenance.read_text("utf-8")) if self.provenance.exists() else []
        self.write_json(self.provenance, [*earlier, facts])

    def check_same(self, settings: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> None:
        """Raise ConfigError where a run would be resumed with other settings or data than it began with.

        What may differ: where and how often to write, how long to train, threads and workers.
        """
        stored = json.loads(self.settings.read_text("utf-8"))
        now = json.loads(json.dumps(settings, default=_plain))
        free = {"run", "epochs", "steps", "model.initial", "validation.strides"}
        free |= {"engine.threads", "clips.workers"}
        changed = [name for name in _differences(stored, now) if not _within(name, free)]
        if changed:
            raise ConfigError(
                f"{self.path} was begun with another `{changed[0]}`: give what it had (see settings.json), "
                "or name another folder with run.folder="
            )
        begun = json.loads(self.data.read_text("utf-8"))["sha256"]
        if begun != fingerprint["sha256"]:
            raise ConfigError(
                f"{self.path} was begun on other clips: expected the fingerprint {begun} but found "
                f"{fingerprint['sha256']}; restore the data, or name another folder with run.folder="
            )


def remove_partial_files(folder: Path) -> int:
    """Delete what a killed process left half-written beside its place; returns how many files."""
    partial = [path for path in folder.glob(".*.part*") if path.is_file()]
    for path in partial:
        path.unlink(missing_ok=True)
    return len(partial)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, on the disk when this returns.

    Raises:
        MediaError: the disk refuses.
    """
    with atomic_path(path) as partial, _opened(partial) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _opened(path: Path) -> Any:
    try:
        return path.open("wb")
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain value")


def _differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Dotted names at which two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            name
            for key in sorted({*a, *b})
            for name in _differences(a.get(key), b.get(key), f"{where}.{key}" if where else key)
        ]
    return [] if a == b else [where]


def _within(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)
