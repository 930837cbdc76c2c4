"""`sp.verify()`: proves by SQL that a table holds what a load was given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..arguments import flag, instance, is_a, optional_text, refuse
from ..errors import SqlError, UsageError
from ..names import ObjectName
from ..proof.compare import Given, Table, compare
from ..proof.verification import ALL, Measured, Verification
from ..rest.client import Client
from ..rest.of_client import Door
from ..rows.digest import digest_of
from ..rows.encode.encoder import ROW_FORMAT, Encoder
from ..rows.options import Reading, reading
from ..rows.repair import Expected
from ..rows.sources.again import Again
from ..rows.sources.source import Source, open_source
from ..shown import counted
from ..sql.catalogue import describe_table
from ..sql.error_table import table_of_pipe
from ..sql.failures import may_be_missing
from ..streaming.receipt import RECEIPT_FORMAT
from ..streaming.result import StreamResult
from .aftercare import CLOCK_S
from .rejected import Whose, rejected_rows

_LOAD = "what stream() returned, or its receipt()"


def verify(
    load: StreamResult | Mapping[str, Any],
    source: Any = None,
    *,
    client: Client | None = None,
    where: str | None = None,
    by_sql: bool = True,
) -> Verification:
    """Compare a table with the source of a load: rows, nulls, least and largest values, sums and checksums.

    The source is measured in Python, the table by SQL, which needs a warehouse on a real account. Rows that
    were rejected are left out of the source. **All rows of the table are compared**: it is unknown which of
    them this load sent. Where the table has others, `where` has to choose the load's.

    That the source is what the load was given is proved first, by the digest in the load's offset tokens.

    Args:
        load: what `stream()` returned, or the receipt of it.
        source: what the load was given; a result finds it by itself as long as it is there. It is read more
            than once, so it is not an iterator.
        client: reads the table; a result knows the client of its load.
        where: a condition in SQL that the load's rows fulfil, and no others.
        by_sql: False compares only the digests, and makes no request.

    Returns:
        All measures; false where one differs. What can't be compared (VARIANT, BINARY, TIME, a text in a
        NUMBER column, ...) is listed as such, and `print()` shows it.

    Raises:
        UsageError: the source no longer exists, can't be read again, or no client is known.
        DataError: the source can't be read.
        SqlError: the table can't be read.

    >>> result = df.snowpipe.stream(client.table("DEMO.PUBLIC.FLIGHTS"), load_id="2013-01")
    >>> print(sp.verify(result, df))
    """
    by_sql = flag("by_sql", by_sql)
    where = optional_text("where", where, example="where=\"MONTH = '2013-01'\"")
    receipt, door, given = _parsed(load, source, client)
    if door is None and by_sql:
        raise UsageError("a receipt knows no client: pass client=, which reads the table, or by_sql=False")
    again = _again(given, receipt)
    measures = list(_digests(again, receipt))
    what = f"the source of load {receipt.load_id!r} and its offset tokens"
    if by_sql and door is not None:
        table, without = _by_sql(door, again, receipt)
        side = Given(
            source=_opened(again),
            given=again.given,
            index=receipt.reading["index"],
            omits_nulls=receipt.nulls == "omit",
            without=without,
            rejected=receipt.rows_rejected if receipt.rejected_exact else None,
        )
        measures += compare(side, _table(door, table, where))
        what = _what(receipt, table, where, without)
    return Verification(what, tuple(measures))


@dataclass(frozen=True, slots=True)
class _Receipt:
    """A receipt, parsed."""

    load_id: str
    table: ObjectName | None
    pipe: ObjectName
    elastic: bool
    began: dt.datetime
    channels: tuple[tuple[str, int, int, str | None], ...]
    rows_rejected: int
    rejected_exact: bool
    row_format: int
    reading: Reading
    nulls: Any
    binary_format: Any

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> _Receipt:
        """Read a receipt.

        Raises:
            KeyError, TypeError, ValueError, UsageError: it is not a receipt, or is of another version.
        """
        if fields["receipt"] != RECEIPT_FORMAT:
            raise ValueError
        options = dict(fields["options"])
        return cls(
            load_id=str(fields["load_id"]),
            table=None if fields["table"] is None else ObjectName.parse(fields["table"]),
            pipe=ObjectName.parse(fields["pipe"], argument="pipe"),
            elastic=fields["delivery"] == "at-least-once",
            began=dt.datetime.fromisoformat(fields["began"]),
            channels=tuple(
                (str(one["channel"]), int(one["first_row"]), int(one["rows"]), one["digest"])
                for one in fields["channels"]
            ),
            rows_rejected=int(fields["rows_rejected"]),
            rejected_exact=bool(fields["rejected_exact"]),
            row_format=int(fields["row_format"]),
            reading=reading(**{name: options[name] for name in ("index", "columns", "column_case")}),
            nulls=options["nulls"],
            binary_format=options["binary_format"],
        )

    @property
    def encoder(self) -> Encoder:
        """Writes rows as the load wrote them."""
        return Encoder(nulls=self.nulls, binary_format=self.binary_format)

    @property
    def whose(self) -> Whose:
        """What identifies the load's rows in an error table."""
        alone = self.channels[0][0] if len(self.channels) == 1 else self.load_id
        since = self.began - dt.timedelta(seconds=CLOCK_S)
        return Whose(
            load_id=self.load_id,
            table=self.table,
            pipe=self.pipe,
            channel=None if alone == self.load_id else alone,
            elastic_since=since if self.elastic else None,
        )


