"""Leaving in good order when asked to: Ctrl-C, SIGTERM and SIGHUP are remembered until the step is done."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any, Self

from avsal.errors import AvsalError
from avsal.types import Closable

__all__ = ["DivergedError", "StopRequest", "StoppedError"]


class StoppedError(AvsalError):
    """A run was asked to stop, and saved.

    Attributes:
        code: for the process to exit with: 128 and the signal's number.
    """

    def __init__(self, text: str, code: int = 130) -> None:
        super().__init__(text)
        self.code = code


class DivergedError(AvsalError):
    """The loss or its gradient is no number any more."""


class StopRequest(Closable):
    """While in use, the first Ctrl-C, SIGTERM or SIGHUP is only noted; a second Ctrl-C interrupts at once.

    Attributes:
        name: of the signal that came, None before.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    @property
    def code(self) -> int:
        """What a process that this signal ended exits with."""
        return 128 + (signal.SIGINT if self.name is None else signal.Signals[self.name])

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, signal.SIGINT)  # Windows has no SIGHUP
                before = signal.getsignal(number)
                ignored = name == "SIGHUP" and before == signal.SIG_IGN  # as under nohup
                if ignored or before == self._note:
                    continue
                self._before[number] = signal.signal(number, self._note)
        return self

    def close(self) -> None:
        """Give the handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.name is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name
        # print() must not be called where it may have been interrupted itself
        with suppress(OSError):  # of a terminal that is gone
            os.write(2, f"\navsal: {self.name}: saving after this step; Ctrl-C stops at once\n".encode())
