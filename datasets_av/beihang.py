"""Beihang University's form of gaze database: fixation events of all videos in one `video_database.mat`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError
from avsal.groundtruth.events import FixationEvents, fixations_on_frames
from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.layout import video_file
from datasets_av.matfile import mat_value, read_mat
from datasets_av.video_clock import video_clock
from datasets_av.video_facts import video_facts

__all__ = ["BeihangDataset", "Clock", "Hevc", "Mufvet", "fixations_of_rows"]

Clock = Literal["container", "picture"]

_DATABASE = "video_database.mat"


def fixations_of_rows(
    rows: NDArray[np.float64],
    video: Path,
    size: tuple[int, int],
    clock: Clock = "container",
    dropped: Mapping[str, int] | None = None,
) -> Fixations:
    """Lay a table of fixation events on the frames of its video.

    Args:
        rows: (N, 5): observer, start in ms, duration in ms, x and y in pixels of the video as watched.
        video: whose time stamps hold.
        size: (height, width) of the video as watched; points are scaled where the file at hand is of another.
        clock: where time zero is: at the container's start, or at the first picture.
        dropped: what was left out before.

    Raises:
        DatasetError: the video cannot be read, or a duration is negative.
    """
    if (rows[:, 2] < 0).any():
        raise DatasetError(
            f"expected fixations on {video} to last 0 ms or more but one lasts {rows[:, 2].min():g}"
        )
    stamps = video_clock(video)
    observer = np.where(np.isfinite(rows[:, 0]), rows[:, 0], -1)
    events = FixationEvents(
        rows[:, 1] / 1000, rows[:, 2] / 1000, rows[:, 3], rows[:, 4], observer, dropped or {}
    )
    times = stamps.times if clock == "container" else stamps.times - stamps.times[0]
    fixations = fixations_on_frames(events, times, size)
    return fixations if stamps.size == size else fixations.scaled(stamps.size)


@dataclass(frozen=True)
class _Database:
    """What one `video_database.mat` says: each video's name, (height, width), frames, class; and all rows."""

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    num_frames: tuple[int, ...]
    classes: tuple[str | None, ...]
    rows: NDArray[np.float64]


class BeihangDataset(Dataset):
    """A database in this form; the tree::

        video_database.mat        MATLAB v5 or v7.3: struct with video_names_list, videos_info, fixdata
        videos/<name>.mp4         or .avi; case and spaces in the name do not count

    `fixdata` is N x 6: subject, video (from 1, into `video_names_list`), start ms, duration ms, x, y in
    pixels of the video from its top left corner. Integers are unsigned. Rows that belong to no video are
    counted in `notes`.
    """

    splits: ClassVar[tuple[Split, ...] | None] = ()
    expects: ClassVar[tuple[str, ...]] = (_DATABASE,)

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        clock: Clock = "container",
    ) -> None:
        """Point at the data; the .mat file is read here, videos are not.

        Args:
            root: the folder that holds `video_database.mat` and `videos/`.
            split: the release has none; anything but None is refused.
            strict: raise on the first missing video.
            clock: the gaze's time zero: ``container``: the start of the file, so that gaze before a late
                first picture is dropped; ``picture``: the first picture.

        Raises:
            ConfigError: a split was asked for, or there is no such clock.
            DatasetError: the .mat file is missing, damaged or of another form.
        """
        super().__init__(root, split=split, strict=strict)
        if clock not in get_args(Clock):
            raise ConfigError(f"`clock` must be one of {', '.join(get_args(Clock))} but is {clock!r}")
        self.clock: Clock = clock
        self._database = _read_database(self.root / _DATABASE)

    def _recordings(self) -> Iterator[Recording]:
        database = self._database
        video = database.rows[:, 1]
        lost = int((~np.isin(video, np.arange(1, len(database.names) + 1))).sum())
        if lost:
            self._note(f"{self.root / _DATABASE}: {lost} of {len(video)} rows of `fixdata` are of no video")
        return self._usable(
            (name, None, partial(self._recording, index, name)) for index, name in enumerate(database.names)
        )

    def _recording(self, index: int, name: str) -> Recording:
        database = self._database
        path = video_file(self.root / "videos", name)
        facts, listed = video_facts(path), database.num_frames[index]
        if facts.num_frames not in (None, listed):
            self._note(f"{name}: {path} has {facts.num_frames} frames, the list {listed}")
        rows = database.rows[database.rows[:, 1] == index + 1][:, [0, 2, 3, 4, 5]]
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=path,
            audio=path if facts.has_sound else None,
            num_frames=listed,
            category=database.classes[index],
            load_fixations=partial(fixations_of_rows, rows, path, database.sizes[index], self.clock),
        )


