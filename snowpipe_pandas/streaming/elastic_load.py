"""One load through an elastic channel: several requests at once, in any order, each row at least once.

    source -> record batches -> NDJSON (worker threads) -> payloads (one thread) -> appends (sender threads)

All deciding, counting and reporting is in the thread of `run()`; the senders only send. An answer is durable,
and nothing shows later what became of a request without one, so such a load can't be resumed. All memory
beyond the source is bounded as in `load.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from ..errors import RowsRejectedError, ServiceError, SnowpipeError, TransportError, UsageError
from ..events import Event, LoadStarted, Phase, PhaseChanged, RequestRetried
from ..rest.elastic import ElasticChannel
from ..rest.status import ChannelStatus
from ..rows.encode.encoder import ROW_FORMAT, Encoder
from ..rows.encode.parallel import default_workers
from ..rows.payloads import Payload
from ..rows.sources.source import Source
from ..shown import counted
from ..waits import FOR_EVER_S
from .control import Control
from .duplicates import PossibleDuplicate
from .elastic_counters import Growth
from .elastic_delivery import ElasticDelivery
from .explained import add_facts, name_place
from .failures import failure_event
from .load_ids import new_load_id
from .options import LoadOptions
from .pipeline import Payloads
from .preflight import Preflight
from .reporting import LoadCaller, Reporter
from .result import StreamResult
from .senders import Ended, Errand, Senders
from .timings import Watches

IN_FLIGHT = 4
"""Requests under way at once."""

PAUSED_LOOK_S = 0.1
"""How often a paused load checks whether to go on, while requests are still under way."""


class ElasticLoad:
    """A load that is ready to run, with the same interface as `Load`.

    Args:
        rows: the source.
        encoder: how its rows are written.
        channel: the elastic channel.
        options: how it is delivered. `load_id` only names the load, and `commit_timeout_s` means nothing.
            With `wait` the load looks at the channel's counters `limits.audit_grace_s` after the last answer,
            to know how many rows were rejected; without it, it returns once its rows are durable.
        preflight: makes the table and compares the rows with it, None where that was done.
        in_flight: most requests under way at once.

    Attributes:
        load_id: the load's name, which no request carries.
        channel: the channel.
        channel_name: its name.
        control: pauses, resumes and cancels the load.
        events: what happens to this load.
        client_events: what happens to its client.
        tracker: what the load has done, for displays.

    Raises:
        UsageError: `after` was given, which needs a channel that remembers a load.
    """

    def __init__(
        self,
        rows: Source,
        encoder: Encoder,
        channel: ElasticChannel,
        options: LoadOptions,
        preflight: Preflight | None = None,
        *,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        if options.after is not None:
            raise UsageError(
                f"after={options.after!r} means nothing to an elastic channel, which remembers no load; "
                "leave it out, or load through a named channel"
            )
        self.load_id = options.load_id or new_load_id()
        self.channel = channel
        self.channel_name = channel.name
        self.control = Control(channel.clock.sleep)
        self._watches = Watches()
        self._reporter = Reporter(self.load_id, channel, rows.total_rows, self._watches)
        self.events = self._reporter.events
        self.client_events = self._reporter.client_events
        self.tracker = self._reporter.tracker
        self._rows = rows
        self._preflight = preflight
        self._options = options
        self._delivery = ElasticDelivery()
        self._begun = self._paused = False
        self._caller = self._caller_reporting_to(self.report)
        self._payloads = Payloads(
            rows,
            encoder,
            load_id=self.load_id,
            skip_rows=0,
            skip_digest="",
            skip_format=ROW_FORMAT,
            limits=options.limits,
            flush_interval_s=options.flush_interval_s,
            workers=default_workers(),
            watches=self._watches,
        )
        self._senders = Senders(self._send, most=in_flight, wake=self._payloads.wake)

    @property
    def possible_duplicates(self) -> tuple[PossibleDuplicate, ...]:
        """The requests whose rows may be in the table more than once, in the order of their answers."""
        return self._delivery.possible_duplicates

    def run(self) -> StreamResult:
        """Deliver the rows; whatever ends this early carries which rows are durable.

        Raises:
            RowsRejectedError: the service skipped rows, and they are surely this load's.
        """
        try:
            if self._preflight is not None:
                self._preflight.make_table(self._rows.schema)
                self._preflight.check(self._rows)
            before = self.channel.status(self._caller) if self._options.wait else None
            self._begun = True
            self.report(LoadStarted(rows_total=self._rows.total_rows, rows_skipped=0))
            self._report_phase("sending")
            with self._payloads, self._senders:
                self.control.wake = self._wake
                self._deliver()
            self._look_for_rejections(before)
            self._report_phase("done")
            return self._result()
        except BaseException as error:
            self._explain(error)
            raise
        finally:
            self._rows.close()
            pa.default_memory_pool().release_unused()

    # Sending.

    def _deliver(self) -> None:
        """Send everything; after a failure or a cancel, stop after the requests that are under way."""
        failure: Exception | None = None
        try:
            while self._senders.under_way or not (failure or self._is_all_given()):
                try:
                    if failure is None:
                        self._advance()
                    else:
                        self._take_news(FOR_EVER_S)
                except Exception as error:  # noqa: BLE001  # the source's, the service's, a cancel
                    failure = failure or error
        except BaseException:
            self.control.cancel()  # a Ctrl-C: nothing is retried, and answers are awaited only for a moment
            raise
        if failure is not None:
            raise failure

    def _is_all_given(self) -> bool:
        return self._payloads.ended and not self._delivery.ready

    def _advance(self) -> None:
        """Do the next thing: give a payload to a sender, take one from the source, or wait."""
        self.control.check()
        if self.control.paused != self._paused:
            self._paused = self.control.paused
            self._report_phase("paused" if self._paused else "sending")
        self._take_news(0)
        if self._is_all_given() and not self._senders.under_way:
            return  # the last request has just ended: there will be no more news
        errand = self._delivery.next()
        if self._paused and self._senders.under_way:
            self._take_news(PAUSED_LOOK_S)
        elif self._paused:
            self.control.wait(FOR_EVER_S)
        elif errand is not None and self._has_room_for(errand):
            self._delivery.ready.popleft()
            self._senders.give(errand)
        elif errand is not None or self._payloads.ended:
            self._take_news(FOR_EVER_S)
        elif (payload := self._taken()) is not None:
            self._delivery.ready.append(Errand(payload))

    def _taken(self) -> Payload | None:
        with self._watches.waiting.running():
            return self._payloads.take(FOR_EVER_S)

    def _has_room_for(self, errand: Errand) -> bool:
        return self._senders.has_room_for(errand.payload, self._options.max_in_flight_bytes)

    def _send(self, errand: Errand) -> None:
        """Send a payload; in a sender's thread."""
        payload, caller = errand.payload, self._caller_reporting_to(self._senders.report)
        with self._watches.sending.running():
            self.channel.append(payload.body, raw_bytes=payload.raw_bytes, caller=caller, trail=errand.trail)

    def _wake(self) -> None:
        """End what the load waits for, so that it sees a pause or a cancel."""
        self._payloads.wake()
        self._senders.wake()

    # What comes back.

    def _take_news(self, timeout_s: float) -> None:
        """Take in what has happened; waits for it.

        Raises:
            BaseException: the error of the first request that failed, once all is taken in.
        """
        failure: BaseException | None = None
        for item in self._senders.news(timeout_s):
            if isinstance(item, Ended):
                failed = self._delivery.note_end(item.errand, item.error)
                self._senders.under_way.remove(item.errand)
                failure = failure or failed
                self._report_news()
            else:
                self.report(item)
        if failure is not None:
            raise failure

    def _look_for_rejections(self, before: ChannelStatus | None) -> None:
        """Find out how many rows were rejected, as far as the channel's counters prove it.

        Raises:
            RowsRejectedError: some were, and `on_error="raise"`.
        """
        rows = self._delivery.durable.rows
        if rows == 0:
            self._delivery.note_rejected(0, None)
            return
        if before is None:
            return
        self._report_phase("committing")
        growth = Growth.between(before, self._status_now())
        if growth is None or growth.is_hopeless(rows):
            return
        self._outlast_old_statuses()
        status = self._status_now()
        growth = Growth.between(before, status)
        rejected = None if growth is None else growth.rejected_of(rows)
        if rejected is None or status is None:
            return
        self._delivery.note_rejected(rejected, status.last_error_message)
        self._report_news()
        if rejected and self._options.on_error == "raise":
            raise self._rejected(rejected, status.last_error_message)

    def _outlast_old_statuses(self) -> None:
        """Wait until a status, however old, counts all rows; the end of a pause does not shorten it."""
        now = self.channel.clock.monotonic
        until = now() + self._options.limits.audit_grace_s
        while (left_s := until - now()) > 0:
            self.control.sleep(left_s)

    def _status_now(self) -> ChannelStatus | None:
        """Read the status; rows are durable even if the service does not answer now."""
        with contextlib.suppress(ServiceError, TransportError):
            return self.channel.status(self._caller)
        return None

    # What is reported.

    def report(self, event: Event) -> None:
        """Report what happened: to the load's own displays first, then to whoever listens to the client."""
        throttled = isinstance(event, RequestRetried) and event.throttled
        self._delivery.count_tries(self._senders.under_way, throttled=throttled)
        self._reporter.report(event, self._delivery.counts)

    def _caller_reporting_to(self, report: Callable[[Event], None]) -> LoadCaller:
        return LoadCaller(self.control, report, target=self._reporter.target, channel=self.channel_name)

    def _report_news(self) -> None:
        news, self._delivery.events = self._delivery.events, []
        for event in news:
            self.report(event)

    def _report_phase(self, phase: Phase) -> None:
        self.report(PhaseChanged(phase=phase))

    def _explain(self, error: BaseException) -> None:
        """Attach which rows are durable, to our exceptions also as facts, and notify the displays."""
        with contextlib.suppress(Exception):  # the load has failed with an earlier error
            self._take_news(0)
        self._delivery.note_left([*self._senders.under_way, *self._delivery.ready])
        self._report_news()
        if not self.tracker.ended:
            self.report(replace(failure_event(error), goes_on=False))
        if isinstance(error, SnowpipeError):
            error.goes_on = False
        place = self._reporter.target, self.load_id, self.channel.name
        name_place(error, *place)
        if self._begun:
            add_facts(error, self._delivery.facts(*place))

    def _rejected(self, rejected: int, message: str | None) -> RowsRejectedError:
        rows = self._delivery.durable.rows
        return RowsRejectedError(
            f"the service rejected {rejected:,} of {counted(rows, 'row')}; the last reason: "
            f"{message or 'unknown'}; correct {'it and load it' if rejected == 1 else 'them and load them'} "
            'alone, or pass on_error="report" to count rejected rows',
            rows_rejected=rejected,
            last_message=message,
            first_row=0,
            end_row=rows,
            offset_upper_bound=None,
        )

    def _result(self) -> StreamResult:
        return StreamResult(
            **self._delivery.counts.as_dict(),
            seconds=self.tracker.seconds,
            timings=self._watches.timings(),
            committed=True,
            offset_token=None,
            target=self._reporter.target,
            load_id=self.load_id,
            channel=self.channel.name,
            possible_duplicates=self.possible_duplicates,
        )
