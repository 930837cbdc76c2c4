"""Runs a user's iterator in one thread, from its first item to its end, and only as far as items are wanted.

So a slow item does not hold back those that are there already, and an iterator that must stay in one thread
does.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...waits import FOR_EVER_S


@dataclass(frozen=True, slots=True)
class Taken:
    """Items that an iterator has yielded.

    Attributes:
        items: empty after the last one.
        since: when it yielded the first one, on the monotonic clock, in seconds.
        cut: they are fewer than requested, since no more came in time.
    """

    items: list[Any]
    since: float
    cut: bool


class Feed:
    """An iterator in a thread of its own; the thread ends with it, or with the last reference to this."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._shared = _Shared(iterator)
        self._finalizer = weakref.finalize(self, self._shared.stop)
        self._finalizer.atexit = False
        threading.Thread(target=self._shared.run, name="snowpipe-source", daemon=True).start()

    def first(self) -> list[Any]:
        """Return a list of the first item without taking it; empty if there is none.

        Raises:
            BaseException: what the iterator raised instead.
        """
        return self._shared.seen()

    def take(self, most: int, patience_s: float) -> Taken:
        """Take the next items.

        Args:
            most: how many are taken at most.
            patience_s: how long the first one may wait for the others, in seconds.

        Raises:
            BaseException: what the iterator raised after the items that were taken before.
        """
        return self._shared.taken(most, patience_s)

    def close(self) -> None:
        """Let the thread stop, and close the iterator there, once the item that it is producing is done."""
        self._finalizer()


class _Shared:
    """What both threads share. The thread holds this and not the feed, whose end stops the thread.

    Items are many and small, so none of them takes the lock: one thread appends to the deque, the other pops.
    """

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        # Reentrant: stop() runs where the feed's last reference ends, maybe in a thread that holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._items: deque[Any] = deque()
        self._since: float | None = None
        self._wanted = 0
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None

    def run(self) -> None:
        """Collect items as long as there are any, and some are wanted."""
        try:
            if self._waits_for_demand():
                self._give_all()
        except BaseException as error:  # noqa: BLE001  # raised where the items are taken, whatever it is
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        close = getattr(self._iterator, "close", None)
        if self._stopped and close is not None:
            close()

    def _give_all(self) -> None:
        items = self._items
        for item in self._iterator:
            if self._since is None:
                self._since = time.monotonic()
            items.append(item)
            if len(items) == 1:
                self._notify()
            if len(items) >= self._wanted and not self._waits_for_demand():
                return

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _waits_for_demand(self) -> bool:
        """Notify that there are as many as wanted, and wait until more are; return False if none will be."""
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._wanted)
            return not self._stopped

    def stop(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._stopped = True
            self._wanted = 0
            self._changed.notify_all()

    def wait(self, most: int, patience_s: float) -> float:
        """Wait for an item, then until there are `most`, or the first has waited for `patience_s`.

        Returns:
            Since when the first one has been waiting.
        """
        with self._changed:
            self._wanted = most
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._items or self._ended, FOR_EVER_S)
            if not self._items and self._error is not None:
                raise self._error
            since = self._since or time.monotonic()
            left_s = min(since + patience_s - time.monotonic(), FOR_EVER_S)
            self._changed.wait_for(lambda: len(self._items) >= most or self._ended, left_s)
            return since

    def taken(self, most: int, patience_s: float) -> Taken:
        """Take at most `most` items; the first one waits for the others no longer than `patience_s`."""
        since = self.wait(most, patience_s)
        with self._changed:
            self._wanted = 0
            self._since = None
            items = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            return Taken(items, since, cut=len(items) < most and not self._ended)

    def seen(self) -> list[Any]:
        """Wait for an item, and leave it where it is."""
        self.wait(1, FOR_EVER_S)
        return list(islice(self._items, 1))
