"""The folder of a run: what it was told and made of, its logs, its checkpoints, its state to resume from.

settings.json     the resolved settings
provenance.json   code, packages and machine; a list with one entry for each start and resumption
data.json         fingerprint of the clips: recordings, frames, hash
log.jsonl         one line a step, a validation, and the run's end
validation.csv    one row a validation
best.safetensors  the checkpoint with the best score on the validation clips
last.safetensors  the newest checkpoint
state.pt          all that the next step depends on
state_before.pt   the state saved before that one, which is taken up where the newest is damaged
sweep.json        of a sweep: what was varied, and why the run failed if it did
strides.json      scores of the best checkpoint at several strides, where asked for
pictures/         frames as recorded, as people looked at them, as the model predicts
tensorboard/      event files, where asked for
curves.png        loss and scores over steps, when the run has ended
README.md         the model card of the best checkpoint, likewise
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, asdict, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from avsal.configuration import setting_fields
from avsal.errors import AvsalRuntimeError, CheckpointError, ConfigError, MediaError
from avsal.media.atomic import atomic_path, write_text
from avsal.training.settings import TrainSettings

__all__ = ["RunFolder", "read_json", "read_log"]


class RunFolder:
    """Paths of a run's files, and writing them whole or not at all.

    Args:
        path: path of the folder; made when the run opens it.
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
        self.state_before = self.path / "state_before.pt"
        self.sweep = self.path / "sweep.json"
        self.strides = self.path / "strides.json"
        self.pictures = self.path / "pictures"
        self.tensorboard = self.path / "tensorboard"
        self.curves = self.path / "curves.png"
        self.card = self.path / "README.md"

    def check_free(self, resume: str) -> None:
        """Raise ConfigError where the folder holds a run that is not to be gone on with.

        Args:
            resume: ``never`` or ``auto``.
        """
        if resume == "never" and (self.settings.exists() or self.has_state):
            raise ConfigError(
                f"{self.path} holds a run already: go on with it by run.resume=auto, or name another folder "
                "with run.folder="
            )

    @property
    def has_state(self) -> bool:
        """Whether there is a state to go on from."""
        return self.state.exists() or self.state_before.exists()

    def check_there(self) -> None:
        """Raise AvsalRuntimeError where somebody removed the folder while the run was at work."""
        if not self.path.is_dir():
            raise AvsalRuntimeError(
                f"the run folder {self.path} was removed while the run was at work: nothing can be saved, "
                "begin again"
            )

    def write_json(self, path: Path, value: Any) -> None:
        """Write a JSON file, whole or not at all.

        Raises:
            MediaError: the disk refuses.
        """
        write_text(path, json.dumps(value, indent=2, default=_plain) + "\n")

    def note_start(self, facts: Mapping[str, Any]) -> None:
        """Add an entry to `provenance.json`."""
        earlier = read_json(self.provenance, list) if self.provenance.exists() else []
        self.write_json(self.provenance, [*earlier, facts])

    def check_same(self, settings: TrainSettings, fingerprint: Mapping[str, Any]) -> None:
        """Raise ConfigError where a run would be resumed with other settings or data than it began with.

        What may differ: where and how often to write, how long to train, threads and workers. A setting
        that is newer than the run had its default.
        """
        stored = _completed(read_json(self.settings), TrainSettings)
        now = json.loads(json.dumps(asdict(settings), default=_plain))
        free = {"run", "epochs", "steps", "model.initial", "validation.strides"}
        free |= {"engine.threads", "engine.checkpointing", "clips.workers"}
        changed = [name for name in _differences(stored, now) if not _within(name, free)]
        if changed:
            raise ConfigError(
                f"{self.path} was begun with another `{changed[0]}`: give what it had (see settings.json), "
                "or name another folder with run.folder="
            )
        begun = read_json(self.data).get("sha256")
        if begun != fingerprint["sha256"]:
            raise ConfigError(
                f"{self.path} was begun on other clips: expected the fingerprint {begun} but found "
                f"{fingerprint['sha256']}; restore the data, or name another folder with run.folder="
            )


def read_json(path: Path, kind: type[Any] = dict) -> Any:
    """What a JSON file of a run folder holds.

    Args:
        path: path of the file.
        kind: kind that it must be of: a mapping or a list.

    Raises:
        CheckpointError: it cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, kind):
            raise ValueError(f"it holds {type(found).__name__}, no {kind.__name__}")
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged ({' '.join(str(error).split())}): restore it, or begin again in another "
            "folder with run.folder="
        ) from error
    return found


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; one that a kill cut short is left out.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise CheckpointError(f"the log {path} cannot be read: {error.strerror}") from error
    return [entry for entry in map(parsed_line, lines) if entry is not None]


def parsed_line(line: str) -> dict[str, Any] | None:
    """An entry of a log, None for a line that a kill cut short or that is none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or type(entry.get("step")) is not int:
        return None
    return entry if isinstance(entry.get("kind"), str) else None


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


def _completed(stored: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Settings as a run stored them, with the defaults of those that it did not know."""
    hints, whole = get_type_hints(kind), dict(stored)
    for name, entry in setting_fields(kind).items():
        if is_dataclass(hints[name]) and isinstance(whole.setdefault(name, {}), dict):
            whole[name] = _completed(whole[name], hints[name])
        elif name not in whole and entry.default is not MISSING:
            whole[name] = json.loads(json.dumps(entry.default, default=_plain))
        elif name not in whole and entry.default_factory is not MISSING:
            whole[name] = entry.default_factory()
    return whole


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
