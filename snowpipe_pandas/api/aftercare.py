"""What comes after a load, as its result and its error offer it: rejected rows, their repair, a receipt."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..errors import RowsRejectedError, UsageError
from ..names import ObjectName, TargetName
from ..rest.channel import Channel
from ..rest.of_client import Door
from ..rest.target import Target
from ..rows.encode.encoder import Encoder
from ..rows.options import reading
from ..rows.rejected import Rejected, rejected_frame
from ..rows.repair import Expected, rows_to_send
from ..rows.sources.again import Again
from ..rows.sources.source import Source
from ..shown import counted
from ..streaming.explained import add_rejected
from ..streaming.load_ids import repair_of
from ..streaming.opened import encoder_of
from ..streaming.options import LoadOptions
from ..streaming.receipt import LoadRecord
from ..streaming.result import StreamResult
from .first_rejected import first_rejected
from .rejected import Whose, kept_rows, rejected_rows
from .runnable import Runnable
from .targets import AnyTarget

if TYPE_CHECKING:
    from ..sql.door import DataFrame

Send = Callable[..., StreamResult]
"""`stream()`, called with a frame, a target, and options."""

_OWN_OPTIONS = ("load_id", "after", "channels", "delivery")
"""Options of a load that its repair does not share: it has a channel of its own, and few rows."""

CLOCK_S = 1.0
"""The clocks of client and service may differ by about this much."""


class LoadAftercare:
    """The way from a load to its source, its table and its client; runs the load, and attaches itself.

    Args:
        load: the load.
        target: where it goes.
        options: its options.
        given: what it was given as its source.
        rows: the source that was made of it.
        send: sends the rows of a repair.
    """

    def __init__(
        self,
        load: Runnable,
        target: AnyTarget,
        options: LoadOptions,
        given: Any,
        rows: Source,
        send: Send,
    ) -> None:
        self._run: Callable[[], StreamResult] | None = load.run
        self._load_id = load.load_id
        self._target = target
        self._name: TargetName = target.name if isinstance(target, Target) else target.target
        self._elastic = not isinstance(target, Channel) and (
            options.delivery == "at-least-once" or not isinstance(target, Target)
        )
        self._options = options
        self._reading = reading(index=options.index, columns=options.columns, column_case=options.column_case)
        self._again = Again(given, rows, self._reading, options.binary_format)
        self._columns = list(rows.schema.names)
        self._send = send
        self._began = self._now()
        self._reported = 0
        self._clean = self._exact = False
        self._expected: Expected | None = None

    def run(self) -> StreamResult:
        """Run the load, once; what it returns, or raises for rejected rows, leads back here."""
        run, self._run = self._run, None  # it holds all of the load
        if run is None:
            raise TypeError("a load runs once")
        self._began = self._now()
        try:
            result = run()
        except RowsRejectedError as error:
            self._reported = error.rows_rejected
            error._aftercare = self
            if not self._elastic:  # elastic rows name no load: they may be another one's
                add_rejected(error, first_rejected(self._kept, self._again, self._encoder))
            raise
        self._reported, self._exact = result.rows_rejected, result.rejected_exact and result.committed
        self._clean = self._exact and not self._reported
        if self._clean:
            self._again.loosen()
        return replace(result, _aftercare=self, _record=self._record())

    @property
    def door(self) -> Door:
        """The client, as far as it runs SQL."""
        return self._target.door

    @property
    def given(self) -> Any:
        """What the load was given, if it can be read again and is still there."""
        return self._again.given

    def rejected(self) -> DataFrame:
        """Return the rejected rows; where there surely are none, no request is made."""
        if self._clean:
            return rejected_frame((), self._again, self._encoder)
        frame = rejected_rows(self._target.door, self._whose(), self._again, self._encoder)
        self._expected = Expected.of(frame)
        found = len(frame)
        if found < self._reported or (self._exact and found > self._reported):
            why = (
                "it keeps those that were rejected since it was made"
                if found < self._reported
                else "other runs under this name had some, too"
            )
            warnings.warn(
                f"the error table has {counted(found, 'row')} of load {self._load_id!r}, which counted "
                f"{counted(self._reported, 'rejected row')}: {why}",
                UserWarning,
                stacklevel=4,
            )
        return frame

    def repair(self, fixed: Any, *, progress: Any) -> StreamResult:
        """Send corrected rows as a load of its own."""
        expected = self._expected
        if expected is None:
            expected = Expected.of(self.rejected())
        if not expected.rows:
            raise UsageError(f"load {self._load_id!r} has no rejected rows to repair")
        options = {
            field.name: getattr(self._options, field.name)
            for field in fields(LoadOptions)
            if field.name not in _OWN_OPTIONS
        }
        return self._send(
            rows_to_send(fixed, expected),
            self._home(),
            load_id=repair_of(self._load_id),
            progress=progress,
            **options,
        )

    def _kept(self) -> Iterator[Rejected]:
        return kept_rows(self._target.door, self._whose(), self._again)

    @property
    def _encoder(self) -> Encoder:
        """Writes rows as the load wrote them."""
        return encoder_of(self._options)

    def _home(self) -> Target:
        """Return the target in which a repair opens its channel."""
        if isinstance(self._target, Target):
            return self._target
        name, door = self._name, self._target.door
        home: Target = door.pipe(str(name.pipe)) if name.table is None else door.table(str(name.table))
        return home

    def _whose(self) -> Whose:
        return Whose(
            load_id=self._load_id,
            table=self._name.table,
            pipe=self._name.pipe,
            channel=self._target.name if isinstance(self._target, Channel) else None,
            elastic_since=self._began - dt.timedelta(seconds=CLOCK_S) if self._elastic else None,
        )

    def _record(self) -> LoadRecord:
        account, user, _ = self._target.identity
        table: ObjectName | None = self._name.table
        return LoadRecord(
            account=account,
            user=user,
            table=None if table is None else str(table),
            pipe=str(self._name.pipe),
            elastic=self._elastic,
            began=self._began.isoformat(),
            ended=self._now().isoformat(),
            columns=self._columns,
            options={
                **self._reading,
                "nulls": self._options.nulls,
                "binary_format": self._options.binary_format,
            },
        )

    def _now(self) -> dt.datetime:
        """The time as the service sees it."""
        return dt.datetime.fromtimestamp(self._target.clock.now(), dt.UTC)
