"""What an evaluation's table says at its foot: how maps were scored, and what is missing and why."""

from __future__ import annotations

from collections.abc import Mapping

from avsal.errors import counted
from avsal.evaluation import (
    OBSERVER_ROWS,
    AveragingProtocol,
    Evaluation,
    frame_statement,
    undefined_reason,
)

__all__ = ["cost_note", "notes_of"]


def cost_note(engine: str | None, every: int) -> str:
    """What the columns of cost are, for the foot of the table."""
    how = f"engine {engine or 'of the model'}" + (f", one frame in {every}" if every > 1 else "")
    return (
        f"Cost, as run here ({how}): CPU seconds a map of all threads, decoding included; GFLOP a map, two a "
        "multiply-add, and memory of weights and of what was held while maps were made, libraries apart, on "
        "the first video."
    )


def notes_of(made: Evaluation, absent: Mapping[str, Mapping[str, str]], how: AveragingProtocol) -> list[str]:
    """How maps were scored, in words, for the foot of the table.

    Args:
        made: after scoring.
        absent: why baseline rows are absent, by video and row.
        how: the protocol.
    """
    settings, truths = made.settings, made.truths
    notes = [f"Scored: {frame_statement(truths, settings)}."]
    if how.name != "objects":
        sampler = settings.sampler + (f"(seed={settings.seed})" if settings.seed is not None else "")
        drawn = {str(truth.recipe) for truth in truths if truth.recipe is not None}
        prepared = any(truth.recipe is None for truth in truths)
        size = "the video's size" if settings.height is None else f"{settings.height} pixels high"
        notes += [
            f"Family `{settings.family}`; negatives of s-AUC: `{sampler}`.",
            *(f"Density {text}; drawn at {size}." for text in sorted(drawn)),
            *(["Density: the data set's prepared maps, at their size."] if prepared else []),
        ]
    notes.append(
        f"Maps of another size are resized to the ground truth's: {settings.resize}, antialiased where they "
        "shrink."
    )
    if settings.postprocess == "stavis":
        notes.append("Maps post-processed as by stavis; baseline rows are not.")
    for name, adaptation in made.adaptations.items():
        notes.append(
            f"Maps of {name} adapted as by msu, fitted to the gaze of the very frames that are scored: "
            f"{adaptation}; baseline rows are not."
        )
    if made.centre is not None:
        notes.append(f"Centre bias: {made.centre}.")
    if any("ig" in truth.metrics for truth in truths) and made.centre is not None:
        floor = (
            f"; maps divided by their sum, with a uniform share of {settings.ig_floor:g}"
            if settings.family == "exact" and settings.ig_floor and made.sources
            else ""
        )
        notes.append(f"IG against the centre bias{floor}; IG explained: share of the gold standard's IG.")
    shown = {row for row in settings.baselines if any(row not in rows for rows in absent.values())}
    if shown & set(OBSERVER_ROWS):
        notes.append(
            "Observers' rows: kernel density of other observers' fixations on the frame + centre bias + "
            "uniform; width and weights fitted to each video by leave-one-observer-out likelihood."
        )
    if "infinite_observers" in shown:
        notes.append(
            "Infinite observers: g + (g - s) h / (m - h), g the gold standard from m = N - 1 observers, s "
            "the split half from h = N / 2; leading order of an error in 1 / n."
        )
    notes += _absences(made, absent)
    told = {kind: count for kind, count in made.problems.counts.items() if kind != "note"}
    if told:
        notes.append("Problems: " + ", ".join(f"{count} {kind}" for kind, count in told.items()) + ".")
    return notes


def _absences(made: Evaluation, absent: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Rows and metrics that are missing, with the reason."""
    reasons: dict[tuple[str, str], int] = {}
    for rows in absent.values():
        for row, reason in rows.items():
            reasons[row, reason] = reasons.get((row, reason), 0) + 1
    notes = [
        f"Row {row} absent on {count} of {counted(len(absent), 'video')}: {reason}."
        for (row, reason), count in reasons.items()
    ]
    metrics = dict.fromkeys(metric for truth in made.truths for metric in truth.metrics)
    drawn = all(truth.recipe is not None for truth in made.truths)
    lacking: dict[tuple[str, str], list[str]] = {}
    for row in OBSERVER_ROWS:
        if row not in made.settings.baselines or all(row in rows for rows in absent.values()):
            continue
        for metric in metrics:
            if (why := undefined_reason(metric, row, made.settings, drawn=drawn)) is not None:
                lacking.setdefault((row, why), []).append(metric)
    notes += [f"No {', '.join(names)} in row {row}: {reason}." for (row, reason), names in lacking.items()]
    return notes
