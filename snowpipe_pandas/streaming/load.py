"""One load: the loop that drives its protocol, with a source on one side and a channel on the other.

    source -> record batches -> NDJSON (worker threads) -> payloads (one thread) -> appends (this thread)

All waiting and sending is here, all deciding is in `protocol.py`. While one append is on its way, the next
payloads are rendered and compressed. All memory beyond the source itself is bounded, by 128 MB unless more is
allowed: a few batches, a ready payload, and the payloads not committed yet.
"""

from __future__ import annotations

import math
from contextlib import ExitStack

import pyarrow as pa

from ..errors import (
    ChannelInvalidError,
    LoadFacts,
    PayloadTooLargeError,
    SnowpipeError,
)
from ..events import Event, PhaseChanged, RequestRetried
from ..offset_tokens import PartOf
from ..rest.channel import Channel
from ..rest.session import Session
from ..rows.encode.encoder import Encoder
from ..rows.encode.parallel import default_workers
from ..rows.sources.source import Source
from .control import Control
from .counts import Counts
from .delivery import Delivery
from .explained import add_facts, name_place
from .failures import failure_event
from .load_ids import new_load_id
from .options import LoadOptions
from .pipeline import Payloads
from .plan import LoadPlan
from .preflight import Preflight
from .protocol import LoadProtocol, State
from .reporting import LoadCaller, Reporter
from .result import StreamResult
from .steps import (
    Acknowledged,
    Append,
    Broke,
    Done,
    Fact,
    Fail,
    Offered,
    Poll,
    Refused,
    Reopen,
    Reopened,
    SourceEnded,
    StatusRead,
    Step,
    Take,
    Wait,
)
from .timings import Watches


