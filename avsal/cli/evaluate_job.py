"""One run of `avsal evaluate`: from the choices to rows, tables and a plot."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import avsal
from avsal.cli.evaluate import EvaluateChoices
from avsal.cli.evaluate_model import ModelMaps
from avsal.cli.evaluate_output import notes_of, print_problems, write_outputs
from avsal.cli.predict_job import DEFAULT_MODEL, pick_device
from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import (
    BASELINES,
    AveragingProtocol,
    Evaluation,
    EvaluationSettings,
    MapCollection,
    MapSource,
    Mixture,
    RowWriter,
    VideoScores,
    protocol,
    read_rows,
)
from avsal.media import atomic_path
from avsal.models import SaliencyModel
from avsal.report import (
    ResultTable,
    citation_note,
    comparable_results,
    on_common_frames,
    result_table,
)
from avsal.types import Recording
from avsal.weights import load_model

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["Evaluated", "evaluate", "evaluate_source", "open_dataset_of", "trained_model"]

#: data sets whose papers pool the frames of all videos
_POOLED = ("dhf1k", "hollywood2", "ucf_sports")


def evaluate(choices: EvaluateChoices, *, quiet: bool = False) -> int:
    """Evaluate, write everything below `out`, and print the table.

    Returns:
        0 when everything was scored, 1 when maps or recordings were left out.

    Raises:
        ConfigError: choices that are impossible here.
        DatasetError: the data cannot be used; when strict, the first problem.
        CheckpointError: the weight file cannot be used.
    """
    return evaluate_source(choices, _source, quiet=quiet).code


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found.

    Attributes:
        code: the exit code.
        scores: by row.
        table: as written.
    """

    code: int
    scores: Mapping[str, list[VideoScores]]
    table: ResultTable


def evaluate_source(
    choices: EvaluateChoices, open_source: Callable[[EvaluateChoices], MapSource | None], *, quiet: bool
) -> Evaluated:
    """Evaluate maps from anywhere; see `evaluate`.

    Args:
        choices: of the run.
        open_source: gives the maps; called once the outputs are known to be free.
        quiet: print errors only.
    """
    summary = choices.out / "evaluation.json"
    if summary.exists() and not choices.overwrite:
        raise ConfigError(
            f"{summary} exists: replace it with overwrite=true, or write elsewhere with out=DIR"
        )
    settings = _settings(choices)
    source = open_source(choices)
    earlier = [read_rows(path) for path in choices.common_with]
    dataset = open_dataset_of(choices, choices.split)
    recordings = _chosen(list(dataset), choices)
    training, no_training = _training(choices)
    made = Evaluation.prepare(
        recordings, settings, source=source, training=training, frame_times=_frame_times
    )
    if no_training is not None:
        made.problems.add("note", no_training)
    for text in dataset.problems:
        made.problems.add("unusable recording", text)
    for text in dataset.notes:
        made.problems.add("note", text)
    how = _protocol(choices, made)
    if isinstance(source, MapCollection):
        if len(made.truths) == 1:
            source.rename_single(made.truths[0].video)
        for text in source.problems:
            made.problems.add("stray file", text)

    (choices.out / "frames").mkdir(parents=True, exist_ok=True)
    scores: dict[str, list[VideoScores]] = {}
    absent: dict[str, dict[str, str]] = {}
    mixtures: dict[str, Mixture] = {}
    with ExitStack() as stack:
        writers: dict[str, RowWriter] = {}
        progress = tqdm(
            made.score(choices.workers),
            total=len(made.truths),
            unit="video",
            file=sys.stderr,
            disable=True if quiet else None,
            leave=False,
        )
        for result in progress:
            absent[result.video] = result.absent
            if result.mixture is not None:
                mixtures[result.video] = result.mixture
            for entry in result.scores:
                if entry.model not in writers:
                    path = choices.out / "frames" / f"{entry.model}.csv"
                    writers[entry.model] = stack.enter_context(RowWriter(path))
                writers[entry.model].write(entry)
                scores.setdefault(entry.model, []).append(entry)
    if not scores:
        raise DatasetError(f"nothing could be scored; the first problem: {made.problems.found[0].text}")

    published = comparable_results(choices.data, how.name, choices.split, choices.sampler)
    notes = notes_of(made, absent, how) + ([citation_note(how.name)] if published else [])
    table = result_table(
        _title(choices, dataset),
        scores,
        how,
        published=published,
        notes=notes,
        common_with=earlier,
        interval=choices.interval,
    )
    write_outputs(choices.out, table, on_common_frames(scores, earlier), how)
    with atomic_path(summary) as temporary:
        temporary.write_text(json.dumps(_about(choices, made, how, mixtures, table.notes), indent=2) + "\n")
    if not quiet:
        print(table.to_markdown())
        print_problems(made.problems)
        print(f"-> {choices.out}")
    return Evaluated(1 if made.problems.excluding else 0, scores, table)


