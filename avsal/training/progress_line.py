"""Progress with the time that is left: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["ProgressLine", "duration"]


class ProgressLine:
    """Shows how far a run is, on stderr.

    Args:
        done: steps that are behind us.
        total: steps in all.
        show: False in all but one of several processes.
    """

    def __init__(self, done: int, total: int, *, show: bool) -> None:
        self._show = show
        self._first, self._total = done, total
        self._start = time.monotonic()
        self._bar: Any = None
        if show and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)

    def step(self, loss: float, epoch: int) -> None:
        """One more step is done."""
        if self._bar is not None:
            self._bar.set_postfix(epoch=epoch, loss=f"{loss:.4f}", refresh=False)
            self._bar.update(1)

    def line(self, text: str, done: int) -> None:
        """Say something, with the time left where there is no bar that shows it."""
        if not self._show:
            return
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
            return
        steps = done - self._first
        if steps > 0 and done < self._total:
            left = (time.monotonic() - self._start) / steps * (self._total - done)
            text = f"{text}; {duration(left)} left"
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing more comes."""
        if self._bar is not None:
            self._bar.close()


def duration(seconds: float) -> str:
    """Such as '42 s', '3 min 20 s', '5 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
