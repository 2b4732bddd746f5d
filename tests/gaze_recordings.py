"""Recordings made in memory: observers who follow a target, each with an error of their own."""

from functools import partial
from pathlib import Path

import numpy as np

from avsal.types import Fixations, Recording


def followed_gaze(
    *, num_frames=6, num_observers=8, size=(36, 64), start=(0.3, 0.3), spread=2.0, wander=0.1, seed=0
) -> Fixations:
    """Each observer looks near a target that moves to the right; positions in pixels of `size`."""
    generator = np.random.default_rng(seed)
    frame = np.repeat(np.arange(num_frames), num_observers)
    observer = np.tile(np.arange(num_observers), num_frames)
    y = start[0] * size[0] + generator.normal(0, spread, len(frame))
    x = (start[1] + wander * frame) * size[1] + generator.normal(0, spread, len(frame))
    inside = (y.clip(0, size[0] - 1), x.clip(0, size[1] - 1))
    return Fixations(frame, inside[1], inside[0], observer, size)


def made_recording(name: str, gaze: Fixations, *, num_frames=6, video="videos/{}.mp4", **fields) -> Recording:
    """A recording whose video is never opened; it can be sent to another process."""
    loaded = partial(
        Fixations, gaze.frame, gaze.x, gaze.y, gaze.observer, gaze.size, gaze.geometry, dict(gaze.dropped)
    )
    path = Path(video.format(name))
    return Recording(
        name, "made", path, num_frames=num_frames, frame_rate=25.0, load_fixations=loaded, **fields
    )


def made_recordings(count=4, **options) -> list[Recording]:
    """Several, each with its own target."""
    places = [(0.3, 0.2), (0.7, 0.3), (0.4, 0.4), (0.6, 0.1), (0.5, 0.25)]
    return [
        made_recording(f"video {index}", followed_gaze(start=places[index], seed=index, **options))
        for index in range(count)
    ]
