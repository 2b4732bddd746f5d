"""What an ablation is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avsal.ablation.conditions import Condition, parse_conditions
from avsal.ablation.verdicts import parse_margins
from avsal.configuration import moment, setting
from avsal.workflows.model import RunSettings

__all__ = ["AblateSettings"]

_VIDEO = "a video without gaze"


@dataclass(frozen=True, kw_only=True)
class AblateSettings(RunSettings):
    """What is heard, and against which margin it is judged; see `RunSettings` for the rest."""

    conditions: tuple[str, ...] | None = setting(
        None,
        help="what is heard, with commas, the original always among it [original, zero, noise, reversed, "
        "video_only, shifted:0.2 (data sets: shifted:1), and swapped where there is another video]",
    )
    margin: str | float | None = setting(
        None,
        help="the smallest difference that matters: a number (of NSS) or METRIC:NUMBER,... [0.05 of NSS, "
        "0.01 of CC; the control: 5 % of the gain that sound can bring where it decides]",
        metavar="NUMBER",
    )
    seed: int = setting(0, help="seed of all chance", least=0)
    every: int = setting(1, help="compute each N-th frame", least=1)
    players: int = setting(
        6, help="videos in the report, those that sound moves most", least=0, group="data set"
    )
    start: float | None = moment("where to begin", _VIDEO)
    end: float | None = moment("where to stop", _VIDEO)
    audio: Path | None = setting(
        None, help="the video's audio, where it is a file of its own", metavar="FILE", group=_VIDEO
    )
    other: Path | None = setting(None, help="file whose audio is swapped in", metavar="FILE", group=_VIDEO)

    def __post_init__(self) -> None:
        """Raise ConfigError for what is impossible."""
        super().__post_init__()
        self.margins  # noqa: B018  a wrong one should fail before anything is computed
        if self.conditions is not None:
            parse_conditions(",".join(self.conditions))

    @property
    def margins(self) -> dict[str, float]:
        """By metric, those that were declared."""
        return {} if self.margin is None else parse_margins(self.margin)

    def heard(self, default: str) -> tuple[Condition, ...]:
        """The conditions, the original audio first."""
        return parse_conditions(default if self.conditions is None else ",".join(self.conditions))
