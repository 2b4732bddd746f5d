"""The raw 250 Hz gaze of DHF1K: the eye tracker's text files, from screen pixels to pixels of the video.

The video is shown as wide as the 1440x900 screen and centred in its height. With a = video width / 1440 a
screen point (X, Y) is the video point (a X, a (Y - b)), b = (900 - video height / a) / 2. Samples whose event
begins with F are the tracker's own fixations; they alone are kept, averaged within each frame. The clock
starts at an observer's first sample, which is the video's first frame.

The release states no viewing geometry, so the fixations carry none and nothing here is filtered by velocity.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.types import Fixations
from datasets_av.gaze_samples import GazeSamples, samples_on_frames
from datasets_av.layout import subfolders
from datasets_av.video_clock import video_clock

__all__ = ["SCREEN", "gaze_files", "read_gaze", "read_recording"]

#: (height, width) of the screen in pixels
SCREEN = (900, 1440)

#: of the videos, for trees that hold frames only
_FRAME_RATE, _SIZE = 30.0, (360, 640)
_FILE = re.compile(r"P(\d+)_Trail(\d+)\.txt", re.IGNORECASE)
_COLUMNS = 8
_EVENTS = {"B": "samples in blinks", "S": "samples in saccades", "-": "samples without an event"}


def gaze_files(folder: Path) -> dict[int, dict[int, Path]]:
    """The recordings below `exportdata_train`: for each video (a number), each observer's file."""
    files: dict[int, dict[int, Path]] = {}
    for observer in subfolders(folder):
        for path in sorted(observer.iterdir()):
            if match := _FILE.fullmatch(path.name):
                files.setdefault(int(match[2]), {})[int(match[1])] = path
    return files


def read_gaze(files: Mapping[int, Path], video: Path | None, num_frames: int) -> Fixations:
    """Read what all observers fixated on one video.

    Args:
        files: of each observer's number.
        video: whose time stamps and size hold; None where there are only `num_frames` images of 640x360
            at 30 a second.
        num_frames: as published.

    Returns:
        Observers by the release's numbers; `dropped` counts samples.

    Raises:
        DatasetError: a file is damaged or the video cannot be read.
    """
    if video is None:
        times, size = np.arange(num_frames) / _FRAME_RATE, _SIZE
    else:
        clock = video_clock(video)
        times, size = clock.times - clock.times[0], clock.size
    return samples_on_frames(
        [read_recording(path, observer, size) for observer, path in sorted(files.items())], times, size
    )


def read_recording(path: Path, observer: int, size: tuple[int, int]) -> GazeSamples:
    """Read one observer's fixation samples on one video.

    Args:
        path: path of the text file.
        observer: number to give them.
        size: (height, width) of the video.

    Raises:
        DatasetError: the file is missing or not of the eye tracker's form.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); extract it again") from error
    rows = [line.split("\t") for line in lines if line.strip()]
    for number, row in enumerate(rows, 2):
        if len(row) != _COLUMNS:
            raise DatasetError(
                f"{path}, line {number}: expected {_COLUMNS} columns split by tabs but found {len(row)}; "
                "extract it again"
            )
    if not rows:
        raise DatasetError(f"{path}: expected gaze samples below a header but found none; extract it again")
    time = _numbers([row[0] for row in rows], path) / 1e6
    scale = size[1] / SCREEN[1]
    x = scale * _numbers([row[5] for row in rows], path)
    y = scale * (_numbers([row[6] for row in rows], path) - (SCREEN[0] - size[0] / scale) / 2)
    event = np.array([row[7].strip()[:1].upper() or "-" for row in rows])
    fixation = event == "F"
    run = np.cumsum(np.diff(fixation.astype(np.int8), prepend=0) == 1)
    dropped = Counter(_EVENTS.get(letter, "samples of unknown events") for letter in event[~fixation])
    return GazeSamples(
        (time - time[0])[fixation], x[fixation], y[fixation], run[fixation], observer, dict(dropped)
    )


def _numbers(texts: list[str], path: Path) -> NDArray[np.float64]:
    try:
        return np.array([float(text) for text in texts])
    except ValueError as error:
        raise DatasetError(
            f"{path}: expected numbers but found something else ({error}); extract it again"
        ) from error
