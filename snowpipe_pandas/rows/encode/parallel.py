"""Encodes the batches of a source in worker threads, in order.

One thread reads the source, so that a slow one does not hold back what is encoded already. Order is kept,
memory is bounded, errors of the source are raised at their place, and leaving early stops the threads.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Generic, TypeVar, cast

import pyarrow as pa

from ...waits import FOR_EVER_S, join_in_time
from ..sources.slicing import MAX_BATCH_ROWS
from ..sources.source import Source

R = TypeVar("R")

MAX_WORKERS = 2
"""Threads that encode. One encodes 285 to 650 MB/s, a channel takes 20; each takes 15 to 25 MB of memory."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A batch of a source.

    Attributes:
        batch: the rows.
        first_row: number of the first one in the whole source.
        since: when the source yielded it, on the monotonic clock, in seconds.
    """

    batch: pa.RecordBatch
    first_row: int
    since: float

    @property
    def end_row(self) -> int:
        """Number of the row after the last one."""
        return self.first_row + int(self.batch.num_rows)


def numbered(source: Source) -> Generator[Numbered, None, None]:
    """Yield the batches of a source, each with the number of its first row."""
    first_row = 0
    for batch in source.batches():
        given = Numbered(batch, first_row, source.waiting_since() or time.monotonic())
        yield given
        first_row = given.end_row


def single_batch(source: Source, batches: Iterator[Numbered]) -> tuple[Numbered | None, Iterator[Numbered]]:
    """Return the batch of a source in memory that has only one, else None; then all batches that are left.

    Nothing is read from a source that may keep its reader waiting.
    """
    if source.total_rows is None or source.total_rows > MAX_BATCH_ROWS:
        return None, batches
    for first in batches:
        if first.end_row == source.total_rows:
            return first, batches
        return None, _with_first(first, batches)
    return None, batches


def _with_first(first: Numbered, rest: Iterator[Numbered]) -> Iterator[Numbered]:
    yield first
    yield from rest


class EncodedAhead(Generic[R]):
    """The results of `encode`, in order, made in threads of their own and a bounded number ahead.

    Use it as a context manager: leaving the block stops the threads. Iterate over it, or hold `changed`
    and check `ready`, then `pop()`.

    Args:
        batches: the batches; they are read, and closed, in one thread.
        encode: called with a batch and the number of its first row, by several threads at once.
        workers: number of threads that encode.
        changed: is notified whenever `ready` may have become true.
    """

    def __init__(
        self,
        batches: Iterator[Numbered],
        encode: Callable[[pa.RecordBatch, int], R],
        *,
        workers: int,
        changed: threading.Condition | None = None,
    ) -> None:
        self._batches = batches
        self._encode = encode
        self._ahead = workers + 1
        self._changed = changed or threading.Condition(threading.Lock())
        self._slots: deque[_Slot[R]] = deque()
        self._unclaimed: deque[tuple[_Slot[R], Numbered]] = deque()
        self._in_hand = 0
        self._read_all = False
        self._stopped = False
        self._threads = [threading.Thread(target=self._read, name="snowpipe-read", daemon=True)] + [
            threading.Thread(target=self._work, name="snowpipe-render", daemon=True) for _ in range(workers)
        ]

    def __enter__(self) -> EncodedAhead[R]:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        join_in_time(self._threads)

    @property
    def ready(self) -> bool:
        """Whether `pop()` has a result or an error; `changed` is held."""
        return bool(self._slots) and self._slots[0].done

    @property
    def over(self) -> bool:
        """Whether all results were returned, and the source ended without an error; `changed` is held."""
        return self.ready and self._slots[0].last and self._slots[0].error is None

    def pop(self) -> tuple[R, float]:
        """Return the next result, and since when its rows waited; it is `ready`, and `changed` is held.

        What is returned counts as ahead until `release()`: it is in memory.

        Raises:
            BaseException: what the source or `encode` raised there.
        """
        slot = self._slots[0]
        if slot.error is not None:
            raise slot.error
        self._in_hand = 1
        self._slots.popleft()
        return cast(R, slot.result), slot.since

    def release(self) -> None:
        """Count the last result of `pop()` as no longer in use; `changed` is held."""
        self._in_hand = 0
        self._changed.notify_all()

    def __iter__(self) -> Iterator[R]:
        while True:
            with self._changed:
                self.release()
                self._changed.wait_for(lambda: self.ready, FOR_EVER_S)
                if self.over:
                    return
                result = self.pop()[0]
            yield result

    def _read(self) -> None:
        end: _Slot[R] = _Slot(done=True, last=True)
        try:
            while self._has_room():
                given = next(self._batches, None)
                if given is None:
                    break
                self._add(_Slot(given.since), given)
        except BaseException as error:  # noqa: BLE001  # raised by pop(), whatever it is
            end.error = error
        finally:
            self._read_all = True
            self._add(end, None)
            close = getattr(self._batches, "close", None)
            if close is not None:
                close()

    def _has_room(self) -> bool:
        """Wait until one more may be read; return False if no more are wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._slots) + self._in_hand < self._ahead)
            return not self._stopped

    def _add(self, slot: _Slot[R], given: Numbered | None) -> None:
        with self._changed:
            self._slots.append(slot)
            if given is not None:
                self._unclaimed.append((slot, given))
            self._changed.notify_all()

    def _work(self) -> None:
        while self._encode_one():
            pass

    def _encode_one(self) -> bool:
        """Encode the next batch; return False if there is none. Nothing of it is kept after the call."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._unclaimed or self._read_all)
            if self._stopped or not self._unclaimed:
                return False
            slot, given = self._unclaimed.popleft()
        try:
            slot.result = self._encode(given.batch, given.first_row)
        except BaseException as error:  # noqa: BLE001  # raised by pop(), whatever it is
            slot.error = error
        with self._changed:
            slot.done = True
            self._changed.notify_all()
        return True


@dataclass(slots=True)
class _Slot(Generic[R]):
    """The place of a batch in the order: its result, an error, or the end after the last one."""

    since: float = 0.0
    result: R | None = None
    error: BaseException | None = None
    done: bool = False
    last: bool = False


@cache
def default_workers() -> int:
    """Return as many threads as there are processors, at most `MAX_WORKERS`."""
    return min(MAX_WORKERS, os.cpu_count() or 1)


def encode_ordered(
    source: Source, encode: Callable[[pa.RecordBatch, int], R], *, workers: int | None = None
) -> Generator[R, None, None]:
    """Yield `encode(batch, first_row)` for each batch of a source, in order.

    Args:
        source: the rows; those of one batch in memory are encoded in the caller's thread.
        encode: `Encoder.encode`, or a function that does more; it runs in several threads at once.
        workers: number of threads; None takes as many as there are processors, at most `MAX_WORKERS`.
    """
    workers = workers or default_workers()
    alone, batches = single_batch(source, numbered(source))
    if alone is not None:
        yield encode(alone.batch, alone.first_row)
    elif workers == 1:
        yield from (encode(given.batch, given.first_row) for given in batches)
    else:
        with EncodedAhead(batches, encode, workers=workers) as encoded:
            yield from encoded
