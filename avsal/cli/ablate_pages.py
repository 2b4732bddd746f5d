"""The reports of ablations over videos: of data sets with gaze, and of the control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from avsal.ablation.conditions import REFERENCE
from avsal.ablation.statistics import Comparison, ConditionScore
from avsal.ablation.synthetic_videos import CEILINGS
from avsal.report import ResultTable
from avsal.report.labels import metric_label
from avsal.report.page_content import Estimate, IntervalPlot, Page, PageTable, Players

__all__ = ["control_page", "data_page"]

LEVEL = 0.05


def data_page(
    scores: Sequence[ConditionScore],
    comparisons: Sequence[Comparison],
    tables: Sequence[ResultTable],
    moved: Mapping[tuple[str, str], float],
    players: Sequence[Players],
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
) -> Page:
    """The report of data sets.

    Args:
        scores: of videos, in subgroups too.
        comparisons: of all conditions.
        tables: of each run, beside published numbers.
        moved: share of the map's mass that sound moves, by data set and video.
        players: of the videos that sound moves most.
        facts: what was run.
        notes: what was lost or left out.
    """
    return Page(
        title=f"Does sound matter? {facts['data']}",
        summary=_verdicts(comparisons, smallest=True),
        tables=[
            *map(_comparison_table, _grouped(comparisons)),
            *map(_result_table, tables),
            *_video_tables(scores, moved),
        ],
        plots=[_plot(group) for group in _grouped(comparisons) if not group[0].subgroup],
        players=players,
        facts=facts,
        notes=[
            *notes,
            "p: sign-flip permutation test over videos, two-sided; p (Holm): corrected over all comparisons "
            "of this page. Intervals: 95 %, BCa bootstrap over videos. Improved: share of videos that the "
            "original audio scores better, ties count half. Visible: the mean difference that this test "
            "finds in four of five repetitions, at this number of videos and this spread.",
        ],
    )


def control_page(
    scores: Sequence[ConditionScore],
    comparisons: Sequence[Comparison],
    gains: Mapping[str, Mapping[str, float]],
    reruns: int,
    found: Mapping[str, Mapping[str, str]],
    facts: Mapping[str, str],
) -> Page:
    """The report of synthetic videos.

    Args:
        scores: of videos.
        comparisons: of all conditions.
        gains: NSS by row and the normalised gain, by cue.
        reruns: with new seeds.
        found: in how many of them a condition differed, and by how much in the mean, by cue.
        facts: what was run.
    """
    rows = [row for row in next(iter(gains.values())) if row not in (*CEILINGS, "normalised gain")]
    header = ["cue", CEILINGS[0], *rows, CEILINGS[1], "normalised gain"]
    tables = [
        PageTable(
            "NSS by what is heard, between the best maps without and with sound",
            header,
            [[cue, *(f"{means[name]:.2f}" for name in header[1:])] for cue, means in gains.items()],
            "Normalised gain: (original - best without sound) / (best with sound - best without sound). Only "
            "a model above the best without sound has heard something that matters.",
        ),
        *map(_comparison_table, _grouped(comparisons)),
    ]
    if reruns:
        names = list(dict.fromkeys(name for counts in found.values() for name in counts))
        tables.append(
            PageTable(
                f"How often {reruns} reruns with new seeds find a difference",
                ["cue", *names],
                [[cue, *(counts.get(name, "") for name in names)] for cue, counts in found.items()],
                f"Reruns with p < {LEVEL} for NSS, uncorrected: power where sound decides, false alarms "
                f"where it is irrelevant, of which {LEVEL * reruns:g} are expected. In brackets: original "
                "minus the condition, mean over reruns: a network may tell sounds apart by next to nothing.",
            )
        )
    return Page(
        title="The control: is an effect of sound found where one was planted, and only there?",
        summary=_verdicts(comparisons),
        tables=tables,
        plots=[_plot(group) for group in _grouped(comparisons) if group[0].metric == "nss"],
        facts=facts,
        notes=[f"{len({score.video for score in scores})} videos of each cue, each tested once a condition."],
    )


def _grouped(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """By data set, subgroup and metric."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in comparisons:
        groups.setdefault((one.dataset, one.subgroup, one.metric), []).append(one)
    return list(groups.values())


def _place(one: Comparison) -> str:
    return one.dataset + (f", {one.subgroup}" if one.subgroup else "")


def _verdicts(comparisons: Sequence[Comparison], *, smallest: bool = False) -> list[str]:
    """A paragraph for each data set and subgroup, on its first metric, NSS where there is one."""
    groups = _grouped(comparisons)
    places = dict.fromkeys((group[0].dataset, group[0].subgroup) for group in groups)
    texts = []
    for place in places:
        own = [group for group in groups if (group[0].dataset, group[0].subgroup) == place]
        group = next((group for group in own if group[0].metric == "nss"), own[0])
        text = _verdict(group)
        texts.append(f"{text} {_smallest_p(group[0].num_videos, len(comparisons))}" if smallest else text)
    return texts


