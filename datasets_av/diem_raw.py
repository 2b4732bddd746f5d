"""DIEM as its authors released it: videos, sound, and one row of gaze per observer and video frame."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.diem import DiemProtocol, protocol_videos
from datasets_av.frame_positions import fixations_by_frame
from datasets_av.layout import video_file
from datasets_av.split_tables import diem_videos
from datasets_av.video_facts import sound_seconds, video_facts

__all__ = ["SCREEN", "DiemRaw", "Eyes", "event_files", "read_gaze"]

Eyes = Literal["both", "left", "right"]

#: (height, width) of the screen, on which videos were centred at their own size
SCREEN = (960, 1280)

_COLUMNS = 9
#: where x, y, pupil and event of each eye looked at begin
_EYES = {"both": [1, 5], "left": [1], "right": [5]}
_REASONS: dict[float, str] = {
    -1: "samples with a tracker error",
    0: "samples in blinks",
    2: "samples in saccades",
}
_FILE = re.compile(r"diem(\d+)s(\d+)\D")


class DiemRaw(Dataset):
    """DIEM, Dynamic Images and Eye Movements, the release itself (Mital et al., Cognitive Computation 2011).

    Cite: P. K. Mital, T. J. Smith, R. L. Hill, J. M. Henderson, "Clustering of Gaze During Dynamic Scene
    Viewing is Predicted by Motion", Cognitive Computation 3(1), 2011. Licence: CC BY-NC-SA 3.0. Get it from
    thediemproject.wordpress.com. The tree::

        <video>_<width>x<height>/video/<video>_....mp4
                                audio/<video>_....wav
                                event_data/diem5s01.asc_15_<video>_....txt       one for each recording

    An event file is tab separated without a header, one row a video frame: frame (from 1, 30 a second), then
    x, y, pupil and event of the left eye, the same of the right. Events: -1 error, 0 blink, 1 fixation, 2
    saccade. x and y are pixels of the 1280x960 screen with the video in its middle, so (1280 - width) / 2 and
    (960 - height) / 2 are subtracted. By default a row counts where both eyes fixate, at the mean of both;
    what falls outside the video is dropped and counted. At 30 rows a second the events of the release are all
    there is: velocity cannot tell.

    All 84 videos, 240,452 frames, about 50 observers each (up to 124 recordings of single videos). `split`
    and `protocol` are those of `diem`; without `split` the three videos outside the lists come too, without a
    role. An observer's number is made of the two in the file's name: diem5s12 is 5012.

    Errata: other readers differ. One takes the left eye and subtracts 100 from y, right only for videos 760
    pixels high; another moves points from outside to the video's edge, which makes up fixations there. The
    geometry of the screen is not in the release.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="diem_raw",
        title="DIEM (release)",
        citation="Mital, Smith, Hill, Henderson, Cognitive Computation 3(1), 2011",
        licence="CC BY-NC-SA 3.0",
        source="thediemproject.wordpress.com",
        num_recordings=84,
        num_frames=240452,
        sound=True,
        sigma="no maps; choose a density recipe",
    )

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        protocol: DiemProtocol = "stavis",
        eyes: Eyes = "both",
    ) -> None:
        """Point at the release.

        Args:
            root: the folder that holds one folder a video.
            split: train or test; None for all videos of the protocol.
            strict: raise on the first problem instead of leaving the recording out.
            protocol: ``stavis`` for the published lists, ``diem20`` for the first 300 frames of 20 videos.
            eyes: ``both`` must fixate and are averaged, or only one of them is looked at.

        Raises:
            ConfigError: an impossible option.
            DatasetError: there is no such folder.
        """
        super().__init__(root, split=split, strict=strict)
        if eyes not in get_args(Eyes):
            raise ConfigError(f"`eyes` must be one of {', '.join(get_args(Eyes))} but is {eyes!r}")
        self.eyes: Eyes = eyes
        self.first_frames = 300 if protocol == "diem20" else None
        self._roles: dict[str, Split | None] = {
            video.id: role for video, role in protocol_videos(protocol, split)
        }
        if protocol == "stavis" and split is None:
            self._roles = {entry.id: self._roles.get(entry.id) for entry in diem_videos()}

    def _recordings(self) -> Iterator[Recording]:
        sizes = {entry.id: entry.size for entry in diem_videos()}
        return self._usable(
            (name, role, partial(self._recording, name, role, sizes[name]))
            for name, role in self._roles.items()
        )

    def _recording(self, name: str, role: Split | None, size: tuple[int, int]) -> Recording:
        folder = self.root / name
        if not folder.is_dir():
            raise DatasetError(f"expected the folder {folder} but there is none; extract the video's archive")
        video = video_file(folder / "video", name)
        audio = folder / "audio" / f"{name}.wav"
        sound_seconds(audio)
        files = event_files(folder / "event_data", name)
        facts = video_facts(video)
        if facts.size != size:
            self._note(
                f"{name}: {video} is {facts.size[1]}x{facts.size[0]}, its name says {size[1]}x{size[0]}; "
                "gaze is placed by the name"
            )
        counts = [count for count in (facts.num_frames, self.first_frames) if count is not None]
        num_frames = min(counts, default=None)
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=video,
            audio=audio,
            num_frames=num_frames,
            split=role,
            load_fixations=partial(read_gaze, files, size, num_frames, self.eyes),
        )


