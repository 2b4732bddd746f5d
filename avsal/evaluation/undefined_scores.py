"""Which baseline rows are about observers, and which of their scores would mislead and are not given."""

from __future__ import annotations

from avsal.evaluation.settings import EvaluationSettings
from avsal.metrics import METRIC_TABLE

__all__ = ["OBSERVER_ROWS", "undefined_reason"]

OBSERVER_ROWS = ("video_mean", "split_half", "gold_standard", "infinite_observers")
_HELD_OUT = ("gold_standard", "infinite_observers")


def undefined_reason(
    metric: str, row: str, settings: EvaluationSettings, *, drawn: bool = True
) -> str | None:
    """Why a metric has no value in a baseline row although the row is there; None where it has.

    Args:
        metric: one of `METRICS`.
        row: one of `BASELINES`.
        settings: of the evaluation.
        drawn: whether density maps are drawn by a recipe, not prepared.
    """
    if METRIC_TABLE[metric].of_density and row in _HELD_OUT:
        return "the density of one held-out observer is not what models are compared with"
    if METRIC_TABLE[metric].of_density and row in OBSERVER_ROWS and not drawn:
        return "prepared maps are of all observers; with a recipe as `density` there are some of each half"
    if metric in ("auc_judd", "auc_borji") and row in _HELD_OUT and settings.family == "mit":
        return "in the family mit it rises as fixations get fewer; see the family exact"
    return None
