"""What an evaluation is told, as one frozen value that is written beside its results."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from avsal.configuration import Checked, setting
from avsal.errors import ConfigError
from avsal.groundtruth import density_recipe
from avsal.media.container import LARGEST_SIDE
from avsal.metrics import FAMILIES, METRICS, OBJECT_METRICS, SAMPLERS

__all__ = ["BASELINES", "USUAL_RECIPE", "EvaluationSettings"]

#: baseline rows that put a number into perspective, from chance to the best that is possible
BASELINES = (
    "uniform",
    "centre_bias",
    "motion",
    "video_mean",
    "split_half",
    "gold_standard",
    "infinite_observers",
)

_SCORES = "how maps are scored"

#: density recipe for gaze that comes without prepared maps and without a choice: 2 % of the video's width
USUAL_RECIPE = "dhf1k"


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Checked):
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
        postprocess: of maps before scoring. ``stavis``: that paper's. ``msu``: that benchmark's domain
            adaptation, one brightness curve and one weight of the centre prior a model, fitted to all
            scored frames, see `Adaptation`. None: none.
        resize: how maps come to the ground truth's size, antialiased where they shrink. ``bicubic`` is what
            MATLAB's `imresize` does.
        ig_floor: share of the uniform map mixed into a map, divided by its sum, before its information gain
            is taken in the family `exact`: without it one fixation on a zero makes the gain minus infinity.
        baselines: which of `BASELINES` to score beside.
        fixations: keep a row for each fixation, see `FixationRows`.
        strict: raise on the first map or recording that is not as it should be.
    """

    metrics: tuple[str, ...] | None = setting(
        None,
        help="metrics to compute, such as nss,cc,sim [all that there can be]",
        known=lambda: (*METRICS, *OBJECT_METRICS),
        group=_SCORES,
    )
    family: Literal["exact", "mit"] = setting(
        "exact", help="family of definitions", known=FAMILIES, group=_SCORES
    )
    sampler: Literal["other_videos", "same_video", "dhf1k_10"] = setting(
        "other_videos", help="negatives of shuffled AUC", known=SAMPLERS, group=_SCORES
    )
    seed: int | None = setting(None, help="seed of the sampler dhf1k_10", least=0, group=_SCORES)
    density: str = setting(
        "auto", help="prepared maps where there are, else dhf1k; or a recipe's name", group=_SCORES
    )
    height: int | None = setting(
        None, help="draw the ground truth so many pixels high [the video's own size]", least=1, group=_SCORES
    )
    every: int = setting(1, help="score each N-th frame", least=1, group=_SCORES)
    max_frames: int | None = setting(
        None, help="score only among the first N frames [all]", least=1, group=_SCORES
    )
    min_fixations: int = setting(
        1, help="leave frames with fewer out, and count them", least=1, group=_SCORES
    )
    postprocess: Literal["stavis", "msu"] | None = setting(
        None,
        help="what is done to maps before scoring; stavis: that paper's; msu: that benchmark's, a brightness "
        "curve and a centre weight fitted for each model to all scored frames [none]",
        known=("stavis", "msu"),
        group=_SCORES,
    )
    resize: Literal["bilinear", "bicubic"] = setting(
        "bilinear",
        help="how maps come to the ground truth's size; bicubic: as MATLAB",
        known=("bilinear", "bicubic"),
        group=_SCORES,
    )
    ig_floor: float = setting(
        0.01, help="uniform share mixed into maps for information gain (family exact)", group=_SCORES
    )
    baselines: tuple[str, ...] = setting(
        BASELINES,
        help="some of " + ", ".join(BASELINES) + "; none [all]",
        metavar="ROWS",
        known=BASELINES,
        group=_SCORES,
    )
    fixations: bool = setting(
        False,
        help="write fixations.csv too: a row for each fixation, with its saliency, rank and observer",
        group=_SCORES,
    )
    strict: bool = setting(
        False, help="stop at the first missing or odd map; else they are told and counted", group=_SCORES
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown name or an impossible number."""
        super().__post_init__()
        if self.metrics == ():
            raise ConfigError("`metrics` names none: leave it out for all that the ground truth allows")
        if self.density not in ("auto", "prepared"):
            density_recipe(self.density)
        if self.height is not None and self.height > LARGEST_SIDE:
            raise ConfigError(f"`height` must be at most {LARGEST_SIDE} but is {self.height}")
        if not 0 <= self.ig_floor <= 1:
            raise ConfigError(f"`ig_floor` must lie in 0..1 but is {self.ig_floor}")
        if (self.sampler == "dhf1k_10") != (self.seed is not None):
            raise ConfigError("`seed` goes with the sampler 'dhf1k_10', and only with it")
        if self.seed is not None and self.seed < 0:
            raise ConfigError(f"`seed` must not be negative but is {self.seed}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return asdict(self)
