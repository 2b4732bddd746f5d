"""Windows of a video in the order that they come, cut into runs that slide over consecutive frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips.windows import Window
from avsal.media.frames import Frame

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Run", "Runs", "WindowJob", "WindowMaps", "slide"]


@dataclass(frozen=True)
class WindowMaps:
    """A map that is due.

    Attributes:
        slot: in the window's output.
        number: of the frame among the predicted ones.
        time: of the frame, seconds on the video's clock.
        duration: of the frame in seconds.
        picture: of the frame, to be painted on, where it is kept.
    """

    slot: int
    number: int
    time: float
    duration: float
    picture: VideoFrame | NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class WindowJob:
    """A window with its decoded frames and sound.

    Attributes:
        window: which frames.
        frames: decoded, in the order the network sees them.
        sounds: (1, A) each, None where nothing is heard; the window is seen once and heard with each.
        wanted: the maps wanted of it; none where the window only tells an engine how the video goes on.
    """

    window: Window
    frames: list[Frame]
    sounds: tuple[Tensor | None, ...]
    wanted: list[WindowMaps]


@dataclass(frozen=True)
class Run:
    """Windows of which each begins a few frames after another one.

    Attributes:
        jobs: by the frame they begin at, with the frames by which each slides on from the one before (the
            first: a whole window). Read once, before the next run.
        backward: the jobs came in the opposite order, as where the video's start is played backwards.
    """

    jobs: Iterator[tuple[WindowJob, int]]
    backward: bool


def slide(before: WindowJob, after: WindowJob, most: int) -> int:
    """By how many frames, at most `most`, a window slid on, or back (negative); 0 where it did neither."""
    first, second = before.window.frames, after.window.frames
    for step in range(1, min(most, len(first) - 1) + 1):
        if first[step:] == second[:-step]:
            return step
        if second[step:] == first[:-step]:
            return -step
    return 0


class Runs:
    """Cuts windows into runs that slide in one direction by at most `most` frames and less than a window."""

    def __init__(self, jobs: Iterable[WindowJob], most: int) -> None:
        self._jobs, self._most = iter(jobs), most
        self._next = next(self._jobs, None)

    def __iter__(self) -> Iterator[Run]:
        """The runs; backward ones of which no map is wanted are left out."""
        while self._next is not None:
            first = self._take()
            if self._step(first) < 0:
                jobs = self._backward(first)
                if any(job.wanted for job, _ in jobs):
                    yield Run(iter(jobs), True)
            else:
                yield Run(self._forward(first), False)

    def _take(self) -> WindowJob:
        job = self._next
        assert job is not None
        self._next = next(self._jobs, None)
        return job

    def _step(self, job: WindowJob) -> int:
        """By how many frames the next window slides on from this one."""
        return 0 if self._next is None else slide(job, self._next, self._most)

    def _forward(self, job: WindowJob) -> Iterator[tuple[WindowJob, int]]:
        yield job, len(job.frames)
        while (step := self._step(job)) > 0:
            job = self._take()
            yield job, step

    def _backward(self, job: WindowJob) -> list[tuple[WindowJob, int]]:
        jobs, steps = [job], []
        while (step := self._step(job)) < 0:
            job = self._take()
            jobs.append(job)
            steps.append(-step)
        return list(zip(jobs[::-1], [len(job.frames), *steps[::-1]], strict=True))
