"""Fixations of mice in `fixations.json` and density videos: the form of AViMoS, NTIRE 2026 and CrowdSAL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from avsal.errors import DatasetError
from avsal.types import Fixations
from datasets_av.frame_positions import fixations_by_frame
from datasets_av.video_clock import video_clock

__all__ = ["first_existing", "read_fixations_json", "read_json"]


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DatasetError: the file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(f"expected {path} but there is none; extract it from the release") from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no readable JSON ({error}); download it again") from error


def read_fixations_json(path: Path, video: Path) -> Fixations:
    """Read one `fixations.json`: for each frame a list of points, repeats kept.

    A point is (row, column) in pixels of the video, whole numbers, as the official scoring indexes maps with
    them; it becomes a point at the middle of that pixel. Observers are not told apart. Points outside the
    picture and points on frames that the video does not have are dropped and counted.

    Args:
        path: path of the JSON file.
        video: whose size and number of frames hold.

    Raises:
        DatasetError: the file is missing or of another form, or the video cannot be read.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(
            f"{path}: expected a list with one entry a frame but found {type(content).__name__}"
        )
    clock = video_clock(video)
    per_frame = []
    for frame, points in enumerate(content):
        try:
            table = np.asarray(points, dtype=np.float64).reshape(-1, 2) if len(points) else np.empty((0, 2))
        except (TypeError, ValueError) as error:
            raise DatasetError(
                f"{path}, frame {frame}: expected a list of (row, column) but found {points!r:.60}; "
                "download it again"
            ) from error
        per_frame.append(table)
    points = np.concatenate([np.empty((0, 2)), *per_frame])
    frames = np.repeat(np.arange(len(per_frame)), [len(table) for table in per_frame])
    y, x = np.floor(points.T) + 0.5
    nobody = np.full(len(frames), -1)
    return fixations_by_frame(frames, x, y, nobody, clock.size, len(clock.times), what="fixations")


def first_existing(*candidates: Path) -> Path:
    """The first of `candidates` that is there.

    Raises:
        DatasetError: none is; the message names the first.
    """
    for path in candidates:
        if path.exists():
            return path
    raise DatasetError(f"expected {candidates[0]} but there is none; extract it from the release")
