"""Gaze that a release gives as one position per observer and video frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from avsal.errors import DatasetError
from avsal.types import Fixations, ScreenGeometry

__all__ = ["fixations_by_frame", "fixations_from_cube"]


def fixations_by_frame(
    frame: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    observer: ArrayLike,
    size: tuple[int, int],
    num_frames: int | None,
    *,
    geometry: ScreenGeometry | None = None,
    dropped: Mapping[str, int] | None = None,
    what: str = "samples",
) -> Fixations:
    """Keep the positions that lie in the picture and on a frame of the video, and count the others.

    Args:
        frame: (N,) 0-based.
        x: (N,) pixels of the video from its left edge, NaN where the eye was lost.
        y: (N,) pixels of the video from its top edge, NaN likewise.
        observer: (N,) who looked.
        size: (height, width) of the video.
        num_frames: number of frames of the video; None where the gaze is the longest thing known.
        geometry: geometry of the screen in pixels of the video, where it is known.
        dropped: what was left out before, by reason.
        what: they are, for the reasons.

    Returns:
        Sorted by frame, the order given kept within a frame; `dropped` counts the others.
    """
    frame, observer = np.asarray(frame, dtype=np.int64), np.asarray(observer, dtype=np.int64)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    inside = known & (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
    before = inside & (frame < 0)
    after = inside & (frame >= num_frames) if num_frames is not None else np.zeros_like(inside)
    reasons = Counter(dropped or {})
    reasons[f"{what} without a position"] += int((~known).sum())
    reasons[f"{what} outside the picture"] += int((known & ~inside).sum())
    reasons[f"{what} before the video"] += int(before.sum())
    reasons[f"{what} after the video"] += int(after.sum())
    kept = np.flatnonzero(inside & ~before & ~after)
    kept = kept[np.argsort(frame[kept], kind="stable")]
    return Fixations(
        frame[kept],
        x[kept],
        y[kept],
        observer[kept],
        size,
        geometry,
        {reason: number for reason, number in reasons.items() if number},
    )


def fixations_from_cube(
    cube: Any,
    size: tuple[int, int],
    num_frames: int,
    path: Path,
    *,
    scale: tuple[float, float] = (1.0, 1.0),
) -> Fixations:
    """Read a MATLAB array of 3 x frames x observers: x, y, and a row that is left out.

    Args:
        cube: cube as `read_mat` gives it.
        size: (height, width) of the video.
        num_frames: number of frames of the video.
        path: path of the file, for the message.
        scale: pixels of the video in one unit of (y, x).

    Returns:
        Observers numbered from 0 in the array's order.

    Raises:
        DatasetError: the array has another shape.
    """
    positions = np.asarray(cube) if isinstance(cube, np.ndarray) else np.empty(0)
    if positions.ndim == 2:  # MATLAB drops the last axis where there is one observer
        positions = positions[..., None]
    if positions.ndim != 3 or positions.shape[0] != 3:
        raise DatasetError(
            f"{path}: expected gaze as 3 x frames x observers but found the shape {positions.shape}; is this "
            "file from the release that the reader describes?"
        )
    frame, observer = np.indices(positions.shape[1:])
    return fixations_by_frame(
        frame.reshape(-1),
        positions[0].reshape(-1) * scale[1],
        positions[1].reshape(-1) * scale[0],
        observer.reshape(-1),
        size,
        num_frames,
    )
