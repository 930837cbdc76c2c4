"""What one load knows of its delivery through an elastic channel: which rows are durable. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from ..errors import LoadCancelledError, PayloadTooLargeError, RowTooLargeError, UnorderedLoadFacts
from ..events import Event, RowsAcknowledged, RowsCommitted, RowsRejected
from .counts import Counts
from .duplicates import PossibleDuplicate
from .row_ranges import RowRanges
from .senders import Errand
from .window import SHRINK


class ElasticDelivery:
    """One load on its way, its requests in any order.

    Attributes:
        counts: what the load has done; until something is proved of rejected rows, all durable rows are
            counted as in the table, and `rejected_exact` is False: that number is an upper bound.
        durable: rows that the service has dealt with for good, each in the table or rejected.
        unknown: rows that may or may not be in the table.
        possible_duplicates: requests whose rows may be in the table more than once.
        ready: what is to be sent next, in this order.
        failed_rows: the rows of the request with which the load failed.
        events: what has happened since they were taken last.
    """

    def __init__(self) -> None:
        self.counts = Counts(rejected_exact=False)
        self.durable, self.unknown = RowRanges(), RowRanges()
        self.possible_duplicates: tuple[PossibleDuplicate, ...] = ()
        self.ready: deque[Errand] = deque()
        self.failed_rows: tuple[int, int] | None = None
        self.events: list[Event] = []
        self._requests = self._retries = 0  # of requests that are over
        self._largest: float | None = None

    def next(self) -> Errand | None:
        """Return what is to be sent next, None if nothing is ready; what is surely too large, in halves."""
        while self.ready and self._is_too_large(self.ready[0]):
            self.ready.extendleft(reversed(self.ready.popleft().halves()))
        return self.ready[0] if self.ready else None

    def _is_too_large(self, errand: Errand) -> bool:
        payload = errand.payload
        return self._largest is not None and len(payload.body) > self._largest and payload.rows > 1

    def count_tries(self, under_way: Iterable[Errand], *, throttled: bool = False) -> None:
        """Bring the counts of requests up to date."""
        tries = [errand.trail.tries for errand in under_way]
        self.counts = replace(
            self.counts,
            throttles=self.counts.throttles + throttled,
            requests=self._requests + sum(tries),
            retries=self._retries + sum(max(0, number - 1) for number in tries),
        )

    def note_end(self, errand: Errand, error: BaseException | None) -> BaseException | None:
        """Take in how a request ended; returns the error that ends the load, None if it goes on."""
        self._requests += errand.trail.tries
        self._retries += max(0, errand.trail.tries - 1)
        if errand.trail.done:
            self._note_durable(errand)
            return None
        if isinstance(error, PayloadTooLargeError):
            if errand.payload.rows > 1:
                self._largest = SHRINK * len(errand.payload.body)
                self.ready.extendleft(reversed(errand.halves()))
                return None
            error = _row_too_large(errand, error)
        if error is not None and not isinstance(error, LoadCancelledError):
            self.failed_rows = self.failed_rows or (errand.payload.first_row, errand.payload.end_row)
        self._note_unknown(errand)
        return error

    def note_left(self, errands: Iterable[Errand]) -> None:
        """Take in requests that were not waited for, and errands that were not begun."""
        for errand in errands:
            if errand.trail.done:
                self._note_durable(errand)
            else:
                self._note_unknown(errand)

    def _note_unknown(self, errand: Errand) -> None:
        if errand.in_doubt:
            self.unknown.add(errand.payload.first_row, errand.payload.end_row)

    def _note_durable(self, errand: Errand) -> None:
        payload, before = errand.payload, self.durable.prefix
        if errand.in_doubt:
            found = PossibleDuplicate(
                errand.trail.request_id, payload.first_row, payload.end_row, errand.tries
            )
            self.possible_duplicates += (found,)
        self.durable.add(payload.first_row, payload.end_row)
        rows = self.durable.rows
        self.counts = replace(
            self.counts,
            rows_acknowledged=rows,
            rows_in_table=rows,
            rows_sent=rows,
            raw_bytes=self.counts.raw_bytes + payload.raw_bytes,
            billed_bytes=self.counts.billed_bytes + payload.value_bytes,
            sent_bytes=self.counts.sent_bytes + len(payload.body),
        )
        acknowledged = RowsAcknowledged(
            first_row=payload.first_row,
            end_row=payload.end_row,
            raw_bytes=payload.raw_bytes,
            sent_bytes=len(payload.body),
            tries=errand.tries,
            offset_token="",
        )
        self.events.append(acknowledged)
        if self.durable.prefix > before:
            self.events.append(
                RowsCommitted(
                    end_row=self.durable.prefix, rows_in_table=rows, rows_rejected=0, offset_token=""
                )
            )

    def note_rejected(self, rejected: int, message: str | None) -> None:
        """Take in how many of the rows were rejected, where that is proved."""
        rows = self.durable.rows
        self.counts = replace(
            self.counts, rows_in_table=rows - rejected, rows_rejected=rejected, rejected_exact=True
        )
        if rejected:
            self.events.append(RowsRejected(rows=rejected, message=message))

    def facts(self, target: str, load_id: str, channel: str) -> UnorderedLoadFacts:
        """Return how far the load came."""
        doubled = RowRanges()
        for request in self.possible_duplicates:
            doubled.add(request.first_row, request.end_row)
        return UnorderedLoadFacts(
            target=target,
            load_id=load_id,
            channel=channel,
            rows_acknowledged=self.counts.rows_acknowledged,
            rows_in_table=self.counts.rows_in_table,
            rows_rejected=self.counts.rows_rejected,
            exact=self.counts.rejected_exact and not self.unknown.ranges,
            failed_rows=self.failed_rows,
            durable_rows=self.durable.ranges,
            unknown_rows=self.unknown.ranges,
            doubled_rows=doubled.ranges,
        )


def _row_too_large(errand: Errand, cause: PayloadTooLargeError) -> RowTooLargeError:
    payload = errand.payload
    error = RowTooLargeError(row=payload.first_row, size=payload.raw_bytes, limit=len(payload.body))
    error.__cause__ = cause
    return error
