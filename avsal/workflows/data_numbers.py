"""What is in a data set: counts beside those published, numbers of its gaze, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording
from avsal.workflows.data import DataSettings, open_data

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["DataCheck", "RecordingNumbers", "check_data", "each_numbers", "numbers_of", "summary"]


@dataclass(frozen=True)
class DataCheck:
    """A copy of a data set beside what its owners published; prints as lines.

    Attributes:
        found: recordings that can be used.
        dataset: as it was opened, with its problems and notes.
        settings: of the data.
    """

    found: Sequence[Recording]
    dataset: Dataset
    settings: DataSettings

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        published = self.dataset.info.num_recordings if self._whole else None
        return not self.dataset.problems and len(self.found) >= (published or 0)

    @property
    def _whole(self) -> bool:
        return self.settings.split is None and self.settings.fold is None and not self.settings.reader

    def __str__(self) -> str:
        info, known = self.dataset.info, [one.num_frames for one in self.found if one.num_frames is not None]
        counted = "" if len(known) == len(self.found) else f" in {len(known)} recordings, the others' unknown"
        blind = sum(not (one.load_fixations or one.load_density or one.load_mask) for one in self.found)

        def compared(found: int, published: int | None) -> str:
            told = self._whole and published is not None
            return f"{found} of {published} published" if told else f"{found}"

        lines = [
            f"{info.title} in {self.settings.root}",
            f"recordings  {compared(len(self.found), info.num_recordings)}",
            f"frames      {compared(sum(known), info.num_frames)}{counted}",
            f"with sound  {sum(one.audio is not None for one in self.found)}",
        ]
        return "\n".join([*lines, *([f"no gaze     {blind}"] if blind else [])])


def check_data(settings: DataSettings, *, gaze: bool = False, strict: bool = False) -> DataCheck:
    """Compare a copy of a data set with what its owners published.

    Args:
        settings: which data set.
        gaze: read all gaze too, which takes longer and finds damaged files.
        strict: raise on the first recording that cannot be used.

    Raises:
        DatasetError: nothing can be used, and no recording is to blame.
    """
    dataset = open_data(settings, strict=strict)
    found: list[Recording] = []
    try:
        for recording, _ in _with_gaze(dataset, gaze):
            found.append(recording)
    except DatasetError:
        if not dataset.problems or strict:
            raise
    return DataCheck(found, dataset, settings)


def each_numbers(dataset: Dataset) -> Iterator[RecordingNumbers]:
    """Count what each recording has, reading all gaze."""
    return (numbers_of(recording, gaze) for recording, gaze in _with_gaze(dataset, True))


def _with_gaze(dataset: Dataset, read: bool) -> Iterator[tuple[Recording, Fixations | None]]:
    """Recordings, with their gaze where it is to be read and is no mask."""
    if read and "mask" not in dataset.info.gaze:
        return iter(dataset.with_gaze())
    return ((recording, None) for recording in dataset)


@dataclass
class RecordingNumbers:
    """What is counted of one recording; of gaze None where it has no points.

    Attributes:
        id: of the recording.
        split: train, val, test or None.
        frames: of the video.
        seconds: of the video.
        sound: whether it has sound.
        observers: with a fixation; None where they are not told apart.
        fixations: rows, one a fixation and frame.
        frames_without_fixation: of the video.
        middle_ninth: share of fixations in the middle third of height and width.
        dropped: raw rows that were left out, by reason.
    """

    id: str
    split: str | None
    frames: int
    seconds: float
    sound: bool
    observers: int | None = None
    fixations: int | None = None
    frames_without_fixation: int | None = None
    middle_ninth: float | None = None
    dropped: dict[str, int] = field(default_factory=dict)


def numbers_of(recording: Recording, gaze: Fixations | None) -> RecordingNumbers:
    """Count what a recording has."""
    import numpy as np

    from avsal.media.video import open_frames

    info = open_frames(recording.frames, frame_rate=recording.frame_rate).info
    frames = recording.num_frames or info.num_frames or round((info.duration or 0.0) * info.frame_rate)
    row = RecordingNumbers(
        recording.id, recording.split, frames, frames / info.frame_rate, recording.audio is not None
    )
    if gaze is not None:
        height, width = gaze.size
        middle = (np.abs(gaze.x / width - 0.5) < 1 / 6) & (np.abs(gaze.y / height - 0.5) < 1 / 6)
        looked_at = np.unique(gaze.frame[gaze.frame < frames])
        row.observers = None if gaze.observers in ((), (-1,)) else len(gaze.observers)
        row.fixations = len(gaze)
        row.frames_without_fixation = frames - len(looked_at)
        row.middle_ninth = float(middle.mean()) if len(gaze) else None
        row.dropped = dict(gaze.dropped)
    return row


def summary(rows: Sequence[RecordingNumbers]) -> list[tuple[str, str]]:
    """Numbers of all recordings, in words, by name."""
    frames, lasting = sum(row.frames for row in rows), sum(row.seconds for row in rows)
    splits = Counter(row.split or "no split" for row in rows)
    told = f"{lasting:.1f} s" if lasting < 120 else f"{lasting / 60:.1f} minutes"
    facts = [
        ("recordings", f"{len(rows)} ({', '.join(f'{count} {name}' for name, count in splits.items())})"),
        ("frames", f"{frames}, {told}"),
        ("with sound", f"{sum(row.sound for row in rows)}"),
    ]
    gaze = [row for row in rows if row.fixations is not None]
    if not gaze:
        return facts
    total, seen = sum(row.fixations or 0 for row in gaze), max(1, sum(row.frames for row in gaze))
    observers = [row.observers for row in gaze if row.observers is not None]
    unseen = sum(row.frames_without_fixation or 0 for row in gaze)
    middle = sum((row.middle_ninth or 0) * (row.fixations or 0) for row in gaze) / max(1, total)
    known = f"{min(observers)} to {max(observers)}, median {median(observers):g}" if observers else "unknown"
    return [
        *facts,
        ("observers a video", known),
        ("fixations", f"{total}, {total / seen:.2f} a frame"),
        ("frames without", f"{unseen} ({unseen / seen:.1%})"),
        ("middle ninth", f"{middle:.1%} of fixations"),
    ]