def _settings(choices: EvaluateChoices) -> EvaluationSettings:
    return EvaluationSettings(
        metrics=choices.metrics,
        family=choices.family,
        sampler=choices.sampler,
        seed=choices.seed,
        density=choices.density,
        height=choices.height,
        every=choices.every,
        max_frames=choices.max_frames or (300 if choices.protocol == "diem20" else None),
        min_fixations=choices.min_fixations,
        postprocess=choices.postprocess,
        ig_floor=choices.ig_floor,
        baselines=BASELINES if choices.baselines is None else choices.baselines,
        strict=choices.strict,
    )


def _source(choices: EvaluateChoices) -> MapSource | None:
    source: MapSource | None = None
    if choices.maps is not None:
        source = MapCollection(choices.maps, name=choices.name)
    elif choices.predicts:
        model = trained_model(choices)
        source = ModelMaps(
            model,
            choices.name or model.name,
            audio=choices.audio,
            engine=choices.engine,
            batch_size=choices.batch_size,
            precision=choices.precision,
        )
    if source is not None and (source.name in BASELINES or Path(source.name).name != source.name):
        raise ConfigError(f"{source.name!r} cannot name a row and its file: choose another with name=TEXT")
    return source


def trained_model(choices: EvaluateChoices) -> SaliencyModel:
    """The model that is to be run, on its device; the shipped one where none is named.

    Raises:
        ConfigError: it lacks trained weights.
    """
    device = pick_device(choices.device)
    if choices.model is None and choices.weights is not None:
        model = load_model(choices.weights, **choices.arguments)
    else:
        model = load_model(choices.model or DEFAULT_MODEL, weights=choices.weights, **choices.arguments)
    if not model.trained:
        raise ConfigError(
            f"{model.name!r} lacks trained weights, so its scores would mean nothing; give weights=FILE"
        )
    return model.to(device)


def open_dataset_of(choices: EvaluateChoices, split: str | None) -> Dataset:
    """The data set that the choices name, of one split."""
    from datasets_av import dataset_class, open_dataset

    options: dict[str, Any] = dict(choices.reader)
    if split is not None:
        options["split"] = split
    if choices.fold is not None:
        options["fold"] = choices.fold
    reader = dataset_class(choices.data).__init__
    if choices.protocol == "diem20" and "protocol" in inspect.signature(reader).parameters:
        options.setdefault("protocol", "diem20")
    return open_dataset(choices.data, choices.root, strict=choices.strict, **options)


def _chosen(recordings: list[Recording], choices: EvaluateChoices) -> list[Recording]:
    """Those that `videos` names; all where it names none."""
    if choices.videos is None:
        return recordings
    missing = set(choices.videos) - {recording.id for recording in recordings}
    if missing:
        raise ConfigError(
            f"`videos` names {sorted(missing)[0]!r}, which is not among the {len(recordings)} recordings of "
            f"{choices.data} here: see avsal data check"
        )
    return [recording for recording in recordings if recording.id in choices.videos]


def _training(choices: EvaluateChoices) -> tuple[list[Recording] | None, str | None]:
    """The training recordings of a data set with a split; None and, if need be, why not."""
    if choices.split not in ("val", "test") or choices.centre == "scored":
        return None, None
    try:
        return list(open_dataset_of(choices, "train")), None
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


def _protocol(choices: EvaluateChoices, made: Evaluation) -> AveragingProtocol:
    masks = made.truths[0].masks
    if choices.protocol is None:
        return protocol("objects" if masks else "dhf1k" if choices.data in _POOLED else "stavis")
    how = protocol(choices.protocol)
    if masks != (how.name == "objects"):
        raise ConfigError(
            f"protocol={how.name} does not fit {choices.data}, whose ground truth is "
            f"{'object masks' if masks else 'gaze'}: leave `protocol` out"
        )
    return how


def _title(choices: EvaluateChoices, dataset: Dataset) -> str:
    parts = [dataset.info.title]
    if choices.split is not None:
        parts.append(choices.split)
    if choices.fold is not None:
        parts.append(f"fold {choices.fold}")
    return ", ".join(parts)


def _about(
    choices: EvaluateChoices,
    made: Evaluation,
    how: AveragingProtocol,
    mixtures: dict[str, Mixture],
    notes: Any,
) -> dict[str, Any]:
    return {
        "avsal": avsal.__version__,
        "choices": {
            key: str(value) if isinstance(value, Path) else value for key, value in asdict(choices).items()
        },
        "settings": made.settings.as_dict(),
        "protocol": asdict(how),
        "notes": list(notes),
        "observers": {video: asdict(mixture) for video, mixture in mixtures.items()},
        "problems": [asdict(problem) for problem in made.problems.found],
    }
