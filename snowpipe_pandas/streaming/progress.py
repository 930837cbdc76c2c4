"""The state of a running load: an immutable snapshot, folded from the load's events.

Views draw snapshots; they know nothing of channels, and the load knows nothing of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..events import (
    ChannelReopened,
    Event,
    LoadStarted,
    Phase,
    PhaseChanged,
    RequestRetried,
    RowsAcknowledged,
    RowsCommitted,
    RowsRejected,
    TokenLife,
)
from .history import History, Sample

ENDS = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Progress:
    """A load at one moment. Rows and bytes are counts, times are seconds; None means not known.

    `rows_sent` were acknowledged by the service, in this call; `rows_committed` are durable, the skipped
    rows of a resumed load included. `recent_bytes_per_s` is the speed of the last five seconds; `samples` is
    the run so far, for a chart; `tokens` are the lives of the client's tokens by kind.
    """

    load_id: str
    channel: str
    account: str
    user: str
    fingerprint: str
    phase: Phase = "preparing"
    message: str = ""
    rows_total: int | None = None
    rows_skipped: int = 0
    rows_sent: int = 0
    rows_committed: int = 0
    rows_rejected: int = 0
    rejected_message: str | None = None
    raw_bytes: int = 0
    sent_bytes: int = 0
    requests: int = 0
    retries: int = 0
    throttles: int = 0
    reopens: int = 0
    token_sent: str | None = None
    token_committed: str | None = None
    seconds: float = 0.0
    recent_bytes_per_s: float = 0.0
    samples: tuple[Sample, ...] = ()
    tokens: Mapping[str, TokenLife] = field(default_factory=dict)

    @property
    def rows_done(self) -> int:
        """Rows behind the load, sent now or found committed."""
        return self.rows_skipped + self.rows_sent

    @property
    def rows_lag(self) -> int:
        """Rows acknowledged and not committed yet."""
        return max(0, self.rows_done - self.rows_committed)

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
        """Time until the last row is sent, at the pace so far; None where the end is not known."""
        if self.ended or self.rows_total is None or self.rows_sent == 0 or self.seconds <= 0:
            return None
        return max(0, self.rows_total - self.rows_done) * self.seconds / self.rows_sent

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.phase in ENDS


class Tracker:
    """A listener that folds a load's events into snapshots; read by displays from another thread.

    Args:
        progress: the state before the first event.
        tokens: tells the lives of the client's tokens.
    """

    def __init__(
        self,
        progress: Progress,
        *,
        tokens: Callable[[], Mapping[str, TokenLife]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._history = History()
        self._started = clock()

    def __call__(self, event: Event) -> None:
        """Take in an event of this load, or of its client."""
        if event.channel in (None, self._progress.channel):
            with self._lock:
                now = self._seconds()
                self._progress = state = replace(_folded(self._progress, event), seconds=now)
                if isinstance(event, _COUNTS):
                    self._history.add(Sample(now, state.raw_bytes, state.rows_lag))

    def snapshot(self) -> Progress:
        """Return the state now."""
        with self._lock:
            now = self._seconds()
            return replace(
                self._progress,
                seconds=now,
                recent_bytes_per_s=self._history.bytes_per_s(now),
                samples=self._history.samples,
                tokens=self._tokens(),
            )

    def _seconds(self) -> float:
        return self._progress.seconds if self._progress.ended else self._clock() - self._started


_COUNTS = (RowsAcknowledged, RowsCommitted, ChannelReopened)
"""Events that move the chart."""


def _folded(state: Progress, event: Event) -> Progress:
    match event:
        case LoadStarted():
            skipped = event.rows_skipped
            return replace(state, rows_total=event.rows_total, rows_skipped=skipped, rows_committed=skipped)
        case PhaseChanged():
            return replace(state, phase=event.phase, message=event.message)
        case RowsAcknowledged():
            return replace(
                state,
                rows_sent=event.end_row - state.rows_skipped,
                raw_bytes=state.raw_bytes + event.raw_bytes,
                sent_bytes=state.sent_bytes + event.sent_bytes,
                requests=state.requests + 1,
                token_sent=event.offset_token,
            )
        case RowsCommitted():
            return replace(state, rows_committed=event.end_row, token_committed=event.offset_token)
        case RowsRejected():
            return replace(state, rows_rejected=event.rows, rejected_message=event.message)
        case RequestRetried():
            throttled = int(event.throttled)
            return replace(state, retries=state.retries + 1, throttles=state.throttles + throttled)
        case ChannelReopened():
            return replace(state, reopens=state.reopens + 1, rows_sent=event.end_row - state.rows_skipped)
    return state
