"""An iterator that works ahead in a thread of its own, as decoding does while the network computes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Generic, Self, TypeVar

from avsal.types import Closable

__all__ = ["Prefetcher"]

Item = TypeVar("Item")

#: seconds between looks at whether anyone still wants what is in the queue
PATIENCE = 0.1


class Prefetcher(Generic[Item], Closable):
    """Iterates over `items` in a thread, at most `depth` of them before they are asked for.

    Errors of the thread are raised where the items are taken. Leaving the context ends the thread, also when
    not all items were taken; it waits for the item that is being made.

    Args:
        items: iterated over once, in the thread.
        depth: how many items may wait.

    Attributes:
        busy: seconds that making items took so far.
        waited: seconds that whoever takes them waited.
    """

    def __init__(self, items: Iterable[Item], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[tuple[list[Item], BaseException | None]] = queue.Queue(depth)
        self._left = threading.Event()
        self.busy = self.waited = 0.0
        self._thread = threading.Thread(target=self._work, name="avsal-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """End the thread."""
        self._left.set()
        if self._thread.is_alive():
            self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        """The items, each once."""
        while True:
            began = time.perf_counter()
            items, error = self._queue.get()
            self.waited += time.perf_counter() - began
            if error is not None:
                raise error
            if not items:
                return
            yield from items

    def _work(self) -> None:
        try:
            items, began = iter(self._items), time.perf_counter()
            for item in items:
                self.busy += time.perf_counter() - began
                if not self._put([item], None):
                    return
                began = time.perf_counter()
            self.busy += time.perf_counter() - began
        except BaseException as error:  # whatever it is, it belongs to who takes the items
            self._put([], error)
        else:
            self._put([], None)

    def _put(self, items: list[Item], error: BaseException | None) -> bool:
        """Whether it was put, rather than left because nobody wants it."""
        while not self._left.is_set():
            try:
                self._queue.put((items, error), timeout=PATIENCE)
            except queue.Full:
                continue
            return True
        return False