def event_files(folder: Path, name: str) -> dict[Path, int]:
    """The event files of the video `name` in `folder`, each with its observer's number.

    Raises:
        DatasetError: there is none, or a file's name does not say who looked.
    """
    files = sorted(folder.glob(f"*_{name}.txt")) if folder.is_dir() else []
    if not files:
        raise DatasetError(f"expected event files *_{name}.txt in {folder} but found none; extract them")
    observers = {}
    for path in files:
        match = _FILE.match(path.name)
        if match is None:
            raise DatasetError(
                f"expected a name like diem5s01.asc_15_{name}.txt but found {path}; rename or remove it"
            )
        observers[path] = 1000 * int(match[1]) + int(match[2])
    return observers


def read_gaze(
    files: Mapping[Path, int], size: tuple[int, int], num_frames: int | None = None, eyes: Eyes = "both"
) -> Fixations:
    """Read the event files of one video into the video's own pixels.

    Args:
        files: the observer's number of each.
        size: (height, width) of the video.
        num_frames: number of frames of the video; later rows are counted and dropped.
        eyes: see `DiemRaw`.

    Returns:
        `dropped` counts rows; where the eyes differ, an error comes before a blink before a saccade.

    Raises:
        DatasetError: a file is damaged.
    """
    first = np.array(_EYES[eyes])
    dropped: Counter[str] = Counter()
    rows, observers = [], []
    for path, observer in files.items():
        table = _read_table(path)
        events = table[:, first + 3]
        fixated = (events == 1).all(axis=1)
        dropped.update(
            _REASONS.get(float(event), "samples of an unknown event") for event in _worst(events[~fixated])
        )
        rows.append(table[fixated])
        observers.append(np.full(int(fixated.sum()), observer))
    gaze = np.concatenate(rows)
    return fixations_by_frame(
        gaze[:, 0] - 1,
        gaze[:, first].mean(axis=1) - (SCREEN[1] - size[1]) / 2,
        gaze[:, first + 1].mean(axis=1) - (SCREEN[0] - size[0]) / 2,
        np.concatenate(observers),
        size,
        num_frames,
        dropped=dropped,
    )


def _worst(events: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,): of each row's events the one that says most clearly why it is no fixation."""
    return np.where(events == 1, np.inf, events).min(axis=1) if len(events) else np.empty(0)


def _read_table(path: Path) -> NDArray[np.float64]:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        table = np.array([line.split("\t") for line in text.splitlines() if line.strip()], dtype=np.float64)
    except ValueError as error:
        raise DatasetError(
            f"{path}: expected numbers in {_COLUMNS} columns ({error}); extract it again"
        ) from error
    if table.ndim != 2 or table.shape[1] != _COLUMNS:
        found = f"{table.shape[1]} columns" if table.ndim == 2 else "no row"
        raise DatasetError(f"{path}: expected {_COLUMNS} columns but found {found}; extract it again")
    if not np.isfinite(table[:, 0]).all():
        raise DatasetError(f"{path}: expected a frame number in every row; extract it again")
    return table
