"""What one load knows of its delivery: positions, held payloads, counters, whose the channel is. No I/O.

Payloads are held until they are committed, and one position says what the service has acknowledged; what is
sent next is what lies after it. `protocol.py` has the rules by which that position moves.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ..errors import (
    AuthenticationError,
    ChannelInvalidError,
    ChannelLostError,
    ChannelTakenOverError,
    CommitTimeoutError,
    LoadCancelledError,
    OtherLoadError,
    OtherPartsError,
    PayloadTooLargeError,
    TransportError,
)
from ..events import (
    ChannelReopened,
    Event,
    LoadStarted,
    RequestRetried,
    RowsAcknowledged,
    RowsCommitted,
    RowsRejected,
)
from ..offset_tokens import START, Mark, Position, read_token
from ..rest.polling import Missing
from ..rest.standing import Standing
from ..rest.status import ChannelStatus
from ..rows.encode.encoder import ROW_FORMAT
from ..rows.payloads import Payload
from .attempts import Attempts
from .counters import Counters, Rejections
from .counts import Counts
from .load_ids import forgets
from .plan import LoadPlan
from .steps import Acknowledged, Broke, Fact, Offered, Refused, Reopened, SourceEnded, StatusRead
from .window import Window

_NOT_SETTLED = (
    LoadCancelledError,
    CommitTimeoutError,
    TransportError,
    AuthenticationError,
    ChannelTakenOverError,
    ChannelLostError,
    OtherLoadError,
    OtherPartsError,
)
"""After these, and after anything that is not an `Exception`, read no last status: somebody waits, nobody
would answer, or the channel is not ours."""


class Delivery:
    """One load on its way through one channel.

    Attributes:
        counts: what the load has done.
        start: the mark after which this call goes on.
        acknowledged: the last position which the service has received.
        committed: the last position known to be committed.
        last_token: the offset token that the channel will show once all that was acknowledged is committed.
        in_flight: the payload that was sent last and not acknowledged.
        in_doubt: whether an append was left without an answer.
        failed_rows: rows of the append that failed last, None if none did.
        error: what the load fails with.
        has_begun: whether it is known where the load goes on.
        exact: whether a failed load knows what became of all of its rows.
        refusal: why an append was refused last.
        status: the last status that was believed.
        counters: the service's counters of the load's rows.
        rejections: what is known of rejected rows.
        is_missing: whether statuses have left the channel out for too long.
        events: what has happened since the driver took them last.
    """

    def __init__(self, plan: LoadPlan, now: float) -> None:
        self.plan = plan
        self.counts = Counts()
        self.start = Mark(plan.load_id, START, ROW_FORMAT, part=plan.part)
        self.acknowledged = self.committed = START
        self.last_token: str | None = None
        self._token_sent = ""
        self.in_flight: Payload | None = None
        self.in_doubt = False
        self.failed_rows: tuple[int, int] | None = None
        self.error: BaseException | None = None
        self.exact = self.has_begun = False
        self.rejections = Rejections()
        self.is_missing = False
        self.events: list[Event] = []
        self._now = now
        self._window = Window(plan.options.max_in_flight_bytes)
        self._source_ended = False
        self._attempts = Attempts()
        self._missing = Missing(plan.polling.missing_grace_s)
        self._reopened_at: deque[float] = deque(maxlen=plan.options.limits.max_reopens)
        self._clean_until = 0
        self._start_is_exact = True
        self.refusal: ChannelInvalidError | PayloadTooLargeError | None = None
        self._refused_end = START
        self._waited_then: bool | None = False
        # Known once the load has begun:
        self.status: ChannelStatus
        self.counters: Counters
        self._tokens_before: set[str | None]
        self._opened_token: str | None

    # What is learned, whatever the state.

    def note(self, fact: Fact, now: float) -> None:
        """Take in a fact."""
        self._now = now
        match fact:
            case Offered():
                self._window.add(fact.payload)
            case SourceEnded():
                self._source_ended = True
            case Acknowledged():
                self._note_acknowledgement(fact.tries)
            case Refused():
                self.refusal = fact.error
                self.counts = self._attempts.counted(self.counts, fact.error.tries)
                self.in_doubt = fact.error.tries > 1 or isinstance(fact.error, ChannelInvalidError)
            case StatusRead():
                self.is_missing = self._missing.judge(fact.status is not None, now)
                if fact.status is not None:
                    self._take(fact.status)
                    if self._waited_then is None:
                        self._waited_then = self.commits_wait
            case Broke():
                self._note_end(fact)

    def note_retry(self, event: RequestRetried) -> None:
        """Count tries as they fail; only those of appends are counted as requests."""
        self.counts = replace(self.counts, throttles=self.counts.throttles + event.throttled)
        if self.in_flight is not None and event.operation.startswith("append "):
            self.counts = self._attempts.counted(self.counts, event.tries)

    def _note_end(self, fact: Broke) -> None:
        self.in_doubt = fact.in_doubt
        if self.in_flight is not None:
            self.counts = self._attempts.ended(self.counts, fact.error)
        if self.error is None or not isinstance(fact.error, Exception):
            self.error = fact.error

    def _note_acknowledgement(self, tries: int) -> None:
        payload = self.sent
        self.last_token = self._token_sent
        self.counts = self._attempts.counted(self.counts, tries)
        self.failed_rows = self.in_flight = None
        self.in_doubt = False
        self.acknowledged = _end_of(payload)
        self._recount()
        self.events.append(
            RowsAcknowledged(
                first_row=self.plan.first_row + payload.first_row,
                end_row=self.plan.first_row + payload.end_row,
                raw_bytes=payload.raw_bytes,
                sent_bytes=len(payload.body),
                tries=tries,
                offset_token=self.last_token,
            )
        )

    def _take(self, status: ChannelStatus) -> None:
        """Take in a fresh status; one from the past, or with a token that can't be, moves nothing."""
        mark = read_token(status.last_committed_offset_token)
        if not self._is_possible(mark, status) or self.counters.is_past(status):
            return
        as_open = self.shows_the_open(status)
        self.status = status
        bound, own_error = self._last_error_of(status)
        own = self._own(mark)
        rows = 0 if own is None else own.position.rows - self.start.position.rows
        self.counters.take(status, rows=rows, as_open=as_open, last_error_is_own=own_error)
        if own is not None:
            self._commit(own.position)
        self._note_rejections(bound)

    def _last_error_of(self, status: ChannelStatus) -> tuple[Mark | None, bool | None]:
        """Return the bound of the last rejection where it lies in this load, and whether it does."""
        token = status.last_error_offset_upper_bound
        bound = self._own(read_token(token))
        return bound, None if token is None else bound is not None

    def _own(self, mark: Mark | None) -> Mark | None:
        plan = self.plan
        return mark if mark is not None and (mark.owner, mark.part) == (plan.load_id, plan.part) else None

    def _is_possible(self, mark: Mark | None, status: ChannelStatus) -> bool:
        if own := self._own(mark):
            return own.position == self.committed or self._window.ends_at(own.position)
        return self.committed == START and self._is_of_before(status.last_committed_offset_token)

    def _is_of_before(self, token: str | None) -> bool:
        """Whether a token belongs to those who wrote to the channel before this load."""
        mark = read_token(token)
        owners = {m.owner for t in self._tokens_before if (m := read_token(t))}
        return token in self._tokens_before or (mark is not None and mark.owner in owners)

    def _commit(self, position: Position) -> None:
        """Move `committed` forward. What is committed was received, even where its answer was lost."""
        moved = position.rows > self.committed.rows
        if moved:
            self.committed = position
            self.acknowledged = max(position, self.acknowledged, key=lambda p: p.rows)
            self._window.release(position)
        self._recount()
        if moved:
            self.events.append(
                RowsCommitted(
                    end_row=self.plan.first_row + position.rows,
                    rows_in_table=self.counts.rows_in_table,
                    rows_rejected=self.counts.rows_rejected,
                    offset_token=self.status.last_committed_offset_token or "",
                )
            )

    def _note_rejections(self, bound: Mark | None) -> None:
        """Note rejections that the last status shows, and between which rows they lie."""
        self._recount()
        status, rejected = self.status, self.counts.rows_rejected
        if rejected == self.rejections.rows:
            if rejected == self.start.rejected:
                self._clean_until = max(self._clean_until, self.committed.rows)
            return
        end = self.committed.rows if bound is None else bound.position.rows
        self.rejections = Rejections(
            rejected,
            self.rejections.first_row if self.rejections.rows else self._clean_until,
            max(self._clean_until + 1, end),
            status.last_error_message,
            status.last_error_offset_upper_bound,
        )
        self.events.append(RowsRejected(rows=rejected, message=status.last_error_message))

    def _recount(self) -> None:
        """Bring the counts up to what is known: a row that the counters lack is not in the table yet."""
        counters, start = self.counters, self.start
        committed = self.committed.rows - start.position.rows
        lacking = max(0, counters.lacks(committed)) if counters.reported else 0
        rejected = min(counters.rejected, committed)
        self.counts = replace(
            self.counts,
            rows_acknowledged=self.acknowledged.rows,
            rows_skipped=start.position.rows,
            rows_rejected=start.rejected + rejected,
            rejected_exact=self._start_is_exact and counters.exact,
            rows_in_table=start.position.rows - start.rejected + max(0, committed - lacking - rejected),
        )

    # How a load begins, and what it leaves.

    def knows_too_little_of(self, standing: Standing | None) -> bool:
        """Whether the channel must be reopened: what is remembered of this very load may be outdated.

        Its rows may not be committed yet, or the table may have been dropped or made again since.
        """
        if standing is None or not standing.status.healthy:
            return True
        if self._own(read_token(standing.last_token)) is not None:
            return True
        return standing.rows_unseen > 0 and standing.status.rows_inserted is None

    def is_forgotten(self, standing: Standing) -> bool:
        """Whether the channel remembers another load, not how much of this one is in the table."""
        options = self.plan.options
        named, token = options.load_id is not None, standing.last_token
        return forgets(self.plan.load_id, named=named, after=options.after, token=token)

    def is_cut_otherwise(self, standing: Standing) -> bool:
        """Whether the channel carries another part of this load: it was cut in another way."""
        mark = read_token(standing.last_token)
        return mark is not None and mark.owner == self.plan.load_id and mark.part != self.plan.part

    def begin(self, standing: Standing) -> None:
        """Begin after the committed rows of this load."""
        self.has_begun = True
        status = self.status = standing.status
        self.last_token = standing.last_token
        self._tokens_before = {self.last_token, status.last_committed_offset_token}
        self._opened_token = status.last_committed_offset_token
        self.counters = Counters(status, standing.rows_unseen)
        if (mark := self._own(read_token(self.last_token))) is not None:
            rejected, self._start_is_exact = self.counters.rejected_since(mark)
            self.start = replace(mark, rejected=rejected)
            self._clean_until = mark.position.rows
            message, upper_bound = status.last_error_message, status.last_error_offset_upper_bound
            bound, _ = self._last_error_of(status)
            end = (bound or mark).position.rows
            self.rejections = Rejections(rejected, 0, end, message, upper_bound)
        self.acknowledged = self.committed = self.start.position
        self._recount()
        self.events.append(
            LoadStarted(rows_total=self.plan.rows_total, rows_skipped=self.start.position.rows)
        )

    def standing(self) -> Standing | None:
        """Return what the next load on this channel may begin with, None if too little is known for that."""
        lacking = self.counters.lacks(self.acknowledged.rows - self.start.position.rows)
        if self.in_doubt or not self.counters.exact or lacking < 0:
            return None
        return Standing(self.status, lacking, self.last_token)

    # What is sent.

    @property
    def next_payload(self) -> Payload | None:
        """What is to be sent next."""
        return self._window.next_after(self.acknowledged)

    def send(self, payload: Payload) -> str:
        """Note that a payload is on its way from now on; return the offset token after it."""
        self._token_sent = self._token_after(payload)
        self.in_flight, self.in_doubt = payload, True
        first = self.plan.first_row
        self.failed_rows = (first + payload.first_row, first + payload.end_row)
        self._attempts.begin(self.counts)
        start = self.start.position.rows
        if payload.end_row > start + self.counts.rows_sent:
            self.counts = replace(
                self.counts,
                rows_sent=payload.end_row - start,
                raw_bytes=self.counts.raw_bytes + payload.raw_bytes,
                billed_bytes=self.counts.billed_bytes + payload.value_bytes,
                sent_bytes=self.counts.sent_bytes + len(payload.body),
            )
        return self._token_sent

    def _token_after(self, payload: Payload) -> str:
        errors = counted = None
        if self._start_is_exact:
            errors, counted = self.counters.reported_after(payload.end_row - self.start.position.rows)
        plan, rejected = self.plan, self.counts.rows_rejected
        return str(Mark(plan.load_id, _end_of(payload), ROW_FORMAT, rejected, errors, counted, plan.part))

    # What the rules ask.

    @property
    def is_uncounted(self) -> bool:
        """Whether no status that covers the last row has reported the service's counters."""
        return self.counters.counted_to < self.acknowledged.rows - self.start.position.rows

    def shows_the_open(self, status: ChannelStatus | None) -> bool:
        """Whether a status is as fresh as the answer of the last open."""
        return status is not None and status.last_committed_offset_token == self._opened_token

    @property
    def much_waits(self) -> bool:
        """Whether more than half of what may wait for its commit does: sending may soon stop."""
        return self._window.bytes > self.plan.options.max_in_flight_bytes / 2

    @property
    def commits_wait(self) -> bool:
        """Whether rows are acknowledged and not committed."""
        return self.committed.rows < self.acknowledged.rows

    @property
    def is_full(self) -> bool:
        """Whether sending must wait for commits."""
        payload = self.next_payload
        return payload is not None and not self._window.has_room_for(payload)

    @property
    def all_is_sent(self) -> bool:
        """Whether no row is left to be sent."""
        return self._source_ended and self.next_payload is None

    @property
    def counts_agree(self) -> bool:
        """Whether the service counts exactly the rows that were sent."""
        rows = self.acknowledged.rows - self.start.position.rows
        return rows == 0 or self.counters.agree_with(rows)

    @property
    def has_rejections(self) -> bool:
        """Whether rows were rejected and that is an error."""
        return self.plan.options.on_error == "raise" and self.counts.rows_rejected > 0

    @property
    def reopens_are_spent(self) -> bool:
        """Whether the channel was reopened too often for one more to help."""
        limits = self.plan.options.limits
        many = len(self._reopened_at) == limits.max_reopens
        return many and self._now - self._reopened_at[0] < limits.reopen_window_s

    @property
    def is_proven_own(self) -> bool:
        """Whether a stale token is proven not to be another writer's doing.

        The append's own end token got committed: it was delivered twice on its way. Or rows that were
        uncommitted at that moment got committed: an open would have been refused, or have discarded them.
        """
        return self.committed == self._refused_end or (bool(self._waited_then) and not self.commits_wait)

    def is_proven_foreign(self, status: ChannelStatus | None) -> bool:
        """Whether a status shows rows of another writer."""
        token = None if status is None else status.last_committed_offset_token
        own = self._own(read_token(token))
        if own is not None:
            return own.position.rows > self._refused_end.rows
        return token is not None and not self._is_of_before(token)

    def leads_on(self, status: ChannelStatus) -> bool:
        """Whether the load can go on after the committed token of a reopened channel."""
        return self._position_of(status) is not None

    def is_recreated(self, status: ChannelStatus) -> bool:
        """Whether the channel has lost its committed token."""
        return status.last_committed_offset_token is None or self._is_new(status)

    def _is_new(self, status: ChannelStatus) -> bool:
        times = {status.created_on_ms, self.status.created_on_ms}
        return None not in times and len(times) == 2

    @property
    def is_not_to_be_settled(self) -> bool:
        """Whether to skip the request for what became of the last rows."""
        return isinstance(self.error, _NOT_SETTLED) or not isinstance(self.error, Exception)

    def _position_of(self, status: ChannelStatus) -> Position | None:
        token = status.last_committed_offset_token
        mark = read_token(token)
        if self._is_possible(mark, status):
            if own := self._own(mark):
                return own.position
            return None if self._is_new(status) else START
        return None

    # What the rules do.

    def watch_owner(self, fact: Refused) -> None:
        """Remember the state by which a stale token can be proven to be our own."""
        self._refused_end, self._waited_then = _end_of(self.sent), None

    def shrink(self, fact: Refused) -> None:
        """Send halves of a payload that was too large, and of those like it."""
        self._window.limit_below(self.sent)

    def spend_reopen(self, fact: object) -> None:
        """Count a reopen that is about to happen."""
        self._reopened_at.append(self._now)

    def go_back(self, fact: Reopened) -> None:
        """Go back to what is committed."""
        status = fact.status
        position = self._position_of(status) or START
        refused = self.refusal if self.in_doubt else None
        reason = (
            self.status.channel_status_code if refused is None else refused.code or f"HTTP {refused.status}"
        )
        self.status = status
        bound, own_error = self._last_error_of(status)
        rows = position.rows - self.start.position.rows
        self.counters.restart(status, rows=rows, last_error_is_own=own_error)
        self._opened_token = status.last_committed_offset_token
        self.acknowledged, self.in_flight, self.in_doubt, self.failed_rows = position, None, False, None
        self.counts = replace(self.counts, reopens=self.counts.reopens + 1)
        self._commit(position)
        self._note_rejections(bound)
        end_row = self.plan.first_row + position.rows
        self.events.append(ChannelReopened(reason=reason, end_row=end_row))

    def give_up_counting(self, fact: object) -> None:
        """Note that the service does not count, so that what it rejected is unknown."""
        self.counters.give_up()
        self._recount()

    def settle_by_reopen(self, fact: Reopened) -> None:
        """Learn from a reopen what is committed; the rows that failed stay known."""
        failed = self.failed_rows
        self.go_back(fact)
        self.failed_rows, self.exact = failed, self.counts_agree

    def settle(self, fact: object) -> None:
        """Note that nothing is on its way now."""
        self.exact = True

    @property
    def sent(self) -> Payload:
        """The payload that was sent last."""
        if self.in_flight is None:
            raise TypeError("nothing is in flight")
        return self.in_flight


def _end_of(payload: Payload) -> Position:
    return Position(payload.end_row, payload.digest)
