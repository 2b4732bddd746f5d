"""What every data set reader is: recordings, the facts a user needs, and every problem counted."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

from avsal.errors import ConfigError, DatasetError, did_you_mean
from avsal.plugins import load_plugins
from avsal.types import Fixations, Recording, Split

#: installed packages add data sets under this group of entry points: importing a reader's module registers it
GROUP = "avsal.datasets"

__all__ = [
    "Dataset",
    "DatasetInfo",
    "Entry",
    "dataset_class",
    "expect_in_root",
    "list_datasets",
    "open_dataset",
]

#: what a release lists: its name, its split, and what reads it or raises DatasetError
Entry = tuple[str, Split | None, Callable[[], Recording]]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without its files.

    Attributes:
        name: what one types.
        title: as its authors call it.
        citation: authors, title, venue, year.
        licence: of the data; 'not stated' where the release has none.
        source: where its owners publish it.
        num_recordings: as published, None for the user's own data.
        num_frames: as published, None where unknown.
        sound: whether its videos have sound.
        gaze: eye, mouse, object masks, or simulated.
        sigma: of the Gaussian behind its density maps, with unit; or where that is not stated.
    """

    name: str
    title: str
    citation: str
    licence: str
    source: str
    num_recordings: int | None
    num_frames: int | None = None
    sound: bool = False
    gaze: str = "eye"
    sigma: str = "not stated"


