"""What each sound does to the maps of one video without gaze."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from avsal import __version__
from avsal.ablation.audio_conditions import apply_conditions, video_audio
from avsal.ablation.conditions import REFERENCE
from avsal.ablation.floor import Floor, floor_sounds
from avsal.ablation.map_shift import MapShift, averages
from avsal.errors import ConfigError
from avsal.media.atomic import atomic_path, write_text
from avsal.media.audio import load_sound
from avsal.models import SaliencyModel
from avsal.prediction import Prediction, PredictionStream
from avsal.render import OutputRequest
from avsal.render.comparison import ComparisonVideo
from avsal.render.map_shift_plot import map_shift_plot
from avsal.render.style import Drawn
from avsal.report.ablation_pages import video_page
from avsal.report.labels import model_words
from avsal.report.page import write_page
from avsal.report.page_content import PageTable
from avsal.report.video_moves import VideoMoves, against
from avsal.report.video_words import move_table, video_answer, video_findings
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.results import ScratchFolder, model_facts, weights_words, whole_result, write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["VideoAblation", "ablate_video", "output_paths"]

DEFAULT = "original,zero,noise,reversed,shifted:0.2,video_only"


@dataclass(frozen=True)
class VideoAblation(Drawn):
    """What each sound does to the maps of one video; prints as sentences.

    Attributes:
        name: of the video.
        moves: from the map under each condition to that with the original audio, one a computed frame.
        times: seconds of the computed frames.
        frames: their 0-based numbers.
        floor: what moves the map without meaning anything.
        facts: what was run, in words.
        about: settings and model for the summary.
        notes: at the end of the report.
        damage: what could not be read; empty for nothing.
    """

    name: str
    moves: Mapping[str, Sequence[MapShift]]
    times: Sequence[float]
    frames: Sequence[int]
    floor: Floor | None
    facts: Mapping[str, str]
    about: Mapping[str, Any]
    notes: Sequence[str]
    damage: str
    _kept: VideoMoves
    _comparison: Path
    _folder: ScratchFolder  # of the videos, which go when the result does

    def __str__(self) -> str:
        return "\n".join([self.answer, *self.findings])

    def __repr__(self) -> str:
        return f"<VideoAblation of {self.name}: {self.answer}>"

    @property
    def answer(self) -> str:
        """Does its sound move the map? One sentence."""
        return video_answer(self.moves, self.floor, self.times)

    @property
    def findings(self) -> list[str]:
        """One sentence a finding."""
        return video_findings(self.moves, self.floor)

    @property
    def table(self) -> PageTable:
        """Means over frames, a row for each condition."""
        return move_table(self.moves)

    def figure(self) -> Figure:
        """How much, and where to, each sound moves the map over time, for `avsal.plot` and notebooks."""
        title = f"{self.name}: the original audio against others"
        return map_shift_plot(self.times, self.moves, title=title)

    def report(self, path: str | Path) -> Path:
        """Write the page: one HTML file that opens from disk and loads nothing."""
        write_page(path, video_page(self._kept, self.facts, self.notes))
        return Path(path)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> dict[str, Path]:
        """Write the video of four panels, curve, table, report and, last, the JSON summary.

        Returns:
            the paths, by kind.

        Raises:
            ConfigError: one is there already, and `overwrite` is False.
        """
        paths = output_paths(folder, self.name)
        with whole_result(paths.values(), overwrite=overwrite):
            with atomic_path(paths["video"]) as temporary:
                shutil.copyfile(self._comparison, temporary)
            self.plot(paths["curve"])
            write_table(paths["table"], self._rows())
            self.report(paths["report"])
            summary = {
                **self.about,
                "answer": self.answer,
                "frames computed": len(self.times),
                "original against": {name: _finite(averages(found)) for name, found in self.moves.items()},
                "floor": None if self.floor is None else asdict(self.floor),
                "damage": self.damage or None,
                "outputs": {kind: path.name for kind, path in paths.items()},
            }
            write_text(paths["summary"], json.dumps(summary, indent=2, allow_nan=False) + "\n")
        return paths

    def _rows(self) -> list[dict[str, Any]]:
        """One for each computed frame and condition."""
        return [
            {"frame": number, "time": time, "condition": name, **_finite(asdict(move))}
            for name, found in self.moves.items()
            for number, time, move in zip(self.frames, self.times, found, strict=True)
        ]


def output_paths(folder: str | Path, name: str) -> dict[str, Path]:
    """What `VideoAblation.save` writes of a video, by kind."""
    stem = Path(folder) / Path(name).stem
    ends = {"video": ComparisonVideo.suffix, "curve": "_ablation.png", "table": "_ablation.csv"}
    ends |= {"report": "_report.html", "summary": "_ablation.json"}
    return {kind: stem.with_name(stem.name + end) for kind, end in ends.items()}


@torch.inference_mode()
def ablate_video(
    model: SaliencyModel,
    source: str | Path,
    settings: AblateSettings | None = None,
    *,
    progress: Callable[[PredictionStream], Iterable[Prediction]] | None = None,
) -> VideoAblation:
    """Predict a video under every condition, and under sounds that should not matter.

    Args:
        model: model that listens.
        source: the video.
        settings: what is heard; None: the defaults.
        progress: gives the predictions on; a place to show progress.

    Raises:
        ConfigError: settings that are impossible here.
        MediaError: the video or a sound cannot be read.
    """
    told, source = settings or AblateSettings(), Path(source)
    conditions = told.heard(DEFAULT + (",swapped" if told.other else ""))
    if any(condition.needs_other for condition in conditions) and told.other is None:
        raise ConfigError("the condition 'swapped' needs another video's sound: give other=FILE")
    if told.margin is not None:
        raise ConfigError("`margin` is of scores, and a video without gaze has none: leave it out")
    sound = video_audio(model, source, told.audio)
    other, other_damage = None, None
    if told.other is not None:
        other, other_damage = load_sound(told.other, sound.sample_rate)
    name = source.stem
    heard = apply_conditions(
        sound.samples, sound.sample_rate, conditions, seed=told.seed, video=name, other=other
    )
    heard = {**heard, **floor_sounds(sound.samples, sound.sample_rate, seed=told.seed, video=name)}
    part: dict[str, Any] = {"start": told.start, "end": told.end}
    stream = PredictionStream(
        model,
        source,
        sounds=heard,
        attention=True,
        every=told.every,
        **told.running,
        **part,
    )
    info = stream.video.info
    request = OutputRequest(source, info, sound_from=told.audio or source, **part)
    folder = ScratchFolder()
    kept = VideoMoves(source.name, folder.path, source, info, heard, sound.sample_rate, **part)
    comparison = folder.path / f"comparison{ComparisonVideo.suffix}"
    with ComparisonVideo(comparison, request, REFERENCE, against(kept.moves)) as video, kept:
        for prediction in stream if progress is None else progress(stream):
            video.write(prediction)
            kept.write(prediction)
    names = [condition.name for condition in conditions]
    damage = [lost.describe() for lost in (*stream.damage, sound.damage, other_damage) if lost]
    return VideoAblation(
        name=source.name,
        moves=kept.moves,
        times=kept.times,
        frames=kept.frames,
        floor=kept.floor,
        facts={
            "video": f"{source.name}, {info.size[1]}x{info.size[0]}, {info.frame_rate:.5g} frames a second",
            "model": model_words(model.name, model.arguments),
            "weights": weights_words(model),
            "conditions": ", ".join(names),
            "seed": str(told.seed),
            "engine": stream.engine.name,
            "avsal": __version__,
        },
        about={
            "avsal": __version__,
            "source": source.name,
            "model": model_facts(model),
            "conditions": names,
            "seed": told.seed,
            "engine": stream.engine.name,
            "windows": stream.num_windows,
        },
        notes=[] if model.trained else ["The weights are random: the maps mean nothing."],
        damage="; ".join(damage),
        _kept=kept,
        _comparison=comparison,
        _folder=folder,
    )


def _finite(means: dict[str, float]) -> dict[str, float | None]:
    """Means as JSON knows them: None where there is none."""
    return {name: value if isfinite(value) else None for name, value in means.items()}
