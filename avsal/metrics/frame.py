"""All scores of one frame at once: validated once, shared work done once, what is missing with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from avsal.metrics.family import Family, check_family
from avsal.metrics.maps import Map, MapLike
from avsal.metrics.objects import binary_mask
from avsal.metrics.points import Points, PointsLike
from avsal.metrics.table import METRIC_TABLE, METRICS, OBJECT_METRICS
from avsal.types import Fixations

__all__ = ["METRICS", "OBJECT_METRICS", "FrameScores", "Score", "score_frame", "score_object_frame"]


@dataclass(frozen=True)
class Score:
    """One value with all that is needed to compare it.

    Attributes:
        metric: one of `METRICS` or `OBJECT_METRICS`.
        value: NaN where undefined.
        family: of definitions; `objects` for scores against masks.
        sampler: where the negatives of shuffled AUC came from (`given` where no sampler made them), None for
            the other metrics.
        reason: why the value is NaN, None where it is not.
    """

    metric: str
    value: float
    family: str
    sampler: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class FrameScores:
    """What `score_frame` and `score_object_frame` return.

    Attributes:
        frame: the identifier that was given.
        scores: by metric, in the order asked for.
        num_fixations: repeats counted; None where no fixations were given.
        constant: whether the prediction was the same everywhere, to be counted.
        resized_from: (H, W) of the prediction where it was resized, None where it was not.
    """

    frame: str
    scores: Mapping[str, Score]
    num_fixations: int | None
    constant: bool
    resized_from: tuple[int, int] | None

    def __getitem__(self, metric: str) -> float:
        """The value of a metric."""
        return self.scores[metric].value


def score_frame(
    saliency: ArrayLike,
    *,
    frame: str,
    fixations: PointsLike | None = None,
    density: MapLike | None = None,
    others: PointsLike | None = None,
    baseline: MapLike | None = None,
    metrics: Sequence[str] | None = None,
    family: Family = "exact",
    min_fixations: int = 1,
) -> FrameScores:
    """Score a prediction on one frame.

    The ground truth's size counts: that of the density, the baseline, `Fixations` or `Points`; bare arrays
    of rows and columns are on the prediction's own. A prediction of another size is resized to it, see
    `resize_map`.

    Without a fixation, or with fewer than `min_fixations`, every score is NaN, those on densities too. A
    constant prediction warns with `ConstantMapWarning` and is scored as the uniform map.

    Args:
        saliency: (H, W) prediction.
        frame: identifies the frame in errors and in the result, such as 'video/12'.
        fixations: where people looked on this frame.
        density: (H, W) non-negative, not necessarily normalised.
        others: negatives of shuffled AUC, from a sampler, whose name becomes part of the score.
        baseline: (H, W) non-negative, what information gain is measured against.
        metrics: some of `METRICS`; None gives all that the arguments and the family allow.
        family: of definitions.
        min_fixations: frames with fewer are left out, with that reason.

    Raises:
        MapError: a map is not finite, or negative where a density is needed; the message names the frame.
        ValueError: an unknown metric, one whose ground truth was not given, or ground truths of different
            sizes.

    Examples:
        >>> scores = score_frame([[3, 1], [0, 0]], frame="video/7", fixations=([0], [0]))
        >>> round(scores["nss"], 3), scores["auc_judd"]
        (1.633, 0.875)
        >>> score_frame([[3, 1], [0, 0]], frame="video/8", fixations=([], [])).scores["nss"].reason
        'no fixation'
    """
    check_family(family)
    if min_fixations < 1:
        raise ValueError(f"`min_fixations` must be at least 1 but is {min_fixations}")
    given = {"fixations": fixations, "density": density, "others": others, "baseline": baseline}
    chosen = _choose(metrics, family, {name for name, value in given.items() if value is not None})

    maps = {
        role: Map.density(values, role=role, frame=frame)
        for role, values in (("density", density), ("baseline", baseline))
        if values is not None
    }
    sized = [
        *maps.values(),
        *(points for points in (fixations, others) if isinstance(points, Points | Fixations)),
    ]
    prediction = Map.prediction(saliency, frame=frame, size=sized[0].size if sized else None)
    for truth_map in maps.values():
        truth_map.require_size(prediction.size, "the ground truth")
    points = {
        role: Points.of(values, prediction.size, f"{role} of frame {frame}")
        for role, values in (("fixations", fixations), ("others", others))
        if values is not None
    }
    truth = _Truth(points.get("fixations"), maps.get("density"), points.get("others"), maps.get("baseline"))

    scores = {}
    for metric in chosen:
        reason = truth.undefined(metric, family, min_fixations)
        value = METRIC_TABLE[metric].of_gaze(prediction, truth, family) if reason is None else float("nan")
        sampler = None
        if metric == "s_auc" and truth.others is not None:
            sampler = truth.others.sampler or "given"
        scores[metric] = Score(metric, value, family, sampler, reason)
    return FrameScores(
        frame,
        scores,
        None if truth.fixations is None else truth.fixations.total,
        prediction.constant,
        _resized_from(saliency, prediction),
    )


def score_object_frame(
    saliency: ArrayLike, mask: ArrayLike, *, frame: str, metrics: Sequence[str] = ("plcc", "auc", "nss")
) -> FrameScores:
    """Score a prediction against the mask of a frame's salient objects, as in the Conv3D paper.

    A prediction of another size is resized to the mask's, see `resize_map`. An empty or a full mask gives
    NaN.

    Args:
        saliency: (H, W) prediction.
        mask: (H, W) of False and True, or 0 and 1.
        frame: identifies the frame in errors and in the result.
        metrics: some of `OBJECT_METRICS`.

    Raises:
        MapError: a map that is not finite; the message names the frame.
        ValueError: an unknown metric, or a mask that is not binary.

    Examples:
        >>> score_object_frame([[4, 3], [2, 1]], [[1, 1], [0, 0]], frame="dog/3")["auc"]
        1.0
    """
    _require_known(metrics, OBJECT_METRICS)
    inside = binary_mask(mask)
    prediction = Map.prediction(saliency, frame=frame, size=(inside.shape[0], inside.shape[1]))
    reason = None if inside.any() and not inside.all() else "full mask" if inside.any() else "empty mask"
    scores = {
        metric: Score(metric, METRIC_TABLE[metric].of_mask(prediction, inside), "objects", None, reason)
        for metric in metrics
    }
    return FrameScores(frame, scores, None, prediction.constant, _resized_from(saliency, prediction))


@dataclass(frozen=True)
class _Truth:
    """Validated ground truth of one frame; what was not given is None."""

    fixations: Points | None
    density: Map | None
    others: Points | None
    baseline: Map | None

    def undefined(self, metric: str, family: Family, min_fixations: int) -> str | None:
        """Why the metric is undefined on this frame, None where it is defined."""
        needs = METRIC_TABLE[metric].needs
        if self.fixations is not None:
            if not self.fixations.total:
                return "no fixation"
            if self.fixations.total < min_fixations:
                return f"fewer than {min_fixations} fixations"
            if metric == "auc_borji" and self.fixations.pixels.size < 2:
                return "one fixated pixel"
            if (
                metric == "auc_judd"
                and family == "mit"
                and self.fixations.pixels.size == np.prod(self.fixations.size)
            ):
                return "every pixel fixated"
        if "density" in needs and self.density is not None and self.density.high == 0:
            return "empty density"
        if "others" in needs and self.others is not None and not self.others.total:
            return "no fixation of others"
        return None


def _choose(metrics: Sequence[str] | None, family: Family, given: set[str]) -> Sequence[str]:
    offered = [metric for metric in METRICS if family in METRIC_TABLE[metric].families]
    if metrics is None:
        return [metric for metric in offered if given.issuperset(METRIC_TABLE[metric].needs)]
    _require_known(metrics, METRICS)
    for metric in metrics:
        if metric not in offered:
            raise ValueError(
                f"`{metric}` is defined in the family {METRIC_TABLE[metric].families[0]!r} only: ask for "
                "that family"
            )
        absent = sorted(set(METRIC_TABLE[metric].needs) - given)
        if absent:
            raise ValueError(f"`{metric}` needs `{absent[0]}`, which was not given")
    return metrics


def _require_known(metrics: Sequence[str], known: Sequence[str]) -> None:
    unknown = [metric for metric in metrics if metric not in known]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}: expected some of {', '.join(known)}")


def _resized_from(saliency: ArrayLike, prediction: Map) -> tuple[int, int] | None:
    height, width = np.shape(saliency)
    return None if (height, width) == prediction.size else (height, width)
