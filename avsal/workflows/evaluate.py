"""Scoring a model, or anybody's maps, on a data set, beside baseline rows and published numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from avsal import __version__
from avsal.configuration import settings_from
from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import (
    AveragingProtocol,
    Evaluation,
    EvaluationSettings,
    FixationRows,
    MapCollection,
    Mixture,
    VideoScores,
    protocol,
    read_areas,
    read_rows,
)
from avsal.report import (
    citation_note,
    comparable_results,
    of_all_videos,
    on_common_frames,
    result_table,
)
from avsal.types import Recording
from avsal.workflows.data import chosen
from avsal.workflows.evaluate_settings import EvaluateOptions, EvaluateSettings
from avsal.workflows.evaluation_notes import cost_note, notes_of
from avsal.workflows.model_maps import ModelMaps
from avsal.workflows.scores import Scores
from avsal.workflows.shares import Shares
from avsal.workflows.sources import Scored, Sources, sources_of

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["EvaluateOptions", "EvaluateSettings", "evaluate", "evaluate_sources"]

#: data sets whose papers pool the frames of all videos
_POOLED = ("dhf1k", "hollywood2", "ucf_sports")

#: told of each video that was scored: its number from 1, how many there are, its id
Progress = Callable[[int, int, str], None]


def evaluate(
    model: Scored,
    data: Dataset | Iterable[Recording],
    *,
    maps: str | Path | None = None,
    settings: EvaluateSettings | None = None,
    progress: Progress | None = None,
    shares: Shares | None = None,
    **changes: Unpack[EvaluateOptions],
) -> Scores:
    """Score a model on a data set.

    Examples:
        >>> data = avsal.load_dataset("hevc", "HEVC")
        >>> scores = avsal.evaluate(avsal.load_model(), data, every=25)
        >>> print(scores.table); scores.save("evaluation")
        >>> print(avsal.evaluate([avsal.load_model(), avsal.load_model("unisal.pth")], data))

    Args:
        model: model from `avsal.load_model`; its device is used. Several, in a list or by name, are scored on
            the frames that all have maps of; gaze is read and drawn once for all. None: the baseline rows
            alone, or `maps`.
        data: data from `avsal.load_dataset`, or recordings of your own.
        maps: instead of a model: a folder, video, HDF5, .npz or .zarr of maps for each video, or one of them.
        settings: how; None: the defaults.
        progress: called after each video.
        shares: where this process and others of a launch put what they scored; see `Shares`.
        **changes: fields of `settings` that are to be otherwise.

    Raises:
        ConfigError: settings that are impossible here.
        DatasetError: the data cannot be used; when strict, the first problem.
        MediaError: a video cannot be read.
        OthersGoOn: with `shares`, all but the process that joins them.
    """
    told = settings_from(EvaluateSettings, settings, changes)
    return evaluate_sources(sources_of(model, maps, told), data, told, progress=progress, shares=shares)


def evaluate_sources(
    sources: Sources,
    data: Dataset | Iterable[Recording],
    settings: EvaluateSettings,
    *,
    progress: Progress | None = None,
    shares: Shares | None = None,
) -> Scores:
    """Score maps from anywhere; see `evaluate`.

    Args:
        sources: sources of the maps; none for the baseline rows alone.
        data: see `evaluate`.
        settings: how.
        progress: called after each video.
        shares: see `evaluate`.
    """
    if shares is not None and (settings.postprocess == "msu" or settings.workers > 1):
        raise ConfigError(
            "processes of a launch score their own videos: leave `workers` out; postprocess=msu, which is "
            "fitted to all videos, needs one process"
        )
    if settings.protocol == "diem20" and settings.max_frames is None:
        settings = replace(settings, max_frames=300)
    if settings.areas is not None:
        settings = replace(settings, fixations=True)
    areas = {} if settings.areas is None else read_areas(settings.areas)
    earlier = [read_rows(path) for path in settings.common_with]
    facts = _DataFacts.of(data)
    everything = list(data)
    recordings = everything if settings.videos is None else chosen(everything, settings.videos, "videos")
    training, no_training = _training(data, settings)
    evaluation = Evaluation.prepare(
        recordings, settings, source=sources.all, training=training, frame_times=_frame_times
    )
    silent = [
        source.listed([recording.id for recording in everything])
        for source in sources.all
        if isinstance(source, ModelMaps)
    ]
    notes = [*([no_training] if no_training else []), *getattr(data, "notes", ())]
    notes += [text for text in silent if text is not None]
    lost = list(getattr(data, "problems", ()))
    if settings.videos is not None:  # what is wrong with others is not asked
        lost = [text for text in lost if any(_begins_with(text, name) for name in settings.videos)]
    for text in lost:
        evaluation.problems.add("unusable recording", text)
    for text in notes:
        evaluation.problems.add("note", text)
    evaluation.areas = areas
    averaging = _protocol(settings, facts.name, masks=evaluation.truths[0].masks)
    for source in sources.all:
        if isinstance(source, MapCollection):
            if len(evaluation.truths) == 1:
                source.rename_single(evaluation.truths[0].video)
            for text in source.problems:
                evaluation.problems.add("stray file", text)

    scores: dict[str, list[VideoScores]] = {}
    absent: dict[str, dict[str, str]] = {}
    mixtures: dict[str, Mixture] = {}
    looks: list[FixationRows] = []
    total, before = len(evaluation.truths), 0
    with ExitStack() as stack:
        if settings.postprocess == "msu" and sources.all:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="avsal-")))
            before = total
            for number, video in enumerate(evaluation.adapt(folder), start=1):
                if progress is not None:
                    progress(number, 2 * total, video)
        known = {
            "data": asdict(facts),
            "settings": asdict(settings),
            "videos": [truth.video for truth in evaluation.truths],
            "rows": [one.name for one in sources.all],
            "weights": {row: made_by.get("sha256") for row, made_by in sources.facts.items()},
        }
        results = evaluation.score(settings.workers, None if shares is None else shares.of(known))
        stack.callback(getattr(results, "close", lambda: None))
        for number, result in enumerate(results, start=1):
            absent[result.video] = result.absent
            looks += result.fixations
            if result.mixture is not None:
                mixtures[result.video] = result.mixture
            for entry in result.scores:
                scores.setdefault(entry.model, []).append(entry)
            if progress is not None:
                progress(before + number, before + total, result.video)
    if not scores:
        raise DatasetError(f"nothing could be scored; the first problem: {evaluation.problems.found[0].text}")

    published = comparable_results(facts.name, averaging.name, facts.split, settings.sampler)
    told = notes_of(evaluation, absent, averaging) + ([citation_note(averaging.name)] if published else [])
    videos = [truth.video for truth in evaluation.truths]
    seen = {row: sources.seen(row, facts.name, videos, split=facts.split) for row in sources.learned}
    told += [
        f"{text}: its scores tell how well it knows them, not how well it predicts others."
        for text in seen.values()
        if text is not None
    ]
    measured = [one for one in sources.all if settings.costs and isinstance(one, ModelMaps)]
    costs = {one.name: one.meter.costs() for one in measured}
    if costs:
        told.append(cost_note(settings.engine, settings.every))
    whole, scope = len(everything) + len(lost), None
    if len(evaluation.truths) < whole and published:
        scope = f"{len(evaluation.truths)} of {whole} videos"
        facts = replace(facts, title=f"{facts.title} ({scope})")
        published = of_all_videos(published, scope)
        told.insert(0, f"NOT COMPARABLE: cited rows are means of the whole set; measured here: {scope}.")
    table = result_table(
        facts.title,
        scores,
        averaging,
        published=published,
        notes=told,
        common_with=earlier,
        interval=settings.interval,
        costs=costs,
        doubts={row: "trained on these" for row, text in seen.items() if text is not None},
    )
    about = {
        "avsal": __version__,
        "choices": {
            "data": facts.name,
            "root": facts.root,
            "split": facts.split,
            "fold": facts.fold,
            **asdict(settings),
        },
        "model": dict(next(iter(sources.facts.values()))) if len(sources.facts) == 1 else None,
        "models": {row: {**known, "costs": costs.get(row, {})} for row, known in sources.facts.items()},
        "settings": {entry.name: getattr(settings, entry.name) for entry in fields(EvaluationSettings)},
        "protocol": asdict(averaging),
        "scope": scope,
        "notes": list(table.notes),
        "observers": {video: asdict(mixture) for video, mixture in mixtures.items()},
        "problems": [asdict(problem) for problem in evaluation.problems.found],
    }
    common = on_common_frames(scores, earlier)
    return Scores(table, scores, evaluation.problems, about, averaging, common, looks)


@dataclass(frozen=True)
class _DataFacts:
    """What the table and the summary say of the data."""

    name: str
    title: str
    root: str | None = None
    split: Literal["train", "val", "test"] | None = None
    fold: int | None = None

    @classmethod
    def of(cls, data: Dataset | Iterable[Recording]) -> _DataFacts:
        info = getattr(data, "info", None)
        if info is None:
            return cls("recordings", "recordings")
        opened: tuple[Any, dict[str, Any]] | None = getattr(data, "opened_with", None)
        root, options = opened or (getattr(data, "root", None), {})
        split, fold = getattr(data, "split", None), options.get("fold")
        parts = [info.title, *([split] if split else []), *([f"fold {fold}"] if fold is not None else [])]
        return cls(info.name, ", ".join(parts), None if root is None else str(root), split, fold)


def _begins_with(problem: str, name: str) -> bool:
    """Whether what a reader says is wrong is about a recording."""
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", problem.partition(":")[0]) is not None


def _training(
    data: Dataset | Iterable[Recording], settings: EvaluateSettings
) -> tuple[list[Recording] | None, str | None]:
    """The training recordings of a data set with a split; None and, if need be, why not."""
    of_split = getattr(data, "of_split", None)
    if of_split is None or getattr(data, "split", None) not in ("val", "test") or settings.centre == "scored":
        return None, None
    try:
        return list(of_split("train")), None
    except (ConfigError, DatasetError) as error:
        return None, f"no training videos for the centre bias ({error}); it is fitted to the scored ones"


def _frame_times(recording: Recording) -> NDArray[np.float64] | None:
    """The time stamps of a recording's frames; None for a folder of images, whose list counts."""
    from datasets_av.frame_images import image_files
    from datasets_av.video_clock import video_clock

    if not recording.frames.is_dir():
        return video_clock(recording.frames).times
    if recording.num_frames is not None or recording.frame_rate is None:
        return None
    return np.arange(len(image_files(recording.frames))) / recording.frame_rate


def _protocol(settings: EvaluateSettings, name: str, *, masks: bool) -> AveragingProtocol:
    if settings.protocol is None:
        return protocol("objects" if masks else "dhf1k" if name in _POOLED else "stavis")
    how = protocol(settings.protocol)
    if masks != (how.name == "objects"):
        raise ConfigError(
            f"protocol={how.name} does not fit {name}, whose ground truth is "
            f"{'object masks' if masks else 'gaze'}: leave `protocol` out"
        )
    return how
