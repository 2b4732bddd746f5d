"""Fixation events on the gaze's clock to fixations on the frames of a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.types import Fixations, ScreenGeometry

__all__ = ["FixationEvents", "fixations_on_frames"]


@dataclass(frozen=True)
class FixationEvents:
    """Fixations as events in time, one row each.

    Attributes:
        start: (N,) seconds on the video's clock.
        duration: (N,) seconds.
        x: (N,) pixels from the left edge.
        y: (N,) pixels from the top edge.
        observer: (N,) who looked; -1 where the release does not tell.
        dropped: what was left out before these events, by reason; each reason names what it counts.
    """

    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    observer: NDArray[np.int64]
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Convert to the stated types and raise ValueError on unequal lengths or a negative duration."""
        for name in ("start", "duration", "x", "y", "observer"):
            # unsigned integers of a release would wrap around in a subtraction
            kind = np.int64 if name == "observer" else np.float64
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(kind).reshape(-1))
        lengths = {len(self.start), len(self.duration), len(self.x), len(self.y), len(self.observer)}
        if len(lengths) != 1:
            raise ValueError(
                f"the columns of fixation events must be equally long but have lengths {lengths}"
            )
        if (self.duration < 0).any():
            raise ValueError(f"`duration` must not be negative but its minimum is {self.duration.min():g} s")

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def joined(cls, parts: Sequence[FixationEvents]) -> FixationEvents:
        """The events of several observers or recordings in one; what was dropped is added up."""
        dropped: Counter[str] = Counter()
        for part in parts:
            dropped.update(part.dropped)
        nothing = np.empty(0)
        return cls(
            np.concatenate([nothing, *(part.start for part in parts)]),
            np.concatenate([nothing, *(part.duration for part in parts)]),
            np.concatenate([nothing, *(part.x for part in parts)]),
            np.concatenate([nothing, *(part.y for part in parts)]),
            np.concatenate([nothing.astype(np.int64), *(part.observer for part in parts)]),
            dict(dropped),
        )


def fixations_on_frames(
    events: FixationEvents,
    frame_times: ArrayLike,
    size: tuple[int, int],
    *,
    geometry: ScreenGeometry | None = None,
) -> Fixations:
    """Say on which video frames each fixation event is.

    A fixation is on frame i when ``start <= frame_times[i] < start + duration``, compared in whole
    microseconds so that 40 ms and the stamp 1/25 s are the same instant. What runs past the last frame is
    cut there.

    Args:
        events: with x and y in pixels of the video.
        frame_times: (F,) time stamps of the video's frames in seconds on the same clock, ascending.
        size: (height, width) of the video.
        geometry: of the screen in pixels of the video, where it is known.

    Returns:
        One row for each event and frame, sorted by frame, with the events' order kept within a frame. Its
        `dropped` adds to the events' own, all counted in events: ``without a position``, ``outside the
        picture``, ``before the video``, ``after the video``, ``between two frames``; and ``partly after the
        video`` for those that were cut at its end, which are not lost.

    Raises:
        ValueError: `frame_times` is empty or does not ascend.
    """
    times = _microseconds(np.asarray(frame_times, dtype=np.float64).reshape(-1))
    if len(times) == 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"`frame_times` must ascend and hold at least one frame but is {frame_times!r:.80}")
    known = np.isfinite(events.start) & np.isfinite(events.duration)
    known &= np.isfinite(events.x) & np.isfinite(events.y)
    inside = known & (events.x >= 0) & (events.x < size[1]) & (events.y >= 0) & (events.y < size[0])
    start = _microseconds(np.where(known, events.start, 0))
    end = _microseconds(np.where(known, events.start + events.duration, 0))
    # the last frame is shown until one frame interval after its stamp
    video_end = times[-1] + (int(np.median(np.diff(times))) if len(times) > 1 else 0)
    first, beyond = np.searchsorted(times, start), np.searchsorted(times, end)
    count = np.where(inside, beyond - first, 0)

    dropped = Counter(events.dropped)
    unseen = inside & (count == 0)
    dropped["fixations without a position"] += int((~known).sum())
    dropped["fixations outside the picture"] += int((known & ~inside).sum())
    dropped["fixations before the video"] += int((unseen & (end <= times[0])).sum())
    dropped["fixations after the video"] += int((unseen & (start > times[-1])).sum())
    dropped["fixations between two frames"] += int((unseen & (end > times[0]) & (start <= times[-1])).sum())
    dropped["fixations partly after the video"] += int((inside & (count > 0) & (end > video_end)).sum())

    row = np.repeat(np.arange(len(events)), count)
    frame = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + first[row]
    order = np.argsort(frame, kind="stable")
    row, frame = row[order], frame[order]
    return Fixations(
        frame,
        events.x[row],
        events.y[row],
        events.observer[row],
        size,
        geometry,
        {reason: number for reason, number in dropped.items() if number},
    )


def _microseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(seconds * 1e6).astype(np.int64)
