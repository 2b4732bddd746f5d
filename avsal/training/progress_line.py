"""Progress with the time that is left: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

from avsal.configuration import duration

__all__ = ["ProgressLine"]

#: seconds between lines where there is no terminal
_PAUSE = 60.0


class ProgressLine:
    """Shows how far a run is, on stderr.

    Args:
        done: steps that are behind us.
        total: steps in all.
        show: False in all but one of several processes.

    Attributes:
        clips: trained on since the beginning, of all processes.
        training: seconds in steps.
        validating: seconds in validations.
    """

    def __init__(self, done: int, total: int, *, show: bool) -> None:
        self._show = show
        self._first, self._total = done, total
        self._start = self._told = time.monotonic()
        self.clips, self.training, self.validating = 0, 0.0, 0.0
        self._bar: Any = None
        if show and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)

    @property
    def clips_per_second(self) -> float:
        """Clips trained on in a second of steps, reading them included."""
        return self.clips / self.training if self.training else 0.0

    @property
    def validation_share(self) -> float:
        """Of the time of steps and validations, 0 to 1."""
        whole = self.training + self.validating
        return self.validating / whole if whole else 0.0

    def left(self, done: int) -> float | None:
        """Seconds to go, by the pace so far; None where nothing is done yet."""
        steps = done - self._first
        return (time.monotonic() - self._start) / steps * (self._total - done) if steps > 0 else None

    def step(self, loss: float, epoch: int, done: int, clips: int, seconds: float) -> None:
        """One more step is done.

        Args:
            loss: loss of the step.
            epoch: number of the epoch that is under way, from 1.
            done: steps in all.
            clips: clips of the step, of all processes.
            seconds: seconds that it took, reading its clips included.
        """
        self.clips += clips
        self.training += seconds
        if self._bar is not None:
            speed = f"{self.clips_per_second:.2f}"
            self._bar.set_postfix(epoch=epoch, loss=f"{loss:.4f}", clips_per_s=speed, refresh=False)
            self._bar.update(1)
        elif time.monotonic() - self._told > _PAUSE:
            self.line(f"epoch {epoch}: step {done} of {self._total}, loss {loss:.4f}", done)

    def line(self, text: str, done: int) -> None:
        """Say something, with pace and time left where there is no bar that shows them."""
        if not self._show:
            return
        self._told = time.monotonic()
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
            return
        if self.clips and done < self._total:
            text = f"{text}; {self.clips_per_second:.3g} clips/s"
        left = self.left(done)
        if left is not None and done < self._total:
            text = f"{text}; {duration(left)} left"
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing more comes."""
        if self._bar is not None:
            self._bar.close()