def _parsed(load: Any, source: Any, client: Any) -> tuple[_Receipt, Door | None, Any]:
    """Return the receipt, the client that reads the table, and what the load was given."""
    door: Door | None = None
    if client is not None:
        door = instance("client", client, Client, wanted="what sp.connect() returns", secret=True)
    if is_a(load, StreamResult):
        if load._aftercare is not None:
            door = door or load._aftercare.door
            source = load._aftercare.given if source is None else source
        load = load.receipt()
    if not isinstance(load, Mapping):
        refuse("load", load, _LOAD)
    try:
        return _Receipt.read(load), door, source
    except (KeyError, TypeError, ValueError, UsageError):
        refuse("load", load, _LOAD)


def _again(given: Any, receipt: _Receipt) -> Again:
    """Return the source as one that can be read more than once.

    Raises:
        UsageError: it can't be, or there is none.
    """
    if given is None:
        raise UsageError("source is not given, and what the load was given no longer exists: pass source=df")
    opened = open_source(given, binary_format=receipt.binary_format, **receipt.reading)
    again = Again(given, opened, receipt.reading, receipt.binary_format)
    if again.given is None:
        refuse(
            "source",
            given,
            "what can be read more than once: a frame, an Arrow table, a list of dicts, files",
        )
    return again


def _opened(again: Again) -> Source:
    source = again.open()
    if source is None:
        raise UsageError("the source no longer exists: pass source=df")
    return source


def _digests(again: Again, receipt: _Receipt) -> Iterator[Measured]:
    """Compare the digests of the source's rows with those that the load's offset tokens have."""
    for _, first, rows, digest in receipt.channels:
        which = ALL if len(receipt.channels) == 1 else f"rows {first:,} to {first + rows - 1:,}"
        if digest is None:
            why = "the load's offset token has none"
            yield Measured(which, "DIGEST", why="elastic channels have none" if receipt.elastic else why)
        elif receipt.row_format != ROW_FORMAT:
            yield Measured(which, "DIGEST", why="another version has written the rows, in other texts")
        else:
            found = digest_of(_opened(again), receipt.encoder, first, rows)
            yield Measured(which, "DIGEST", found, digest, found == digest)


def _by_sql(door: Door, again: Again, receipt: _Receipt) -> tuple[ObjectName, frozenset[int] | None]:
    """Return the table, and the numbers of the rows that it has rejected, None where they are not known."""
    table = receipt.table or table_of_pipe(door, receipt.pipe)
    if receipt.rejected_exact and not receipt.rows_rejected:
        return table, frozenset()
    try:
        found = Expected.of(rejected_rows(door, receipt.whose, again, receipt.encoder))
    except SqlError as error:
        if not may_be_missing(error):
            raise
        return table, None
    known = not found.without_number and (
        len(found.numbers) == receipt.rows_rejected if receipt.rejected_exact else True
    )
    return table, frozenset(found.numbers) if known else None


def _table(door: Door, table: ObjectName, where: str | None) -> Table:
    columns = {column.name.upper(): column for column in describe_table(door, table)}
    return Table(str(table), where, columns, door.sql)


def _what(receipt: _Receipt, table: ObjectName, where: str | None, without: frozenset[int] | None) -> str:
    rows = "all rows" if where is None else f"the rows WHERE {where}"
    less = f" without its {counted(len(without), 'rejected row')}" if without else ""
    return f"{rows} of {table} and the source of load {receipt.load_id!r}{less}"
