"""Raw gaze samples that were already judged fixations, on the frames of a video.

Averaging a whole fixation would freeze the eye that follows something; on video that is much of what eyes do.
So a fixation is averaged within each frame, not over its length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.types import Fixations, ScreenGeometry

__all__ = ["GazeSamples", "samples_on_frames"]


@dataclass(frozen=True)
class GazeSamples:
    """One observer's samples during fixations.

    Attributes:
        time: (N,) seconds on the video's clock.
        x: (N,) pixels of the video from its left edge; NaN where the eye was lost.
        y: (N,) pixels of the video from its top edge; NaN likewise.
        run: (N,) int64, which unbroken fixation a sample belongs to.
        observer: who looked.
        dropped: samples that were left out before, by reason.
    """

    time: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    run: NDArray[np.int64]
    observer: int
    dropped: Mapping[str, int] = field(default_factory=dict)


def samples_on_frames(
    observers: Sequence[GazeSamples],
    frame_times: ArrayLike,
    size: tuple[int, int],
    *,
    geometry: ScreenGeometry | None = None,
) -> Fixations:
    """Average each fixation within each frame that it covers.

    A sample is on the frame that is shown at its time: the last one whose stamp is not after it.

    Args:
        observers: one entry each.
        frame_times: (F,) stamps of the video's frames in seconds, ascending.
        size: (height, width) of the video.
        geometry: geometry of the screen in pixels of the video, where it is known.

    Returns:
        One row for each observer, fixation and frame, sorted by frame, observers in the order given. Its
        `dropped` counts samples.

    Raises:
        ValueError: `frame_times` is empty or does not ascend.
    """
    times = np.asarray(frame_times, dtype=np.float64).reshape(-1)
    if len(times) == 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"`frame_times` must ascend and hold at least one frame but is {frame_times!r:.80}")
    end = times[-1] + (float(np.median(np.diff(times))) if len(times) > 1 else 0.0)
    dropped: Counter[str] = Counter()
    columns: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]] = []
    for samples in observers:
        known = np.isfinite(samples.x) & np.isfinite(samples.y)
        inside = (samples.x >= 0) & (samples.x < size[1]) & (samples.y >= 0) & (samples.y < size[0])
        before, after = samples.time < times[0], samples.time >= end
        dropped.update(samples.dropped)
        dropped["samples without a position"] += int((~known).sum())
        dropped["samples outside the picture"] += int((known & ~inside).sum())
        dropped["samples before the video"] += int((inside & before).sum())
        dropped["samples after the video"] += int((inside & after).sum())
        kept = inside & ~before & ~after
        frame = np.searchsorted(times, samples.time[kept], side="right") - 1
        keys, group, count = np.unique(
            np.stack([frame, samples.run[kept]]), axis=1, return_inverse=True, return_counts=True
        )
        group = group.reshape(-1)
        x = np.bincount(group, samples.x[kept], len(count)) / count
        y = np.bincount(group, samples.y[kept], len(count)) / count
        columns.append((keys[0], x, y, np.full(len(count), samples.observer)))
    frames, xs, ys, who = (
        np.concatenate([np.empty(0), *(column[part] for column in columns)]) for part in range(4)
    )
    order = np.argsort(frames, kind="stable")
    return Fixations(
        frames[order],
        xs[order],
        ys[order],
        who[order],
        size,
        geometry,
        {reason: number for reason, number in dropped.items() if number},
    )