def _verdict(group: Sequence[Comparison]) -> str:
    first, label = group[0], metric_label(group[0].metric, arrow=False)
    text = f"{_place(first)}: {first.num_videos} videos, {label} {first.reference_mean:.3f} with own audio. "
    better = [one for one in group if one.p_holm < LEVEL and one.gain > 0]
    worse = [one for one in group if one.p_holm < LEVEL and one.gain < 0]
    if better:
        text += f"True sound scores better than {_listed(better)}. "
    if worse:
        text += f"True sound scores worse than {_listed(worse)}. "
    same = len(group) - len(better) - len(worse)
    if same == len(group):
        text += "No condition differs from the original audio after Holm's correction. "
    elif same:
        text += f"{same} of {len(group)} conditions do not differ after Holm's correction. "
    visible = [one.detectable for one in group if isfinite(one.detectable)]
    if visible:
        low, high = min(visible), max(visible)
        spread = f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
        text += (
            f"A test of one condition alone would see an effect of {spread}, by condition, four times in "
            "five with so many videos; with the correction it takes more."
        )
    return text.strip()


def _listed(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(f"{one.condition} ({one.difference:+.3f}, p {one.p_holm:.2g})" for one in comparisons)


def _smallest_p(num_videos: int, num_comparisons: int) -> str:
    """What so few videos can show at all."""
    if num_videos == 0:
        return "No video has all scores."
    least = min(1.0, 2.0 ** (1 - num_videos))
    corrected = min(1.0, least * num_comparisons)
    text = f"With {num_videos} videos no p can be below {least:.2g}, and none below {corrected:.2g} when the "
    text += f"{num_comparisons} comparisons of this page are corrected for"
    return text + (": this is too few to show anything." if corrected > LEVEL else ".")


def _comparison_table(group: Sequence[Comparison]) -> PageTable:
    first = group[0]
    seeds = f", {first.num_seeds} training seeds" if first.num_seeds > 1 else ""
    rows = [["the original audio", f"{first.reference_mean:.3f}", *[""] * 6]]
    for one in group:
        rows.append(
            [
                one.condition,
                f"{one.condition_mean:.3f}",
                f"{one.difference:+.3f}",
                f"{one.low:+.3f} to {one.high:+.3f}" if isfinite(one.low) else "",
                f"{one.p:.2g}",
                f"{one.p_holm:.2g}",
                f"{one.improved:.0%}",
                f"{one.detectable:.3f}" if isfinite(one.detectable) else "",
            ]
        )
    left_out = max(one.left_out for one in group)
    note = f"{left_out} videos without a score are left out." if left_out else ""
    if any(isfinite(one.seed_spread) for one in group):
        spreads = ", ".join(f"{one.condition} {one.seed_spread:.3f}" for one in group)
        note += f" Standard deviation of the difference over training seeds: {spreads}."
    return PageTable(
        f"{_place(first)}: {metric_label(first.metric)} of {first.num_videos} videos{seeds}",
        ["condition", "mean", "original minus it", "95 % interval", "p", "p (Holm)", "improved", "visible"],
        rows,
        note.strip(),
    )


def _result_table(table: ResultTable) -> PageTable:
    """Means beside published numbers; the original audio's row is `original`."""
    rows = []
    for row in table.rows:
        cells = []
        for metric in table.metrics:
            cell = row.cells.get(metric)
            cells.append("" if cell is None or not isfinite(cell.value) else f"{cell.value:.3f}")
        told = f"cited: {row.source}" if row.kind == "cited" else "measured here"
        rows.append([row.name, *cells, told])
    header = ["row", *(metric_label(metric) for metric in table.metrics), "origin"]
    return PageTable(f"{table.title}: beside observers and papers", header, rows, " ".join(table.notes))


def _video_tables(
    scores: Sequence[ConditionScore], moved: Mapping[tuple[str, str], float]
) -> Iterator[PageTable]:
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
        found = values[key]
        cells = [f"{sum(found[name]) / len(found[name]):.3f}" if name in found else "" for name in conditions]
        rows.append([" ".join(key), f"{moved[key]:.3f}" if key in moved else "", *cells])
    names = ["the original audio" if name == REFERENCE else name for name in conditions]
    yield PageTable(
        f"{metric_label(metric)} of each video",
        ["video", "mass moved", *names],
        rows,
        "Mass moved: share of the map that lies elsewhere with the original audio than with silence (or the "
        "first condition); means over frames. Scores are means over training seeds.",
    )


def _plot(group: Sequence[Comparison]) -> IntervalPlot:
    first = group[0]
    return IntervalPlot(
        f"{_place(first)}: {metric_label(first.metric)} with the original audio minus with another",
        f"{first.num_videos} videos, 95 % intervals",
        [Estimate(one.condition, one.difference, one.low, one.high) for one in group],
    )
