"""Does sound matter? The same videos, windows and model under several sounds, compared over videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avsal import __version__
from avsal.ablation.conditions import REFERENCE, Condition
from avsal.ablation.verdicts import ConditionScore, compare, margin_of
from avsal.ablation.video_scores import averaged_over_folds, in_subgroups, interactions, video_scores
from avsal.configuration import settings_from
from avsal.errors import ConfigError
from avsal.media.frames import VideoInfo
from avsal.models import SaliencyModel
from avsal.report.labels import model_words
from avsal.report.page_content import Players
from avsal.report.video_moves import VideoMoves
from avsal.types import Recording
from avsal.weights import trained_on
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.data_ablation import DataAblation
from avsal.workflows.evaluate import EvaluateSettings, Progress, evaluate_sources
from avsal.workflows.hearings import Hearings, sounds
from avsal.workflows.model_maps import ModelMaps, Sounds, Watch
from avsal.workflows.people import people_scores
from avsal.workflows.results import ScratchFolder, model_facts, weights_words
from avsal.workflows.sources import Sources, named_models

if TYPE_CHECKING:
    from avsal.workflows.ablate_video import VideoAblation
    from avsal.workflows.scores import Scores
    from datasets_av import Dataset

__all__ = [
    "AblateSettings",
    "DataAblation",
    "DataRun",
    "ablate",
    "ablate_models",
    "ablate_recordings",
    "joined",
]

DEFAULT = "original,zero,noise,swapped,shifted:1,reversed,video_only"


@dataclass
class DataRun:
    """One model on one data set: what `joined` makes a `DataAblation` of.

    Attributes:
        dataset: what its videos are filed under.
        scores: of videos under every condition.
        evaluated: as of `avsal.evaluate`, with a row for each condition.
        moved: share of the map's mass that sound moves, by video.
        players: of the videos that sound moves most.
        model: in words.
        notes: what was lost or left out.
        complete: whether nothing was.
        group: the data set, where `dataset` names the model too, as with several models.
    """

    dataset: str
    scores: list[ConditionScore]
    evaluated: Scores
    moved: dict[str, float]
    players: list[Players]
    model: str
    notes: list[str] = field(default_factory=list)
    complete: bool = True
    group: str = ""
    _folder: ScratchFolder | None = None


def ablate(
    model: SaliencyModel | Sequence[SaliencyModel] | Mapping[str, SaliencyModel],
    data: str | Path | Dataset | Iterable[Recording],
    *,
    settings: AblateSettings | None = None,
    scoring: EvaluateSettings | None = None,
    subgroups: Mapping[str, str] | None = None,
    progress: Callable[..., Any] | None = None,
    **changes: Any,
) -> DataAblation | VideoAblation:
    """Find out whether sound matters to a model.

    Examples:
        >>> data = avsal.load_dataset("mufvet", "MUFVET")
        >>> effect = avsal.ablate(avsal.load_model(), data, conditions=["zero", "noise"])
        >>> print(effect.verdicts); effect.report("report.html")
        >>> avsal.ablate(avsal.load_model(), "clip.mp4").answer

    Args:
        model: model that listens, on its device. Several, in a list or by name, are compared: the result also
            says whether one uses sound more than another.
        data: data from `avsal.load_dataset` or recordings of your own, with gaze; or a video without.
        settings: what is heard; None: the defaults.
        scoring: how maps are scored where there is gaze; None: the defaults.
        subgroups: subgroups by video, declared beforehand: each is tested too.
        progress: called after each video with its number, their number and its id; for a video without gaze
            it gets the stream of predictions and gives it on.
        **changes: fields of `settings` that are to be otherwise.

    Returns:
        `DataAblation`, or `VideoAblation` for a video without gaze.

    Raises:
        ConfigError: settings that are impossible here.
        DatasetError: the data cannot be used.
        MediaError: a video or its audio cannot be read.
    """
    told = settings_from(AblateSettings, settings, changes)
    if isinstance(data, str | Path):
        from avsal.workflows.ablate_video import ablate_video

        if scoring is not None or subgroups:
            raise ConfigError("a video without gaze is not scored: leave `scoring` and `subgroups` out")
        if not isinstance(model, SaliencyModel):
            raise ConfigError("a video without gaze is shown to one model at a time")
        return ablate_video(model, data, told, progress=progress)
    for name in ("start", "end", "audio", "other"):
        if getattr(told, name) is not None:
            raise ConfigError(f"`{name}` is of a video without gaze: leave it out")
    how = scoring or EvaluateSettings()
    runs = ablate_models(named_models(model), data, told, how, progress=progress)
    facts = {"conditions": ", ".join(dict.fromkeys(score.condition for score in runs[0].scores))}
    people, notes = people_scores(data, how, runs[0].group or runs[0].dataset)
    return joined(runs, told, subgroups=subgroups, facts=facts, notes=notes, people=people)


def ablate_models(
    models: Mapping[str, SaliencyModel],
    data: Dataset | Iterable[Recording],
    settings: AblateSettings,
    scoring: EvaluateSettings,
    *,
    dataset: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[DataRun]:
    """`ablate_recordings` of each model, filed under its name where there are several.

    Args:
        models: models by name.
        data: data with gaze; read once for each.
        settings: what is heard.
        scoring: how maps are scored.
        dataset: what the videos are filed under; None: the data set's name.
        progress: called after each video.
        **options: options of `ablate_recordings`.
    """
    name = dataset if dataset is not None else str(getattr(getattr(data, "info", None), "name", "recordings"))
    recordings = data if hasattr(data, "info") else list(data)
    runs = []
    for row, model in models.items():
        place = f"{name}, {row}" if len(models) > 1 else name
        run = ablate_recordings(
            model, recordings, settings, scoring, dataset=place, progress=progress, **options
        )
        run.group = name
        runs.append(run)
    return runs


def ablate_recordings(
    model: SaliencyModel,
    data: Dataset | Iterable[Recording],
    settings: AblateSettings,
    scoring: EvaluateSettings,
    *,
    dataset: str | None = None,
    title: Callable[[str], str] | None = None,
    seed: str = "",
    retrained: Sequence[tuple[str, Condition, SaliencyModel]] = (),
    progress: Progress | None = None,
) -> DataRun:
    """Score a model under every condition.

    Args:
        model: model that listens.
        data: data with gaze.
        settings: what is heard.
        scoring: how maps are scored.
        dataset: what the videos are filed under; None: the data set's name.
        title: title of a video in the report, from its id.
        seed: seed of the training run, where several are compared.
        retrained: further models with the name of their row and the condition that they were trained and
            are scored under.
        progress: called after each video.
    """
    for metric in scoring.metrics or ():
        margin_of(metric, settings.margins)  # before anything is computed
    if settings.every > 1:
        scoring = replace(scoring, every=settings.every)
    name = dataset if dataset is not None else str(getattr(getattr(data, "info", None), "name", "recordings"))
    recordings = [one for one in data if scoring.videos is None or one.id in scoring.videos]
    audible = sum(map(sounds, recordings)) > 1
    conditions = settings.heard(DEFAULT if audible else DEFAULT.replace("swapped,", ""))
    hearing = Hearings(model, recordings, conditions, settings.seed)
    folder = ScratchFolder() if settings.players else None
    kept: dict[str, VideoMoves] = {}

    def keep(recording: Recording, info: VideoInfo, heard: Sounds) -> Watch:
        kept[recording.id] = VideoMoves(
            title(recording.id) if title is not None else f"{name} {recording.id}",
            None if folder is None else folder.path / str(len(kept)),
            recording.frames,
            info,
            heard,
            model.spec.sample_rate or 0,
            frame_rate=recording.frame_rate if recording.frames.is_dir() else None,
        )
        return kept[recording.id]

    how: dict[str, Any] = {"engine": settings.engine or scoring.engine}
    how |= {"batch_size": settings.batch_size or scoring.batch_size, "precision": scoring.precision}
    source = ModelMaps(model, REFERENCE, hearing=hearing, watch=keep, **how)
    evaluated = evaluate_sources(_alone(source, model), data, scoring, progress=progress)
    names = [condition.name for condition in conditions]
    if any(condition not in evaluated.frames for condition in names):
        raise ConfigError("no recording could be scored under all conditions: is there any with sound?")
    rows = {condition: evaluated.frames[condition] for condition in names}
    complete = evaluated.complete and not hearing.damage
    notes = [f"Damaged sound: {text}." for text in hearing.damage]
    scored = {entry.video for entry in rows[REFERENCE]}
    left_out = sorted({entry.video for entries in evaluated.frames.values() for entry in entries} - scored)
    if left_out:
        notes.append(f"{name}: no score under all conditions, left out: {', '.join(left_out)}.")
    for row, condition, trained in retrained:
        source = _retrained_maps(trained, recordings, row, condition, settings.seed, how)
        more = evaluate_sources(_alone(source, trained), data, replace(scoring, baselines=()))
        complete &= more.complete
        rows[row] = more.frames[row]
    whole = {video: moves for video, moves in kept.items() if moves.whole}
    ordered = sorted(whole.values(), key=lambda moves: -moves.moved)
    for dropped in ordered[settings.players :]:
        dropped.discard()
    return DataRun(
        dataset=name,
        scores=[replace(score, dataset=name) for score in video_scores(rows, seed)],
        evaluated=evaluated,
        moved={video: moves.moved for video, moves in whole.items()},
        players=[moves.players() for moves in ordered[: settings.players]],
        model=f"{model_words(model.name, model.arguments)}, weights {weights_words(model)}",
        notes=notes,
        complete=complete,
        _folder=folder,
    )


def _alone(source: ModelMaps, model: SaliencyModel) -> Sources:
    """A model's maps with what is known of it."""
    facts = model_facts(model)
    return Sources((source,), {} if facts is None else {source.name: facts}, {source.name: trained_on(model)})


