"""Stages: an experiment says after which other it comes, and a run begins with that one's best checkpoint."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import CheckpointError, ConfigError
from avsal.workflows.experiment import chosen_row, compose, keys_of, references

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["Stage", "begun", "chain"]

#: what a line says about the stages before it too: where things are, and how the machine is used
_SHARED = (
    "split",
    "protocol",
    "run_root",
    "data_root",
    "from_scratch",
    "root",
    "data.root",
    "data.allow_missing",
    "clips.workers",
    "engine.threads",
    "engine.precision",
    "engine.checkpointing",
    "run.trackers",
)


@dataclass(frozen=True)
class Stage:
    """One experiment with the words that decide what it trains.

    Attributes:
        experiment: its name.
        words: ``key=value``, without the experiment.
        folder: of its run.
    """

    experiment: str
    words: tuple[str, ...]
    folder: Path

    @property
    def line(self) -> str:
        """That trains it."""
        return " ".join(["avsal train", f"experiment={self.experiment}", *self.words])

    @property
    def checkpoint(self) -> Path:
        """That the next stage starts from."""
        return self.folder / "best.safetensors"

    @property
    def ended(self) -> bool:
        """Whether it was trained to its end."""
        try:
            lines = (self.folder / "log.jsonl").read_text("utf-8").splitlines()
            return self.checkpoint.exists() and json.loads(lines[-1]).get("kind") == "end"
        except (OSError, ValueError, IndexError, AttributeError):
            return False


def chain(words: Sequence[str], config: DictConfig | None = None) -> list[Stage]:
    """The stages that a line comes after, the first one first; none where it comes after none.

    The fold, places and the use of the machine are the line's, arguments of the model as far as the earlier
    network takes them, the data where the earlier experiment is named after them, and everything else the
    earlier experiment's own, its seed among it: what several seeds or conditions start from is trained once.

    Args:
        words: words of the line.
        config: configuration as `words` compose, where that is known.

    Raises:
        ConfigError: an experiment that does not exist, or that comes after itself.
    """
    found: list[Stage] = []
    config = compose(words) if config is None else config
    while (before := _before(config, words)) is not None:
        name, own = before
        if any(stage.experiment == name for stage in found):
            raise ConfigError(f"the experiment {name} comes after itself: mend its `after`")
        words = [f"experiment={name}", *own]
        config = compose(words)
        found.insert(0, Stage(name, tuple(own), Path(config.run.folder)))
    return found


def _before(config: DictConfig, words: Sequence[str]) -> tuple[str, list[str]] | None:
    """The experiment before this one, and what the line says about it."""
    from avsal.models import model_info

    after = config.get("after")
    if after is None or "model.initial" in keys_of(words):
        return None
    earlier = compose([f"experiment={after}"])
    known = inspect.signature(model_info(str(earlier.model.name)).build).parameters
    named_after_data = "data.name" in references(earlier, "name")
    kept = []
    for word in words:
        (key,) = keys_of([word])
        argument = key.removeprefix("model.arguments.")
        of_data = key == "data" or key.startswith("data.")
        if (
            key in _SHARED
            or (of_data and named_after_data)
            or (argument != key and argument.partition(".")[0] in known)
        ):
            kept.append(word)
    if config.get("split") is not None and "split" not in keys_of(kept):
        kept.append(f"split={config.split}")
    return str(after), kept


def begun(
    config: DictConfig,
    words: Sequence[str],
    train_stage: Callable[[Stage], Any],
) -> DictConfig:
    """The configuration with the checkpoint that it starts from.

    Args:
        config: configuration as composed.
        words: words of the line.
        train_stage: trains an earlier stage, where ``stages=run`` asks for those that are missing.

    Raises:
        CheckpointError: an earlier stage was not trained to its end, and ``stages`` is not ``run``.
        ConfigError: see `chain`.
    """
    from omegaconf import OmegaConf

    if config.get("stages") not in ("found", "run"):
        raise ConfigError(f"`stages` must be found or run but is {config.get('stages')!r}")
    config = chosen_row(config, words)
    stages = chain(words, config)
    if not stages:
        return config
    for stage in stages[-1:] if stages[-1].ended else stages:
        if stage.ended:
            continue
        if config.stages != "run":
            what = "was not trained to its end" if stage.folder.exists() else "is not trained yet"
            raise CheckpointError(
                f"this comes after {', then '.join(one.experiment for one in stages)}, of which "
                f"{stage.experiment} {what}: `{stage.line}`, or add stages=run to train what is missing in "
                "order, or name a checkpoint with model.initial=FILE, or begin from nothing with after=null "
                "from_scratch=true"
            )
        train_stage(stage)
    plain: Any = OmegaConf.to_container(config)
    plain["model"]["initial"] = str(stages[-1].checkpoint)
    return OmegaConf.create(plain)
