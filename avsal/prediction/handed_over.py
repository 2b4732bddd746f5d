"""Handing items one by one to what would take them by itself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["HandedOver"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class HandedOver(Generic[Item, Result]):
    """Runs in a thread what takes items and gives results, only while somebody pushes or ends.

    What runs takes the items that it needs; here they are handed to it. Whoever pushes waits until it asks
    for the next one, so that two threads never run at once and the results of a push are all there.

    Args:
        make: from the items that will be handed over, what gives the results.
    """

    def __init__(self, make: Callable[[Iterator[Item]], Iterable[Result]]) -> None:
        self._turn = threading.Condition()
        self._handed: deque[Item | None] = deque()
        self._results: list[Result] = []
        self._asks = self._done = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(make,), name="avsal-live", daemon=True)
        self._thread.start()

    def push(self, item: Item) -> list[Result]:
        """The results that are ready with an item."""
        return self._hand(item)

    def end(self) -> list[Result]:
        """The results that remain."""
        results = self._hand(None)
        self._thread.join()
        return results

    def stop(self) -> None:
        """End at once."""
        with self._turn:
            if not self._done:
                self._handed.clear()
                self._error = self._error or _StoppedError()
                self._turn.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _hand(self, item: Item | None) -> list[Result]:
        with self._turn:
            self._handed.append(item)
            self._asks = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._done or self._asks)
            results, self._results = self._results, []
            if self._error is not None:
                raise self._error
            return results

    def _items(self) -> Iterator[Item]:
        while True:
            with self._turn:
                if not self._handed:
                    self._asks = True
                    self._turn.notify_all()
                    self._turn.wait_for(lambda: self._handed or self._error is not None)
                if self._error is not None:
                    raise self._error
                item = self._handed.popleft()
            if item is None:
                return
            yield item

    def _work(self, make: Callable[[Iterator[Item]], Iterable[Result]]) -> None:
        try:
            for result in make(self._items()):
                self._results.append(result)
        except BaseException as error:  # whatever it is, it belongs to who pushes
            self._error = error
        finally:
            with self._turn:
                self._done = True
                self._turn.notify_all()


class _StoppedError(Exception):
    """Nobody wants the results any more."""
