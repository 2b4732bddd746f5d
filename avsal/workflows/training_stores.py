"""Which recordings of stores or releases a run trains and validates on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avsal.errors import ConfigError, DatasetError, MediaError

if TYPE_CHECKING:
    from avsal.clips import Release, Store, StoredRecording
    from avsal.groundtruth import DensityRecipe
    from avsal.training.settings import TrainSettings
    from avsal.types import ClipSpec
    from avsal.workflows.training_data import Data, SetSettings, StoredData, TurnSettings

__all__ = ["copy_lists", "density_of", "divided", "to_prepare", "turn_spec"]

_log = logging.getLogger(__name__)

#: one's own fold lists, which preparing a data set copies into its store
LISTS = "fold_lists"


def divided(
    data: StoredData, protocol: str, spec: ClipSpec
) -> tuple[list[StoredRecording], list[StoredRecording]]:
    """The recordings to train and to validate on.

    ``clean``: validation is a share of the training videos. ``published``: it is what the paper chose its
    checkpoint on, the test videos where the paper says so.

    Raises:
        DatasetError: a store is missing, or lacks a recording.
        ConfigError: an id is in both parts.
    """
    from avsal.clips import Store
    from avsal.training.stored_clips import hold_out

    stores = [
        (entry, Store(entry.store) if data.root is None else _release(entry.name, data, spec))
        for entry in data.sets
    ]
    if data.train is not None or data.validation is not None:
        everything = [recording for _, store in stores for recording in store]
        if data.train is None or data.validation is None:
            raise ConfigError("`data.train` and `data.validation` list ids together: give both or none")
        both = sorted(set(data.train) & set(data.validation))
        if both:
            raise ConfigError(f"{both[0]} is in `data.train` and in `data.validation`: leave one out")
        return _named(everything, data.train, data), _named(everything, data.validation, data)
    missing = data.allow_missing

    def listed(
        entry: SetSettings, store: Any, part: Literal["train", "val", "test"]
    ) -> list[StoredRecording]:
        found = _part(entry, store, part, missing)
        return _last_muted(found, entry, store, part) if spec.audio_rule == "stavis" else found

    training = [recording for entry, store in stores for recording in listed(entry, store, "train")]
    part = data.published_validation
    if protocol == "clean" or part == "train":
        return hold_out(training, data.validation_share)
    # some sets of several may lack the part, as DHF1K's test videos lack gaze
    published = [
        recording
        for entry, store in stores
        for recording in listed(entry, store, part)
        if recording.num_fixations is not None or recording.maps is not None
    ]
    return training, published


def _last_muted(
    found: list[StoredRecording], entry: SetSettings, store: Store, part: Literal["train", "val", "test"]
) -> list[StoredRecording]:
    """Recordings of a part, the last of the part's list heard as silence, which its fingerprint tells."""
    from datasets_av.split_tables import chosen_videos

    last = found[-1].id
    if entry.fold is not None:
        last = chosen_videos(entry.name, entry.fold, part, store.folder / LISTS)[-1][0].id
    return [
        replace(one, muted=True, content=f"{one.content} muted") if one.id == last else one for one in found
    ]


def _release(name: str, data: StoredData, spec: ClipSpec) -> Release:
    """The recordings of a release, read where they lie.

    Raises:
        DatasetError: the folder is not this data set's, or, unless it may lack some, a recording is no good.
    """
    from avsal.clips import Release, ReleaseRecording
    from avsal.workflows.data import find_root, load_dataset
    from datasets_av.video_clock import video_clock

    assert data.root is not None
    place = find_root(name, data.root)
    opened = load_dataset(name, place)
    found, problems = [], []
    for recording in opened:
        if not (recording.load_fixations or recording.load_density or recording.load_mask):
            continue  # as held-out test videos
        try:
            times = None if recording.frames.is_dir() else video_clock(recording.frames).times
            found.append(ReleaseRecording.of(recording, spec, times))
        except (DatasetError, MediaError) as error:
            problems.append(f"{recording.id}: {error}")
    problems = [*opened.problems, *problems]
    if problems and not data.allow_missing:
        raise DatasetError(
            f"{name}: {len(problems)} recordings cannot be used, the first: {problems[0]}; mend them, or "
            "leave them out with data.allow_missing=true"
        )
    if problems:
        _log.warning("%s: %d recordings are left out, the first: %s", name, len(problems), problems[0])
    return Release(place, found, problems)


