"""What an evaluation is told, as one frozen value that is written beside its results."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from typing import Any, Literal

from avsal.errors import ConfigError
from avsal.groundtruth import density_recipe
from avsal.metrics import FAMILIES, METRICS, OBJECT_METRICS, SAMPLERS

__all__ = ["BASELINES", "USUAL_RECIPE", "EvaluationSettings"]

#: baseline rows that put a number into perspective, from chance to the best that is possible
BASELINES = (
    "uniform",
    "centre_bias",
    "video_mean",
    "split_half",
    "gold_standard",
    "infinite_observers",
)

#: density recipe for gaze that comes without prepared maps and without a choice: 2 % of the video's width
USUAL_RECIPE = "dhf1k"


@dataclass(frozen=True)
class EvaluationSettings:
    """How maps are scored.

    Attributes:
        metrics: some of `METRICS` (`OBJECT_METRICS` for masks); None: all that the ground truth and the
            family allow.
        family: of definitions.
        sampler: of shuffled AUC.
        seed: for the sampler that draws, None for the others.
        density: ``auto``: prepared maps where a data set has them, else the recipe `USUAL_RECIPE`;
            ``prepared``; or a recipe's name.
        height: draw the ground truth this many pixels high, the video's aspect ratio kept; None: the video's
            own size, or that of prepared maps. Points are scaled, no map of the ground truth is resized.
        every: score each N-th frame.
        max_frames: score only among the first so many frames of a video; None: all.
        min_fixations: frames with fewer are left out and counted.
        postprocess: ``stavis`` for that paper's treatment of maps before scoring; None: none.
        ig_floor: share of the uniform map mixed into a map, divided by its sum, before its information gain
            is taken in the family `exact`: without it one fixation on a zero makes the gain minus infinity.
        baselines: which of `BASELINES` to score beside.
        strict: raise on the first map or recording that is not as it should be.
    """

    metrics: tuple[str, ...] | None = None
    family: Literal["exact", "mit"] = "exact"
    sampler: Literal["other_videos", "same_video", "dhf1k_10"] = "other_videos"
    seed: int | None = None
    density: str = "auto"
    height: int | None = None
    every: int = 1
    max_frames: int | None = None
    min_fixations: int = 1
    postprocess: Literal["stavis"] | None = None
    ig_floor: float = 0.01
    baselines: tuple[str, ...] = BASELINES
    strict: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown name or an impossible number."""
        _expect("family", (self.family,), FAMILIES)
        _expect("sampler", (self.sampler,), SAMPLERS)
        _expect("baselines", self.baselines, BASELINES)
        _expect("metrics", self.metrics or (), tuple(dict.fromkeys((*METRICS, *OBJECT_METRICS))))
        if self.metrics == ():
            raise ConfigError("`metrics` names none: leave it out for all that the ground truth allows")
        if self.postprocess is not None:
            _expect("postprocess", (self.postprocess,), ("stavis",))
        if self.density not in ("auto", "prepared"):
            density_recipe(self.density)
        for name in ("height", "every", "max_frames", "min_fixations"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"`{name}` must be at least 1 but is {number}")
        if not 0 <= self.ig_floor <= 1:
            raise ConfigError(f"`ig_floor` must lie in 0..1 but is {self.ig_floor}")
        if (self.sampler == "dhf1k_10") != (self.seed is not None):
            raise ConfigError("`seed` goes with the sampler 'dhf1k_10', and only with it")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return asdict(self)


def _expect(key: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"`{key}`: expected some of {', '.join(known)} but found {name!r}{hint}")
