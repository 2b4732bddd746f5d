"""What an evaluation is told: how maps are made, scored and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypedDict

from avsal.configuration import setting, settings_from
from avsal.errors import ConfigError
from avsal.evaluation import EvaluationSettings
from avsal.workflows.data import DataSettings
from avsal.workflows.model import ModelSettings, RunSettings

__all__ = ["LIKE", "EvaluateChoices", "EvaluateOptions", "EvaluateSettings"]

_PROTOCOL = "averages and tables"

#: protocols as published: how the tables of STAViS and of those who follow it were made, and DHF1K's
LIKE: dict[str, dict[str, Any]] = {
    "stavis": {
        "family": "mit",
        "sampler": "same_video",
        "postprocess": "stavis",
        "resize": "bicubic",
        "protocol": "stavis",
    },
    "dhf1k": {
        "family": "mit",
        "sampler": "dhf1k_10",
        "seed": 0,
        "resize": "bicubic",
        "protocol": "dhf1k",
    },
}


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(RunSettings, EvaluationSettings):
    """How maps are made, scored and averaged; see `EvaluationSettings` and `RunSettings` for the rest."""

    audio: Literal["own", "none", "zero"] = setting(
        "own", help="what it hears: own; none: as without sound; zero: silence", group="model"
    )
    name: str | None = setting(
        None, help="name of the row; of several models A,B,C [the model's or the path's]", group=_PROTOCOL
    )
    videos: tuple[str, ...] | None = setting(
        None, help="recordings to score, by id [all]", metavar="IDS", group="data set"
    )
    protocol: str | None = setting(
        None,
        help="stavis: per video, then over videos; dhf1k: frames pooled; diem20: first 300 frames; objects: "
        "masks [by data set]",
        group=_PROTOCOL,
    )
    centre: Literal["training", "scored"] = setting(
        "training",
        help="fit the centre bias to the training videos of a data set with a split, else, and with scored, "
        "to the other scored videos (reads no training gaze)",
        group=_PROTOCOL,
    )
    common_with: tuple[str, ...] = setting(
        (),
        help="rows of earlier evaluations (OUT/frames/NAME.csv): average on common frames only",
        metavar="FILES",
        group=_PROTOCOL,
    )
    interval: Literal["bca", "percentile"] = setting(
        "bca", help="kind of the intervals, bootstrapped over videos", group=_PROTOCOL
    )
    workers: int = setting(
        1,
        help="processes, one video each (maps and baseline rows; a model needs 1)",
        least=1,
        group=_PROTOCOL,
    )

    areas: Path | None = setting(
        None,
        help="areas of interest, columns video,frame,area,left,top,right,bottom: a table by area, and a "
        "column of fixations.csv",
        metavar="CSV",
        group="how maps are scored",
    )
    costs: bool = setting(
        True, help="columns of what each model's maps cost: CPU time, operations, memory", group=_PROTOCOL
    )
    like: Literal["stavis", "dhf1k"] | None = setting(
        None,
        help="a protocol as published, in one word: family, negatives, averages, post-processing, resizing",
        group=_PROTOCOL,
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for choices that are impossible or contradict each other."""
        usual = {entry.name: entry.default for entry in fields(self)}
        for name, value in LIKE[self.like].items() if self.like is not None else ():
            if getattr(self, name) not in (usual[name], value):
                raise ConfigError(
                    f"like={self.like} means {name}={value}, but {name}={getattr(self, name)} is given: "
                    "leave one of them out"
                )
            object.__setattr__(self, name, value)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class EvaluateChoices(EvaluateSettings, ModelSettings, DataSettings):
    """All that one evaluation is told: what is scored, on which data, how, and where it is written."""

    maps: Path | None = setting(
        None, help="maps instead of a model: PNG, JPEG, HDF5, npz, zarr, video", metavar="PATH", group="model"
    )
    out: Path = setting(Path("evaluation"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier evaluation there")

    def __post_init__(self) -> None:
        """Raise ConfigError for choices that contradict each other."""
        super().__post_init__()
        if self.maps is not None and self.predicts:
            raise ConfigError("`maps` are scored instead of a model: leave `model` and `weights` out")
        if self.arguments and not self.predicts:
            raise ConfigError("`model.` arguments are of a model: give model=NAME or weights=FILE")
        if self.workers > 1 and self.predicts:
            raise ConfigError("a model predicts in this process alone: leave `workers` out")

    @property
    def scoring(self) -> EvaluateSettings:
        """The part that says how maps are made, scored and averaged."""
        return settings_from(EvaluateSettings, self)

    @property
    def predicts(self) -> bool:
        """Whether there is a model."""
        return self.model is not None or self.weights is not None


class EvaluateOptions(TypedDict, total=False):
    """The fields of `EvaluateSettings` as keywords."""

    metrics: Sequence[str] | None
    family: Literal["exact", "mit"]
    sampler: Literal["other_videos", "same_video", "dhf1k_10"]
    seed: int | None
    density: str
    height: int | None
    every: int
    max_frames: int | None
    min_fixations: int
    postprocess: Literal["stavis", "msu"] | None
    resize: Literal["bilinear", "bicubic"]
    ig_floor: float
    baselines: Sequence[str]
    fixations: bool
    strict: bool
    engine: str | None
    batch_size: int | None
    precision: str
    audio: Literal["own", "none", "zero"]
    name: str | None
    videos: Sequence[str] | None
    protocol: str | None
    centre: Literal["training", "scored"]
    common_with: Sequence[str]
    interval: Literal["bca", "percentile"]
    workers: int
    areas: str | Path | None
    costs: bool
    like: Literal["stavis", "dhf1k"] | None
