"""A few threads that send payloads, each one at a time, and report to one other thread how each ends."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeAlias

from ..events import Event
from ..rest.trail import Trail
from ..rows.payloads import Payload
from ..waits import FOR_EVER_S, join_in_time


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """A payload to send, and what becomes of it.

    Attributes:
        payload: what is sent.
        trail: the tries of its request.
        tries_before, in_doubt_before: those of an earlier request with these rows, which was too large.
    """

    payload: Payload
    trail: Trail = field(default_factory=Trail)
    tries_before: int = 0
    in_doubt_before: int = 0

    @property
    def tries(self) -> int:
        """How often its rows were sent, or were tried to be."""
        return self.tries_before + self.trail.tries

    @property
    def in_doubt(self) -> int:
        """How many of these tries may have been applied, though no answer says so."""
        return self.in_doubt_before + self.trail.in_doubt

    def halves(self) -> tuple[Errand, Errand]:
        """Return errands for the first and the second half of its rows."""
        first, second = self.payload.halves()
        tries, in_doubt = self.tries, self.in_doubt
        return (
            Errand(first, tries_before=tries, in_doubt_before=in_doubt),
            Errand(second, tries_before=tries, in_doubt_before=in_doubt),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """An errand is over: its rows are durable, or its request ended with this error."""

    errand: Errand
    error: BaseException | None


News: TypeAlias = Ended | Event


class Senders:
    """Threads that send, started as they are needed. Use it as a context manager, from one thread.

    Leaving waits for them for a moment only; one whose request takes longer ends later, unnoticed.

    Args:
        send: sends a payload; called in the threads.
        most: most threads.
        wake: called whenever there is news, in the thread that brings it.

    Attributes:
        under_way: the errands that were given, in that order; whoever takes in the end of one removes it.
    """

    def __init__(self, send: Callable[[Errand], None], *, most: int, wake: Callable[[], None]) -> None:
        self.under_way: list[Errand] = []
        self._send = send
        self._most = most
        self._wake = wake
        self._changed = threading.Condition()
        self._given: deque[Errand] = deque()
        self._news: deque[News] = deque()
        self._woken = self._stopped = False
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Senders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._given.clear()
            self._changed.notify_all()
        join_in_time(self._threads)

    @property
    def bytes_under_way(self) -> int:
        """Compressed size of the payloads under way."""
        return sum(len(errand.payload.body) for errand in self.under_way)

    def has_room_for(self, payload: Payload, max_bytes: int) -> bool:
        """Whether a thread is free, and the payload fits below `max_bytes` with others; one always does."""
        if not self.under_way:
            return True
        return len(self.under_way) < self._most and self.bytes_under_way + len(payload.body) <= max_bytes

    def give(self, errand: Errand) -> None:
        """Give a payload to a thread, a new one if none is free; without more threads it waits its turn.

        Raises:
            RuntimeError: there is not even one.
        """
        if len(self._threads) <= min(len(self.under_way), self._most - 1):
            self._start_thread()
        self.under_way.append(errand)
        with self._changed:
            self._given.append(errand)
            self._changed.notify_all()

    def _start_thread(self) -> None:
        name = f"snowpipe-elastic-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def report(self, news: News) -> None:
        """Report news to the thread that waits for it; from any thread."""
        with self._changed:
            self._news.append(news)
            self._changed.notify_all()
        self._wake()

    def wake(self) -> None:
        """End the wait for news, or the next one; from any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def news(self, timeout_s: float) -> list[News]:
        """Return what has happened since the last call, in order; waits until there is something.

        Args:
            timeout_s: how long to wait, in seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._woken, min(timeout_s, FOR_EVER_S))
            self._woken = False
            news, self._news = list(self._news), deque()
        return news

    def _run(self) -> None:
        while (errand := self._next()) is not None:
            error: BaseException | None = None
            try:
                self._send(errand)
            except BaseException as caught:  # noqa: BLE001  # raised by the load, whatever it is
                error = caught
            self.report(Ended(errand, error))
            del errand, error  # a thread that waits holds no body

    def _next(self) -> Errand | None:
        with self._changed:
            self._changed.wait_for(lambda: self._given or self._stopped, FOR_EVER_S)
            return None if self._stopped else self._given.popleft()
