"""The state of a running load: an immutable snapshot, made from the load's own counts.

Views draw snapshots; they know nothing of channels, and the load knows nothing of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..events import Phase, TokenLife
from .counts import Counts
from .history import History, Sample
from .timings import Timings

ENDS = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Counts):
    """A load at one moment: its counts, and what a view shows beside them.

    Attributes:
        load_id, target, channel: which load, where its rows go, and through which channel.
        account, user, fingerprint: who loads; the fingerprint of the key, "" without one.
        phase: where the load is.
        message: why it stopped, "" otherwise.
        goes_on: whether the same call can go on where it stopped.
        rows_total: rows of the source, None where it does not know.
        rejected_message: the service's reason for the last rejected row.
        token_sent, token_committed: the last offset token acknowledged, and the last one committed.
        seconds: since the load began, until its end.
        timings: where they went.
        recent_bytes_per_s: NDJSON acknowledged per second, over the last five.
        samples: the run so far, for a chart.
        tokens: the lives of the client's tokens, by kind.
        parts: of a load through several channels, each one's state, in the order of their rows; else none.
            Of a load in partitions, the state of each worker that has reported something.
        worker: the worker whose partitions these are, "" outside of a load in partitions.
    """

    load_id: str
    target: str
    channel: str
    account: str
    user: str
    fingerprint: str
    phase: Phase = "preparing"
    message: str = ""
    goes_on: bool = True
    rows_total: int | None = None
    rejected_message: str | None = None
    token_sent: str | None = None
    token_committed: str | None = None
    seconds: float = 0.0
    timings: Timings = field(default_factory=Timings)
    recent_bytes_per_s: float = 0.0
    samples: tuple[Sample, ...] = ()
    tokens: Mapping[str, TokenLife] = field(default_factory=dict)
    parts: tuple[Progress, ...] = ()
    worker: str = ""

    @property
    def megabytes_per_s(self) -> float:
        """Row JSON sent per second, in 10^6 bytes."""
        return self.raw_bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0

    @property
    def wire_ratio(self) -> float | None:
        """Row JSON over bytes on the wire, None before the first request."""
        return self.raw_bytes / self.sent_bytes if self.sent_bytes else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last row is sent, at the pace so far; None where the end is not known."""
        if self.ended or self.rows_total is None or self.rows_sent == 0 or self.seconds <= 0:
            return None
        return max(0, self.rows_total - self.rows_acknowledged) * self.seconds / self.rows_sent

    @property
    def ended(self) -> bool:
        """Whether nothing will change again."""
        return self.phase in ENDS


class Snapshots(Protocol):
    """A source of the state of a load, or of a part of one."""

    def snapshot(self) -> Progress:
        """Return the state now."""


class Tracker:
    """Keeps the state of one load: written by the load's thread, read by displays from another one.

    Args:
        progress: the state before the load begins.
        tokens: returns the lives of the client's tokens.
        timings: returns where the load's seconds went so far.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        progress: Progress,
        *,
        tokens: Callable[[], Mapping[str, TokenLife]],
        timings: Callable[[], Timings],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._tokens = tokens
        self._timings = timings
        self._clock = clock
        self._lock = threading.Lock()
        self._history = History()
        self._started = clock()
        # What has changed since; it becomes a snapshot when somebody looks.
        self._counts: Counts = progress
        self._changes: dict[str, Any] = {}
        self._ended_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self._ended_at is not None

    @property
    def seconds(self) -> float:
        """Seconds since the load began, until its end."""
        return self._clock() - self._started if self._ended_at is None else self._ended_at

    def take(self, counts: Counts, **changes: Any) -> None:
        """Take in what the load has done, and what else has changed; after its end nothing does."""
        with self._lock:
            if self.ended:
                return
            now = self.seconds
            before, self._counts = self._counts, counts
            self._changes.update(changes)
            if (before.raw_bytes, before.rows_waiting) != (counts.raw_bytes, counts.rows_waiting):
                self._history.add(Sample(now, counts.raw_bytes, counts.rows_waiting))
            if changes.get("phase") in ENDS:
                self._ended_at = now

    def snapshot(self) -> Progress:
        """Return the state now."""
        with self._lock:
            now = self.seconds
            return replace(
                self._progress,
                **self._counts.as_dict(),
                **self._changes,
                timings=self._timings(),
                seconds=now,
                recent_bytes_per_s=self._history.bytes_per_s(now),
                samples=self._history.samples,
                tokens=self._tokens(),
            )
