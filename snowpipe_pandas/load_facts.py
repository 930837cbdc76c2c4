"""What an error says of the load that it ended: its place, how far it got, and which rows were rejected."""

from __future__ import annotations

from dataclasses import dataclass

from .shown import counted, row_ranges, visible


def place_of(target: str, load_id: str, channel: str) -> str:
    """Return a load's target and names, as its errors and notes begin.

    >>> place_of("DEMO.PUBLIC.FLIGHTS", "2013-01", "x")
    "-> DEMO.PUBLIC.FLIGHTS, load '2013-01', channel 'x'"
    """
    return f"-> {visible(target)}, load {load_id!r}, channel {channel!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that the service skipped, as the table's error table has it.

    Attributes:
        first_row: number of the row in the source; where that is unknown, the first row that it may be ...
        end_row: ... and the exclusive end row.
        column: the column whose value was refused, None where the reason does not name one.
        value: that value, or the whole row, shortened to one line.
        reason: why the service skipped the row.
    """

    first_row: int
    end_row: int
    column: str | None
    value: str
    reason: str

    def __str__(self) -> str:
        ranges = row_ranges([(self.first_row, self.end_row)])
        where = ranges if self.end_row == self.first_row + 1 else f"one of {ranges}"
        named = "" if self.column is None else f"{visible(self.column)} = "
        return f"{where}, {named}{self.value}: {visible(self.reason)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFacts:
    """How far a load had got when it failed, over all of its calls; attached to the exception as ``.load``.

    Attributes:
        target: the table, or the pipe that was named.
        load_id: give it again to go on.
        channel: the channel's name; of a load in parts, that of the part that failed.
        rows_acknowledged: rows that the service has received; through one channel, the first row that it
            has not received has this number.
        rows_in_table: rows that are durable in the table.
        rows_rejected: rows that the service skipped.
        exact: whether the channel's status was read after the failure, no request was under way, and the
            service reports how many rows it rejected; else these are the numbers of the last status.
        failed_rows: first row and row after the last one of the request that failed, None if none did.
        goes_on: whether the same call can go on where the load stopped; otherwise the error says what to do.
    """

    target: str
    load_id: str
    channel: str
    rows_acknowledged: int
    rows_in_table: int
    rows_rejected: int = 0
    exact: bool = False
    failed_rows: tuple[int, int] | None = None
    goes_on: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.outcome}"

    @property
    def place(self) -> str:
        """Target and names of the load."""
        return place_of(self.target, self.load_id, self.channel)

    @property
    def outcome(self) -> str:
        """What became of its rows, and how to go on."""
        parts = self._failed()
        seen = "" if self.exact else " at the last check"
        received = counted(self.rows_acknowledged, "row")
        parts.append(f"{received} acknowledged, {self.rows_in_table:,} in the table{seen}")
        if self.goes_on:
            parts.append(f"run the same call with load_id={self.load_id!r} to go on")
        return "; ".join(parts)

    def _failed(self) -> list[str]:
        parts = []
        if self.rows_rejected:
            parts.append(f"{self.rows_rejected:,} of {counted(self.rows_acknowledged, 'row')} REJECTED")
        if self.failed_rows is not None:
            parts.append(f"the request of {row_ranges([self.failed_rows])} failed")
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnorderedLoadFacts(LoadFacts):
    """How far a load through an elastic channel had got: its requests are answered in any order.

    `rows_acknowledged` counts the durable rows, wherever they are in the source; at most `rows_in_table` of
    them are in the table. Such a load can't be resumed.

    Attributes:
        durable_rows: rows that the service has dealt with for good, each in the table or rejected: first row
            and row after the last one of each range, in the order of the source.
        unknown_rows: rows that may be in the table or not. Rows in neither list are not in the table.
        doubled_rows: durable rows that may be in the table more than once.
    """

    goes_on: bool = False
    durable_rows: tuple[tuple[int, int], ...] = ()
    unknown_rows: tuple[tuple[int, int], ...] = ()
    doubled_rows: tuple[tuple[int, int], ...] = ()

    @property
    def outcome(self) -> str:
        """What became of its rows, and what to do."""
        parts = self._failed()
        if self.durable_rows:
            most = "" if self.exact else "at most "
            there, where = counted(self.rows_in_table, "row"), row_ranges(self.durable_rows)
            parts.append(f"{most}{there} in the table, dealt with for good: {where}")
        if self.doubled_rows:
            parts.append(f"{row_ranges(self.doubled_rows)} may be there more than once")
        if self.unknown_rows:
            parts.append(f"it is unknown whether the table has {row_ranges(self.unknown_rows)}")
        if self.durable_rows or self.unknown_rows:
            parts.append("a second run would send every row again, so send only what is missing")
        else:
            parts.append("no row is in the table, so the same call can be run again")
        return "; ".join(parts)
