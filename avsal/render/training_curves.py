"""Loss and validation scores of a training run over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avsal.media import atomic_path

__all__ = ["training_curves"]


def training_curves(log: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw a run's log as a PNG, PDF or SVG: the loss of each step, and each validation score below it.

    Args:
        log: entries of ``log.jsonl``.
        path: of the picture.

    Raises:
        MediaError: the file cannot be written.
        ValueError: the log holds no step.
    """
    from matplotlib.figure import Figure

    losses = [
        (entry["step"], entry["loss"]) for entry in log if "loss" in entry and entry.get("kind") == "step"
    ]
    scored = [entry for entry in log if entry.get("kind") == "validation"]
    if not losses:
        raise ValueError("the log holds no step to draw")
    names = [name for name, value in (scored[0] if scored else {}).items() if _is_score(name, value)]
    figure = Figure(figsize=(7, 1.6 * (1 + len(names)) + 0.6), dpi=120, layout="constrained")
    axes = figure.subplots(1 + len(names), 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot(*zip(*losses, strict=True), lw=1, color="#0b6bcb")
    axes[0].set_ylabel("loss")
    for axis, name in zip(axes[1:], names, strict=True):
        points = [(entry["step"], entry[name]) for entry in scored if _is_score(name, entry.get(name))]
        axis.plot(*zip(*points, strict=True), "o-", ms=3, lw=1, color="#c2631b")
        axis.set_ylabel(name)
    axes[-1].set_xlabel("step")
    with atomic_path(Path(path)) as temporary:
        figure.savefig(temporary, format=Path(path).suffix.lstrip(".") or "png")


def _is_score(name: str, value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and name not in ("step", "epoch", "time", "seconds")
    )
