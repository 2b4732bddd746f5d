"""The findings of an ablation over videos, one sentence each, with margin and number of videos."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from avsal.ablation.verdicts import (
    LEVEL,
    MORE_THAN,
    PEOPLE,
    Comparison,
    Verdict,
    what_few_videos_cannot_show,
)
from avsal.errors import counted
from avsal.report.labels import metric_label

__all__ = ["all_findings", "answer", "findings", "grouped", "place", "signed"]

#: conditions that change more than what is heard: they do not answer whether sound matters
OTHER_PATHS = ("video_only", "retrained ")


def signed(value: float, decimals: int = 3) -> str:
    """A number with its sign, and never "-0.000"."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\u2212")


def p_text(p: float) -> str:
    """As papers print it."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1) if p < 1 else "p = 1"


def grouped(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """By data set, subgroup and metric."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in comparisons:
        groups.setdefault((one.dataset, one.subgroup, one.metric), []).append(one)
    return list(groups.values())


def place(one: Comparison) -> str:
    """Data set and subgroup, in words."""
    return one.dataset + (f", {one.subgroup}" if one.subgroup else "")


def leading(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """Of each data set and subgroup the metric that is spoken of: NSS, or else the first."""
    groups = grouped(comparisons)
    found = []
    for key in dict.fromkeys((group[0].dataset, group[0].subgroup) for group in groups):
        own = [group for group in groups if (group[0].dataset, group[0].subgroup) == key]
        found.append(next((group for group in own if group[0].metric == "nss"), own[0]))
    return found


def answer(group: Sequence[Comparison]) -> str:
    """One sentence: does sound matter to the scores of these videos?

    Args:
        group: the comparisons of one data set, subgroup and metric.
    """
    first, label = group[0], metric_label(group[0].metric, arrow=False)
    about = f"{place(first)}, {counted(first.num_videos, 'video')}, {label}: ".lstrip(", ")
    heard = [one for one in group if not one.condition.startswith(OTHER_PATHS)]
    if not heard:
        return about + "nothing but the visual path was compared, which does not say whether sound matters."
    verdicts = {one.verdict for one in heard}
    better = [one for one in heard if one.verdict is Verdict.BETTER]
    worse = [one for one in heard if one.verdict is Verdict.WORSE]
    if MORE_THAN in first.dataset:
        return _more_answer(heard, better, worse)
    if first.dataset.endswith(PEOPLE):
        return _people_answer(group, about, better, worse)
    if better and worse:
        return (
            about
            + "what is heard matters, for the better against some conditions and the worse against others."
        )
    if better:
        most = max(better, key=lambda one: one.gain)
        sure = any(min(abs(one.low), abs(one.high)) >= one.margin for one in better)
        tail = "" if sure else ", though not surely by more than the margin"
        return about + (
            f"sound matters. The original audio scores better than {_names(better)}, by up to "
            f"{abs(most.difference):.3f}{tail}."
        )
    if worse:
        return about + f"sound misleads. The original audio scores worse than {_names(worse)}."
    if verdicts <= {Verdict.EQUIVALENT, Verdict.NEGLIGIBLE}:
        return about + (
            f"sound does not matter. Whatever is heard, the mean score stays within {first.margin:.2g} of "
            "that with the original audio."
        )
    same = [one for one in heard if one.verdict is not Verdict.UNDECIDED]
    unsure = [one for one in heard if one.verdict is Verdict.UNDECIDED]
    if same:
        return about + (
            f"sound makes no difference that matters against {_names(same)}, and is undecided against "
            f"{_names(unsure)}."
        )
    return about + "undecided. Neither a difference nor its absence is shown."


def _more_answer(
    group: Sequence[Comparison], better: Sequence[Comparison], worse: Sequence[Comparison]
) -> str:
    """Does one model use sound more than another?"""
    first = group[0]
    one, _, other = place(first).partition(MORE_THAN)
    cue, comma, one = one.rpartition(", ")
    metric = metric_label(first.metric, arrow=False)
    about = f"{cue}{comma}{counted(first.num_videos, 'video')}, {metric}: "
    if better and worse:
        return about + f"{one} loses more than {other} against some conditions, less against others."
    if better or worse:
        found = better or worse
        most = max(found, key=lambda comparison: abs(comparison.gain))
        more, less = (one, other) if better else (other, one)
        return about + (
            f"{more} uses sound more than {less}: against {_names(found)} the original audio is worth up to "
            f"{abs(most.difference):.3f} more to it."
        )
    if all(comparison.verdict in (Verdict.EQUIVALENT, Verdict.NEGLIGIBLE) for comparison in group):
        return about + f"{one} and {other} use sound alike, to within {first.margin:.2g}."
    return about + f"undecided whether {one} or {other} uses sound more, or both alike."


def _people_answer(
    group: Sequence[Comparison], about: str, better: Sequence[Comparison], worse: Sequence[Comparison]
) -> str:
    """Does what people hear move their gaze?"""
    first = group[0]
    if better:
        most = max(better, key=lambda one: one.gain)
        return about + (
            "what people hear moves their gaze. Those who heard the original predict one another better than "
            f"those who heard {_names(better)} predict them, by up to {abs(most.difference):.3f}."
        )
    if worse:
        return about + f"those who heard {_names(worse)} predict gaze better than the others do."
    if all(one.verdict in (Verdict.EQUIVALENT, Verdict.NEGLIGIBLE) for one in group):
        return about + (
            "what people hear does not move their gaze. Who heard something else predicts those who heard "
            f"the original to within {first.margin:.2g} of what they know of one another."
        )
    return about + "undecided whether what people hear moves their gaze."


def all_findings(comparisons: Sequence[Comparison]) -> list[str]:
    """The findings on the metric that is spoken of, with the place where there are several."""
    groups = leading(comparisons)
    return [
        f"{place(group[0])}: {text}" if len(groups) > 1 else text
        for group in groups
        for text in findings(group, len(comparisons))
    ]


def findings(group: Sequence[Comparison], num_comparisons: int) -> list[str]:
    """One sentence for each verdict, with the differences, their intervals and the margin.

    Args:
        group: the comparisons of one data set, subgroup and metric.
        num_comparisons: that are corrected for.
    """
    first = group[0]
    few = what_few_videos_cannot_show(first.num_videos, num_comparisons)
    found = []
    margin = f"margin {first.margin:.2g}"
    by = {verdict: [one for one in group if one.verdict is verdict] for verdict in Verdict}
    better, worse, same, little = _openings(first.dataset)
    for verdict, words in ((Verdict.BETTER, better), (Verdict.WORSE, worse)):
        if chosen := by[verdict]:
            found.append(f"{words} {_told(chosen, 'p_holm')} ({margin}).")
    if chosen := by[Verdict.EQUIVALENT]:
        found.append(f"{same} ({margin}): {_told(chosen, 'p_equivalence_holm')}.")
    if chosen := by[Verdict.NEGLIGIBLE]:
        found.append(f"{little}, but by less than the {margin}: {_told(chosen, 'p_holm')}.")
    if chosen := by[Verdict.UNDECIDED]:
        parts = [f"{_estimate(one)}{_more(one)}" for one in chosen]
        found.append(f"Undecided ({margin}): {'; '.join(parts)}.")
    for one in group:
        if one.contradicted and one.verdict not in (Verdict.EQUIVALENT, Verdict.NEGLIGIBLE):
            found.append(
                f"Look at every video of {one.condition}: the mean difference is {signed(one.difference)} "
                f"but the median {signed(one.median)}. A few videos outweigh the others, and the test, "
                "which asks whether differences are symmetric, can err in such a case."
            )
    if few:
        found.append(few)
    visible = [one.detectable for one in group if isfinite(one.detectable)]
    if visible:
        low, high = f"{min(visible):.3f}", f"{max(visible):.3f}"
        found.append(
            f"With {counted(first.num_videos, 'video')} and this spread, a difference of "
            f"{low if low == high else f'{low} to {high}, by condition,'} is found four times in five"
            f"{_corrected(', after the correction over', num_comparisons)}."
        )
    return found


def _openings(dataset: str) -> tuple[str, str, str, str]:
    """How sentences on better, worse, equivalent and negligible begin."""
    if MORE_THAN in dataset:
        return (
            "The original audio is worth more to the first than to the second, compared with",
            "The original audio is worth less to the first than to the second, compared with",
            "The original audio is worth the same to both, compared with",
            "The original audio is worth different amounts to the two",
        )
    if dataset.endswith(PEOPLE):
        return (
            "Those who heard the original predict one another better than do those who heard",
            "Those who heard the original predict one another worse than do those who heard",
            "Who heard these predicts those who heard the original as well as they do one another",
            "Who heard these predicts those who heard the original differently",
        )
    return (
        "The original audio scores better than",
        "The original audio scores worse than",
        "Equivalent to the original audio",
        "Different from the original audio",
    )


def _names(comparisons: Sequence[Comparison]) -> str:
    names = [one.condition for one in comparisons]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _estimate(one: Comparison) -> str:
    if one.num_videos == 0:
        return f"{one.condition} (no video)"
    interval = f", {signed(one.low)} to {signed(one.high)}" if isfinite(one.low) else ""
    return f"{one.condition} ({signed(one.difference)}{interval}"


def _told(comparisons: Sequence[Comparison], p: str) -> str:
    return "; ".join(f"{_estimate(one)}, {p_text(getattr(one, p))})" for one in comparisons)


def _more(one: Comparison) -> str:
    """How many more videos would decide, closing the bracket that `_estimate` opens."""
    if one.num_videos == 0:
        return ""
    if one.videos_needed is None:
        return "; no number of videos in reach would decide)"
    more = one.videos_needed - one.num_videos
    return f"; about {more} more videos would decide)" if more > 0 else "; a few more videos would decide)"


def _corrected(words: str, num_comparisons: int) -> str:
    """Over how many comparisons is corrected; empty for one, where nothing is."""
    return f"{words} {num_comparisons} comparisons" if num_comparisons > 1 else ""


def method_note(num_comparisons: int) -> str:
    """What the numbers of the tables are, for the foot of the page."""
    corrected = _corrected("are corrected by Holm over the", num_comparisons)
    corrected = f"{corrected} of this page, and" if corrected else "stand alone on this page, and"
    return (
        "Videos are the unit of every test. p of difference: sign-flip test, two-sided. p of equivalence: "
        "two one-sided sign-flip tests against the margin, which was declared before the run. Both "
        f"{corrected} count below {LEVEL}. Better or worse: a difference is shown, and one as large as the "
        "margin is not ruled out. Equivalent: one as large as the margin is ruled out, and none is shown. "
        "Different but negligible: a difference is shown, and one as large as the margin is ruled out. "
        "Undecided: neither. Intervals (95 %, one comparison at a time) are the values that the sign-flip "
        "test does not reject. The test asks whether differences are symmetric: where mean and median "
        "disagree, look at the videos. Improved: share of videos that the original audio scores better, ties "
        "count half. Visible: the difference found four times in five, after correction."
    )
