"""The control of an ablation: is an effect of sound found where one was planted, and only there?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from avsal import __version__
from avsal.ablation.synthetic_videos import (
    CEILINGS,
    FAVOURED,
    REFERENCES,
    planted_margins,
    score_synthetic_videos,
)
from avsal.ablation.verdicts import MORE_THAN, Comparison, ConditionScore, Verdict, compare
from avsal.ablation.video_scores import interactions
from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.report.ablation_pages import control_page
from avsal.report.ablation_tables import comparison_lines
from avsal.report.ablation_words import answer, leading, signed
from avsal.report.labels import model_words
from avsal.report.page_content import Page
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.compared import ComparedConditions
from avsal.workflows.controls import CONTROLS, control_videos
from avsal.workflows.results import model_facts, weights_words
from avsal.workflows.sources import named_models

__all__ = ["ControlAblation", "Rerun", "ablate_control"]

ON_CLIPS = "gaze on real clips is expected by the rule of the synthetic videos, not measured"

DEFAULT = "original,zero,noise,swapped,shifted:0.2,reversed,video_only"


@dataclass
class Rerun:
    """What was decided of a condition over reruns, and by how much it differed in the mean.

    Attributes:
        verdicts: how often each was reached.
        differences: original - condition of each.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    differences: list[float] = field(default_factory=list)

    def add(self, one: Comparison) -> None:
        """Count a rerun."""
        self.verdicts[one.verdict] += 1
        self.differences.append(one.difference)

    @property
    def difference(self) -> float:
        """Mean over reruns."""
        return float(np.mean(self.differences))

    def __str__(self) -> str:
        told = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.most_common())
        if negligible := self.verdicts[Verdict.NEGLIGIBLE]:
            told += f": within the margin in {negligible + self.verdicts[Verdict.EQUIVALENT]}"
        return f"{told} ({signed(self.difference)})"


@dataclass(frozen=True)
class ControlAblation(ComparedConditions):
    """What an ablation finds on videos whose truth is known; prints as a table.

    Comparisons are filed by cue (`dataset`); the scores of the best maps possible are among the scores.

    Attributes:
        gains: NSS by row and the normalised gain, by cue; NaN where there is nothing to gain.
        shares: in which share of videos the map favours the source that is heard, by cue and row; of real
            clips only.
        reruns: by cue and condition, of NSS.
        num_reruns: with new seeds.
        margins: by cue and metric.
        about: settings and model for the summary.
    """

    gains: Mapping[str, Mapping[str, float]]
    shares: Mapping[str, Mapping[str, float]]
    reruns: Mapping[str, Mapping[str, Rerun]]
    num_reruns: int
    margins: Mapping[tuple[str, str], float]
    about: Mapping[str, Any]

    files: ClassVar = (
        "control_scores.csv",
        "control_comparisons.csv",
        "control_report.html",
        "control_summary.json",
    )

    def __str__(self) -> str:
        lines = []
        for group in leading(self.comparisons):
            cue = group[0].dataset
            if cue not in self.gains:  # of one model more than another
                lines += [answer(group), *comparison_lines(group)]
                continue
            low, high = (self.gains[cue][row] for row in CEILINGS)
            gain = self.gains[cue]["normalised gain"]
            told = f"; normalised gain {gain:.2f}" if isfinite(gain) else ""
            lines.append(f"{cue}: best possible NSS without sound {low:.2f}, with sound {high:.2f}{told}")
            lines += [answer(group), *comparison_lines(group)]
            if shares := self.shares[cue]:
                told = ", ".join(f"{row} {share:.2f}" for row, share in shares.items())
                lines.append(f"  the map favours the source that is heard in a share of videos: {told}")
                lines.append(f"  {ON_CLIPS}")
            for name, rerun in self.reruns[cue].items():
                lines.append(f"  {name}: of {self.num_reruns} reruns with new seeds {rerun}")
        return "\n".join(lines)

    @property
    def verdicts(self) -> dict[str, str]:
        """Of NSS, by ``cue: condition``."""
        return {
            f"{one.dataset}: {one.condition}": str(one.verdict)
            for group in leading(self.comparisons)
            for one in group
        }

    @property
    def page(self) -> Page:
        """The report."""
        told = {cue: {name: str(one) for name, one in own.items()} for cue, own in self.reruns.items()}
        return control_page(self.scores, self.comparisons, self.gains, self.num_reruns, told, self.facts)

    @property
    def summary(self) -> dict[str, Any]:
        """What ``control_summary.json`` holds."""
        return {
            **self.about,
            "cues": {
                cue: {row: mean if isfinite(mean) else None for row, mean in means.items()}
                for cue, means in self.gains.items()
            },
            "share of videos whose map favours the source that is heard": {
                cue: dict(own) for cue, own in self.shares.items() if own
            },
            "gaze": "simulated; on real clips expected by the same rule, not measured",
            "margins": {" ".join(key): margin for key, margin in self.margins.items()},
            "verdicts (NSS)": self.verdicts,
            "reruns": self.num_reruns,
            "verdicts of reruns (NSS)": {
                cue: {
                    name: {str(verdict): count for verdict, count in one.verdicts.items()}
                    for name, one in own.items()
                }
                for cue, own in self.reruns.items()
            },
            "mean difference over reruns (NSS)": {
                cue: {name: one.difference for name, one in own.items()} for cue, own in self.reruns.items()
            },
        }


