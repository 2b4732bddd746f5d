"""How far each engine's maps are from the exact ones on real videos, and how well each predicts real gaze.

    python scripts/compare_engines.py data=hevc root=HEVC videos=BQTerrace,Yan every=10
    python scripts/compare_engines.py data=mufvet root=MUFVET every=10 weights=FILE

Choices are those of `avsal evaluate`; the model is the shipped one unless `weights` or `model` say otherwise.
All engines predict the same frames, side by side, and one evaluation scores them all. `CC with exact` is the
correlation of an engine's map with the exact one of the same frame, both at the model's size: the mean over
videos of their means over frames, and the worst frame of all. `apart` is the largest difference, in parts of
the exact map's range. Metrics are means over videos of their means over frames. OUT/engines.csv has a line
for each video and engine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import avsal
from avsal.cli.evaluate import EvaluateLine
from avsal.cli.parsing import Parser
from avsal.errors import AvsalError
from avsal.evaluation import PredictedMap, VideoScores, VideoTruth
from avsal.models import SaliencyModel
from avsal.prediction.engines import supported_engines
from avsal.workflows.data import open_data
from avsal.workflows.model import load
from avsal.workflows.model_maps import ModelMaps
from avsal.workflows.results import write_table

METRICS = ("nss", "cc")


@dataclass
class Alike:
    """What an engine's maps of one video have in common with the exact ones.

    Attributes:
        cc: of each frame; frames whose map is the same everywhere have none.
        apart: largest difference of each frame, in parts of the exact map's range.
        frames: their numbers in the video.
    """

    cc: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def add(self, frame: int, exact: NDArray[np.float64], other: NDArray[np.float64]) -> None:
        """Take the maps of the next frame."""
        spread = np.ptp(exact)
        if spread > 0 and np.ptp(other) > 0:
            self.cc.append(float(np.corrcoef(exact.ravel(), other.ravel())[0, 1]))
            self.apart.append(float(np.abs(exact - other).max() / spread))
            self.frames.append(frame)


class SideBySide:
    """The maps of all engines as one source: a row for each.

    Attributes:
        name: of the first row, the exact engine's.
        engines: the others.
        alike: by video and engine.
    """

    def __init__(self, model: SaliencyModel, choices: EvaluateLine) -> None:
        self.name, *self.engines = supported_engines(model)
        self._maps = {
            name: ModelMaps(model, name, audio=choices.audio, engine=name, precision=choices.precision)
            for name in (self.name, *self.engines)
        }
        self.alike: dict[tuple[str, str], Alike] = {}

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The exact maps of a video, with those of the other engines beside them."""
        for exact, *others in zip(*(maps(truth) for maps in self._maps.values()), strict=True):
            found: dict[str, NDArray[Any]] = {}
            for name, other in zip(self.engines, others, strict=True):
                assert exact.map is not None
                assert other.map is not None
                assert exact.frame == other.frame
                alike = self.alike.setdefault((truth.video, name), Alike())
                alike.add(exact.frame, np.asarray(exact.map, float), np.asarray(other.map, float))
                found[name] = other.map
            yield exact._replace(condition_maps=found)

    def unused(self, videos: Sequence[str]) -> list[str]:
        """None: a model predicts what it is asked for."""
        return []


def mean_of_videos(scores: Sequence[VideoScores], metric: str) -> float:
    """Mean over videos of their means over the frames where a metric is defined."""
    means = [np.nanmean(entry.values[metric]) for entry in scores if np.isfinite(entry.values[metric]).any()]
    return float(np.mean(means))


def rows_of(source: SideBySide, scores: Mapping[str, list[VideoScores]]) -> list[dict[str, Any]]:
    """A row for each video and engine."""
    rows = []
    for engine in (source.name, *source.engines):
        for entry in scores[engine]:
            row: dict[str, Any] = {"video": entry.video, "engine": engine, "frames": len(entry.frames)}
            row |= {metric: f"{mean_of_videos([entry], metric):.4f}" for metric in METRICS}
            alike = source.alike.get((entry.video, engine), Alike([1.0], [0.0], [-1]))
            row |= {"cc_with_exact": f"{np.mean(alike.cc):.5f}", "worst": f"{min(alike.cc):.5f}"}
            row |= {"worst_frame": alike.frames[int(np.argmin(alike.cc))], "apart": f"{max(alike.apart):.1e}"}
            rows.append(row)
    return rows


def show(source: SideBySide, scores: Mapping[str, list[VideoScores]]) -> None:
    """The table."""
    print(f"{'engine':<11}{'CC with exact':>14}{'worst':>9}{'apart':>10}{'NSS':>8}{'CC':>8}  videos  frames")
    for engine in (source.name, *source.engines):
        found = [alike for (_, name), alike in source.alike.items() if name == engine] or [
            Alike([1.0], [0.0], [-1])
        ]
        mean = np.mean([np.mean(alike.cc) for alike in found])
        worst, apart = min(min(alike.cc) for alike in found), max(max(alike.apart) for alike in found)
        nss, cc = (mean_of_videos(scores[engine], metric) for metric in METRICS)
        frames = sum(len(entry.frames) for entry in scores[engine])
        print(
            f"{engine:<11}{mean:14.4f}{worst:9.4f}{apart:10.1e}{nss:8.3f}{cc:8.3f}  "
            f"{len(scores[engine]):6}  {frames:6}"
        )


def main(words: list[str]) -> int:
    """Compare; the exit code as of `avsal evaluate`."""
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if words else 2
    given = {word.partition("=")[0] for word in words}
    defaults = {"metrics": ",".join(METRICS), "baselines": "centre_bias", "out": "engines"}
    line = [*words, *(f"{key}={text}" for key, text in defaults.items() if key not in given)]
    choices = Parser(EvaluateLine, prog="compare_engines").read(line).read(EvaluateLine)
    if {"maps", "engine", "metrics", "batch_size", "name"} & given:
        print("avsal: error: all engines predict here: leave maps, engine, metrics, name and batch_size out")
        return 2
    source = SideBySide(load(choices), choices)
    scores = avsal.evaluate(source, open_data(choices, strict=choices.strict), settings=choices.scoring)
    scores.save(choices.out, overwrite=choices.overwrite)
    write_table(choices.out / "engines.csv", rows_of(source, scores.frames))
    show(source, scores.frames)
    print(f"-> {choices.out}")
    return 0 if scores.complete else 1


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except AvsalError as error:
        print(f"avsal: error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
