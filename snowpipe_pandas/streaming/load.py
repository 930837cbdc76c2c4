"""One load: a source, a channel, and everything between the first row and the last commit.

    source -> record batches -> NDJSON (worker threads) -> payloads (one thread) -> appends (this thread)

While one append is on its way, the next payloads are rendered and compressed. All memory beyond the
source itself is bounded, by 128 MB unless more is allowed: a few batches, a ready payload, and the payloads
not committed yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from ..errors import (
    AuthenticationError,
    ChannelLostError,
    ChannelTakenOverError,
    CommitTimeoutError,
    LoadCancelledError,
    LoadFacts,
    SnowpipeError,
    TransportError,
    UnknownColumnError,
)
from ..events import Event, LoadStarted, Phase, PhaseChanged
from ..rest.channel import Channel
from ..rows.encode.encoder import EncodedRows, Encoder
from ..rows.encode.parallel import encode_ordered
from ..rows.payloads import Payload, pack
from ..rows.schema_check import find_problems
from ..rows.sources.source import Source
from .control import Control
from .delivery import STATUS_INTERVAL_S, Delivery, OnError
from .offsets import Position, format_token
from .pipeline import Prefetch
from .progress import Progress, Tracker
from .result import StreamResult

READY_PAYLOADS = 1
"""Payloads prepared beyond the one on its way and the one that is being made (at most 4 MB each)."""

_NOT_SETTLED = (
    LoadCancelledError,
    CommitTimeoutError,
    TransportError,
    AuthenticationError,
    ChannelTakenOverError,
    ChannelLostError,
)
"""Failures behind which the service is asked no more: somebody waits, nobody answers, or it is not ours."""


class Load:
    """A load that is ready to run; that the target has its columns is checked here.

    Args:
        rows: the source.
        encoder: how its rows are written.
        channel: an open channel.
        load_id: names the load.
        on_error: "raise" or "report".
        commit_timeout_s: seconds to wait for the last commit, None not to wait.
        max_in_flight_bytes: most compressed bytes that are sent and not committed.

    Attributes:
        load_id: the name under which the load can be resumed.
        channel: the channel.
        control: pauses, resumes and cancels the load.
        tracker: what the load has done, for displays.

    Raises:
        UnknownColumnError: the target table has not these columns.
    """

    def __init__(
        self,
        rows: Source,
        encoder: Encoder,
        channel: Channel,
        *,
        load_id: str,
        on_error: OnError,
        commit_timeout_s: float | None,
        max_in_flight_bytes: int,
    ) -> None:
        _check_target(rows.schema, channel)
        self.load_id = load_id
        self.channel = channel
        self.control = Control(channel.clock.sleep)
        account, user, fingerprint = channel.identity
        self.tracker = Tracker(
            Progress(self.load_id, channel.name, account, user, fingerprint, rows_total=rows.total_rows),
            tokens=lambda: channel.tokens,
        )
        self._rows = rows
        self._encoder = encoder
        self._on_error = on_error
        self._commit_timeout_s = commit_timeout_s
        self._max_in_flight_bytes = max_in_flight_bytes

    def run(self) -> StreamResult:
        """Deliver the rows; whatever ends this early carries how far the load came.

        Raises:
            UsageError: another load runs on this channel.
        """
        try:
            with (
                self.channel.leased(self.load_id, self.control.sleep),
                self.channel.events.heard_by(self.tracker),
            ):
                return self._deliver()
        except BaseException as error:
            # One that never began, as its channel is busy, tells its own displays, not the other load's.
            if not self.tracker.snapshot().ended:
                message = _first_sentence(error)
                self.tracker(PhaseChanged(channel=self.channel.name, phase="failed", message=message))
            raise

    def _deliver(self) -> StreamResult:
        delivery: Delivery | None = None
        try:
            delivery = self._start()
            self._send_all(delivery)
            if self._commit_timeout_s is not None:
                self._enter("committing")
                delivery.finish(timeout_s=self._commit_timeout_s)
            self._enter("done")
        except BaseException as error:
            self._explain(error, delivery)
            raise
        return self._result(delivery)

    def _start(self) -> Delivery:
        delivery = Delivery(
            self.channel,
            self.load_id,
            self._emit,
            on_error=self._on_error,
            max_in_flight_bytes=self._max_in_flight_bytes,
        )
        self._emit(
            LoadStarted(
                channel=self.channel.name,
                load_id=self.load_id,
                rows_total=self._rows.total_rows,
                rows_skipped=delivery.start.rows,
            )
        )
        self._enter("sending")
        return delivery

    def _send_all(self, delivery: Delivery) -> None:
        with Prefetch(self._payloads(delivery.start), depth=READY_PAYLOADS) as ready:
            for payload in ready:
                self._obey(delivery)
                delivery.send(payload)
        pa.default_memory_pool().release_unused()  # the threads that had it are gone

    def _encode(self, batch: pa.RecordBatch, first_row: int) -> EncodedRows:
        """Encode, and give back what Arrow keeps of the memory that this thread has freed: 10 to 20 MB."""
        encoded = self._encoder.encode(batch, first_row)
        pa.default_memory_pool().release_unused()
        return encoded

    def _payloads(self, start: Position) -> Iterator[Payload]:
        with closing(encode_ordered(self._rows, self._encode)) as encoded:  # ends its threads
            yield from pack(encoded, load_id=self.load_id, skip_rows=start.rows, skip_digest=start.digest)

    def _obey(self, delivery: Delivery) -> None:
        """Wait while paused, and say so and what is committed; raises LoadCancelledError when to stop."""
        if self.control.paused:
            self._enter("paused")
            while not self.control.checkpoint(timeout_s=STATUS_INTERVAL_S):
                delivery.look()
            self._enter("sending")
        self.control.checkpoint()

    def _emit(self, event: Event) -> None:
        self.channel.events.emit(event)

    def _enter(self, phase: Phase, message: str = "") -> None:
        self._emit(PhaseChanged(channel=self.channel.name, phase=phase, message=message))

    def _explain(self, error: BaseException, delivery: Delivery | None) -> None:
        """Attach how far the load came, to our exceptions also as facts, and tell the displays."""
        if delivery is not None:
            settled = (
                isinstance(error, Exception) and not isinstance(error, _NOT_SETTLED) and delivery.settle()
            )
            facts = LoadFacts(
                self.load_id,
                self.channel.name,
                delivery.acknowledged.rows,
                delivery.committed.rows,
                exact=settled,
                failed_rows=delivery.failed_rows,
            )
            if isinstance(error, SnowpipeError):
                error.load = facts
            error.add_note(str(facts))
        stopped = isinstance(error, LoadCancelledError | KeyboardInterrupt)
        self._enter("cancelled" if stopped else "failed", _first_sentence(error))

    def _result(self, delivery: Delivery) -> StreamResult:
        end, start = delivery.acknowledged, delivery.start
        return StreamResult(
            rows=delivery.rows_sent,
            rows_acknowledged=end.rows - start.rows,
            rows_committed=delivery.committed.rows - start.rows,
            rows_rejected=delivery.rows_rejected,
            rows_skipped=start.rows,
            raw_bytes=delivery.raw_bytes,
            sent_bytes=delivery.sent_bytes,
            requests=delivery.requests,
            retries=delivery.retries,
            seconds=self.tracker.snapshot().seconds,
            committed=delivery.committed == end,
            offset_token=format_token(self.load_id, end) if end.rows else None,
            load_id=self.load_id,
            channel=self.channel.name,
            _rejected_rows=self.channel.rejected_rows,
        )


def _check_target(schema: pa.Schema, channel: Channel) -> None:
    """Refuse columns which the target table surely has not; a service that does not tell its columns passes.

    Raises:
        UnknownColumnError: names the columns, and what they may have been meant to be.
    """
    if not channel.target_columns:
        return
    unknown = [p for p in find_problems(schema, channel.target_columns) if p.kind == "unknown"]
    if unknown:
        raise UnknownColumnError(
            f"the target of {channel.pipe} has {', '.join(map(str, unknown))} "
            "(rename with columns={...} or leave them out)",
            columns=[problem.column for problem in unknown],
            target=str(channel.pipe),
        )


def _first_sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return (str(error) or type(error).__name__).split("; ")[0][:120]
