"""Preparing data sets for training: frames at a model's size and audio at its rate, decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avsal.configuration import Checked, setting, size
from avsal.errors import ConfigError, counted
from avsal.types import Recording

if TYPE_CHECKING:
    from avsal.clips import Store, StoreNeed, StoreSettings
    from datasets_av import Dataset

__all__ = ["PrepareSettings", "Prepared", "prepare"]


@dataclass(frozen=True, kw_only=True)
class PrepareSettings(Checked):
    """What a store is to hold: either `model` or `size` is needed."""

    model: str | None = setting(None, help="prepare for this model, see `avsal models`", metavar="NAME")
    size: tuple[int, int] | None = setting(
        None, help="size of the frames, for instance 192x352", metavar="HxW", parse=size
    )
    fit: bool = setting(False, help="with --size: keep each video's aspect ratio inside it")
    sample_rate: int | None = setting(
        None, help="samples a second of the audio [the model's, else 22050]", metavar="HZ", least=1
    )
    maps: bool = setting(False, help="keep the release's density maps, even where it has fixations")
    compress: bool = setting(
        False, help="frames as video, within 2 grey levels (rms), maps in 8 bits: a thirtieth of the size"
    )
    workers: int | None = setting(None, help="videos at a time [one a core]", least=1)

    def __post_init__(self) -> None:
        """Raise ConfigError for what is impossible."""
        super().__post_init__()
        if (self.model is None) == (self.size is None):
            raise ConfigError(
                "expected one of `model` and `size`: say what the store is for, or how large frames are"
            )
        if self.fit and self.size is None:
            raise ConfigError("--fit goes with --size; a model knows how its frames are resized")


@dataclass(frozen=True)
class Prepared:
    """What was stored.

    Attributes:
        folder: of the store.
        stored: recordings that were stored now.
        kept: recordings that had been stored before.
        problems: what had to be left out, one line each.
        notes: oddities of what is stored, one line each.
    """

    folder: Path
    stored: int
    kept: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        stored = counted(self.stored, "recording")
        return f"{self.folder}: {stored} stored, {self.kept} stored before, {len(self.problems)} left out"

    @property
    def store(self) -> Store:
        """The store, to train from."""
        from avsal.clips import Store

        return Store(self.folder)


def prepare(
    data: Dataset | Iterable[Recording],
    out: str | Path,
    settings: PrepareSettings,
    *,
    strict: bool = False,
    progress: bool | None = False,
    announce: Callable[[StoreNeed], None] | None = None,
) -> Prepared:
    """Store a data set for training; one that was stopped goes on where it was.

    Examples:
        >>> data = avsal.load_dataset("hevc", "HEVC")
        >>> avsal.prepare(data, "stores/hevc", avsal.PrepareSettings(model="tsfpnet_av"))

    Args:
        data: data from `avsal.load_dataset`, or recordings of your own.
        out: folder of the store, new or resumed.
        settings: what it is to hold.
        strict: raise on the first recording that cannot be stored.
        progress: show a bar with the time left; None: on a terminal only.
        announce: told what it will take, before anything is decoded.

    Raises:
        ConfigError: an unknown model, or a store made with other settings.
        DatasetError: a recording cannot be stored, and `strict`.
        MediaError: the store cannot be written.
    """
    from avsal.clips import prepare as prepare_store
    from avsal.workflows.training_stores import copy_lists

    recordings = list(data)
    _, options = getattr(data, "opened_with", None) or (None, {})
    report = prepare_store(
        recordings,
        out,
        _store_settings(settings, {key: value for key, value in options.items() if key != "split"}),
        workers=settings.workers,
        strict=strict,
        progress=progress,
        announce=announce,
    )
    lists = getattr(data, "lists", None)
    name = getattr(getattr(data, "info", None), "name", None)
    if lists is not None and name is not None:  # one's own division, which training then goes by
        copy_lists(lists, Path(out), name)
    return Prepared(
        Path(out),
        report.stored,
        report.kept,
        (*getattr(data, "problems", ()), *report.problems),
        (*getattr(data, "notes", ()), *report.notes),
    )


def _store_settings(settings: PrepareSettings, reader: dict[str, Any]) -> StoreSettings:
    from avsal.clips import StoreSettings

    resize: Literal["stretch", "fit"] = "fit" if settings.fit else "stretch"
    frame_size, rate = settings.size, None
    if settings.model is not None:
        import torch

        from avsal.models import create_model

        with torch.device("meta"):  # only its spec is wanted
            spec = create_model(settings.model).spec
        frame_size, resize, rate = spec.size, spec.resize, spec.sample_rate
    assert frame_size is not None, "checked by the settings"
    rate = settings.sample_rate or rate or StoreSettings.sample_rate
    return StoreSettings(frame_size, resize, rate, settings.maps, reader, settings.compress)
