"""Loss and validation scores of a training run over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.render.style import BLUE, LABEL, ORANGE, new_figure, tidy, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["training_curves"]


def training_curves(log: Sequence[Mapping[str, Any]], path: str | Path | None = None) -> Figure:
    """Draw a run's log: the loss of each step, and each validation score below it.

    Args:
        log: entries of ``log.jsonl``.
        path: of a PNG, PDF or SVG to write; None: only the figure is made.

    Raises:
        MediaError: the file cannot be written.
        ValueError: the log holds no step.
    """

    losses = [
        (entry["step"], entry["loss"]) for entry in log if "loss" in entry and entry.get("kind") == "step"
    ]
    scored = [entry for entry in log if entry.get("kind") == "validation"]
    if not losses:
        raise ValueError("the log holds no step to draw")
    names = [name for name, value in (scored[0] if scored else {}).items() if _is_score(name, value)]
    figure = new_figure(7, 1.6 * (1 + len(names)) + 0.6)
    axes = figure.subplots(1 + len(names), 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot(*zip(*losses, strict=True), lw=1, color=BLUE)
    axes[0].set_ylabel("loss")
    for axis, name in zip(axes[1:], names, strict=True):
        points = [(entry["step"], entry[name]) for entry in scored if _is_score(name, entry.get(name))]
        axis.plot(*zip(*points, strict=True), "o-", ms=3, lw=1, color=ORANGE)
        axis.set_ylabel(name)
    for axis in axes:
        tidy(axis)
    axes[-1].set_xlabel("step", fontsize=LABEL)
    return written(figure, path)


def _is_score(name: str, value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and name not in ("step", "epoch", "time", "seconds")
    )
