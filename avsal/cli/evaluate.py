"""Score a model, or anybody's maps, on a data set: a line for each video and frame, tables and a plot.

    avsal evaluate data=hevc root=DIR out=OUT                              the baseline rows alone
    avsal evaluate model=tsfpnet_av weights=FILE data=diem root=DIR split=test fold=1 out=OUT
    avsal evaluate maps=FOLDER_OR_VIDEO data=dhf1k root=DIR split=val out=OUT strict=true

Maps: a folder, video or HDF5 file for each video, named after it, or a single one. Every table has rows that
put numbers into perspective: uniform, centre bias, and how well observers predict each other.

choices (lists with commas):
  model=NAME           see `avsal models`; or weights=FILE alone, a checkpoint that knows its model;
                       model.KEY=VALUE is an argument of the model, such as model.levels=multi
  device=auto          cpu, cuda, cuda:1, mps; precision=float32, bfloat16, float16; batch_size=N
  engine=exact         plain, live or streaming: see avsal predict --help [exact where the model can]
  audio=own            none: as without sound; zero: as silence
  maps=PATH            instead of a model: PNG, JPEG, HDF5, video
  name=TEXT            of the row [the model's or the path's]
  data=NAME root=DIR   data set and its folder; data.KEY=VALUE is for its reader, such as data.videos=DIR
  split=test fold=1    where the data set has them; videos=ID,ID: only these
  protocol=NAME        stavis: per video, then over videos; dhf1k: frames pooled; diem20: first 300 frames;
                       objects: masks [by data set]
  metrics=nss,cc,...   [all]; family=exact or mit; min_fixations=1
  sampler=other_videos negatives of shuffled AUC, or same_video, or dhf1k_10 with seed=N
  density=auto         prepared maps where there are, else dhf1k; or a recipe's name
  height=N             draw the ground truth N pixels high [the video's own size]
  every=1              score each N-th frame; max_frames=N: only among the first N
  baselines=ROWS     some of uniform, centre_bias, video_mean, split_half, gold_standard,
                       infinite_observers; none [all]
  centre=training      fit the centre bias to the training videos of a data set with a split, else, and with
                       centre=scored, to the other scored videos (reads no training gaze)
  ig_floor=0.01        uniform share mixed into maps for information gain (family exact)
  postprocess=stavis   that paper's treatment of maps before scoring [none]
  common_with=FILES    rows of earlier evaluations (OUT/frames/NAME.csv): average on common frames only
  interval=bca         or percentile: of the bootstrap over videos
  out=DIR              [evaluation]; overwrite=true replaces an earlier evaluation there
  strict=true          stop at the first missing or odd map; else such maps are told and counted
  workers=1            processes, one video each (maps and baseline rows; a model needs 1)

OUT/frames/NAME.csv has a line for each video, frame and metric; videos.csv the means of each video; table.md,
table.tex, table.csv and plot.png the averages beside published numbers; evaluation.json all settings.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from avsal.cli.arguments import plain_value
from avsal.errors import ConfigError

__all__ = ["EvaluateChoices", "add_arguments", "parse_choices", "run"]


@dataclass(frozen=True)
class EvaluateChoices:
    """The choices of one run, see the help; what is None follows from the others."""

    data: str
    root: Path
    model: str | None = None
    weights: Path | None = None
    device: str = "auto"
    engine: Literal["exact", "streaming", "live", "plain"] | None = None
    batch_size: int | None = None
    precision: str = "float32"
    audio: Literal["own", "none", "zero"] = "own"
    maps: Path | None = None
    name: str | None = None
    split: Literal["train", "val", "test"] | None = None
    fold: int | None = None
    videos: tuple[str, ...] | None = None
    protocol: str | None = None
    metrics: tuple[str, ...] | None = None
    family: Literal["exact", "mit"] = "exact"
    min_fixations: int = 1
    sampler: Literal["other_videos", "same_video", "dhf1k_10"] = "other_videos"
    seed: int | None = None
    density: str = "auto"
    height: int | None = None
    every: int = 1
    max_frames: int | None = None
    baselines: tuple[str, ...] | None = None
    centre: Literal["training", "scored"] = "training"
    ig_floor: float = 0.01
    postprocess: Literal["stavis"] | None = None
    common_with: tuple[str, ...] = ()
    interval: Literal["bca", "percentile"] = "bca"
    out: Path = Path("evaluation")
    overwrite: bool = False
    strict: bool = False
    workers: int = 1
    reader: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError for choices that contradict each other."""
        if self.maps is not None and (self.model is not None or self.weights is not None):
            raise ConfigError("`maps` are scored instead of a model: leave `model` and `weights` out")
        if self.arguments and not self.predicts:
            raise ConfigError("`model.` arguments are of a model: give model=NAME or weights=FILE")
        if self.workers < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise ConfigError("`workers` and `batch_size` must be at least 1")
        if self.maps is not None and self.engine is not None:
            raise ConfigError("`engine` says how a model is run, but `maps` are there already: leave it out")
        if self.workers > 1 and (self.model is not None or self.weights is not None):
            raise ConfigError("a model predicts in this process alone: leave `workers` out")

    @property
    def predicts(self) -> bool:
        """Whether a model is to be run."""
        return self.model is not None or self.weights is not None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "choices", nargs="+", metavar="key=value", help="see above; data= and root= are needed"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; return 0 when everything was scored, 1 when maps or recordings were left out."""
    from avsal.cli.evaluate_job import evaluate

    return evaluate(parse_choices(arguments.choices), quiet=arguments.quiet)


def parse_choices(words: list[str]) -> EvaluateChoices:
    """Turn ``key=value`` words into choices.

    Raises:
        ConfigError: a word without `=`, an unknown or repeated key, a value of the wrong type, or a missing
            key; names it.
    """
    known = {
        entry.name: entry for entry in fields(EvaluateChoices) if entry.name not in ("reader", "arguments")
    }
    hints = get_type_hints(EvaluateChoices)
    values: dict[str, Any] = {}
    reader: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key or not text:
            raise ConfigError(f"expected choices as key=value but found {word!r}: see avsal evaluate --help")
        if key in (*values, *(f"data.{name}" for name in reader), *(f"model.{name}" for name in arguments)):
            raise ConfigError(f"`{key}` is given twice: give it once")
        if key.startswith("data."):
            reader[key.removeprefix("data.")] = plain_value(text)
        elif key.startswith("model."):
            arguments[key.removeprefix("model.")] = plain_value(text)
        elif key in known:
            values[key] = _converted(key, hints[key], text)
        else:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"unknown choice {key!r}: expected some of {', '.join(known)}{hint}")
    for name, entry in known.items():
        if entry.default is MISSING and name not in values:
            raise ConfigError(f"`{name}` is missing: give {name}=...; see avsal evaluate --help")
    return EvaluateChoices(**values, reader=reader, arguments=arguments)


def _converted(key: str, hint: Any, text: str) -> Any:
    """The text as the type that a field of `EvaluateChoices` states."""
    if get_origin(hint) in (Union, UnionType):  # optional: what is left out stays None
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise ConfigError(f"`{key}`: expected one of {', '.join(get_args(hint))} but found {text!r}")
        return text
    if get_origin(hint) is tuple:
        names = () if text == "none" else (name.strip() for name in text.split(","))
        return tuple(dict.fromkeys(name for name in names if name))
    if hint is bool:
        if text not in ("true", "false"):
            raise ConfigError(f"`{key}`: expected true or false but found {text!r}")
        return text == "true"
    try:
        return hint(text)
    except ValueError:
        kind = "a whole number" if hint is int else "a number"
        raise ConfigError(f"`{key}`: expected {kind} but found {text!r}") from None
