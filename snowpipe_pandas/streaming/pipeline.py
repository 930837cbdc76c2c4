"""Work ahead of the network: ordered parallel rendering, and a bounded queue of ready payloads.

Order is kept, memory is bounded, errors of the source reach the consumer at their place, and
leaving early (an error, Ctrl-C) stops the threads. It knows nothing of rows or requests.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

STOP_GRACE_S = 1.0
"""How long leaving waits for the thread; a source that blocks for longer is left to its own end."""


def map_ordered(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], *, ahead: int
) -> Iterator[R]:
    """Yield `function(item)` in the order of `items`, at most `ahead` of them rendered or in work.

    An error of `items` is raised behind the results of the items before it.
    """
    pending: deque[Future[R]] = deque()
    source = iter(items)
    failure: Exception | None = None
    more = True
    try:
        while more or pending:
            while more and len(pending) < ahead:
                try:
                    pending.append(pool.submit(function, next(source)))
                except StopIteration:
                    more = False
                except Exception as error:  # noqa: BLE001  # raised below, whatever it is
                    more, failure = False, error
            if pending:
                yield pending.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for future in pending:
            future.cancel()


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
            item = self._ready.get()
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
