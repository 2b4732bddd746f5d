"""Which frames of a video a training clip takes: forward windows at random or at a fixed step.

Training sees windows as they lie in a video, oldest frame first. Videos shorter than the model's clip are
filled up by a rule that the papers state or leave open:

- ``repeat_first``: the first frame stands T-1 times in front of the video, and the window lies anywhere in
  what results (TSFP-Net, for Hollywood-2 and UCF-Sports).
- ``repeat_last``: the last frame is repeated at the end (ESAN's released code).
- ``mirror``: one of the windows that prediction shows of such a video, see `WindowPlan`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from avsal.clips.windows import Window, WindowPlan
from avsal.errors import ConfigError
from avsal.types import ClipSpec

__all__ = ["Short", "num_steps", "random_window", "sped_window", "step_window", "surrounded"]

Short = Literal["repeat_first", "repeat_last", "mirror"]


def random_window(spec: ClipSpec, num_frames: int, short: Short, random: np.random.Generator) -> Window:
    """A window of a video of `num_frames`, each that lies inside it as likely as any other.

    Raises:
        ConfigError: an unknown rule for short videos.
    """
    if short not in get_args(Short):
        raise ConfigError(f"`short` must be one of {', '.join(get_args(Short))} but is {short!r}")
    T = spec.num_frames
    if num_frames >= T:
        return _window(spec, int(random.integers(num_frames - T + 1)), num_frames)
    if short == "repeat_last":
        return _window(spec, 0, num_frames)
    if short == "repeat_first":
        return _window(spec, int(random.integers(num_frames)) - (T - 1), num_frames)
    plan = WindowPlan(replace(spec, start_windows=()))
    windows = list(plan.take(num_frames, ended=True))
    return _outputs(spec, windows[int(random.integers(len(windows)))].frames)


def sped_window(spec: ClipSpec, num_frames: int, rate: float, random: np.random.Generator) -> Window | None:
    """A random window whose frames lie `rate` apart, rounded; None where the video is too short for it.

    Args:
        spec: spec of the model.
        num_frames: number of frames of the video.
        rate: 2 for twice as fast, 0.5 for half.
        random: where it lies.
    """
    places = np.floor(np.arange(spec.num_frames) * rate + 0.5).astype(int)
    room = num_frames - int(places[-1])
    if room < 1:
        return None
    return _outputs(spec, tuple((int(random.integers(room)) + places).tolist()))


def num_steps(spec: ClipSpec, num_frames: int, every: int) -> int:
    """How many windows begin `every` frames apart in a video; 1 for one that is shorter than a window."""
    return max(0, num_frames - spec.num_frames) // every + 1


def step_window(spec: ClipSpec, num_frames: int, every: int, step: int) -> Window:
    """Window number `step` of those that begin `every` frames apart in a video of at least T frames."""
    return _window(spec, step * every, num_frames)


def surrounded(window: Window, num_frames: int, context: int) -> tuple[int, ...]:
    """A window's frames with `context` frames of the video before and after them.

    What lies beyond the video is its first or last frame; a video shorter than a window, which has been
    filled up, has nothing around it but the window's own first and last frame.
    """
    first, last = window.frames[0], window.frames[-1]
    if num_frames < len(window.frames):
        return (first,) * context + window.frames + (last,) * context
    before = (max(0, index) for index in range(first - context, first))
    after = (min(index, num_frames - 1) for index in range(last + 1, last + 1 + context))
    return (*before, *window.frames, *after)


def _window(spec: ClipSpec, first: int, num_frames: int) -> Window:
    """The window from frame `first` on; beyond an end stands the video's first or last frame."""
    indices = range(first, first + spec.num_frames)
    return _outputs(spec, tuple(min(max(index, 0), num_frames - 1) for index in indices))


def _outputs(spec: ClipSpec, frames: tuple[int, ...]) -> Window:
    """The window with every map that the model makes of it, of repeated frames too."""
    return Window(frames, tuple(enumerate(frames[index] for index in spec.map_frames)))
