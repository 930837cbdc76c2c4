"""What a running load shows: an immutable snapshot, and the counters it is taken from.

Views (widget, terminal line, callback) draw snapshots; they know nothing of channels, and the load
knows nothing of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["preparing", "sending", "committing", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A load at one moment. Rows and bytes are counts, times are seconds; None means not known.

    `rows_sent` were acknowledged by the service; `rows_committed` are durable, the skipped rows of a
    resumed load included.
    """

    load_id: str
    channel: str
    user: str
    phase: Phase
    rows_total: int | None
    rows_skipped: int
    rows_sent: int
    rows_committed: int
    rows_rejected: int
    raw_bytes: int
    sent_bytes: int
    requests: int
    retries: int
    seconds: float
    token_expires_in_s: float | None
    message: str

    @property
    def rows_done(self) -> int:
        """Rows behind the load, sent now or found committed."""
        return self.rows_skipped + self.rows_sent

    @property
    def megabytes_per_s(self) -> float:
        """Row JSON sent per second, in 10^6 bytes."""
        return self.raw_bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0


Listener = Callable[[Progress], None]


class Tracker:
    """Counts what one load does; written by the load, read by displays from another thread."""

    def __init__(
        self, *, load_id: str, channel: str, user: str, token_expires_in_s: Callable[[], float | None]
    ) -> None:
        self.load_id = load_id
        self.channel = channel
        self.user = user
        self.phase: Phase = "preparing"
        self.rows_total: int | None = None
        self.rows_skipped = 0
        self.rows_sent = 0
        self.rows_committed = 0
        self.rows_rejected = 0
        self.raw_bytes = 0
        self.sent_bytes = 0
        self.requests = 0
        self.retries = 0
        self.message = ""
        self.changed = threading.Event()
        self._token_expires_in_s = token_expires_in_s
        self._started = time.monotonic()
        self._seconds: float | None = None

    def enter(self, phase: Phase, message: str = "") -> None:
        """Change the phase; the clock stops with "done" and "failed"."""
        self.phase = phase
        self.message = message
        if phase in ("done", "failed"):
            self._seconds = time.monotonic() - self._started
        self.changed.set()

    def snapshot(self) -> Progress:
        """Return the state now."""
        seconds = time.monotonic() - self._started if self._seconds is None else self._seconds
        return Progress(
            load_id=self.load_id,
            channel=self.channel,
            user=self.user,
            phase=self.phase,
            rows_total=self.rows_total,
            rows_skipped=self.rows_skipped,
            rows_sent=self.rows_sent,
            rows_committed=self.rows_committed,
            rows_rejected=self.rows_rejected,
            raw_bytes=self.raw_bytes,
            sent_bytes=self.sent_bytes,
            requests=self.requests,
            retries=self.retries,
            seconds=seconds,
            token_expires_in_s=self._token_expires_in_s(),
            message=self.message,
        )