class Dataset(ABC):
    """A data set below one folder. Iterating gives its recordings; nothing is decoded until asked.

    Attributes:
        info: the facts, one per class.
        problems: one line for each recording that was left out, naming the file that is missing or unusable
            and the remedy. Filled as recordings are iterated; a recording is never half-read.
        notes: one line for each oddity of a recording that is used all the same, such as a frame more than
            the published count. Filled likewise.
        opened_with: root and options, where `open_dataset` opened it.
    """

    info: ClassVar[DatasetInfo]
    #: those that the release has; None: whatever is asked for
    splits: ClassVar[tuple[Split, ...] | None] = None
    #: at least one of these lies directly in the root
    expects: ClassVar[tuple[str, ...]] = ()
    opened_with: tuple[str | Path, dict[str, Any]] | None = None
    classes: ClassVar[dict[str, type[Dataset]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not inspect.isabstract(cls) and "info" in cls.__dict__:
            Dataset.classes[cls.info.name] = cls

    def __init__(self, root: str | Path, *, split: Split | None = None, strict: bool = False) -> None:
        """Point at the data.

        Args:
            root: the folder whose tree the class's docstring draws.
            split: only these recordings; None for all.
            strict: raise on the first problem instead of leaving the recording out.

        Raises:
            ConfigError: an impossible `split`.
            DatasetError: there is no such folder, or it is not this data set's.
        """
        if split not in (None, *get_args(Split)):
            raise ConfigError(f"`split` must be one of {', '.join(get_args(Split))} but is {split!r}")
        self.root = Path(root)
        self.split = split
        self.strict = strict
        self.problems: list[str] = []
        self.notes: list[str] = []
        if not self.root.is_dir():
            raise DatasetError(
                f"{self.info.title}: expected a folder at {self.root} but there is none; give its place as "
                f"`root` (where to get it: {self.info.source})"
            )

        if self.splits is not None:
            expect_split(self, *self.splits)
        if self.expects:
            expect_in_root(self, *self.expects)

    def of_split(self, split: Split) -> Dataset:
        """The same data set, opened anew with the same options but for the split.

        Raises:
            ConfigError: it has no such split, or it was not opened by `open_dataset`.
        """
        if self.opened_with is None:
            raise ConfigError(f"{self.info.title} was not opened by name: its split {split!r} is unknown")
        root, options = self.opened_with
        return open_dataset(self.info.name, root, **{**options, "split": split})

    def other_sounds(self) -> dict[str, Dataset]:
        """The same videos with the gaze of people who heard something else, by what it was; usually none."""
        return {}

    @abstractmethod
    def _recordings(self) -> Iterator[Recording]:
        """All recordings of the chosen split in the published order; calls `_problem` for unusable ones.

        Readers say what their release lists, and `_usable` does the rest.
        """

    def _usable(self, listed: Iterable[Entry]) -> Iterator[Recording]:
        """Read those entries that are of the chosen split; what cannot be used is a problem by its name."""
        for name, split, read in listed:
            if self.split not in (None, split):
                continue
            try:
                recording = read()
            except DatasetError as error:
                self._problem(f"{name}: {error}")
                continue
            yield recording

    def __iter__(self) -> Iterator[Recording]:
        """Iterate over the usable recordings; `problems` then holds the rest.

        Raises:
            DatasetError: on a problem when `strict`, and when nothing usable is left.
        """
        self.problems.clear()
        self.notes.clear()
        count = 0
        for recording in self._recordings():
            count += 1
            yield recording
        if count == 0:
            detail = f"; the first problem: {self.problems[0]}" if self.problems else ""
            raise DatasetError(f"{self.info.title}: no usable recording below {self.root}{detail}")

    def with_gaze(self) -> Iterator[tuple[Recording, Fixations]]:
        """Iterate over the usable recordings with their gaze read, which is when damaged files show.

        Raises:
            DatasetError: on a problem when `strict`, and when nothing usable is left.
        """
        count = 0
        for recording in self:
            if recording.load_fixations is None:
                self._problem(f"{recording.id} has no gaze; leave it out or use it for prediction only")
                continue
            try:
                fixations = recording.load_fixations()
            except DatasetError as error:
                self._problem(f"{recording.id}: {error}")
                continue
            count += 1
            yield recording, fixations
        if count == 0:
            raise DatasetError(
                f"{self.info.title}: no recording with readable gaze below {self.root}; the first problem: "
                f"{self.problems[0]}"
            )

    def _problem(self, message: str) -> None:
        """Record (or raise, when strict) that a recording is unusable: name the file and the remedy."""
        if self.strict:
            raise DatasetError(f"{self.info.title}: {message}")
        self.problems.append(message)

    def _note(self, message: str) -> None:
        """Record an oddity of a recording that is used all the same."""
        self.notes.append(message)


def list_datasets() -> list[str]:
    """The names that `open_dataset` takes, those of installed third-party packages included, sorted."""
    load_plugins(GROUP)
    return sorted(Dataset.classes)


def expect_in_root(dataset: Dataset, *names: str) -> None:
    """Check that at least one of `names` lies directly in the data set's root.

    Raises:
        DatasetError: none does; says what was found instead.
    """
    if any((dataset.root / name).exists() for name in names):
        return
    present = sorted(path.name for path in dataset.root.iterdir())
    found = ", ".join(present[:5]) + (f" and {len(present) - 5} more" if len(present) > 5 else "")
    raise DatasetError(
        f"{dataset.info.title}: expected {' or '.join(f'`{name}`' for name in names)} in {dataset.root} but "
        f"found {found or 'nothing'}; give the folder that holds it as `root` (where to get it: "
        f"{dataset.info.source})"
    )


def expect_split(dataset: Dataset, *splits: Split) -> None:
    """Check that the split asked for is one of the release's `splits`, of which there may be none.

    Raises:
        ConfigError: it is not.
    """
    if dataset.split in (None, *splits):
        return
    has = f"has only {' and '.join(splits)} recordings" if splits else "publishes no split"
    raise ConfigError(
        f"{dataset.info.title} {has} but split={dataset.split!r} was asked for; leave `split` out"
    )


def dataset_class(name: str) -> type[Dataset]:
    """The reader called `name`.

    Raises:
        ConfigError: for an unknown name.
    """
    if name not in Dataset.classes:
        load_plugins(GROUP)
    try:
        return Dataset.classes[name]
    except KeyError:
        hint = did_you_mean(name, list_datasets())
        expected = ", ".join(list_datasets())
        raise ConfigError(f"unknown data set {name!r}: expected one of {expected}{hint}") from None


def open_dataset(name: str, root: str | Path, **options: Any) -> Dataset:
    """Open a data set by name.

    Args:
        name: one of `list_datasets()`.
        root: its folder.
        **options: options of the reader, such as ``split`` or ``fold``.

    Raises:
        ConfigError: unknown name or option.
        DatasetError: the folder is not this data set's.
    """
    reader = dataset_class(name)
    known = [key for key in inspect.signature(reader.__init__).parameters if key not in ("self", "root")]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigError(
            f"data set {name!r} takes no option {unknown[0]!r}: expected some of {', '.join(known)}"
        )
    dataset = reader(root, **options)
    dataset.opened_with = (root, dict(options))
    return dataset
