"""The row `motion`: where pictures change, times the centre bias. What networks must beat."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.evaluation.truth import VideoTruth
from avsal.media.frames import ROUNDING, Frame
from avsal.media.video import open_frames
from avsal.metrics import resize_map

__all__ = ["Motion"]

_HEIGHT = 192  # of the pictures that are compared
_BEFORE = 0.08  # seconds, two frames at 25 a second
_SIGMA = 6.0  # of the blur, in rows of those pictures: a thirty-second of the height
_STILL = 0.1  # grey levels that every pixel is taken to change by, so that a still picture gives the centre


class Motion:
    """Reads a recording's pictures beside its frames; ask for frames in order."""

    def __init__(self, truth: VideoTruth) -> None:
        """Open the video.

        Args:
            truth: of the recording.

        Raises:
            MediaError: there are no pictures.
        """
        self._truth = truth
        recording = truth.recording
        rate = recording.frame_rate if recording.frames.is_dir() else None
        with open_frames(recording.frames, frame_rate=rate) as probe:
            height, width = probe.info.size
            self._half = 0.5 / probe.info.frame_rate
        size = (_HEIGHT, max(1, round(width * _HEIGHT / height)))
        self._reader = open_frames(recording.frames, size, frame_rate=rate)
        self._frames: Iterator[Frame] | None = iter(self._reader)
        self._seen: deque[tuple[int, float, NDArray[np.uint8]]] = deque()

    def at(self, frame: int, time: float, centre: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """The map of a frame.

        Args:
            frame: 0-based.
            time: of it on the video clock, NaN where unknown.
            centre: (H, W) centre bias.

        Returns:
            (H, W); None where the video does not show this frame.
        """
        if not self._advance(frame, time):
            return None
        from scipy.ndimage import gaussian_filter

        shown, before = self._seen[-1][2], self._seen[0][2]
        change = np.abs(shown.astype(np.float32) - before).mean(axis=-1)
        blurred = gaussian_filter(change, _SIGMA, mode="nearest")
        size = centre.shape[0], centre.shape[1]
        return (resize_map(blurred, size) + np.float32(_STILL)) * centre

    def close(self) -> None:
        """Let go of the video."""
        self._reader.__exit__(None, None, None)
        self._frames = None
        self._seen.clear()

    def _advance(self, frame: int, time: float) -> bool:
        """Whether the newest picture seen is that of the frame."""
        while self._frames is not None:
            if self._seen:
                index, shown, _ = self._seen[-1]
                if index >= frame if np.isnan(time) else shown >= time - self._half:
                    return index == frame if np.isnan(time) else abs(shown - time) <= self._half
            try:
                found = next(self._frames, None)
            except MediaError:  # told by whoever needs these pictures
                found = None
            if found is None:
                self.close()
                break
            self._seen.append((found.index, found.time, found.image))
            while len(self._seen) > 1 and self._seen[1][1] <= found.time - _BEFORE + ROUNDING:
                self._seen.popleft()
        return False