class Load:
    """A load that is ready to run.

    Args:
        rows: the source.
        encoder: how its rows are written.
        channel: an open channel.
        options: how it is delivered; without a `load_id` it gets a fresh one.
        part: which part of a load in parts this is, None for a load through one channel.
        preflight: compares the rows with the target before the first is sent, None where that was done.

    Attributes:
        load_id: the name under which the load can be resumed.
        channel: the channel.
        channel_name: its name.
        part: which part of a load it is.
        control: pauses, resumes and cancels the load.
        events: what happens to this load.
        client_events: what happens to its client.
        tracker: what the load has done, for displays.
    """

    def __init__(
        self,
        rows: Source,
        encoder: Encoder,
        channel: Channel,
        options: LoadOptions,
        part: PartOf | None = None,
        preflight: Preflight | None = None,
    ) -> None:
        self.load_id = options.load_id or new_load_id()
        self.channel = channel
        self.channel_name = channel.name
        self.part = part
        self.control = Control(channel.clock.sleep)
        self._watches = Watches()
        self._reporter = Reporter(self.load_id, channel, rows.total_rows, self._watches)
        self.events = self._reporter.events
        self.client_events = self._reporter.client_events
        self.tracker = self._reporter.tracker
        self._rows = rows
        self._encoder = encoder
        self._options = options
        self._preflight = preflight
        self._now = channel.clock.monotonic
        self._delivery: Delivery | None = None
        self._sources = ExitStack()
        self._payloads: Payloads | None = None
        self._usual_raw_bytes = math.inf

    def run(self) -> StreamResult:
        """Deliver the rows; whatever ends this early carries how far the load came.

        Raises:
            UsageError: another load runs on this channel.
            ColumnMismatchError: the target surely rejects the rows; nothing was sent.
        """
        channel = self.channel
        try:
            if self._preflight is not None:
                self._preflight.check(self._rows, channel.target_columns, channel.seen_columns)
            caller = LoadCaller(self.control, self.report, target=self._reporter.target, channel=channel.name)
            with channel.exclusive(self.load_id, caller) as session, self._sources:
                delivery = self._drive(session)
                session.standing = delivery.standing()
                return self._result(delivery)
        except BaseException as error:
            self._explain(error)
            raise
        finally:
            self._rows.close()
            pa.default_memory_pool().release_unused()

    def _drive(self, session: Session) -> Delivery:
        """Do what the protocol wants, and report the outcome to it, until the load ends."""
        channel = self.channel
        plan = LoadPlan(
            self.load_id,
            channel.name,
            self._rows.total_rows,
            self._options,
            channel.polling,
            channel.lost,
            self.part,
        )
        self._usual_raw_bytes = session.pacer.usual_bytes(self._options.limits.max_bytes_per_s)
        protocol = LoadProtocol(plan, session.standing, session.pacer, self._now())
        self._delivery = protocol.delivery
        while True:
            self._obey(protocol)
            step = protocol.next(self._now())
            self._report_news()
            match step:
                case Done():
                    return protocol.delivery
                case Fail():
                    if protocol.delivery.exact:
                        session.standing = protocol.delivery.standing()
                    raise step.error
            try:
                fact = self._do(step, session)
            except BaseException as error:  # noqa: BLE001  # the protocol judges what ends a load
                fact = Broke(error, session.in_doubt)
            if fact is not None:
                protocol.receive(fact, self._now())

    def _do(self, step: Step, session: Session) -> Fact | None:
        """Take a step; returns what was learned by it, None if only time has passed."""
        self.control.check()
        match step:
            case Append():
                with self._watches.sending.running():
                    return self._append(step, session)
            case Take():
                with self._watches.waiting.running():
                    return self._take(step.until - self._now())
            case Poll():
                return StatusRead(session.fetch_status())
            case Reopen():
                return Reopened(session.reopen())
            case Wait():
                self.control.wait(max(0.0, step.until - self._now()))
        return None

    def _append(self, step: Append, session: Session) -> Fact:
        payload = step.payload
        try:
            return Acknowledged(
                session.append(
                    payload.body,
                    start_offset_token=step.start_token,
                    end_offset_token=step.end_token,
                    raw_bytes=payload.raw_bytes,
                    content_encoding="zstd",
                ).tries
            )
        except (ChannelInvalidError, PayloadTooLargeError) as error:
            return Refused(error)

    def _take(self, timeout_s: float) -> Fact | None:
        payloads = self._payloads or self._open_source()
        payload = payloads.take(timeout_s)
        if payload is not None:
            return Offered(payload)
        return SourceEnded() if payloads.ended else None

    def _open_source(self) -> Payloads:
        if self._delivery is None:
            raise TypeError("the load has not begun")
        start = self._delivery.start
        self._payloads = self._sources.enter_context(
            Payloads(
                self._rows,
                self._encoder,
                load_id=self.load_id,
                skip_rows=start.position.rows,
                skip_digest=start.position.digest,
                skip_format=start.row_format,
                limits=self._options.limits,
                flush_interval_s=self._options.flush_interval_s,
                workers=default_workers() if self.part is None else 1,  # parts have each other
                watches=self._watches,
                usual_raw_bytes=self._usual_raw_bytes,
            )
        )
        self.control.wake = self._payloads.wake
        return self._payloads

    def _obey(self, protocol: LoadProtocol) -> None:
        """Pause or go on, and say so."""
        paused = self.control.paused
        if paused != protocol.paused and protocol.state is State.SENDING:
            protocol.paused = paused
            self._report_news()  # the news that it began comes before a pause
            self.report(PhaseChanged(phase="paused" if paused else "sending"))

    def _report_news(self) -> None:
        if self._delivery is not None:
            news, self._delivery.events = self._delivery.events, []
            for event in news:
                self.report(event)

    def report(self, event: Event) -> None:
        """Report what happened: to the load's own displays first, then to whoever listens to the client."""
        if isinstance(event, RequestRetried) and self._delivery is not None:
            self._delivery.note_retry(event)
        self._watches.committing.receive(event)
        counts = Counts() if self._delivery is None else self._delivery.counts
        self._reporter.report(event, counts)

    def _explain(self, error: BaseException) -> None:
        """Attach how far the load came, to our exceptions also as facts, and notify the displays."""
        self._report_news()
        if not self.tracker.ended:  # it never began, or was interrupted between two steps
            self.report(failure_event(error))
        name_place(error, self._reporter.target, self.load_id, self.channel.name)
        delivery = self._delivery
        if delivery is not None and delivery.has_begun:
            counts = delivery.counts
            facts = LoadFacts(
                target=self._reporter.target,
                load_id=self.load_id,
                channel=self.channel.name,
                rows_acknowledged=counts.rows_acknowledged,
                rows_in_table=counts.rows_in_table,
                rows_rejected=counts.rows_rejected,
                exact=delivery.exact and counts.rejected_exact,
                failed_rows=delivery.failed_rows,
                goes_on=getattr(error, "goes_on", True),
            )
            if self.part is None:
                add_facts(error, facts)
            elif isinstance(error, SnowpipeError):  # the whole load gets a note, once all parts have ended
                error.load = facts

    def _result(self, delivery: Delivery) -> StreamResult:
        return StreamResult(
            **delivery.counts.as_dict(),
            seconds=self.tracker.seconds,
            timings=self._watches.timings(),
            committed=not delivery.commits_wait,
            offset_token=delivery.last_token,
            load_id=self.load_id,
            channel=self.channel.name,
            target=self._reporter.target,
        )
