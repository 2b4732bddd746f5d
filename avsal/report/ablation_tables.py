"""Comparisons of an ablation as tables of a page, as text and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from avsal.ablation.verdicts import Comparison, ConditionScore
from avsal.errors import counted
from avsal.report.ablation_words import grouped, p_text, place, signed
from avsal.report.labels import metric_label
from avsal.report.page_content import PageTable
from avsal.report.table import ResultTable

__all__ = ["comparison_lines", "comparison_table", "printed_result_table", "video_table"]


def comparison_table(group: Sequence[Comparison]) -> PageTable:
    """The comparisons of one data set, subgroup and metric."""
    first = group[0]
    seeds = f", {first.num_seeds} training seeds" if first.num_seeds > 1 else ""
    rows = [["original", f"{first.reference_mean:.3f}", *[""] * 9]]
    for one in group:
        rows.append(
            [
                one.condition,
                _number(one.condition_mean),
                signed(one.difference) if one.num_videos else "",
                f"{signed(one.low)} to {signed(one.high)}" if isfinite(one.low) else "",
                signed(one.median) if one.num_videos else "",
                str(one.verdict),
                _p(one.p_holm),
                _p(one.p_equivalence_holm),
                f"{one.improved:.0%}" if isfinite(one.improved) else "",
                _number(one.detectable),
                str(one.videos_needed) if one.verdict == "undecided" and one.videos_needed else "",
            ]
        )
    left_out = max(one.left_out for one in group)
    note = f"{left_out} videos without a score are left out." if left_out else ""
    if any(isfinite(one.seed_spread) for one in group):
        spreads = ", ".join(f"{one.condition} {one.seed_spread:.3f}" for one in group)
        note += f" Standard deviation of the difference over training seeds: {spreads}."
    return PageTable(
        f"{place(first)}: {metric_label(first.metric)} of {counted(first.num_videos, 'video')}{seeds}, "
        f"margin {first.margin:.2g}",
        [
            "condition",
            "mean",
            "original minus it",
            "95 % interval",
            "median",
            "verdict",
            "p of difference",
            "p of equivalence",
            "improved",
            "visible",
            "videos to decide",
        ],
        rows,
        note.strip(),
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else ""


def _p(p: float) -> str:
    return p_text(p).replace("p = ", "").replace("p ", "")


def printed_result_table(table: ResultTable) -> PageTable:
    """Means beside published numbers; the original audio's row is `original`."""
    rows = []
    for row in table.rows:
        cells = [row.cells.get(metric) for metric in table.metrics]
        told = f"cited: {row.source}" if row.kind == "cited" else "measured here"
        rows.append([row.name, *("" if cell is None else _number(cell.value) for cell in cells), told])
    header = ["row", *(metric_label(metric) for metric in table.metrics), "origin"]
    return PageTable(f"{table.title}: beside observers and papers", header, rows, " ".join(table.notes))


def video_table(scores: Sequence[ConditionScore], moved: Mapping[tuple[str, str], float]) -> PageTable:
    """Each video's NSS (or first metric) by condition; those that sound moves most come first."""
    whole = [score for score in scores if not score.subgroup]
    metric = "nss" if any(score.metric == "nss" for score in whole) else whole[0].metric
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for score in whole:
        if score.metric == metric:
            found = values.setdefault((score.dataset, score.video), {})
            found.setdefault(score.condition, []).append(score.value)
    conditions = list(dict.fromkeys(score.condition for score in whole))
    rows = []
    for key in sorted(values, key=lambda key: -moved.get(key, 0.0)):
        own = values[key]
        cells = [_number(sum(own[name]) / len(own[name])) if name in own else "" for name in conditions]
        rows.append([" ".join(key), f"{moved[key]:.3f}" if key in moved else "", *cells])
    return PageTable(
        f"{metric_label(metric)} of each video",
        ["video", "mass moved", *conditions],
        rows,
        "Mass moved: share of the map that lies elsewhere with the original audio than with silence (or the "
        "first condition); means over frames. Scores are means over training seeds.",
    )


def comparison_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """For a terminal: a block for each data set, subgroup and metric, one line a condition."""
    lines = []
    for group in grouped(comparisons):
        first = group[0]
        about = " ".join(text for text in (first.dataset, first.subgroup, first.metric) if text)
        lines.append(
            f"{about}: {counted(first.num_videos, 'video')}, original {first.reference_mean:.3f}, margin "
            f"{first.margin:.2g}"
        )
        lines.append(
            f"  {'original against':18} {'score':>6} {'differs by':>10} {'95 % interval':>18} {'p':>7} "
            f"{'p equiv.':>8}  verdict"
        )
        for one in group:
            interval = f"{signed(one.low)} to {signed(one.high)}" if isfinite(one.low) else "too few videos"
            more = "" if one.verdict != "undecided" or one.videos_needed is None else one.videos_needed
            tail = f" ({more} videos would decide)" if more else ""
            lines.append(
                f"  {one.condition:18} {one.condition_mean:6.3f} {signed(one.difference):>10} {interval:>18} "
                f"{_p(one.p_holm):>7} {_p(one.p_equivalence_holm):>8}  {one.verdict}{tail}"
            )
    return lines
