"""Reads the rejected rows of a load: from its table's error table, as rows of its source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..names import ObjectName
from ..offset_tokens import read_token, rows_between
from ..rest.of_client import Door
from ..rows.encode.encoder import Encoder
from ..rows.rejected import Rejected, rejected_frame
from ..rows.sources.again import Again
from ..sql.error_table import KeptRow, rows_of_elastic_channels, rows_of_load, table_of_pipe
from ..streaming.parts import channel_of

if TYPE_CHECKING:
    from ..sql.door import DataFrame

_ANYWHERE = 2**62
"""After every row of a source."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What identifies the rows of one load in an error table.

    Attributes:
        load_id: the load.
        table: its table, None where a pipe was named.
        pipe: the pipe that took the rows.
        channel: the channel that was opened for it; None where its channels are named after the load.
        elastic_since: of a load through an elastic channel, when it began; such rows carry no token.
    """

    load_id: str
    table: ObjectName | None
    pipe: ObjectName
    channel: str | None
    elastic_since: dt.datetime | None

    def has(self, kept: KeptRow) -> bool:
        """Whether a row whose token is one of the load's came through the load's own channel and pipe."""
        mark = read_token(kept.upper_bound)
        part = None if mark is None else mark.part
        channel = self.channel or channel_of(self.load_id, 1 if part is None else part.part)
        return kept.channel in (None, channel) and _is_pipe(kept.pipe, self.pipe)


def rejected_rows(door: Door, whose: Whose, again: Again | None, encoder: Encoder) -> DataFrame:
    """Return the rejected rows of a load; see `StreamResult.rejected`.

    Raises:
        UsageError: it is unknown which table the pipe fills, or which rows are the load's.
        SqlError: the error table can't be read.
    """
    frame: DataFrame = rejected_frame(list(kept_rows(door, whose, again)), again, encoder)
    if whose.elastic_since is None:
        return frame
    own: DataFrame = frame[frame.iloc[:, 0].notna()].copy()  # rows of other loads are not found in the source
    return own


def kept_rows(door: Door, whose: Whose, again: Again | None) -> Iterator[Rejected]:
    """Yield the rows of the error table that are a load's; through an elastic channel, those that may be.

    Raises:
        UsageError, SqlError: as above.
    """
    table = whose.table or table_of_pipe(door, whose.pipe)
    if whose.elastic_since is None:
        yield from _of_load(door, table, whose)
        return
    if again is None or again.given is None:
        raise UsageError(
            f"rows of an elastic channel do not name their load; those of load {whose.load_id!r} are known "
            f"by their text alone, and its source can't be read again; ERROR_TABLE({table}) has all rows"
        )
    for kept in rows_of_elastic_channels(door, table, whose.elastic_since):
        if _is_pipe(kept.pipe, whose.pipe):
            yield Rejected(kept.line, kept.reason, 0, _ANYWHERE)


def _of_load(door: Door, table: ObjectName, whose: Whose) -> Iterator[Rejected]:
    for kept in rows_of_load(door, table, whose.load_id):
        rows = rows_between(whose.load_id, kept.lower_bound, kept.upper_bound)
        if rows is not None and whose.has(kept):
            yield Rejected(kept.line, kept.reason, *rows)


def _is_pipe(named: str | None, pipe: ObjectName) -> bool:
    """Whether a name, bare or with database and schema, is that of a pipe."""
    if named is None:
        return True
    name, plain = pipe.name.upper(), named.replace('"', "").upper()
    return plain == name or plain.endswith(f".{name}")
