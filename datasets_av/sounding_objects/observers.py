"""Simulated observers of sounding objects: where they look.

Every observer starts at the centre of the screen, as after a fixation cross, and notices after a latency of
their own which object has its turn. From then on they make fixations of 0.2 to 0.5 s, each at random on the
object they attend to, on another one, or on the centre. An eye on an object moves along with it; when the
turn goes to another object, the eye follows after the same latency.

Legend: K objects, T frames, N observers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations
from datasets_av.sounding_objects.scene import Turns

__all__ = ["Observers"]

#: Shortest and longest fixation in seconds.
FIXATION = (0.2, 0.5)


@dataclass(frozen=True)
class Observers:
    """How the simulated observers behave.

    Attributes:
        num: N.
        attended: probability of looking at the attended object.
        others: probability of looking at another object, shared equally by them; the rest is the centre.
        latency: shortest and longest time in seconds until an observer notices a turn; uniform in between.
        scatter: standard deviation of gaze about its aim, in pixels of a frame of 64 x 112.
        sigma: standard deviation of the target density about the aims, in the same pixels. Larger than
            `scatter`, as in every ground truth: fixations scattered by 3.5 and blurred by 3.6 spread by 5.
    """

    num: int = 20
    attended: float = 0.85
    others: float = 0.10
    latency: tuple[float, float] = (0.2, 0.4)
    scatter: float = 3.5
    sigma: float = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError when a number makes no sense."""
        object.__setattr__(self, "latency", (float(self.latency[0]), float(self.latency[1])))
        if self.num < 1:
            raise ValueError(f"`num` must be at least 1 observer but is {self.num}")
        if min(self.attended, self.others) < 0 or self.attended + self.others > 1:
            raise ValueError(
                "`attended` and `others` must be probabilities that sum to at most 1 but are "
                f"{self.attended} and {self.others}"
            )
        if not 0 <= self.latency[0] <= self.latency[1]:
            raise ValueError(f"`latency` must be (shortest, longest) in seconds but is {self.latency}")
        if min(self.scatter, self.sigma) <= 0:
            raise ValueError(
                f"`scatter` and `sigma` must be positive but are {self.scatter} and {self.sigma}"
            )

    @property
    def centre(self) -> float:
        """Probability of looking at the centre."""
        return 1.0 - self.attended - self.others

    def noticed(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of observers that have noticed a turn `seconds` after its start."""
        shortest, longest = self.latency
        if shortest == longest:
            return (seconds >= shortest).astype(np.float64)
        return np.clip((seconds - shortest) / (longest - shortest), 0.0, 1.0)

    def look(
        self,
        rng: np.random.Generator,
        turns: Turns,
        aims: NDArray[np.float64],
        times: NDArray[np.float64],
        size: tuple[int, int],
        scale: float,
    ) -> Fixations:
        """Simulate the gaze on every frame.

        Args:
            rng: all randomness comes from here.
            turns: which object is attended to when, before latency.
            aims: (T, K + 1, 2) as (x, y) in pixels: the objects' centres, then the centre of the frame.
            times: (T,) seconds.
            size: (H, W) of the frame in pixels.
            scale: pixels of the frame for one pixel of `scatter`.

        Returns:
            One row per observer and frame, ordered by frame; points beyond the frame are dropped and counted.
        """
        T, K = len(times), aims.shape[1] - 1
        latency = rng.uniform(*self.latency, self.num)
        most = int((times[-1] + FIXATION[1]) / FIXATION[0]) + 2
        lengths = rng.uniform(*FIXATION, (self.num, most))
        # the video starts in the middle of a fixation
        ends = np.cumsum(lengths, axis=1) - lengths[:, :1] * rng.random((self.num, 1))
        choice = rng.random((self.num, most))
        other = rng.integers(1, K, (self.num, most))
        scatter = self.scatter * scale * rng.standard_normal((self.num, most, 2))

        who = np.arange(self.num)[:, None]
        # one search for all observers: each has a stretch of the axis to itself
        stretch = who * (ends.max() + 1.0)
        fixation = np.searchsorted((ends + stretch).ravel(), times + stretch, side="right") - who * most
        chosen = choice[who, fixation]
        attended = turns.at(times - latency[:, None])
        aim = np.where(chosen < self.attended, attended, (attended + other[who, fixation]) % K)
        centred = (chosen >= self.attended + self.others) | (times < latency[:, None])
        aim = np.where(centred, K, aim).T
        frames = np.arange(T)
        points = aims[frames[:, None], aim] + scatter[who, fixation].transpose(1, 0, 2)

        x, y = points.reshape(-1, 2).T
        seen = (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
        return Fixations(
            frame=np.repeat(frames, self.num)[seen],
            x=x[seen],
            y=y[seen],
            observer=np.tile(np.arange(self.num), T)[seen],
            size=size,
            dropped={"beyond the frame": int((~seen).sum())},
        )
