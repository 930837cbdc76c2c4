"""Work ahead of the network: a bounded queue of ready payloads.

Order is kept, memory is bounded, errors of the source reach the consumer at their place, and
leaving early (an error, Ctrl-C) stops the thread. It knows nothing of rows or requests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

FOR_EVER_S = threading.TIMEOUT_MAX
"""A wait with a timeout, however long, hears a Ctrl-C; one without does not once polars was used, which lets
system calls go on after signals."""

STOP_GRACE_S = 1.0
"""How long leaving waits for the thread; a source that blocks for longer is left to its own end."""


class Prefetch(Generic[T]):
    """Runs an iterator in a thread, at most `depth` items ahead of its consumer.

    Use it as a context manager: leaving the block stops the thread.
    """

    def __init__(self, items: Iterable[T], *, depth: int) -> None:
        self._items = items
        self._slots = threading.Semaphore(depth)
        self._stopped = threading.Event()
        self._ready: SimpleQueue[_Item[T]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="snowpipe-prepare", daemon=True)

    def __enter__(self) -> Prefetch[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._slots.release()
        self._thread.join(STOP_GRACE_S)

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._ready.get(timeout=FOR_EVER_S)
            if item.error is not None:
                raise item.error
            if item.last:
                return
            self._slots.release()
            yield item.value  # type: ignore[misc]  # present unless error or last

    def _run(self) -> None:
        try:
            for value in self._items:
                self._slots.acquire()
                if self._stopped.is_set():
                    return
                self._ready.put(_Item(value=value))
            self._ready.put(_Item(last=True))
        except BaseException as error:  # noqa: BLE001  # handed to the consumer, whatever it is
            self._ready.put(_Item(error=error))
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()


class _Item(Generic[T]):
    """What crosses the queue: a value, the source's error, or the end."""

    __slots__ = ("error", "last", "value")

    def __init__(
        self, *, value: T | None = None, error: BaseException | None = None, last: bool = False
    ) -> None:
        self.value = value
        self.error = error
        self.last = last
