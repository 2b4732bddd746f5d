"""The sound that belongs to a window of frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avsal.clips.windows import Window
from avsal.types import AudioRule

__all__ = ["Spans", "excerpt", "released"]

LONGEST_HOLD = 2.0
"""Seconds of a frame's own sound that a window hears: of a frame shown for longer, the first of them.

So a window of T frames hears 2 T seconds at most, however long a slide stands or a gap in the stamps is.
"""

_ROUNDING = 1e-6
"""Of a sample: time stamps in seconds make whole numbers of samples a little smaller."""

Spans = Sequence[tuple[float, float]]  # (start, end) in seconds of the frames of a window, in its order


def excerpt(
    window: Window,
    spans: Spans,
    sample_rate: int,
    usual: int,
    read: Callable[[float, int], NDArray[np.float32]],
    lead: float = 0.0,
    rule: AudioRule = "frames",
) -> NDArray[np.float32]:
    """The sound of a window's seconds, on the same clock as its frames.

    Where frames run backwards, so does the sound: a click stays beside the frame it was heard with. Of a
    frame that is shown for longer than `LONGEST_HOLD`, the window hears only the beginning.

    Args:
        window: frames in the order the network sees them.
        spans: spans of each of them.
        sample_rate: sample rate in Hz.
        usual: number of samples of this video's windows; taken where the window's own seconds differ from it
            by at most half a frame, so that jittering time stamps do not make every window differ.
        read: gives samples from a start in seconds and a number of samples.
        lead: by how much of a frame's duration the sound lies before its frames, but not before the video's
            start.
        rule: ``stavis``: cut as STAViS's released code does, whatever `usual` and `lead` are; see `released`.

    Returns:
        (A,) samples in [-1, 1].
    """
    if rule == "stavis":
        return released(spans, sample_rate, read)
    spans = [(first, min(last, first + LONGEST_HOLD)) for first, last in spans]
    runs: list[tuple[float, int, bool]] = []  # start in seconds, samples, backwards
    begin = 0
    for end in range(1, len(spans) + 1):
        goes_on = end < len(spans) and _continues(window.frames[begin : end + 1])
        if goes_on and abs(spans[end][0] - spans[end - 1][0]) < LONGEST_HOLD:
            continue
        run = spans[begin:end]
        first, last = min(span[0] for span in run), max(span[1] for span in run)
        earlier = min(lead * (last - first) / len(run), max(first, 0.0))
        first, last = first - earlier, last - earlier
        backwards = end - begin > 1 and window.frames[begin] > window.frames[end - 1]
        runs.append((first, max(1, round((last - first) * sample_rate)), backwards))
        begin = end
    excess = sum(samples for _, samples, _ in runs) - usual
    if abs(excess) <= usual / (2 * len(spans)) and runs[-1][1] > excess:
        runs[-1] = (runs[-1][0], runs[-1][1] - excess, runs[-1][2])
    return np.concatenate(
        [read(first, samples)[:: -1 if backwards else 1] for first, samples, backwards in runs]
    )


def released(
    spans: Spans, sample_rate: int, read: Callable[[float, int], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The sound of a window as STAViS's released code cuts it (`datasets/saliency_db.py`).

    From half a frame before the first one appears to half a frame after the last one does, both samples
    included, their places rounded down. What would lie before the video's start is left out, so that its
    first window hears half a frame less. The last one is the last in the window's order: where a window
    beyond the video's end begins again, so does its sound, which then lasts from its first frame to the one
    that it happens to stop at.

    Args:
        spans: (start, end) in seconds of its frames, in the order the network sees them.
        sample_rate: sample rate in Hz.
        read: see `excerpt`.
    """
    (first, gone), (last, end) = spans[0], spans[-1]
    begin = int(max(0.0, (first - (gone - first) / 2) * sample_rate + _ROUNDING))
    stop = int((last + (end - last) / 2) * sample_rate + _ROUNDING) + 1
    return read(begin / sample_rate, max(1, stop - begin))


def _continues(run: Sequence[int]) -> bool:
    """Whether consecutive frame numbers all step by the same +1 or -1."""
    steps = {second - first for first, second in pairwise(run)}
    return len(steps) == 1 and steps <= {1, -1}
