"""What an ablation of a data set is told beside its conditions: models retrained, subgroups declared."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from avsal.ablation.conditions import Condition, parse_condition
from avsal.errors import ConfigError

__all__ = ["Retrained", "check_retrained", "check_subgroups", "parse_retrained", "read_subgroups"]


class SeededRun(Protocol):
    """A run over one data set, fold and training seed."""

    @property
    def seed(self) -> str:
        """Of training, as typed."""

    def filled(self, text: str) -> str:
        """A text with the run's values for ``{data}``, ``{fold}`` and ``{seed}``."""


@dataclass(frozen=True)
class Retrained:
    """A further model that was trained under a condition and is scored under it: a training-time ablation.

    Attributes:
        condition: that it hears.
        weights: its checkpoint, with ``{data}``, ``{fold}`` and ``{seed}`` for the run's.
    """

    condition: Condition
    weights: str

    @property
    def name(self) -> str:
        """Of its row."""
        return f"retrained {self.condition.name}"


def parse_retrained(texts: Sequence[str]) -> list[Retrained]:
    """Training-time ablations from ``CONDITION=FILE``.

    Raises:
        ConfigError: not of that form, no such condition, one given twice.
    """
    found: dict[str, Retrained] = {}
    for text in texts:
        kind, equals, weights = text.partition("=")
        if not equals or not weights:
            raise ConfigError(f"expected --retrained CONDITION=FILE but found {text!r}")
        one = Retrained(parse_condition(kind), weights)
        if one.name in found:
            raise ConfigError(f"--retrained {one.condition.name} is given twice: give it once")
        found[one.name] = one
    return list(found.values())


def check_retrained(runs: Sequence[SeededRun], retrained: Sequence[Retrained]) -> None:
    """Raise ConfigError where a checkpoint is missing, or would count once for each of several seeds."""
    for one in retrained:
        if len({run.seed for run in runs}) > 1 and "{seed}" not in one.weights:
            raise ConfigError(
                f"--retrained {one.condition.name}: several training seeds need a checkpoint each: expected "
                "{seed} in the file's name"
            )
        for run in runs:
            path = Path(run.filled(one.weights))
            if not path.is_file():
                raise ConfigError(f"--retrained {one.condition.name}: there is no file {path}")


def check_subgroups(subgroups: Mapping[str, str], videos: Sequence[str]) -> None:
    """Raise ConfigError for subgroups of videos that are not scored, which a slip of the pen would make."""
    unknown = sorted(set(subgroups) - set(videos))
    if unknown:
        raise ConfigError(f"subgroups are declared for videos that are not scored: {', '.join(unknown[:5])}")


def read_subgroups(path: Path) -> dict[str, str]:
    """Subgroups declared beforehand: a CSV with the columns ``video`` and ``subgroup``, a line a video.

    Raises:
        ConfigError: the file is missing or not of that form, or names a video twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"video", "subgroup"} <= set(reader.fieldnames or ()):
                raise ConfigError(
                    f"{path}: expected the columns video and subgroup but found "
                    f"{', '.join(reader.fieldnames or ()) or 'none'}"
                )
            found: dict[str, str] = {}
            for line in reader:
                video, subgroup = (line["video"] or "").strip(), (line["subgroup"] or "").strip()
                if not video or not subgroup or video in found:
                    raise ConfigError(
                        f"{path}, line {reader.line_num}: expected a video that was not named before and its "
                        f"subgroup but found {video!r}, {subgroup!r}"
                    )
                found[video] = subgroup
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: the subgroups cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"{path}: expected a line for each video but found none")
    return found
