"""What happens while rows are sent: frozen dataclasses, and the hub that sends them to listeners.

The one language of displays, callbacks and tests. Every room may use it; it knows none of them. No event
holds a token, a key or a row.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Phase = Literal["preparing", "sending", "paused", "committing", "done", "failed", "cancelled"]
"""The phases of a load; the last three are ends."""

_log = logging.getLogger("snowpipe_pandas.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        channel: name of the channel that it concerns, None where it concerns the whole client.
        target: that channel's table, or pipe if one was named; two tables may have channels of one name.
        load_id: the load that it belongs to, None where it belongs to none.
    """

    channel: str | None = None
    target: str | None = None
    load_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStarted(Event):
    """A load begins.

    Attributes:
        rows_total: rows of the source, None where it does not know.
        rows_skipped: rows that an earlier call committed; this call goes on after them.
    """

    rows_total: int | None
    rows_skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged(Event):
    """A load enters a phase.

    Attributes:
        phase: which one.
        message: why it stopped.
        goes_on: whether the same call can go on where it stopped.
    """

    phase: Phase
    message: str = ""
    goes_on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAcknowledged(Event):
    """The service has received a request's rows; they are not durable yet.

    Attributes:
        first_row: number of the request's first row in the source.
        end_row: number of the row after its last one.
        raw_bytes: size as NDJSON.
        sent_bytes: size on the wire, compressed.
        tries: requests that were sent for it.
        offset_token: the token that the channel will show once they are committed.
    """

    first_row: int
    end_row: int
    raw_bytes: int
    sent_bytes: int
    tries: int
    offset_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCommitted(Event):
    """The service has dealt with all rows before `end_row`: each is in the table, or rejected.

    Attributes:
        end_row: exclusive end row of what is committed.
        rows_in_table: rows of the load that are durable in the table.
        rows_rejected: rows of the load that were skipped.
        offset_token: what the channel shows.
    """

    end_row: int
    rows_in_table: int
    rows_rejected: int
    offset_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRejected(Event):
    """The service skipped rows.

    Attributes:
        rows: how many of this load so far.
        message: the service's reason for the last one.
    """

    rows: int
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRetried(Event):
    """A request failed, and another try may succeed.

    Attributes:
        operation: what it was for, such as "append to channel 'a'".
        tries: requests sent so far.
        pause_s: seconds until the next one.
        status: the answer's status, None where there was no answer.
        code: the answer's code.
        reason: what went wrong, in words.
    """

    operation: str
    tries: int
    pause_s: float
    status: int | None
    code: str
    reason: str

    @property
    def throttled(self) -> bool:
        """Whether the service asked for a slower pace."""
        return self.status == 429


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReopened(Event):
    """A load opened its channel again to find out what is committed.

    Attributes:
        reason: the code that led to it.
        end_row: rows committed; the load goes on there.
    """

    reason: str
    end_row: int


@dataclass(frozen=True, slots=True)
class TokenLife:
    """What may be shown of a token: its life in seconds, and why it was made.

    Attributes:
        expires_in_s: seconds until its end, negative after it.
        life_s: seconds from when it was made to its end.
        margin_s: it is renewed when fewer seconds than these are left.
        age_s: seconds since it was made.
        reason: why it was made.
        assumed: whether its life is assumed, since it is not known when it ends.
    """

    expires_in_s: float
    life_s: float
    margin_s: float
    age_s: float
    reason: str
    assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRenewed(Event):
    """A token was signed or exchanged again: the client's own ("jwt"), or the ingest host's ("scoped")."""

    kind: Literal["jwt", "scoped"]
    life: TokenLife


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientClosed(Event):
    """The client was closed and sends nothing after this."""


Listener: TypeAlias = Callable[[Event], None]


class Hub:
    """Calls listeners with events, in the thread in which they happen.

    A listener that raises is logged once and not called again: it must never harm a load.

    Args:
        listeners: those that receive every event from the beginning.
    """

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._lock = threading.Lock()
        self._listeners = tuple(listeners)

    @property
    def heard(self) -> bool:
        """Whether there is a listener."""
        return bool(self._listeners)

    def emit(self, event: Event) -> None:
        """Call every listener with an event."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  # a listener can fail in any way
                self._remove(listener)
                _log.warning("a listener failed on %s and is not called again", event, exc_info=True)

    @contextlib.contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Call `listener` with every event for as long as the block runs."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            self._remove(listener)

    def _remove(self, listener: Listener) -> None:
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)
