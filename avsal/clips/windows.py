"""Which frames of a video a model is shown for which map: one rule for the middle and both ends of a video.

Prediction and evaluation both use it. Frames are numbered from 0 as they come; how many there are need not be
known beforehand, and every frame gets exactly one map, however short the video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from avsal.types import ClipSpec

__all__ = ["Window", "WindowPlan", "mirrored"]


@dataclass(frozen=True)
class Window:
    """One input of a model.

    Attributes:
        frames: video indices in the order the network sees them.
        outputs: (slot of the output, video index) of the maps to keep.
        start: whether the window is one of the spec's `start_windows`, for the model's `forward_start`.
    """

    frames: tuple[int, ...]
    outputs: tuple[tuple[int, int], ...]
    start: bool = False


def mirrored(index: int, count: int) -> int:
    """`index` reflected at the last of `count` frames, and back at the first, without repeating either."""
    if count == 1:
        return 0
    index %= 2 * (count - 1)
    return min(index, 2 * (count - 1) - index)


class WindowPlan:
    """Hands out a video's windows in order as its frames become known.

    - ``last``: frame t is the last of frames t-T+1 .. t. The first T-1 frames play the video backwards,
      frames t+T-1 .. t (TSFP-Net, section 3.1). Where a video has fewer than 2T-1 frames, frames past its end
      are those before it, mirrored: the paper leaves that open. A model with `start_windows` has its own
      rule.
    - ``centre``: frame t is the middle one; beyond the ends the first or last frame is repeated, unless the
      spec says that a window too short at the end begins again.
    - ``all``: windows start every `stride` frames and keep their first `stride` maps (after `margin`,
      but for the video's first window); the last window is moved back to end with the video and gives all
      maps that remain. A video shorter than T is mirrored.


    With `at_once`, which changes ``last`` alone, the first frame stands before the video's start too, under
    negative numbers: no map waits for later frames.
    """

    def __init__(self, spec: ClipSpec, *, at_once: bool = False) -> None:
        self.spec, self.at_once = spec, at_once
        self.next = 0

    @property
    def oldest(self) -> int:
        """Frames before this one are not needed any more."""
        return max(0, self.next - self.spec.num_frames)

    def take(self, count: int, ended: bool) -> Iterator[Window]:
        """The windows that can be built now, each once.

        Args:
            count: frames 0 .. count-1 are known.
            ended: the video has no more.
        """
        while self.next < count:
            window = self._window(count, ended)
            if window is None:
                return
            self.next += len(window.outputs)
            yield window

    def _window(self, count: int, ended: bool) -> Window | None:
        t, T = self.next, self.spec.num_frames
        if self.spec.predicts == "all":
            first = max(0, t - self.spec.margin)
            if first + T <= count:
                kept = range(t, t + self.spec.stride)
                return Window(tuple(range(first, first + T)), tuple((i - first, i) for i in kept))
            if not ended:
                return None
            start = max(0, count - T)
            frames = tuple(mirrored(start + i, count) for i in range(T))
            return Window(frames, tuple((i - start, i) for i in range(t, count)))
        if self.spec.predicts == "centre":
            first = t - T // 2
            if first + T > count and not ended:
                return None
            frames = tuple(min(max(i, 0), count - 1) for i in range(first, first + T))
            if self.spec.beyond_end == "loop":
                there = frames[: count - first]
                frames = tuple(there[i % len(there)] for i in range(T))
            return Window(frames, ((0, t),))
        if t < len(self.spec.start_windows):
            return Window(self.spec.start_windows[t], ((0, t),), start=True)
        if t >= T - 1 or self.at_once:
            return Window(tuple(range(t - T + 1, t + 1)), ((0, t),))
        if t + T > count and not ended:
            return None
        return Window(tuple(mirrored(i, count) for i in range(t + T - 1, t - 1, -1)), ((0, t),))
