"""The reports of ablations over videos: of data sets with gaze, and of the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from avsal.ablation.synthetic_videos import CEILINGS
from avsal.ablation.verdicts import LEVEL, Comparison, ConditionScore
from avsal.errors import counted
from avsal.report import ResultTable
from avsal.report.ablation_tables import comparison_table, printed_result_table, video_table
from avsal.report.ablation_words import all_findings, answer, grouped, leading, method_note, place
from avsal.report.labels import metric_label
from avsal.report.page_content import Estimate, IntervalPlot, Page, PageTable, Players
from avsal.report.video_moves import VideoMoves
from avsal.report.video_words import move_table, video_answer, video_findings

__all__ = ["control_page", "data_page", "video_page"]


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
    groups = leading(comparisons)
    return Page(
        title=f"Does sound matter? {facts['data']}",
        summary=[answer(group) for group in groups],
        findings=all_findings(comparisons),
        plots=[_plot(group) for group in grouped(comparisons)],
        players=players,
        tables=[
            *map(comparison_table, grouped(comparisons)),
            *map(printed_result_table, tables),
            video_table(scores, moved),
        ],
        facts=facts,
        notes=[*notes, method_note(len(comparisons))],
    )


def control_page(
    scores: Sequence[ConditionScore],
    comparisons: Sequence[Comparison],
    gains: Mapping[str, Mapping[str, float]],
    reruns: int,
    verdicts: Mapping[str, Mapping[str, str]],
    facts: Mapping[str, str],
) -> Page:
    """The report of synthetic videos.

    Args:
        scores: of videos.
        comparisons: of all conditions.
        gains: NSS by row and the normalised gain, by cue.
        reruns: with new seeds.
        verdicts: how often each was reached, in words, by cue and condition.
        facts: what was run.
    """
    every = dict.fromkeys(row for means in gains.values() for row in means)
    rows = [row for row in every if row not in (*CEILINGS, "normalised gain")]
    header = ["cue", CEILINGS[0], *rows, CEILINGS[1], "normalised gain"]
    tables = [
        PageTable(
            "NSS by what is heard, between the best maps without and with sound",
            header,
            [
                [
                    cue,
                    *(f"{means[name]:.2f}" if isfinite(means.get(name, nan)) else "" for name in header[1:]),
                ]
                for cue, means in gains.items()
            ],
            "Normalised gain: (original - best without sound) / (best with sound - best without sound). Only "
            "a model above the best without sound has heard something that matters. Where sound is "
            "irrelevant both are the same, and there is no gain to normalise.",
        )
    ]
    if reruns:
        names = list(dict.fromkeys(name for counts in verdicts.values() for name in counts))
        tables.append(
            PageTable(
                f"Verdicts of {reruns} reruns with new seeds (NSS)",
                ["cue", *names],
                [[cue, *(counts.get(name, "") for name in names)] for cue, counts in verdicts.items()],
                "Each rerun corrects over its own conditions. In brackets: original minus the condition, "
                "mean over reruns. Where gaze ignores the sound, better and worse are errors, which "
                f"{LEVEL:.0%} of reruns may make. Different but negligible need be none: a network may tell "
                "sounds apart a little.",
            )
        )
    tables += map(comparison_table, grouped(comparisons))
    groups = leading(comparisons)
    return Page(
        title="The control: is an effect of sound found where one was planted, and only there?",
        summary=[answer(group) for group in groups],
        findings=all_findings(comparisons),
        plots=[_plot(group) for group in groups],
        tables=tables,
        facts=facts,
        notes=[
            f"{len({score.video for score in scores})} videos of each cue, each tested once a condition. The "
            "margin is 5 % of the gain that sound can bring where it decides, on the same videos.",
            method_note(len(comparisons)),
        ],
    )


def video_page(kept: VideoMoves, facts: Mapping[str, str], notes: Sequence[str] = ()) -> Page:
    """The report of one video without gaze.

    Args:
        kept: of the video, taken to its end.
        facts: what was run.
        notes: at the end.
    """
    return Page(
        title=f"Does sound move the map? {kept.name}",
        summary=[video_answer(kept.moves, kept.floor, kept.times)],
        findings=video_findings(kept.moves, kept.floor),
        tables=[move_table(kept.moves)],
        players=[kept.players()],
        facts=facts,
        notes=notes,
    )


def _plot(group: Sequence[Comparison]) -> IntervalPlot:
    first = group[0]
    return IntervalPlot(
        f"{place(first)}: {metric_label(first.metric, arrow=False)} with the original audio minus another",
        counted(first.num_videos, "video"),
        [
            Estimate(one.condition, one.difference, one.low, one.high, tuple(one.differences.values()))
            for one in group
        ],
        margin=first.margin,
    )