def _read_database(path: Path) -> _Database:
    content = read_mat(path)
    names = _texts(mat_value(content, "video_database", "video_names_list", path=path))
    info = mat_value(content, "video_database", "videos_info", path=path)
    # unsigned integers of the release would wrap around in a subtraction
    rows = np.asarray(mat_value(content, "video_database", "fixdata", path=path)).astype(np.float64)
    sizes = np.asarray(mat_value(info, "size", path=path)).astype(np.int64)
    counts = np.asarray(mat_value(info, "frames", path=path)).astype(np.int64).reshape(-1)
    if rows.ndim != 2 or rows.shape[1] != 6 or sizes.shape != (len(names), 2) or len(counts) != len(names):
        raise DatasetError(
            f"{path}: expected `fixdata` N x 6 and a size and frame count for each of {len(names)} names but "
            f"found {rows.shape}, {sizes.shape} and {counts.shape}; is this the release's file?"
        )
    classes = _texts(info.get("class", []))
    return _Database(
        tuple(names),
        tuple((int(height), int(width)) for width, height in sizes),
        tuple(int(count) for count in counts),
        tuple(classes) if len(classes) == len(names) else (None,) * len(names),
        rows,
    )


def _texts(value: Any) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


class Hevc(BeihangDataset):
    """Gaze on 33 standard sequences of video coding (Xu et al., TIP 2017).

    Cite: M. Xu, L. Jiang, X. Sun, Z. Ye, Z. Wang, "Learning to Detect Video Saliency with HEVC Features", TIP
    2017. Licence: gaze free to use with citation; the sequences keep their owners' research terms. Get it
    from github.com/remega/video_database. The tree is `BeihangDataset`'s, videos as `videos/Kimono.avi` and
    so on, 416x240 to 1920x1080 at 20 to 60 frames a second, gaze in MATLAB v7.3. `category` is the sequence's
    class (A to F, the coding tests' own).

    Errata: one row's video is NaN; it belongs to no video and is counted in `notes`. The file `Basketball
    Drive.avi` is `BasketballDrive` in the list. BQTerrace has 601 frames, the list says 600. The time stamps
    in these AVI files begin one frame late, and decoders hand them over out of order. No sound.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="hevc",
        title="HEVC sequences",
        citation="Xu, Jiang, Sun, Ye, Wang, Learning to Detect Video Saliency with HEVC Features, TIP 2017",
        licence="gaze: free use with citation; sequences: their owners' research terms",
        source="github.com/remega/video_database",
        num_recordings=33,
        num_frames=13020,
    )


class Mufvet(BeihangDataset):
    """MUFVET-I, multi-face videos (Liu, Zhang, Xu, He, CVPR 2017).

    Cite: Y. Liu, S. Zhang, M. Xu, X. He, "Predicting Salient Face in Multiple-face Videos", CVPR 2017.
    Licence: footage from the web, for research, not stated further. Get it from github.com/yufanLIU/find. The
    tree is `BeihangDataset`'s, videos 1280x720 as `videos/001.mp4` and so on, gaze in MATLAB v5.

    The gaze clock is not documented. Pictures start up to 2.3 s after the file does (clips cut by stream
    copy), so it matters whether its zero is the container's start or the first picture. The container's start
    is the default, measured on seven videos with the release's annotations of who speaks: of the gaze on
    frames with a speaking and a silent face, the share that is nearest to a speaking one. On the four videos
    whose picture starts a second or more late it is 0.724 on the container's clock and 0.681 on the
    picture's. Gaze follows speech a little late: on the three other videos the share is greatest with gaze
    taken back by 0.6 s, on the four by 0.4 s on the container's clock but by 1.9 s on the picture's, which no
    viewer needs.

    Errata: `video_names_list` has 75 names, the paper 65 videos. The stored frame rate is truncated (23 for
    23.976; the video's own stamps are used). Fixations run past the end of the video and up to 12 px below
    its edge. Video 071 has no sound. Whether viewers heard the sound is not established.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="mufvet",
        title="MUFVET-I",
        citation="Liu, Zhang, Xu, He, Predicting Salient Face in Multiple-face Videos, CVPR 2017",
        licence="footage from the web; not stated",
        source="github.com/yufanLIU/find",
        num_recordings=75,
        num_frames=44037,
        sound=True,
    )
