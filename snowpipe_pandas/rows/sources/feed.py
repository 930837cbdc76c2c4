"""Runs a user's iterator in one thread, from its first item to its end, and only as far as it is asked to.

So nobody is kept from the items that are there by one that takes its time, and an iterator that must stay in
one thread does.
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
    """Items that an iterator gave.

    Attributes:
        items: none after the last one.
        since: when it gave the first one, on the monotonic clock, in seconds.
        cut: they are fewer than were asked for since more did not come in time.
    """

    items: list[Any]
    since: float
    cut: bool


class Feed:
    """An iterator that runs in a thread of its own; the thread ends with it, or with the last use of this."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._shared = _Shared(iterator)
        self._finalizer = weakref.finalize(self, self._shared.stop)
        self._finalizer.atexit = False
        threading.Thread(target=self._shared.run, name="snowpipe-source", daemon=True).start()

    def first(self) -> list[Any]:
        """Return the first item without taking it, none if there is none.

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
        """Let the thread stop, and close the iterator there; it first ends the item that it is in."""
        self._finalizer()


class _Shared:
    """What both threads know. The thread holds this, and not the feed, whose end is its own.

    Items are many and small, so none of them takes the lock: one thread appends to the deque, the other pops.
    """

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        # The lock may be taken by a thread that has it: stop() runs wherever the feed's last use ends.
        self._changed = threading.Condition(threading.RLock())
        self._items: deque[Any] = deque()
        self._since: float | None = None
        self._wanted = 0
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None

    def run(self) -> None:
        """Give items for as long as there are any, and some are wanted."""
        try:
            if self._is_asked():
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
                self._tell()
            if len(items) >= self._wanted and not self._is_asked():
                return

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _is_asked(self) -> bool:
        """Say that there are as many as are wanted, and wait until more are; False if none ever will be."""
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
        """Wait until there is an item, and then until the first has waited so long, or there are so many.

        Returns:
            Since when the first one waits.
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
        """Take at most so many items; the first one waits no longer for the others than it is told."""
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
