"""SAVAM: stereo videos in full HD with the eyes of 48 viewers; the left view is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from avsal.errors import DatasetError
from avsal.groundtruth.events import FixationEvents, fixations_on_frames
from avsal.groundtruth.velocity import events_by_velocity
from avsal.types import Fixations, Recording, ScreenGeometry, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.gaze_samples import GazeSamples, samples_on_frames
from datasets_av.layout import video_file
from datasets_av.video_clock import video_clock

__all__ = ["SIZE", "Savam", "read_recording"]

#: (height, width) of videos and screen in pixels
SIZE = (1080, 1920)

_VIDEOS, _GAZE = "videos", "filtered_gaze_data"
#: video, sequence and start frame, viewer, sex, age, trial, order of viewing
_FILE = re.compile(r"(v\d+_.+)_u(\d+)_[mf]_\d+_(\d+)_(?:fwd|bwd)\.txt", re.IGNORECASE)
_FIRST_STAMP = 1_000_000_000  # microseconds


class Savam(Dataset):
    """SAVAM (Gitman, Erofeev, Vatolin, Bolshakov, Fedorov, ICIP 2014).

    Cite: Y. Gitman, M. Erofeev, D. Vatolin, A. Bolshakov, A. Fedorov, "Semiautomatic Visual-Attention
    Modeling and Its Application to Video Compression", ICIP 2014. Licence: unverified. Get it from
    compression.ru/video/savam. The tree, by the read-me of the gaze archive (not checked against the files
    themselves; the folder of the videos is our choice of name)::

        videos/v01_Hugo_2172_left.avi                               1920x1080, 25 frames a second
        filtered_gaze_data/v01_Hugo_2172_u007_f_23_1_fwd.txt        viewer, sex, age, trial, order of videos

    A gaze file has five columns split by white space: time in microseconds from 1,000,000,000 (the first
    frame), left x, left y, right x, right y in pixels; 0, 0 where the eye was lost. The videos are stereo:
    the left eye's gaze belongs to the left view, which is what is read. `fwd` and `bwd` are the order of the
    videos, not of their frames. Viewers who watched a video in several trials are one observer.

    The release marks no fixations and its screen is not known here. Without `geometry` every valid sample
    counts as gaze, averaged within each frame, saccades included; with it, fixations are found by velocity
    (I-VT).

    No split, no sound. Errata: 41 videos although numbers run to v43 (v40 and v41 are missing); the papers
    say 50 viewers, the lists have 48.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="savam",
        title="SAVAM",
        citation="Gitman et al., Semiautomatic Visual-Attention Modeling, ICIP 2014",
        licence="unverified",
        source="compression.ru/video/savam",
        num_recordings=41,
    )
    splits: ClassVar[tuple[Split, ...] | None] = ()
    expects: ClassVar[tuple[str, ...]] = (_GAZE,)

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        geometry: ScreenGeometry | None = None,
    ) -> None:
        """Point at the data.

        Args:
            root: the folder whose tree the class draws.
            split: the release has none; anything but None is refused.
            strict: raise on the first problem.
            geometry: geometry of the screen, its size in pixels that of the videos; None keeps every sample.

        Raises:
            ConfigError: a split was asked for.
            DatasetError: the folder holds no gaze.
        """
        super().__init__(root, split=split, strict=strict)
        self.geometry = geometry

    def _recordings(self) -> Iterator[Recording]:
        recorded: dict[str, list[tuple[int, Path]]] = {}
        for path in sorted((self.root / _GAZE).iterdir()):
            if match := _FILE.fullmatch(path.name):
                recorded.setdefault(match[1], []).append((int(match[2]), path))
        return self._usable(
            (name, None, partial(self._recording, name, files)) for name, files in recorded.items()
        )

    def _recording(self, name: str, files: Sequence[tuple[int, Path]]) -> Recording:
        video = video_file(self.root / _VIDEOS, f"{name}_left")
        gaze = partial(_load_fixations, video, files, self.geometry)
        return Recording(id=name, dataset=self.info.name, frames=video, load_fixations=gaze)


def read_recording(path: Path, observer: int) -> GazeSamples:
    """Read the left eye's valid samples of one file; each unbroken stretch of them is one run.

    Args:
        path: path of the text file.
        observer: number to give them.

    Raises:
        DatasetError: the file is missing or has other than five columns of numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        table = np.array([line.split() for line in lines if line.strip()], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no table of numbers ({error}); extract it again") from error
    if table.ndim != 2 or table.shape[1] != 5:
        raise DatasetError(
            f"{path}: expected 5 columns (time, left x, left y, right x, right y) but found "
            f"{table.shape[-1]}; extract it again"
        )
    time, x, y = (table[:, 0] - _FIRST_STAMP) / 1e6, table[:, 1], table[:, 2]
    if not (np.diff(time) > 0).all():
        raise DatasetError(f"{path}: expected time stamps that ascend; extract it again")
    valid = ~((x == 0) & (y == 0))
    run = np.cumsum(np.diff(valid.astype(np.int8), prepend=0) == 1)
    lost = int((~valid).sum())
    dropped = {"samples without a position": lost} if lost else {}
    return GazeSamples(time[valid], x[valid], y[valid], run[valid], observer, dropped)


def _load_fixations(
    video: Path, files: Sequence[tuple[int, Path]], geometry: ScreenGeometry | None
) -> Fixations:
    clock = video_clock(video)
    times = clock.times - clock.times[0]
    observers = [read_recording(path, observer) for observer, path in files]
    if geometry is None:
        return samples_on_frames(observers, times, SIZE)
    events = FixationEvents.joined([_events(samples, geometry) for samples in observers])
    return fixations_on_frames(events, times, SIZE, geometry=geometry)


def _events(samples: GazeSamples, geometry: ScreenGeometry) -> FixationEvents:
    """Fixations by velocity; the holes that lost samples leave in the time stamps are never bridged."""
    found = events_by_velocity(samples.time, samples.x, samples.y, geometry, observer=samples.observer)
    return replace(found, dropped=dict(Counter(samples.dropped) + Counter(found.dropped)))
