"""A load into a table or a pipe: through channels of its own, named after it, one or several at once.

The channels' names follow from the load's, so that a later call finds them, from whichever machine; their
offset tokens say what is committed, and how the load was cut into parts.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from ..errors import LoadFacts, SnowpipeError
from ..events import Event, Hub, PhaseChanged
from ..offset_tokens import Mark, PartOf, Position
from ..rest.channel import Channel
from ..rest.target import Target
from ..rows.encode.encoder import ROW_FORMAT, Encoder
from ..rows.sources.source import Source
from .control import Control
from .estimate import projected_bytes
from .explained import add_facts, name_place
from .failures import failure_event, forgotten_parts, other_parts
from .group import Group
from .load import Load
from .load_ids import new_load_id
from .marks import mark_of, say
from .options import LoadOptions
from .parts import FORGOTTEN_AFTER_S, MANIFEST, MAX_CHANNELS, channel_of, cut, cut_of, worthwhile
from .preflight import Preflight
from .progress import Progress
from .replacement import Replacement
from .reporting import LoadCaller
from .result import StreamResult
from .totals import TotalTracker, added_results, remembered_result

OPENS_AT_ONCE = 8
MIN_IN_FLIGHT_BYTES = 8 * 1024 * 1024
"""A part may have two full requests that are not committed, so that it need not wait for each commit."""

_log = logging.getLogger("snowpipe_pandas.loads")


class TargetLoad:
    """A load into a target; its channels are opened when it runs.

    Args:
        rows: the source.
        encoder: how its rows are written.
        target: where they go.
        options: how they are delivered; without a `load_id` the load gets a fresh one.
        preflight: makes the table, and compares the rows with it.
        replacement: lets the target, a table of the load's own, take another one's place; None to append.

    Attributes:
        load_id: the name under which the load can be resumed.
        channel_name: the name of its channel, or of that of its first part.
        control: pauses, resumes and cancels the load.
        events: what happens to this load and its parts.
        client_events: what happens to its client.
        tracker: what the load has done, for displays.
    """

    def __init__(
        self,
        rows: Source,
        encoder: Encoder,
        target: Target,
        options: LoadOptions,
        preflight: Preflight,
        replacement: Replacement | None = None,
    ) -> None:
        self.load_id = options.load_id or new_load_id()
        self.channel_name = channel_of(self.load_id, 1)
        self.control = Control(target.clock.sleep)
        self.events = Hub()
        self.client_events = target.events
        account, user, fingerprint = target.identity
        self.tracker = TotalTracker(
            Progress(
                target=str(target.name),
                load_id=self.load_id,
                channel=self.channel_name,
                account=account,
                user=user,
                fingerprint=fingerprint,
                rows_total=rows.total_rows,
                tokens=target.tokens,
            )
        )
        self._rows = rows
        self._encoder = encoder
        self._target = target
        self._options = options
        self._preflight = preflight
        self._replacement = replacement
        self._staged = False
        self._named = options.load_id is not None
        self._caller = LoadCaller(self.control, self.report, target=str(target.name))
        self._channels: dict[int, Channel] = {}
        self._loads: list[Load] = []
        self._group: Group | None = None

    def run(self) -> StreamResult:
        """Open the channels and deliver the rows; whatever ends this early carries how far the load came.

        Raises:
            OtherPartsError: the load was begun through other channels, or with another number of rows.
            ForgottenPartsError: the service may have deleted some of its channels.
            CreateTableError: the table may be missing, and can't be made.
            ColumnMismatchError: the table surely rejects the rows; nothing was sent.
            ReplaceTableError: all rows are staged, and did not take the table's place.
        """
        try:
            self._preflight.make_table(self._rows.schema)
            result = self._run() if self._replacement is None else self._replaced(self._replacement)
        except BaseException as error:
            self._explain(error)
            raise
        finally:
            self._rows.close()
        self.tracker.end(PhaseChanged(phase="done"))
        return result

    def _replaced(self, replacement: Replacement) -> StreamResult:
        """Deliver the rows into a table of their own, which then takes the place of the other."""
        self._preflight.check(self._rows)
        done = replacement.begin(self._rows.total_rows)
        if done is not None:
            return replace(done, seconds=self.tracker.snapshot().seconds)
        result = self._run()
        self._staged = True
        self.control.check()
        return replacement.finish(result)

    def _run(self) -> StreamResult:
        begun = self._begun()
        if begun is not None and begun.part is not None and begun.part.part != MANIFEST and begun.part.done:
            return self._finished(begun, begun.part)
        if self._replacement is None:
            self._preflight.check(self._rows, self._open(1).target_columns)
        with ExitStack() as hearing:
            self._prepare(self._cut(begun))
            for load in self._loads:
                self.control.lead(load.control)
                hearing.enter_context(load.events.heard_by(self.events.emit))
            self.tracker.follow([load.tracker for load in self._loads])
            result = self._delivered()
        if self._options.drop_when_done and result.committed:
            self._drop([load.channel for load in self._loads], len(self._loads), result)
        return result

    def _delivered(self) -> StreamResult:
        if len(self._loads) == 1:
            return self._loads[0].run()
        begins = self._mark_of(self._loads[0].channel) is None
        self._group = Group(self._loads, begins=begins)
        return added_results(self._group.run(), self.tracker.snapshot().seconds)

    # Which channels.

    def _open(self, part: int) -> Channel:
        """Open a part's channel, once: it waits for rows on their way, and fences whoever sends more."""
        self.control.check()
        if part not in self._channels:
            name = channel_of(self.load_id, part)
            self._channels[part] = self._target.open_channel(name, opened_by=self._caller)
        return self._channels[part]

    def _begun(self) -> Mark | None:
        """Return what a channel of the load says about it, None if nothing is known to be committed.

        It is the first part's channel, which leads. If that has lost its token, rows of other parts may be in
        the table all the same, however many parts there were.
        """
        begun = self._mark_of(self._open(1))
        if begun is None and self._named:
            marks = (self._mark_of(self._open(part)) for part in self._known_parts())
            begun = next((mark for mark in marks if mark is not None), None)
        return begun

    def _known_parts(self) -> list[int]:
        """Return the parts but the first whose channels the service knows; the manifest counts as one."""
        parts = (MANIFEST, *range(2, MAX_CHANNELS + 1))
        names = {channel_of(self.load_id, part): part for part in parts}
        return sorted(names[name] for name in self._target.statuses(list(names), self._caller))

    def _mark_of(self, channel: Channel) -> Mark | None:
        return mark_of(channel.opened_status, self.load_id)

    def _cut(self, begun: Mark | None) -> list[PartOf]:
        """Cut the rows as they were cut when the load began; a new load's are cut now.

        Raises:
            OtherPartsError: the caller wants them cut in another way than that.
        """
        parts = cut(self._rows.total_rows or 0, self._number(begun))
        given = None if len(parts) == 1 else parts[0]
        if begun is not None and cut_of(begun.part) != cut_of(given):
            raise other_parts(self.load_id, begun.part, given)
        return parts

    def _number(self, begun: Mark | None) -> int:
        """Return how many parts the load is to have."""
        wanted = self._options.channels
        if not self._rows.cuttable:
            return 1  # its rows come once and in order: no part could be resumed without the others
        if wanted != "auto":
            return wanted
        if begun is not None:
            return 1 if begun.part is None else begun.part.parts
        pace = self._options.limits.max_bytes_per_s or self._open(1).limits.bytes_per_s
        return worthwhile(projected_bytes(self._rows, self._encoder), pace)

    def _prepare(self, parts: list[PartOf]) -> None:
        """Open the remaining channels, and make a load for each."""
        if len(parts) == 1:
            options = replace(self._options, load_id=self.load_id)
            self._loads = [Load(self._rows, self._encoder, self._open(1), options)]
            return
        with ThreadPoolExecutor(OPENS_AT_ONCE) as pool:
            channels = list(pool.map(self._open, [part.part for part in parts]))
        self._refuse_other_parts(channels, parts)
        self._refuse_forgotten(channels)
        held = max(MIN_IN_FLIGHT_BYTES, self._options.max_in_flight_bytes // len(parts))
        options = replace(self._options, load_id=self.load_id, max_in_flight_bytes=held)
        self._loads = [
            Load(
                self._rows.part(part.first_row, part.end_row),
                self._encoder,
                channel,
                options,
                part=part,
            )
            for part, channel in zip(parts, channels, strict=True)
        ]

    def _refuse_other_parts(self, channels: list[Channel], parts: list[PartOf]) -> None:
        """Refuse to go on where another caller has meanwhile begun the load, cut in another way.

        Raises:
            OtherPartsError: a channel says so.
        """
        for channel, part in zip(channels, parts, strict=True):
            mark = self._mark_of(channel)
            if mark is not None and mark.part != part:
                raise other_parts(self.load_id, mark.part, part)

    def _refuse_forgotten(self, channels: list[Channel]) -> None:
        """Refuse to go on where the service may have deleted the channels of some parts, for lack of use.

        Raises:
            ForgottenPartsError: some are old enough for that, and others have no token.
        """
        statuses = {channel: channel.opened_status for channel in channels}
        without = [channel.name for channel in channels if self._mark_of(channel) is None]
        now_ms = 1000 * self._target.clock.now()
        ages_s = [
            (now_ms - status.created_on_ms) / 1000
            for channel, status in statuses.items()
            if status.created_on_ms is not None and self._mark_of(channel) is not None
        ]
        if without and ages_s and max(ages_s) > FORGOTTEN_AFTER_S:
            raise forgotten_parts(self.load_id, max(ages_s), without, len(channels))

    # How it ends.

    def _drop(self, channels: list[Channel], parts: int, result: StreamResult) -> None:
        """Drop what is left of the channels of a load that is done; it can no longer be recognised.

        If there are several, the first one's token says that all is done before any is dropped, and it is the
        last to be dropped: a call after an interruption finds it, and sends nothing again.
        """
        lead, *others = channels
        try:
            if others:
                self._say_done(lead, parts, result)
            for channel in (*others, lead):
                channel.drop()
        except SnowpipeError as error:
            _log.warning("load %r is done, but its channels could not be dropped: %s", self.load_id, error)

    def _say_done(self, lead: Channel, parts: int, result: StreamResult) -> None:
        """Make the first channel's token say that all parts are done.

        Raises:
            ChannelError: the service does not show that token: nobody would find it.
        """
        rows = result.rows_acknowledged
        done = PartOf(1, parts, rows, done=True)
        say(lead, Mark(self.load_id, Position(rows, ""), ROW_FORMAT, result.rows_rejected, part=done))

    def _finished(self, mark: Mark, part: PartOf) -> StreamResult:
        """Go on dropping the channels of a load that is done.

        Raises:
            OtherPartsError: it had another number of rows.
        """
        if self._rows.total_rows is not None and self._rows.total_rows != part.rows_total:
            raise other_parts(self.load_id, part, replace(part, rows_total=self._rows.total_rows, done=False))
        seconds, target = self.tracker.snapshot().seconds, str(self._target.name)
        result = remembered_result(mark, seconds, target=target, channel=self.channel_name)
        channels = [self._open(number) for number in (1, *self._known_parts())]
        self._drop(channels, part.parts, result)
        return result

    def _explain(self, error: BaseException) -> None:
        """Attach how far the whole load came, and notify the displays."""
        ended = failure_event(error)
        if self._staged and isinstance(error, SnowpipeError):
            error.place = None  # a part's error names the staging table, not the user's
        name_place(error, self.tracker.snapshot().target, self.load_id, self.channel_name)
        if len(self._loads) > 1 or self._staged:
            self._attach_facts(error)
        if not self._loads:
            self.report(ended)
        self.tracker.end(ended)

    def _attach_facts(self, error: BaseException) -> None:
        total = self.tracker.snapshot()
        failed = self._group.failure if self._group is not None else None
        own: LoadFacts | None = getattr(error, "load", None)
        facts = LoadFacts(
            target=total.target,
            load_id=self.load_id,
            channel=self.channel_name if failed is None else failed[0].channel.name,
            rows_acknowledged=total.rows_acknowledged,
            rows_in_table=total.rows_in_table,
            rows_rejected=total.rows_rejected,
            exact=total.rejected_exact
            and (self._staged or (self._group is not None and self._group.exact())),
            failed_rows=None if own is None else own.failed_rows,
            goes_on=getattr(error, "goes_on", True),
        )
        add_facts(error, facts)

    def report(self, event: Event) -> None:
        """Report what happened before the parts began."""
        event = replace(event, target=str(self._target.name), load_id=self.load_id)
        self.events.emit(event)
        self.client_events.emit(event)
