"""Delivers the payloads of one load through one channel, each row once.

Payloads are held until they are committed, and one position says what the service has acknowledged.
Everything is decided from these two: what is sent next is what lies behind the position. An append that
may or may not have been applied is never sent blindly again: the channel is reopened, which fences
every earlier request, and the position goes back to the committed offset token. How a refusal is judged
stands in `recovery.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ..errors import (
    AuditError,
    ChannelError,
    ChannelInvalidError,
    PayloadTooLargeError,
    RowsRejectedError,
    RowTooLargeError,
    SnowpipeError,
)
from ..events import ChannelReopened, Event, RowsAcknowledged, RowsCommitted, RowsRejected
from ..rest.channel import COMMIT_TIMEOUT_S, Channel
from ..rest.status import ChannelStatus
from ..rows.payloads import Payload
from .held import Held
from .ledger import Ledger
from .offsets import START, Position, format_token, parse_token
from .recovery import Recovery

STATUS_INTERVAL_S = 1.0
"""How often the committed position is asked for while rows are being sent."""

MUCH_HELD = 0.5
"""Beyond this share of what may be held, it is asked for four times as often: sending may soon wait."""

MAX_IN_FLIGHT_BYTES = 32 * 1024 * 1024
"""Compressed payloads held for replay; sending waits for commits beyond it. A channel's 20 MB/s, compressed
to a quarter, are held for 7 s by it: a commit takes 5 to 10 s."""

AUDIT_GRACE_S = 10.0
"""How long the counters may lag behind the offset token."""

SETTLE_TIMEOUT_S = 20.0
"""How long a failed load waits to learn what became of its last rows; a commit takes 5 to 10 s."""

OnError = Literal["raise", "report"]


class Delivery:
    """One load on its way through one channel.

    Args:
        channel: an open channel; this load is its only writer.
        load_id: the name under which the load can be resumed.
        emit: is told what happens.
        on_error: "raise" stops at the first rejected row, "report" counts them.
        max_in_flight_bytes: compressed bytes that may be on their way, sent and not committed.

    Attributes:
        start: where the load goes on; rows before it were committed by an earlier call.
        acknowledged: the last position which the service has received.
        committed: the last position known to be durable.
        rows_sent, raw_bytes, sent_bytes, requests, retries: counts of this call.
        failed_rows: rows of the append that failed last, None if none did.
    """

    def __init__(
        self,
        channel: Channel,
        load_id: str,
        emit: Callable[[Event], None],
        *,
        on_error: OnError,
        max_in_flight_bytes: int = MAX_IN_FLIGHT_BYTES,
    ) -> None:
        self._channel = channel
        self.load_id = load_id
        self._emit = emit
        self._on_error = on_error
        self._max_in_flight_bytes = max_in_flight_bytes
        self._held = Held()
        self._last_status_at = float("-inf")
        self.raw_bytes = self.sent_bytes = self.requests = self.retries = 0
        self.failed_rows: tuple[int, int] | None = None
        status = self._settled_channel()
        self.start = parse_token(load_id, status.last_committed_offset_token) or START
        self.acknowledged = self.committed = self.start
        self._sent_until = self.start.rows
        self._ledger = Ledger(status, self.start.rows)
        self._recovery = Recovery(channel, load_id, status)

    @property
    def rows_sent(self) -> int:
        """Rows that this call has sent, repetitions not counted."""
        return self._sent_until - self.start.rows

    @property
    def rows_rejected(self) -> int:
        """Rows of this call which the service skipped."""
        return 0 if self._ledger.rejected is None else self._ledger.rejected.rows

    def send(self, payload: Payload) -> None:
        """Send the next payload; returns once the service has acknowledged it.

        Raises:
            ChannelTakenOverError: another writer opened the channel.
            RowsRejectedError: earlier rows were rejected (with `on_error="raise"`).
            RowTooLargeError: the service refuses one row alone as too large.
        """
        if self._held.bytes + len(payload.body) > self._max_in_flight_bytes:
            most = max(0, self._max_in_flight_bytes - len(payload.body))
            self._wait_until(lambda: self._held.bytes <= most, COMMIT_TIMEOUT_S)
        self._held.add(payload)
        self._push()
        if self._channel.clock.monotonic() >= self._last_status_at + self._status_interval_s():
            self._observe(self._channel.status())

    def _status_interval_s(self) -> float:
        much = self._held.bytes > MUCH_HELD * self._max_in_flight_bytes
        return STATUS_INTERVAL_S / 4 if much else STATUS_INTERVAL_S

    def finish(self, *, timeout_s: float) -> None:
        """Wait until every row is committed, and check the service's counts of them.

        Raises:
            CommitTimeoutError: not committed in time; the same load can be resumed.
            RowsRejectedError: the service skipped rows (with `on_error="raise"`).
            AuditError: the service counts other rows than were sent.
        """
        self._wait_until(lambda: self.committed.rows >= self.acknowledged.rows, timeout_s)
        self._audit()

    def look(self) -> None:
        """Learn what has been committed meanwhile, where nothing else asks, as in a pause."""
        if self.committed.rows < self.acknowledged.rows:
            self._observe(self._channel.status())

    def settle(self) -> bool:
        """Learn after a failure what became of the rows; returns whether `committed` is exact now.

        Nothing is sent. An append in doubt is fenced by reopening the channel.
        """
        try:
            if self._channel.in_doubt:
                status = self._channel.reopen()
                self.acknowledged = self._recovery.position_after(status, self.committed, self._held)
                self._take_position(status)
            else:
                self._channel.wait_for_status(self._sees_all, timeout_s=SETTLE_TIMEOUT_S)
        except SnowpipeError:
            return False
        return True

    def _sees_all(self, status: ChannelStatus) -> bool:
        self._take_position(status)
        return self.committed.rows >= self.acknowledged.rows

    def _push(self) -> None:
        """Append what is held and not acknowledged, until nothing is."""
        while (payload := self._held.next_after(self.acknowledged)) is not None:
            try:
                self._append(payload)
            except ChannelInvalidError as error:
                self._recover(error, payload)
            except PayloadTooLargeError as error:
                self._shrink(payload, error)

    def _append(self, payload: Payload) -> None:
        position = Position(payload.end_row, payload.digest)
        token = format_token(self.load_id, position)
        self.failed_rows = (payload.first_row, payload.end_row)
        if payload.end_row > self._sent_until:
            self._sent_until = payload.end_row
            self.raw_bytes += payload.raw_bytes
            self.sent_bytes += len(payload.body)
        try:
            tries = self._channel.append_rows(
                payload.body,
                start_offset_token=f"{self.load_id}:{payload.first_row}",
                end_offset_token=token,
                raw_bytes=payload.raw_bytes,
                content_encoding="zstd",
            ).tries
        except (ChannelError, PayloadTooLargeError) as error:
            self._count(error.tries)
            raise
        self.failed_rows = None
        self._count(tries)
        self.acknowledged = position
        self._emit(
            RowsAcknowledged(
                channel=self._channel.name,
                first_row=payload.first_row,
                end_row=payload.end_row,
                raw_bytes=payload.raw_bytes,
                sent_bytes=len(payload.body),
                tries=tries,
                offset_token=token,
            )
        )

    def _count(self, tries: int) -> None:
        self.requests += tries
        self.retries += max(0, tries - 1)

    def _shrink(self, payload: Payload, error: PayloadTooLargeError) -> None:
        """Send parts of a payload that the service refused as too large, and of those like it."""
        if payload.rows == 1:
            size = len(payload.body)
            raise RowTooLargeError(row=payload.first_row, size=payload.raw_bytes, limit=size) from error
        self._held.limit_below(payload)
        if error.tries > 1:  # an earlier try may have been applied after all
            self._go_back(error)

    def _recover(self, cause: ChannelInvalidError, payload: Payload | None) -> None:
        """Reopen the channel and go back to what is committed, unless another writer has it."""
        self._recovery.check_owner(cause, payload, self.acknowledged)
        self._go_back(cause)

    def _go_back(self, cause: ChannelInvalidError | PayloadTooLargeError) -> None:
        self._recovery.spend_reopen(cause)
        self._see_commits()
        status = self._channel.reopen()
        seen = self.committed.rows
        self.acknowledged = self._recovery.position_after(status, self.committed, self._held)
        self._ledger.unseen += self.acknowledged.rows - seen
        self.failed_rows = None
        self._emit(
            ChannelReopened(
                channel=self._channel.name,
                reason=cause.code or f"HTTP {cause.status}",
                end_row=self.acknowledged.rows,
            )
        )
        self._observe(status)

    def _see_commits(self) -> None:
        """Wait for commits under way before a reopen does: counters may start anew with it.

        Rows that the service has lost are not waited for: then the channel is not well, or time runs out.
        """
        if self.committed.rows < self.acknowledged.rows:
            for status in self._recovery.watch():
                self._observe(status)
                if self.committed.rows >= self.acknowledged.rows or not status.healthy:
                    return

    def _wait_until(self, reached: Callable[[], bool], timeout_s: float) -> None:
        def judge(status: ChannelStatus) -> bool:
            self._observe(status)
            return reached()

        while not reached():
            try:
                self._channel.wait_for_status(judge, timeout_s=timeout_s)
            except ChannelInvalidError as error:
                self._recover(error, None)
                self._push()

    def _observe(self, status: ChannelStatus) -> None:
        """Take in a fresh status: committed rows are let go, rejected ones are told."""
        self._last_status_at = self._channel.clock.monotonic()
        self._take_position(status)
        bound = parse_token(self.load_id, status.last_error_offset_upper_bound)
        more = self._ledger.take(
            status,
            committed_rows=self.committed.rows,
            bound_rows=None if bound is None else bound.rows,
        )
        if more:
            self._emit(
                RowsRejected(
                    channel=self._channel.name, rows=self.rows_rejected, message=status.last_error_message
                )
            )
        if self.rows_rejected and self._on_error == "raise":
            raise self._rejected()

    def _take_position(self, status: ChannelStatus) -> None:
        """Move `committed` forward; a token that goes back, or is not ours, moves nothing.

        What is committed was received, even where its answer was lost.
        """
        token = status.last_committed_offset_token
        position = parse_token(self.load_id, token)
        if position is None or position.rows <= self.committed.rows or not self._held.has_border(position):
            return
        self.committed = position
        self.acknowledged = max(position, self.acknowledged, key=lambda p: p.rows)
        self._held.release(position)
        self._emit(RowsCommitted(channel=self._channel.name, end_row=position.rows, offset_token=token or ""))

    def _settled_channel(self) -> ChannelStatus:
        """Return the channel's status once it has no uncommitted rows, as a load's start needs it.

        Only what opening the channel told, or a status that shows the last append, tells where a load goes
        on: a status that the service fetched from its past would have committed rows sent again.
        """
        last = self._channel.last_appended_token
        if self._channel.in_doubt:
            return self._channel.reopen()
        if last is None:
            return self._channel.opened_status
        try:
            status = self._channel.wait_for_commit(last)
        except ChannelInvalidError:
            return self._channel.reopen()
        return status if status.healthy else self._channel.reopen()

    def _audit(self) -> None:
        """Compare the service's counts with the rows sent, whatever the offset token says."""
        if self._counts_agree():
            return
        for status in self._channel.poll(timeout_s=AUDIT_GRACE_S):
            self._observe(status)
            if self._counts_agree():
                return
        inserted, rejected = self._ledger.inserted, self.rows_rejected
        wrong = "fewer" if inserted + rejected < self.rows_sent else "more"
        raise AuditError(
            f"the service counts {wrong} rows than were sent: {self.rows_sent:,} sent by this call, "
            f"{inserted:,} inserted and {rejected:,} rejected, though its offset token covers all of them; "
            f"compare the table with the source before loading anything again",
            sent=self.rows_sent,
            inserted=inserted,
            rejected=rejected,
        )

    def _counts_agree(self) -> bool:
        return self._ledger.agrees_with(self.rows_sent)

    def _rejected(self) -> RowsRejectedError:
        found = self._ledger.rejected
        if found is None:
            raise TypeError("no row was rejected")
        return RowsRejectedError(
            f"the service rejected {found.rows:,} rows of load {self.load_id!r}, between rows "
            f"{found.first_row:,} and {found.end_row - 1:,} of the source; the last reason: "
            f"{found.message or 'not told'} (up to offset {found.upper_bound!r}); "
            'correct those rows and load them anew, or pass on_error="report" to count them only',
            rejected=found.rows,
            last_message=found.message,
            first_row=found.first_row,
            end_row=found.end_row,
            offset_upper_bound=found.upper_bound,
        )
