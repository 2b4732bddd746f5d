"""The `data` part of a training configuration: which clips, and which of them are held out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from avsal.configuration import from_mapping
from avsal.errors import ConfigError
from avsal.training.settings import TrainSettings

if TYPE_CHECKING:
    from avsal.training import ClipSource, ValidationSource
    from avsal.types import ClipSpec

#: what `data.videos.generator` may name: module and class
GENERATORS = {
    "sounding_objects": ("datasets_av.sounding_objects", "SoundingObjects"),
    "sounding_clips": ("datasets_av.sounding_clips", "SoundingClips"),
}

__all__ = [
    "AlternatingData",
    "Data",
    "MixedData",
    "PartSettings",
    "SetSettings",
    "StoredData",
    "SyntheticData",
    "TurnSettings",
    "data_settings",
    "sources",
]


@dataclass(frozen=True)
class SetSettings:
    """One data set.

    Attributes:
        name: as `avsal data list` has it.
        store: folder that `avsal data prepare` wrote.
        fold: of the published lists, for sets that have them: the lists then say what trains and what tests.
    """

    name: str
    store: str
    fold: int | None = None


@dataclass(frozen=True)
class StoredData:
    """Clips of prepared stores.

    Attributes:
        name: for folder names and checkpoints.
        sets: at least one.
        recipe: name of the density recipe; None: the release's own maps or masks.
        recipe_changes: of the recipe's numbers, such as ``sigma``.
        published_validation: the part that the paper chose its checkpoint on; ``train`` where it does not
            say: then `published` holds out what `clean` does.
        validation_share: of the training recordings that the clean protocol holds out instead.
        root: folder of the release, or of the folders that the releases are in: recordings are read where
            they lie instead of from stores, which takes no room and more time.
        allow_missing: leave out listed videos that the stores lack, and say how many; else they are an error.
        train: ids to train on, None: those of the training part.
        validation: ids to validate on, None: as the protocol says.
        clips_per_recording: in an epoch.
        every: instead of random clips: those that begin this many frames apart.
        short: how videos shorter than a clip are filled up.
        min_frames: recordings with fewer frames are left out of training.
        crop: frames were stored larger than the model's input: cut a random rectangle.
        camera: of photographs: the share of clips in which a camera moves slowly over the picture.
    """

    kind: Literal["stored"]
    name: str
    sets: tuple[SetSettings, ...]
    recipe: str | None = None
    recipe_changes: Mapping[str, Any] = field(default_factory=dict)
    published_validation: Literal["train", "val", "test"] = "test"
    validation_share: float = 0.1
    root: str | None = None
    allow_missing: bool = False
    train: tuple[str, ...] | None = None
    validation: tuple[str, ...] | None = None
    clips_per_recording: int = 1
    every: int | None = None
    short: Literal["repeat_first", "repeat_last", "mirror"] = "repeat_first"
    min_frames: int = 1
    crop: bool = False
    camera: float = 0.0


@dataclass(frozen=True)
class SyntheticData:
    """Clips that a generator makes on the fly.

    Attributes:
        name: for folder names and checkpoints.
        videos: the generator to train on: its name in `GENERATORS` as `generator`, and its arguments.
        held_out: arguments that the generator of the validation videos has instead, such as another seed.
        num_clips: of an epoch.
        num_held_out: validation videos.
        repeat: whether every epoch has the same videos.
    """

    kind: Literal["synthetic"]
    name: str
    videos: Mapping[str, Any]
    held_out: Mapping[str, Any]
    num_clips: int
    num_held_out: int = 96
    repeat: bool = False


@dataclass(frozen=True)
class PartSettings:
    """One of several kinds of clips.

    Attributes:
        data: as the `data` part of a configuration, stored or synthetic.
        weight: share of each batch, over the sum of all weights.
    """

    data: Mapping[str, Any]
    weight: float = 1.0


@dataclass(frozen=True)
class MixedData:
    """Clips of several kinds in every batch.

    Attributes:
        name: for folder names and checkpoints.
        parts: by name.
        validation: the part whose held-out videos a model is validated on.
    """

    kind: Literal["mixed"]
    name: str
    parts: Mapping[str, PartSettings]
    validation: str


@dataclass(frozen=True)
class TurnSettings:
    """One of several kinds of clips that take turns.

    Attributes:
        data: as the `data` part of a configuration, stored or synthetic.
        batch_size: clips of a step of it; None: `clips.batch_size`.
        accumulation: groups into which such a step is divided at least.
        choices: arguments of the model that it is used with then, among those that change no tensor, such as
            UNISAL's ``domain``.
        forward: further arguments of its `forward` then; None: `model.forward`.
        supervised: which of the clip's target maps those of `forward` are; None: all.
    """

    data: Mapping[str, Any]
    batch_size: int | None = None
    accumulation: int = 1
    choices: Mapping[str, Any] = field(default_factory=dict)
    forward: Mapping[str, Any] | None = None
    supervised: tuple[int, ...] | None = None


@dataclass(frozen=True)
class AlternatingData:
    """Clips of several kinds that take turns, batch by batch; an epoch has all batches of all of them.

    Attributes:
        name: for folder names and checkpoints.
        parts: by name.
        validation: the part whose held-out videos a model is validated on, as it was built.
        allow_missing: of all parts, see `StoredData`.
    """

    kind: Literal["alternating"]
    name: str
    parts: Mapping[str, TurnSettings]
    validation: str
    allow_missing: bool = False


Data = StoredData | SyntheticData | MixedData | AlternatingData


def data_settings(values: Mapping[str, Any]) -> Data:
    """The `data` part as a dataclass.

    Raises:
        ConfigError: an unknown key, a wrong type, or an impossible number.
    """
    kinds: dict[Any, type[Data]] = {
        "stored": StoredData,
        "synthetic": SyntheticData,
        "mixed": MixedData,
        "alternating": AlternatingData,
    }
    if values.get("kind") not in kinds:
        raise ConfigError(f"`data.kind` must be one of {', '.join(kinds)} but is {values.get('kind')!r}")
    data = from_mapping(kinds[values["kind"]], values, "data")
    if isinstance(data, StoredData) and not 0 < data.validation_share < 1:
        raise ConfigError(f"`data.validation_share` must lie within 0 and 1 but is {data.validation_share}")
    if isinstance(data, MixedData | AlternatingData):
        if data.validation not in data.parts:
            raise ConfigError(
                f"`data.validation` must be a part, {' or '.join(data.parts)}, but is {data.validation!r}"
            )
        for name, part in data.parts.items():
            if isinstance(data_settings(part.data), MixedData | AlternatingData):
                raise ConfigError(f"`data.parts.{name}` is a mixture itself: list its parts instead")
    return data


def sources(data: Data, settings: TrainSettings, spec: ClipSpec) -> tuple[ClipSource, ValidationSource]:
    """The clips to train and to validate on.

    Raises:
        ConfigError: they do not fit the model, or a generator's argument is wrong.
        DatasetError: a store is missing, or lacks a recording.
    """
    if isinstance(data, MixedData | AlternatingData):
        return _several(data, settings, spec)
    clips, frames = _single(data, settings, spec)
    assert frames is not None
    return clips, frames


def _single(
    data: Data, settings: TrainSettings, spec: ClipSpec, *, validate: bool = True
) -> tuple[ClipSource, ValidationSource | None]:
    """Clips of one kind, and the frames of their held-out videos, where these are wanted."""
    if isinstance(data, SyntheticData):
        return _made(data, settings, spec)
    assert isinstance(data, StoredData)  # `data_settings` lets no mixture be a part
    return _stored(data, settings, spec, validate=validate)


def _several(
    data: MixedData | AlternatingData, settings: TrainSettings, spec: ClipSpec
) -> tuple[ClipSource, ValidationSource]:
    """Clips of several kinds, side by side or in turns, and the frames of the part that is validated on."""
    from avsal.training.alternating_clips import AlternatingClips, Turn
    from avsal.training.mixed_clips import MixedClips, MixedPart
    from avsal.workflows.training_stores import turn_spec

    mixed: list[MixedPart] = []
    turns: dict[str, Turn] = {}
    validation = None
    for name, part in data.parts.items():
        lacking = isinstance(data, AlternatingData) and data.allow_missing
        own = data_settings({**part.data, "allow_missing": True} if lacking else part.data)
        validate = name == data.validation
        taken = turn_spec(part, name, settings) if isinstance(part, TurnSettings) else spec
        if validate and taken != spec:
            raise ConfigError(
                f"`data.validation` {name!r} is scored by the model as it is built: give `model.arguments` "
                f"the choices of `data.parts.{name}`"
            )
        clips, frames = _single(own, settings, taken, validate=validate)
        validation = frames if validate else validation
        if isinstance(part, PartSettings):
            mixed.append(MixedPart(name, clips, part.weight, gaze=isinstance(own, StoredData)))
            continue
        turns[name] = Turn(
            clips,
            settings.clips.batch_size if part.batch_size is None else part.batch_size,
            part.accumulation,
            part.choices,
            settings.model.forward if part.forward is None else part.forward,
            part.supervised,
        )
    assert validation is not None  # checked by `data_settings`
    if isinstance(data, MixedData):
        return MixedClips(mixed, seed=settings.seed), validation
    return AlternatingClips(turns, data.validation, seed=settings.seed), validation


def _made(
    data: SyntheticData, settings: TrainSettings, spec: ClipSpec
) -> tuple[ClipSource, ValidationSource]:
    from avsal.training.synthetic_clips import SyntheticClips, SyntheticFrames

    videos = _generator(data.videos, "data.videos")
    held_out = _generator({**data.videos, **data.held_out}, "data.held_out")
    if videos == held_out:
        raise ConfigError("`data.held_out` must differ from `data.videos`, such as in its seed")
    clips = SyntheticClips(
        videos,
        spec,
        num_clips=data.num_clips,
        repeat=data.repeat,
        seed=settings.seed,
        workers=settings.clips.workers or 0,
        context=settings.context.frames,
    )
    return clips, SyntheticFrames(
        held_out, spec, num_clips=data.num_held_out, batch_size=settings.validation.batch_size
    )


def _generator(values: Mapping[str, Any], where: str) -> Any:
    """The generator that `values` name, with their other entries as its arguments; nothing else can be made.

    Raises:
        ConfigError: no such generator, or a wrong argument.
    """
    arguments = dict(values)
    name = arguments.pop("generator", None)
    if name is None and "_target_" in arguments:  # as old files have it
        former = arguments.pop("_target_")
        name = next((key for key, made in GENERATORS.items() if former == ".".join(made)), former)
    if not isinstance(name, str) or name not in GENERATORS:
        raise ConfigError(
            f"`{where}.generator` must be one of {', '.join(GENERATORS)} but is {name!r}: "
            "nothing else is made by name"
        )
    module, attribute = GENERATORS[name]
    kind: Any = getattr(import_module(module), attribute)
    try:
        return from_mapping(kind, arguments, where)
    except ValueError as error:
        raise ConfigError(f"`{where}` cannot be made: {error}") from error


def _stored(
    data: StoredData, settings: TrainSettings, spec: ClipSpec, *, validate: bool
) -> tuple[ClipSource, ValidationSource | None]:
    from avsal.clips import ClipDataset
    from avsal.training.stored_clips import StoredClips, StoredFrames
    from avsal.workflows.training_stores import density_of, divided

    training, validation = divided(data, settings.protocol, spec)
    recipe = density_of(data)
    facts = {"recipe": None if recipe is None else recipe.as_dict()}
    dataset = ClipDataset(
        training,
        spec,
        recipe,
        seed=settings.seed,
        clips_per_recording=data.clips_per_recording,
        every=data.every,
        short=data.short,
        min_frames=data.min_frames,
        flip=settings.clips.flip,
        colour=settings.clips.colour,
        speed=settings.clips.speed,
        crop=data.crop,
        context=settings.context.frames,
        camera=data.camera,
    )
    clips = StoredClips(dataset, workers=_workers(settings), facts=facts)
    if not validate:
        return clips, None
    frames = StoredFrames(
        validation,
        spec,
        recipe,
        first_frames=settings.validation.first_frames,
        frame_step=settings.validation.frame_step,
        batch_size=settings.validation.batch_size,
        facts=facts,
    )
    return clips, frames


def _workers(settings: TrainSettings) -> int:
    """Processes that read clips, for each process that trains."""
    if settings.clips.workers is not None:
        return settings.clips.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    local = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return min(4, max(1, cores // max(1, int(local) if local.isdigit() else 1) - 1))
