"""Sounding objects that were written out, read like every other data set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.sounding_objects.expected_gaze import ExpectedGaze
from datasets_av.sounding_objects.generator import SoundingObjects
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.scene import scale_of
from datasets_av.sounding_objects.writer import EXPECTED_COLUMNS, GAZE_COLUMNS, MANIFEST_FORMAT

__all__ = ["SoundingObjectVideos"]


class SoundingObjectVideos(Dataset):
    """Videos written by `write_videos`; the tree is drawn there.

    Recordings have the number of objects as category, and as density the expected one: the mixture that gaze
    was drawn from, not a blur of the fixations.

    Attributes:
        videos: the generator that made them: ``videos[i]`` is video i before it was encoded.
    """

    info = DatasetInfo(
        name="sounding_objects",
        title="Sounding objects",
        citation="The avsal developers: sounding objects, a synthetic control for audio-visual saliency",
        licence="Apache-2.0",
        source="made by datasets_av.sounding_objects.write_videos",
        num_recordings=None,
        sound=True,
        gaze="simulated",
        sigma="5 px of a frame of 64 x 112 about the aims of gaze, unless chosen otherwise",
    )

    def __init__(self, root: str | Path, *, split: Split | None = None, strict: bool = False) -> None:
        """Point at the data and read its manifest.

        Args:
            root: the folder that was written.
            split: only these recordings; None for all.
            strict: raise on the first problem instead of leaving the recording out.

        Raises:
            DatasetError: there is no such folder, or its manifest is missing or not this data set's.
        """
        super().__init__(root, split=split, strict=strict)
        path = self.root / "manifest.json"
        remedy = "give the folder that write_videos made as `root`, or write it again"
        if not path.is_file():
            raise DatasetError(
                f"{self.info.title}: expected a manifest at {path} but there is none; {remedy}"
            )
        try:
            manifest = json.loads(path.read_text())
            if (manifest["dataset"], manifest["format"]) != (self.info.name, MANIFEST_FORMAT):
                raise DatasetError(
                    f"{self.info.title}: expected format {MANIFEST_FORMAT} of {self.info.name} but {path} "
                    f"holds format {manifest['format']} of {manifest['dataset']}; {remedy}"
                )
            arguments: dict[str, Any] = dict(manifest["arguments"])
            observers = Observers(**arguments.pop("observers"))
            self.videos = SoundingObjects(observers=observers, **arguments)
            self._folder = "videos" if "videos" in manifest else "films"  # its name in earlier versions
            self._entries = [
                (str(entry["id"]), entry["split"], int(entry["num_objects"]), dict(entry["dropped"]))
                for entry in manifest[self._folder]
            ]
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{self.info.title}: cannot use {path} ({error!r}); {remedy}") from error

    def _recordings(self) -> Iterator[Recording]:
        return self._usable((entry[0], entry[1], partial(self._recording, *entry)) for entry in self._entries)

    def _recording(self, name: str, split: Split, num_objects: int, dropped: dict[str, int]) -> Recording:
        video = self.root / self._folder / f"{name}.mp4"
        tables = _Tables(self.root, name, self.videos, num_objects, dropped)
        missing = [path for path in (video, tables.gaze, tables.expected) if not path.is_file()]
        if missing:
            raise DatasetError(f"{missing[0]} is missing; write the videos again")
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=video,
            audio=video,
            num_frames=self.videos.num_frames,
            split=split,
            category=f"{num_objects} objects",
            load_fixations=tables.fixations,
            load_density=tables.density,
        )

    def expected_gaze(self, recording_id: str) -> ExpectedGaze:
        """The expected gaze of a recording, with the best maps that can be made with and without sound.

        Raises:
            DatasetError: no video has this id, or its table is damaged.
        """
        for name, _, num_objects, dropped in self._entries:
            if name == recording_id:
                return _Tables(self.root, name, self.videos, num_objects, dropped).expected_gaze
        known = ", ".join(name for name, *_ in self._entries[:3])
        raise DatasetError(f"{self.info.title}: expected a video such as {known} but got {recording_id!r}")


@dataclass
class _Tables:
    """The gaze tables of one video, read when asked for."""

    root: Path
    name: str
    videos: SoundingObjects
    num_objects: int
    dropped: dict[str, int]

    @property
    def gaze(self) -> Path:
        return self.root / "gaze" / f"{self.name}.csv"

    @property
    def expected(self) -> Path:
        return self.root / "expected" / f"{self.name}.csv"

    def fixations(self) -> Fixations:
        frame, x, y, observer = _read_table(self.gaze, GAZE_COLUMNS).T
        return Fixations(
            frame.astype(np.int64), x, y, observer.astype(np.int64), self.videos.size, dropped=self.dropped
        )

    def density(self, frame: int) -> NDArray[np.float32]:
        return self.expected_gaze.density(frame)

    @cached_property
    def expected_gaze(self) -> ExpectedGaze:
        table = _read_table(self.expected, EXPECTED_COLUMNS)
        T, aims = self.videos.num_frames, self.num_objects + 1
        if len(table) != T * aims:
            raise DatasetError(
                f"expected {T * aims} rows in {self.expected} but found {len(table)}; write the videos again"
            )
        _, _, x, y, weight, with_sound, without_sound = table.reshape(T, aims, -1).transpose(2, 0, 1)
        scale = scale_of(self.videos.size)
        return ExpectedGaze(
            aims=np.stack([x, y], axis=-1),
            weights=weight,
            weights_with_sound=with_sound,
            weights_without_sound=without_sound,
            size=self.videos.size,
            scatter=self.videos.observers.scatter * scale,
            sigma=self.videos.observers.sigma * scale,
        )


def _read_table(path: Path, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """(N, len(columns)) numbers below a header of these names."""
    with path.open() as file:
        header = file.readline().rstrip("\n")
        if header != ",".join(columns):
            raise DatasetError(
                f"expected the columns {','.join(columns)} in {path} but found {header!r}; "
                "write the videos again"
            )
        rows = [line.split(",") for line in file]
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
    except ValueError as error:
        raise DatasetError(f"cannot read {path} ({error}); write the videos again") from error