def _part(
    entry: SetSettings, store: Store, part: Literal["train", "val", "test"], allow_missing: bool
) -> list[StoredRecording]:
    """The recordings of a part; by the store's own lists, else the published ones, where there are folds."""
    if entry.fold is None:
        own: list[StoredRecording] = store.select(dataset=entry.name)
        if part == "train" and all(recording.split is None for recording in own):
            return own  # the release has no split
        return store.select(split=part, dataset=entry.name)
    from datasets_av.split_tables import chosen_videos

    videos = chosen_videos(entry.name, entry.fold, part, store.folder / LISTS)
    listed = [video.id for video, _ in videos]
    there = {recording.id for recording in store.select(dataset=entry.name)}
    missing = [name for name in listed if name not in there]
    if missing:
        some = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        told = (
            f"{entry.store} lacks {len(missing)} of the {len(listed)} {part} videos of {entry.name}: {some}"
        )
        if not allow_missing or len(missing) == len(listed):
            raise DatasetError(
                f"{told}; see what `avsal data check` says of them, or leave them out with "
                "data.allow_missing=true"
            )
        _log.warning("%s; they are left out", told)
    return store.select(ids=[name for name in listed if name in there], dataset=entry.name)


def copy_lists(lists: Path, store: Path, dataset: str) -> None:
    """Keep one's own fold lists of a data set in its store, so that training divides as they do.

    Raises:
        MediaError: the store cannot be written.
    """
    from avsal.media import atomic_path
    from datasets_av.split_tables import list_files

    (store / LISTS).mkdir(exist_ok=True)
    for path in set(list_files(dataset, lists).values()):
        if path.is_file():
            with atomic_path(store / LISTS / path.name) as partial:
                partial.write_bytes(path.read_bytes())


def _named(
    recordings: list[StoredRecording], ids: tuple[str, ...], data: StoredData
) -> list[StoredRecording]:
    by_id = {recording.id: recording for recording in recordings}
    missing = [name for name in ids if name not in by_id]
    if missing:
        places = ", ".join(entry.store for entry in data.sets)
        raise ConfigError(
            f"{places} lacks {len(missing)} recordings that `data` names, such as {missing[0]!r}: prepare "
            "the whole data set"
        )
    return [by_id[name] for name in ids]


def density_of(data: StoredData) -> DensityRecipe | None:
    """How density is drawn from fixations; None for the release's own maps or masks.

    Raises:
        ConfigError: an unknown recipe, or a number that it does not have.
    """
    from avsal.groundtruth import density_recipe

    if data.recipe is None:
        return None
    recipe = density_recipe(data.recipe)
    known = set(recipe.as_dict())
    for name in data.recipe_changes:
        if name not in known:
            raise ConfigError(
                f"`data.recipe_changes` must be some of {', '.join(sorted(known))} but has {name!r}"
            )
    return replace(recipe, **dict(data.recipe_changes))


def to_prepare(
    data: Data, settings: TrainSettings, stored_size: str
) -> Iterator[tuple[StoredData, tuple[int, int], bool]]:
    """What has to be stored before a run: data, (H, W) of their frames, whether these are fitted into it.

    Args:
        data: data of the run.
        settings: settings of the run.
        stored_size: ``HxW`` or ``HxW_fit``, of data of one kind; data sets that take turns are stored at the
            size that the model has in their turns.
    """
    from avsal.workflows.training_data import AlternatingData, StoredData, data_settings

    if isinstance(data, StoredData):
        height, width = (int(side) for side in stored_size.partition("_")[0].split("x"))
        yield data, (height, width), stored_size.endswith("_fit")
    elif isinstance(data, AlternatingData):
        for name, part in data.parts.items():
            own = data_settings(part.data)
            if isinstance(own, StoredData):
                spec = turn_spec(part, name, settings)
                yield own, spec.size, spec.resize == "fit"


def turn_spec(part: TurnSettings, name: str, settings: TrainSettings) -> ClipSpec:
    """What the model takes in the turns of a part.

    Raises:
        ConfigError: the part's choices are not the model's.
    """
    import torch

    from avsal.models import create_model, model_info

    known = model_info(settings.model.name).choices
    for key in part.choices:
        if key not in known:
            expected = f"some of {', '.join(known)}" if known else "none"
            raise ConfigError(
                f"`data.parts.{name}.choices` must be what {settings.model.name} can change between steps, "
                f"{expected}, but has {key!r}"
            )
    with torch.device("meta"):
        return create_model(settings.model.name, **{**settings.model.arguments, **part.choices}).spec
