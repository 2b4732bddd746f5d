"""A store of prepared recordings, made by `prepare` and read by the loader.

One folder::

    store.json                     what it was made with (`StoreSettings`)
    index.json                     the facts of every recording, and what could not be stored
    <data set>/<recording>/        see `StoredRecording`
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from avsal.clips.fingerprint import text_fingerprint
from avsal.clips.store_settings import StoreSettings
from avsal.clips.stored_recording import StoredRecording
from avsal.errors import DatasetError
from avsal.media.atomic import write_text
from avsal.types import Split

__all__ = ["Release", "Store", "write_index"]

_INDEX = "index.json"


class Store:
    """The recordings of a store, in the order of their data sets and ids.

    Attributes:
        folder: of the store.
        settings: what it was made with.
        recordings: those that are whole.
        problems: one line for each recording that could not be stored, by the latest `prepare`.

    Raises:
        DatasetError: there is no store, it was not prepared to its end, or its index is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.settings = StoreSettings.read(self.folder)
        path = self.folder / _INDEX
        if not path.exists():
            raise DatasetError(
                f"the store {folder} was not prepared to its end; run the same `avsal data prepare` again, "
                "it goes on where it stopped"
            )
        try:
            index = json.loads(path.read_text())
            entries = [(self.folder / _inside(entry.pop("folder")), entry) for entry in index["recordings"]]
            self.problems: tuple[str, ...] = tuple(map(str, index["problems"]))
        except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise DatasetError(f"{path} is damaged ({error!r}); delete it and prepare again") from error
        self.recordings = tuple(StoredRecording.from_facts(place, facts) for place, facts in entries)

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[StoredRecording]:
        return iter(self.recordings)

    def select(
        self, *, split: Split | None = None, ids: Collection[str] | None = None, dataset: str | None = None
    ) -> list[StoredRecording]:
        """The recordings that fit all that is given.

        Args:
            split: split as stored.
            ids: for instance those of a published fold.
            dataset: name of a data set.

        Raises:
            DatasetError: an id is not in the store, or nothing fits.
        """
        missing = sorted(set(ids or ()) - {recording.id for recording in self.recordings})
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DatasetError(
                f"the store {self.folder} lacks the recording {missing[0]!r}{more}; prepare the whole data "
                "set, and see what `avsal data check` says of it"
            )
        chosen = [
            recording
            for recording in self.recordings
            if split in (None, recording.split)
            and (ids is None or recording.id in ids)
            and dataset in (None, recording.dataset)
        ]
        if not chosen:
            raise DatasetError(
                f"the store {self.folder} has no recording of split {split!r} and data set {dataset!r} among "
                f"its {len(self)}; prepare them first"
            )
        return chosen

    @cached_property
    def fingerprint(self) -> str:
        """Of everything stored: equal for equal frames' sources, settings, sound and gaze."""
        return text_fingerprint(*(recording.content for recording in self.recordings))


class Release(Store):
    """Recordings of a release that are read where they lie, in place of a store.

    Attributes:
        folder: of the release.
    """

    def __init__(
        self, folder: Path, recordings: Iterable[StoredRecording], problems: Iterable[str] = ()
    ) -> None:
        self.folder = folder
        self.recordings = tuple(recordings)
        self.problems = tuple(problems)


def _inside(folder: str) -> str:
    """The folder of a recording, if it lies in the store."""
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        raise ValueError(f"the folder {folder!r} lies outside the store")
    return folder


def write_index(folder: Path, recordings: Sequence[StoredRecording], problems: Sequence[str]) -> None:
    """Write the index of a store.

    Raises:
        MediaError: it cannot be written.
    """
    entries = [
        {"folder": recording.folder.relative_to(folder).as_posix()} | recording.facts()
        for recording in sorted(recordings, key=lambda recording: (recording.dataset, recording.id))
    ]
    write_text(
        folder / _INDEX, json.dumps({"recordings": entries, "problems": list(problems)}, indent=1) + "\n"
    )
