"""From scores to a table: averages by a protocol, intervals over videos, the papers' numbers beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from avsal.errors import ConfigError, counted
from avsal.evaluation import (
    BASELINES,
    Aggregate,
    AveragingProtocol,
    VideoScores,
    aggregate,
    bootstrap_interval,
    common_frames,
    on_frames,
)
from avsal.metrics import METRICS, OBJECT_METRICS
from avsal.report.labels import ROW_LABELS, column_order
from avsal.report.published import PublishedResult
from avsal.report.table import Cell, Kind, ResultTable, TableRow

__all__ = ["cited_rows", "on_common_frames", "result_table"]

_EVERYWHERE = ("uniform", "centre_bias")


def on_common_frames(
    scores: Mapping[str, Sequence[VideoScores]], common_with: Sequence[Sequence[VideoScores]] = ()
) -> dict[str, list[VideoScores]]:
    """The scores on the frames that all models have maps of; rows without any are left out.

    Rows of observers do not narrow the frames of the others: a video on which observers are not known stays
    in the models' means, and the row's own number of videos tells.

    Args:
        scores: of all videos, by row: models or folders of maps, and baseline rows.
        common_with: further models' scores; only frames that they have too are counted.
    """
    narrowing = [entries for row, entries in scores.items() if row not in BASELINES or row in _EVERYWHERE]
    frames = common_frames(*(narrowing or scores.values()), *common_with)
    shown = {row: on_frames(entries, frames) for row, entries in scores.items()}
    return {row: entries for row, entries in shown.items() if entries}


def result_table(
    title: str,
    scores: Mapping[str, Sequence[VideoScores]],
    how: AveragingProtocol,
    *,
    published: Iterable[PublishedResult] = (),
    notes: Sequence[str] = (),
    common_with: Sequence[Sequence[VideoScores]] = (),
    interval: Literal["bca", "percentile"] = "bca",
    costs: Mapping[str, Mapping[str, float]] | None = None,
    doubts: Mapping[str, str] | None = None,
) -> ResultTable:
    """Average all models on their common frames and set them beside what papers print.

    Args:
        title: what was scored.
        scores: of all videos, by row: models or folders of maps, and baseline rows.
        how: the protocol.
        published: cited rows.
        notes: how it was scored; the frame set and the protocol are added.
        common_with: see `on_common_frames`.
        interval: kind of bootstrap interval.
        costs: of rows, by name of `COSTS`.
        doubts: of rows, in a few words.

    Raises:
        ConfigError: the models share no frame.
        ValueError: scores of different definitions under one row.
    """
    shown = on_common_frames(scores, common_with)
    if not shown:
        raise ConfigError(
            "no frame is common to all models: score them on the same videos and with the same `every`"
        )
    measured = {row: aggregate(entries, how) for row, entries in shown.items()}
    frames = {entry.video: entry.frames for entries in shown.values() for entry in entries}
    names = [
        *(row for row in BASELINES if row in measured),
        *(row for row in measured if row not in BASELINES),
    ]
    gold = measured.get("gold_standard", {}).get("ig")
    rows = [
        _row(name, measured[name], gold, interval, (costs or {}).get(name, {}), (doubts or {}).get(name, ""))
        for name in names
    ]
    cited = cited_rows(published)
    order = [metric for metric in column_order() if any(metric in row.cells for row in rows)]
    cited = [row for row in cited if any(metric in order for metric in row.cells)]
    number = sum(len(kept) for kept in frames.values())
    told = [
        f"Protocol `{how.name}`: {how.description}. Intervals: 95 %, bootstrap over videos ({interval}).",
        f"Frame set: {counted(number, 'frame')} of {counted(len(frames), 'video')} that all models have maps "
        "of"
        + (f"; of each the first {how.max_frames}" if how.max_frames else "")
        + "; frames without a defined value are dropped for that metric.",
        *_excluded(measured),
        *notes,
    ]
    return ResultTable(title, order, [*rows, *cited], told)


def cited_rows(published: Iterable[PublishedResult]) -> list[TableRow]:
    """One row for each model and source of published numbers."""
    grouped: dict[tuple[str, str], list[PublishedResult]] = {}
    for result in published:
        if result.metric in METRICS or result.metric in OBJECT_METRICS:
            grouped.setdefault((result.model, result.source), []).append(result)
    rows = []
    for (model, source), results in grouped.items():
        doubts = sorted({result.note for result in results if result.note})
        told = source if all(result.verified for result in results) else f"{source} (unverified)"
        if doubts:
            told += f" ({'; '.join(doubts)})"
        cells = {result.metric: Cell(result.value) for result in results}
        rows.append(TableRow(model, "cited", cells, told))
    return rows


def _row(
    name: str,
    aggregates: Mapping[str, Aggregate],
    gold: Aggregate | None,
    interval: Literal["bca", "percentile"],
    costs: Mapping[str, float],
    doubt: str,
) -> TableRow:
    cells = {}
    for metric, result in aggregates.items():
        ends = bootstrap_interval(result.means, result.weights, method=interval) or (None, None)
        cells[metric] = Cell(result.value, *ends)
    if gold is not None and "ig" in aggregates and (share := _explained(aggregates["ig"], gold)) is not None:
        cells["ig_explained"] = Cell(share)
    cells |= {name: Cell(value) for name, value in costs.items()}
    kind: Kind = "baseline" if name in BASELINES else "measured"
    most = max(aggregates.values(), key=lambda result: int(result.counts.sum()), default=None)
    return TableRow(
        ROW_LABELS.get(name, name),
        kind,
        cells,
        "",
        None if most is None else len(most.videos),
        None if most is None else int(most.counts.sum()),
        doubt,
    )


def _explained(gain: Aggregate, gold: Aggregate) -> float | None:
    """Share of the gold standard's information gain, on the videos that have one."""
    shared = set(gain.videos) & set(gold.videos)
    sums = []
    for result in (gain, gold):
        kept = np.array([video in shared for video in result.videos], dtype=bool)
        if not kept.any():
            return None
        sums.append(float(np.average(result.means[kept], weights=result.weights[kept])))
    return sums[0] / sums[1] if sums[1] > 0 else None


def _excluded(measured: Mapping[str, Mapping[str, Aggregate]]) -> list[str]:
    """Frames without a value, told once where all rows agree."""
    told: dict[str, list[str]] = {}
    for row, aggregates in measured.items():
        for metric, result in aggregates.items():
            for reason, count in result.excluded.items():
                told.setdefault(f"{count} frames without a value ({reason})", []).append(f"{row} {metric}")
    return [
        f"{text}: {', '.join(where) if len(where) <= 6 else f'{len(where)} columns of rows'}."
        for text, where in told.items()
    ]