def ablate_control(
    model: SaliencyModel | Sequence[SaliencyModel] | Mapping[str, SaliencyModel],
    cues: Sequence[str] = CONTROLS,
    settings: AblateSettings | None = None,
    *,
    num_videos: int = 48,
    video_seed: int = 3,
    reruns: int = 0,
    root: Path | None = None,
    part: Literal["train", "test"] | None = None,
    fold: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> ControlAblation:
    """Ablate synthetic videos in which an effect of sound was planted, or none.

    Args:
        model: model that listens; several, in a list or by name, make a ladder: each cue is then filed under
            the cue and the model, and models are compared with one another on the same videos.
        cues: some of `ALL_CONTROLS`.
        settings: what is heard; None: the defaults.
        num_videos: number of videos of each cue.
        video_seed: seed of the videos; training uses 1 and 2.
        reruns: reruns with new seeds, whose verdicts are counted.
        root: folder of ``sounding_clips``, the folder of `clips.csv`.
        part: part of ``sounding_clips``, which people are shown; None: all.
        fold: fold of ``sounding_clips``, which people are held out.
        progress: called after each round with its number, their number and the cue.

    Raises:
        ConfigError: settings that are impossible, or a model that takes no sound.
    """
    for name, number, least in (
        ("videos", num_videos, 2),
        ("video_seed", video_seed, 0),
        ("reruns", reruns, 0),
    ):
        if number < least:
            raise ConfigError(f"`{name}` must be at least {least} but is {number}")
    told = settings or AblateSettings()
    conditions = told.heard(DEFAULT)
    models = named_models(model)
    places = {
        f"{cue}, {name}" if len(models) > 1 else cue: (cue, one)
        for cue in cues
        for name, one in models.items()
    }
    ladder = {cue: [place for place, (own, _) in places.items() if own == cue] for cue in cues}

    def made(place: str, rerun: int, *, planted: bool = False) -> Any:
        cue, one = places[place]
        seed = video_seed + rerun
        return control_videos(cue, one.spec, seed, planted=planted, root=root, part=part, fold=fold)

    rounds = len(places) * (1 + reruns)
    done = 0

    def scored(place: str, rerun: int) -> list[ConditionScore]:
        nonlocal done
        found = score_synthetic_videos(
            places[place][1],
            made(place, rerun),
            conditions,
            num_videos=num_videos,
            dataset=place,
            seed=told.seed + rerun,
        )
        done += 1
        if progress is not None:
            progress(done, rounds, place)
        return found

    margins: dict[tuple[str, str], float] = {}
    for place, (_, one) in places.items():
        planted = planted_margins(made(place, 0, planted=True), one.spec, num_videos)
        for metric, margin in (planted | told.margins).items():
            margins[place, metric] = margin
    scores = [score for place in places for score in scored(place, 0)]
    paired = interactions([score for score in scores if score.condition not in REFERENCES], ladder)
    for score in paired:
        margins[score.dataset, score.metric] = margins[score.dataset.partition(MORE_THAN)[0], score.metric]
    found: dict[str, dict[str, Rerun]] = {place: {} for place in places}
    for place in places:
        for rerun in range(1, reruns + 1):
            chosen = [score for score in scored(place, rerun) if score.metric == "nss"]
            for compared in _compared(chosen, margins):
                found[place].setdefault(compared.condition, Rerun()).add(compared)
    names = [condition.name for condition in conditions]
    return ControlAblation(
        comparisons=_compared([*scores, *paired], margins),
        scores=scores,
        gains={place: _normalised_gain(scores, place) for place in places},
        shares={place: _means(scores, place, FAVOURED) for place in places},
        reruns=found,
        num_reruns=reruns,
        margins=margins,
        facts={
            "cues": ", ".join(cues),
            "model": "; ".join(model_words(one.name, one.arguments) for one in models.values()),
            "weights": "; ".join(weights_words(one) for one in models.values()),
            "conditions": ", ".join(names),
            "seed of the videos": str(video_seed),
            "seed of the conditions": str(told.seed),
            "avsal": __version__,
        },
        about={
            "avsal": __version__,
            "model": model_facts(next(iter(models.values()))) if len(models) == 1 else None,
            "models": {name: model_facts(one) for name, one in models.items()},
            "videos of each cue": num_videos,
            "seed of the videos": video_seed,
            "seed": told.seed,
            "conditions": names,
        },
    )


def _compared(scores: Sequence[ConditionScore], margins: Mapping[tuple[str, str], float]) -> list[Comparison]:
    """The original audio against every condition, by the metrics of maps; reference rows are none."""
    chosen = [score for score in scores if score.condition not in REFERENCES and score.metric != FAVOURED]
    return compare(chosen, margins=margins)


def _normalised_gain(scores: Sequence[ConditionScore], cue: str) -> dict[str, float]:
    """NSS by row, and the share of the possible gain that the original audio brings."""
    means = _means(scores, cue, "nss")
    low, high = (means[row] for row in CEILINGS)
    means["normalised gain"] = (means["original"] - low) / (high - low) if high - low > 1e-6 else float("nan")
    return means


def _means(scores: Sequence[ConditionScore], cue: str, metric: str) -> dict[str, float]:
    """A metric's mean over videos, by row."""
    found: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score.dataset == cue and score.metric == metric:
            found[score.condition].append(score.value)
    return {row: float(np.mean(values)) for row, values in found.items()}
