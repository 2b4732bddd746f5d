"""`avsal ablate --control`: is an effect of sound found where one was planted, and only there?"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from tqdm import tqdm

import avsal
from avsal.ablation.conditions import parse_conditions
from avsal.ablation.synthetic_videos import (
    CEILINGS,
    FAVOURED,
    REFERENCES,
    planted_margins,
    score_synthetic_videos,
)
from avsal.ablation.verdicts import Comparison, ConditionScore, Verdict, compare, parse_margins
from avsal.cli.ablate import model_settings
from avsal.cli.controls import control_videos
from avsal.errors import ConfigError
from avsal.media import atomic_path
from avsal.report.ablation_pages import control_page
from avsal.report.ablation_tables import comparison_lines, write_rows
from avsal.report.ablation_words import signed
from avsal.report.labels import model_words
from avsal.report.page import write_page
from avsal.workflows.model import load

__all__ = ["ablate_control"]

DEFAULT = "original,zero,noise,swapped,shifted:0.2,reversed,video_only"


def ablate_control(arguments: argparse.Namespace) -> int:
    """Score synthetic videos under every condition; print and write scores, comparisons and ceilings.

    Returns:
        0.

    Raises:
        ConfigError: choices that are impossible, or outputs that exist.
    """
    paths = {
        name: arguments.output / f"control_{name}"
        for name in ("scores.csv", "comparisons.csv", "summary.json", "report.html")
    }
    there = [path for path in paths.values() if path.exists()]
    if there and not arguments.overwrite:
        raise ConfigError(f"{there[0]} exists: replace it with --overwrite, or write elsewhere with -o")
    conditions = parse_conditions(arguments.conditions or DEFAULT)
    given = parse_margins(arguments.margin) if arguments.margin is not None else {}
    model = load(model_settings(arguments))

    def made(cue: str, rerun: int, *, planted: bool = False) -> Any:
        people = {name: getattr(arguments, name) for name in ("root", "part", "fold")}
        return control_videos(cue, model.spec, arguments.video_seed + rerun, planted=planted, **people)

    margins: dict[tuple[str, str], float] = {}
    for cue in arguments.control:
        planted = planted_margins(made(cue, 0, planted=True), model.spec, arguments.videos)
        for metric, margin in (planted | given).items():
            margins[cue, metric] = margin

    def scored(cue: str, rerun: int) -> list[ConditionScore]:
        return score_synthetic_videos(
            model,
            made(cue, rerun),
            conditions,
            num_videos=arguments.videos,
            dataset=cue,
            seed=arguments.seed + rerun,
        )

    scores = [score for cue in arguments.control for score in scored(cue, 0)]
    comparisons = compared(scores, margins)
    found: dict[str, dict[str, Rerun]] = {cue: {} for cue in arguments.control}
    rounds = [(cue, rerun) for cue in arguments.control for rerun in range(1, arguments.reruns + 1)]
    for cue, rerun in tqdm(
        rounds, "reruns", file=sys.stderr, disable=True if arguments.quiet else None, leave=False
    ):
        chosen = [score for score in scored(cue, rerun) if score.metric == "nss"]
        for one in compared(chosen, margins):
            found[cue].setdefault(one.condition, Rerun()).add(one)
    gains = {cue: normalised_gain(scores, cue) for cue in arguments.control}
    shares = {cue: favoured_shares(scores, cue) for cue in arguments.control}
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_rows(paths["scores.csv"], [asdict(score) for score in scores])
    write_rows(paths["comparisons.csv"], [comparison.row() for comparison in comparisons])
    summary = {
        "avsal": avsal.__version__,
        "model": {"name": model.name, "arguments": dict(model.arguments), "trained": model.trained},
        "videos of each cue": arguments.videos,
        "seed of the videos": arguments.video_seed,
        "seed": arguments.seed,
        "cues": {cue: {row: finite(mean) for row, mean in means.items()} for cue, means in gains.items()},
        "share of videos whose map favours the source that is heard": {
            cue: own for cue, own in shares.items() if own
        },
        "gaze": "simulated; on real clips expected by the same rule, not measured",
        "reruns": arguments.reruns,
        "margins": {" ".join(key): margin for key, margin in margins.items()},
        "verdicts of reruns (NSS)": {
            cue: {
                name: {str(verdict): count for verdict, count in one.verdicts.items()}
                for name, one in own.items()
            }
            for cue, own in found.items()
        },
        "mean difference over reruns (NSS)": {
            cue: {name: one.difference for name, one in own.items()} for cue, own in found.items()
        },
    }
    with atomic_path(paths["summary.json"]) as temporary:
        temporary.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
    facts = {
        "cues": ", ".join(arguments.control),
        "model": model_words(model.name, model.arguments),
        "weights": str(arguments.weights or "those that ship with avsal" if model.trained else "random"),
        "conditions": ", ".join(condition.name for condition in conditions),
        "seed of the videos": str(arguments.video_seed),
        "seed of the conditions": str(arguments.seed),
        "avsal": avsal.__version__,
    }
    told = {cue: {name: str(one) for name, one in reruns.items()} for cue, reruns in found.items()}
    page = control_page(scores, comparisons, gains, arguments.reruns, told, facts)
    write_page(paths["report.html"], page)
    if not arguments.quiet:
        for cue in arguments.control:
            own = [one for one in comparisons if one.dataset == cue and one.metric == "nss"]
            print_cue(cue, gains[cue], own, shares[cue])
            for name, rerun in found[cue].items():
                print(f"  {name}: of {arguments.reruns} reruns with new seeds {rerun}")
        print("-> " + ", ".join(str(path) for path in paths.values()))
    return 0


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
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.most_common())
        return f"{counts} ({signed(self.difference)})"


def finite(value: float) -> float | None:
    """A number as JSON knows it: None where there is none."""
    return value if isfinite(value) else None


def compared(scores: list[ConditionScore], margins: Mapping[tuple[str, str], float]) -> list[Comparison]:
    """The original audio against every condition, by the metrics of maps; reference rows are no condition."""
    chosen = [score for score in scores if score.condition not in REFERENCES and score.metric != FAVOURED]
    return compare(chosen, margins=margins)


def normalised_gain(scores: list[ConditionScore], cue: str) -> dict[str, float]:
    """NSS by row, and the share of the possible gain that the original audio brings."""
    found: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score.dataset == cue and score.metric == "nss":
            found[score.condition].append(score.value)
    means = {row: float(np.mean(values)) for row, values in found.items()}
    low, high = (means[row] for row in CEILINGS)
    means["normalised gain"] = (means["original"] - low) / (high - low) if high - low > 1e-6 else float("nan")
    return means


def favoured_shares(scores: list[ConditionScore], cue: str) -> dict[str, float]:
    """In which share of videos the map favours the source that is heard, by row; of real clips only."""
    found: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score.dataset == cue and score.metric == FAVOURED:
            found[score.condition].append(score.value)
    return {row: float(np.mean(values)) for row, values in found.items()}


def print_cue(
    cue: str, means: dict[str, float], comparisons: list[Comparison], shares: dict[str, float]
) -> None:
    """A table of one cue."""
    low, high = (means[row] for row in CEILINGS)
    gain = means["normalised gain"]
    print(
        f"{cue}: best possible NSS without sound {low:.2f}, with sound {high:.2f}"
        + (f"; normalised gain {gain:.2f}" if isfinite(gain) else "")
    )
    print("\n".join(comparison_lines(comparisons)))
    if shares:
        told = ", ".join(f"{row} {share:.2f}" for row, share in shares.items())
        print(f"  the map favours the source that is heard in a share of videos: {told}")
        print("  gaze on real clips is expected by the rule of the synthetic videos, not measured")
