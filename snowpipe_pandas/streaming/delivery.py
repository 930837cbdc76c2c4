"""Delivers the payloads of one load through one channel, each row once.

An append that may or may not have been applied is never sent blindly again: the channel is reopened,
which fences every earlier request, and the committed offset token says where to go on. Payloads are
held until they are committed, so that a server which lost its uncommitted rows gets them again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from ..errors import ChannelInvalidError, ChannelTakenOverError, RowsRejectedError
from ..rest.answers import STALE_CONTINUATION, ChannelStatus
from ..rest.channel import COMMIT_TIMEOUT_S, Channel
from ..rows.payloads import Payload
from .offsets import START, Position, format_token, parse_token
from .progress import Tracker

STATUS_INTERVAL_S = 1.0
"""How often the committed position is asked for while rows are being sent."""

MAX_UNCOMMITTED_BYTES = 128 * 1024 * 1024
"""Compressed payloads held for replay; sending waits for commits beyond it."""

MAX_REOPENS = 3
REOPEN_WINDOW_S = 60.0
"""A channel that needs reopening more often than this is not going to get well by it."""

OnError = Literal["raise", "report"]
_OTHER_WRITER_CODES = frozenset({STALE_CONTINUATION, "ERR_CHANNEL_HAS_INVALID_CLIENT_SEQUENCER"})


class Delivery:
    """One load on its way through one channel.

    Args:
        channel: an open channel; this load is its only writer.
        load_id: the name under which the load can be resumed.
        tracker: is told what happens.
        on_error: "raise" stops at the first rejected row, "report" counts them.
    """

    def __init__(self, channel: Channel, load_id: str, tracker: Tracker, *, on_error: OnError) -> None:
        self._channel = channel
        self.load_id = load_id
        self._tracker = tracker
        self._on_error = on_error
        self._held: deque[Payload] = deque()
        self._held_bytes = 0
        self._reopened_at: deque[float] = deque(maxlen=MAX_REOPENS)
        self._next_status_at = 0.0
        status = self._settle()
        self.start = parse_token(load_id, status.last_committed_offset_token) or START
        """Where the load goes on; rows before it were committed by an earlier call."""
        self._acknowledged = self._committed = self.start
        self._foreign_token = None if self.start.rows else status.last_committed_offset_token
        self._errors = _Growth(status.rows_error_count)

    @property
    def committed(self) -> Position:
        """The last position known to be durable."""
        return self._committed

    @property
    def acknowledged(self) -> Position:
        """The last position which the service has received."""
        return self._acknowledged

    def send(self, payload: Payload) -> None:
        """Send the next payload; returns once the service has acknowledged it.

        Raises:
            ChannelTakenOverError: another writer opened the channel.
            RowsRejectedError: earlier rows were rejected (with `on_error="raise"`).
        """
        self._held.append(payload)
        self._held_bytes += len(payload.body)
        try:
            self._append(payload)
        except ChannelInvalidError as error:
            self._recover(error)
        self._tracker.raw_bytes += payload.raw_bytes
        self._tracker.sent_bytes += len(payload.body)
        if time.monotonic() >= self._next_status_at:
            self._observe(self._channel.status())
        if self._held_bytes > MAX_UNCOMMITTED_BYTES:
            self._wait_until(lambda: self._held_bytes <= MAX_UNCOMMITTED_BYTES // 2, COMMIT_TIMEOUT_S)

    def finish(self, *, timeout_s: float) -> None:
        """Wait until every acknowledged row is committed.

        Raises:
            CommitTimeoutError: not committed in time; the same load can be resumed.
            RowsRejectedError: the service skipped rows (with `on_error="raise"`).
        """
        self._wait_until(lambda: self._committed.rows >= self._acknowledged.rows, timeout_s)

    def _append(self, payload: Payload) -> None:
        position = Position(payload.end_row, payload.digest)
        try:
            tries = self._channel.append_rows(
                payload.body,
                start_offset_token=f"{self.load_id}:{payload.first_row}",
                end_offset_token=format_token(self.load_id, position),
                raw_bytes=payload.raw_bytes,
                content_encoding="zstd",
            ).tries
        except ChannelInvalidError as error:
            self._count_requests(error.tries)
            raise
        self._count_requests(tries)
        self._advance(position)

    def _advance(self, position: Position) -> None:
        self._acknowledged = position
        self._tracker.rows_sent = position.rows - self.start.rows

    def _count_requests(self, tries: int) -> None:
        self._tracker.requests += tries
        self._tracker.retries += max(0, tries - 1)

    def _settle(self) -> ChannelStatus:
        """Bring the channel into a state without uncommitted rows, as a load's start needs it."""
        if self._channel.in_doubt:
            return self._channel.reopen()
        if self._channel.awaited_token is not None:
            return self._channel.wait_for_commit(self._channel.awaited_token)
        status = self._channel.status()
        return status if status.healthy else self._channel.reopen()

    def _wait_until(self, reached: Callable[[], bool], timeout_s: float) -> None:
        def judge(status: ChannelStatus) -> bool:
            self._observe(status)
            return reached()

        while not reached():
            try:
                self._channel.wait_for_status(judge, timeout_s=timeout_s)
            except ChannelInvalidError as error:
                self._recover(error)

    def _observe(self, status: ChannelStatus) -> None:
        """Take in a fresh status: committed rows are let go, rejected ones are counted."""
        self._next_status_at = time.monotonic() + STATUS_INTERVAL_S
        position = parse_token(self.load_id, status.last_committed_offset_token)
        if position is not None and self._committed.rows < position.rows <= self._acknowledged.rows:
            self._committed = position
            self._release()
        self._tracker.rows_committed = self._committed.rows
        self._tracker.rows_rejected = self._errors.up_to(status.rows_error_count)
        if self._tracker.rows_rejected and self._on_error == "raise":
            raise self._rejected(status)

    def _release(self) -> None:
        while self._held and self._held[0].end_row <= self._committed.rows:
            self._held_bytes -= len(self._held.popleft().body)

    def _recover(self, cause: ChannelInvalidError) -> None:
        """Reopen the channel, learn what is committed, and send again what is held and is not.

        A retried append that meets a stale token was most likely applied by its first try. A stale
        token on the first try means that somebody else opened the channel: reopening would only
        start a duel of two writers.
        """
        while True:
            if cause.tries <= 1 and cause.code in _OTHER_WRITER_CODES:
                raise self._taken_over(cause)
            self._check_reopen_budget(cause)
            self._resume_after(self._channel.reopen())
            try:
                for payload in tuple(self._held):
                    self._append(payload)
            except ChannelInvalidError as error:
                cause = error
            else:
                return

    def _resume_after(self, status: ChannelStatus) -> None:
        token = status.last_committed_offset_token
        position = parse_token(self.load_id, token)
        if position is None and self._committed == START and token == self._foreign_token:
            position = START
        borders = {self._committed.rows, *(payload.end_row for payload in self._held)}
        if position is None or position.rows not in borders:
            raise ChannelTakenOverError(
                f"channel {self._channel.name!r} was committed to {token!r} by another writer, "
                f"this load had {self._committed.rows:,} rows committed; give each load a channel of its own",
                channel=self._channel.name,
            )
        self._advance(position)
        self._observe(status)

    def _check_reopen_budget(self, cause: ChannelInvalidError) -> None:
        now = time.monotonic()
        if len(self._reopened_at) == MAX_REOPENS and now - self._reopened_at[0] < REOPEN_WINDOW_S:
            raise cause
        self._reopened_at.append(now)

    def _taken_over(self, cause: ChannelInvalidError) -> ChannelTakenOverError:
        return ChannelTakenOverError(
            f"another writer opened channel {self._channel.name!r} while this load was streaming; "
            "give each writer a channel of its own, then run this load again",
            channel=self._channel.name,
            status=cause.status,
            code=cause.code,
            request_id=cause.request_id,
        )

    def _rejected(self, status: ChannelStatus) -> RowsRejectedError:
        rejected = self._tracker.rows_rejected
        return RowsRejectedError(
            f"the service rejected {rejected:,} rows of load {self.load_id!r}; the last reason: "
            f"{status.last_error_message or 'not told'} "
            f"(up to offset {status.last_error_offset_upper_bound!r}); "
            'correct those rows and load them anew, or pass on_error="report" to count them only',
            rejected=rejected,
            last_message=status.last_error_message,
        )


class _Growth:
    """How far a server's counter has grown; a counter that starts anew after a reopen never shrinks it."""

    def __init__(self, start: int) -> None:
        self._last = start
        self._total = 0

    def up_to(self, value: int) -> int:
        self._total += value - self._last if value >= self._last else value
        self._last = value
        return self._total
