"""Where the seconds of a load go: measured by request and batch, never by row."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TypeVar

from ..events import Event, RowsAcknowledged, RowsCommitted

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds of one load, of this call.

    `wait`, `send` and `commit` follow one another and are at most the seconds of the whole load; `encode` and
    `compress` go on beside them, in threads of their own. A source in memory of one batch is prepared by the
    sender itself: that is in `wait` too. Of a load through several channels, or with several requests at
    once, these are the sums over all of them.

    Attributes:
        encode: rendering rows as NDJSON, the sum over the threads that do it.
        compress: compressing requests and taking the digest of their rows.
        wait: the sender had nothing to send. It waited for the source or for the two above.
        send: inside append requests, with their retries and the pauses between them.
        commit: from the last request's acknowledgement until its rows were seen committed; 0.0 until then,
            and where the load does not wait for it.
    """

    encode: float = 0.0
    compress: float = 0.0
    wait: float = 0.0
    send: float = 0.0
    commit: float = 0.0


def added(timings: Iterable[Timings]) -> Timings:
    """Add up the timings of several channels of one load, which run side by side."""
    all_of_them = list(timings)
    sums = {f.name: sum(getattr(one, f.name) for one in all_of_them) for f in fields(Timings)}
    return Timings(**sums)


class Stopwatch:
    """Adds up the seconds that some work takes; several threads may do it at once.

    Attributes:
        seconds: the sum so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def running(self) -> _Running:
        """Return a context manager that times its block, even one that raises."""
        return _Running(self)

    def over(self, items: Iterator[T]) -> Iterator[T]:
        """Yield items; count the time until each comes, not the time of what is done with it."""
        while True:
            with _Running(self):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def add(self, seconds: float) -> None:
        """Add the seconds that some work took."""
        with self._lock:
            self.seconds += seconds


class _Running:
    """Some work that a stopwatch counts."""

    __slots__ = ("_started", "_watch")

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._watch.add(time.perf_counter() - self._started)


class CommitWatch:
    """Measures how long the last request's rows took from their acknowledgement to their commit.

    Attributes:
        seconds: 0.0 until they are seen committed.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._acknowledged: tuple[int, float] | None = None  # end row, and when

    def receive(self, event: Event) -> None:
        """Take in what happened to the load."""
        now = time.perf_counter()
        match event:
            case RowsAcknowledged():
                self._acknowledged = (event.end_row, now)
                self.seconds = 0.0
            case RowsCommitted() if self._acknowledged and event.end_row >= self._acknowledged[0]:
                self.seconds = now - self._acknowledged[1]
                self._acknowledged = None


class Watches:
    """Measures where the seconds of one load go. It knows nothing of the load, which may end before its view.

    Attributes:
        encoding, waiting, sending: measure what `Timings` reports under the same names.
        compress_s: seconds of compressing and of the digest, up to the last payload that was made.
        committing: measures the last commit.
    """

    def __init__(self) -> None:
        self.encoding, self.waiting, self.sending = Stopwatch(), Stopwatch(), Stopwatch()
        self.compress_s = 0.0
        self.committing = CommitWatch()

    def timings(self) -> Timings:
        """Return where they went so far."""
        return Timings(
            encode=self.encoding.seconds,
            compress=self.compress_s,
            wait=self.waiting.seconds,
            send=self.sending.seconds,
            commit=self.committing.seconds,
        )
