"""What a process owes its surroundings: signals end it in good order, a reader who leaves does not end it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from avsal.errors import shown

__all__ = ["Ended", "in_good_order", "log_to_stderr"]

ENDING = ("SIGTERM", "SIGHUP")
"""What queues, containers and terminals send before they kill; Ctrl-C is Python's own."""


class Ended(KeyboardInterrupt):
    """A signal asked the process to end; what is unfinished is removed on the way, as by Ctrl-C.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Output:
    """Standard output whose reader may leave, as `| head -1` does: the rest is written to nobody."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._to_nobody()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._to_nobody()

    def _to_nobody(self) -> None:
        with suppress(OSError, ValueError):
            nobody = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nobody, self._stream.fileno())
            os.close(nobody)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def in_good_order() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise `Ended`, unless they are ignored (nohup), and output may be closed.

    What a signal was turned into on its way, such as the ImportError of an extension that was just being
    loaded, is `Ended` all the same.
    """
    received: list[Ended] = []

    def end(number: int, frame: FrameType | None) -> None:
        for name in ENDING:  # a second one must not tear apart what is being put in order
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        received.append(Ended(number))
        raise received[0]

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ENDING:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    stdout = sys.stdout
    if stdout is not None:
        sys.stdout = _Output(stdout)
    try:
        yield
    except Exception as error:
        if received:
            raise received[0] from error
        raise
    finally:
        if stdout is not None:
            sys.stdout.flush()
            sys.stdout = stdout
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def log_to_stderr(level: int = logging.WARNING) -> Iterator[None]:
    """Within, what the package logs is a line of standard error, such as ``avsal: warning: ...``.

    Where somebody else listens to all logs, as Hydra does in a sweep, it is left to them.

    Args:
        level: level of what is told at least.
    """
    logger, handler = logging.getLogger("avsal"), logging.StreamHandler()
    handler.setLevel(level)
    handler.addFilter(lambda record: not logging.getLogger().handlers)
    handler.setFormatter(_Line())
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(min(level, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


class _Line(logging.Formatter):
    """A record on one line, fit for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return f"avsal: {record.levelname.lower()}: {shown(record.getMessage())}"