def _retrained_maps(
    model: SaliencyModel,
    recordings: Sequence[Recording],
    row: str,
    condition: Condition,
    seed: int,
    how: Mapping[str, Any],
) -> ModelMaps:
    """The maps of a model under the condition that it was trained under."""
    if condition.kind == "video_only":
        return ModelMaps(model, row, audio="none", **how)
    whole = Hearings(model, recordings, [condition], seed)

    def hearing(recording: Recording) -> Sounds:
        return {row: whole(recording)[condition.name]}

    return ModelMaps(model, row, audio="none", hearing=hearing, **how)


def joined(
    runs: Sequence[DataRun],
    settings: AblateSettings,
    *,
    subgroups: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    people: Sequence[ConditionScore] = (),
) -> DataAblation:
    """The runs over data sets, folds and training seeds as one result, corrected over all its comparisons.

    Args:
        runs: runs of `ablate_recordings`.
        settings: settings that they were made with.
        subgroups: subgroups by video, declared beforehand.
        facts: what was run, in words.
        notes: what was lost or left out.
        people: scores of people who heard the conditions, see `people_scores`.
    """
    scores = averaged_over_folds([score for run in runs for score in run.scores])
    groups: dict[str, list[str]] = {}
    for run in runs:
        if run.dataset not in groups.setdefault(run.group or run.dataset, []):
            groups[run.group or run.dataset].append(run.dataset)
    scores += [*interactions(scores, groups), *people]
    told = [*(note for run in runs for note in run.notes), *notes]
    absent = sorted(set(subgroups or ()) - {score.video for score in scores})
    if absent:
        told.append(f"Subgroups name videos that are not scored here: {', '.join(absent)}.")
    scores += in_subgroups(scores, subgroups or {})
    shares: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for video, moved in run.moved.items():
            shares.setdefault((run.dataset, video), []).append(moved)
    players = sorted((one for run in runs for one in run.players), key=lambda one: -one.moved)
    return DataAblation(
        comparisons=compare(scores, margins=settings.margins),
        scores=scores,
        tables=[run.evaluated.table for run in runs],
        moved={key: float(np.mean(values)) for key, values in shares.items()},
        players=players[: settings.players],
        facts={
            "data": ", ".join(groups),
            "models": "; ".join(dict.fromkeys(run.model for run in runs)),
            **(facts or {}),
            "seed of the conditions": str(settings.seed),
            "avsal": __version__,
        },
        notes=list(dict.fromkeys(told)),
        complete=all(run.complete for run in runs),
        _folders=[run._folder for run in runs],
    )
