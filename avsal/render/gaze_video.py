"""A video with gaze and density painted on it and its sound kept: do they belong together?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.media.frames import Frame
from avsal.media.writer import VideoWriter
from avsal.render.caption import write_text
from avsal.render.recording_view import RecordingView
from avsal.render.sound_pictures import draw_waveform, loudness

__all__ = ["write_gaze_video"]

_CAPTION = 32
_STRIP = 56
_SHOWN = 4.0
"""Seconds of sound that the strip below the picture shows, half of them before the frame."""

_BACKGROUND = (24, 24, 27)
_PAST, _FUTURE = (96, 165, 250), (59, 84, 120)


def write_gaze_video(
    path: Path,
    view: RecordingView,
    start: float,
    end: float,
    progress: Iterable[tuple[int, Frame]] | None = None,
) -> int:
    """Write the part of a recording from `start` to `end` seconds.

    Below the picture stand the frame's number and time, and the sound from two seconds before to two seconds
    after the frame; the white line is now.

    Args:
        path: ends in ``.mp4``.
        view: of the recording.
        start: seconds on the video clock.
        end: likewise.
        progress: ``view.frames(start, end)``, wrapped in a progress bar.

    Returns:
        How many frames were written.

    Raises:
        MediaError: the video cannot be read or written.
        DatasetError: gaze cannot be read.
    """
    recording, info = view.recording, view.info
    own_sound = recording.audio == recording.frames
    below = _CAPTION + (0 if view.sound is None else _STRIP)
    below += (view.size[0] + below) % 2
    count = 0
    loudest = 0.0 if view.sound is None else float(np.abs(view.sound).max(initial=0))
    with VideoWriter(
        path,
        (view.size[0] + below, view.size[1]),
        time_base=info.time_base,
        frame_rate=info.frame_rate,
        crf=20,
        sound_from=recording.audio,
        origin=info.origin if own_sound else None,
        start=start,
        end=end,
    ) as video:
        for number, frame in view.frames(start, end) if progress is None else progress:
            picture = view.painted(number, frame.image)
            video.write(
                np.concatenate([picture, _band(view, number, frame.time, below, loudest)]), frame.time
            )
            count += 1
    return count


def _band(view: RecordingView, number: int, time: float, height: int, loudest: float) -> NDArray[np.uint8]:
    """(height, W, 3): caption and sound of one frame."""
    width = view.size[1]
    band = np.full((height, width, 3), _BACKGROUND, np.uint8)
    points = view.points(number)
    counted = view.truth if points is None else f"{len(points)} points"
    write_text(band, view.recording.id, left=8, middle=_CAPTION // 2, height=16)
    write_text(
        band,
        f"frame {number}   {time:.2f} s   {counted}",
        left=width - 8,
        middle=_CAPTION // 2,
        height=16,
        anchor="rm",
    )
    if view.sound is not None:
        strip = band[_CAPTION : _CAPTION + _STRIP]
        edges = time + np.linspace(-_SHOWN / 2, _SHOWN / 2, width + 1)
        peaks = loudness(view.sound, view.sound_rate, edges)
        middle = width // 2
        draw_waveform(strip[:, :middle], peaks[:middle], loudest, _PAST)
        draw_waveform(strip[:, middle:], peaks[middle:], loudest, _FUTURE)
        strip[:, middle - 1 : middle + 1] = (255, 255, 255)
    return band
