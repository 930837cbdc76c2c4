"""Reads an error table: the rejected rows of one load. A SELECT: it needs a warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SqlError, SqlResultError, UsageError
from ..names import ObjectName
from ..rest.of_client import Door
from .failures import TOO_LARGE, may_be_missing

PAGE_ROWS = 10_000
"""Rows that one statement reads; fewer where their total size is too large."""

_DETAILS = "ERROR_METADATA:details"
_COLUMNS = (
    "ERROR_CODE",
    "ERROR_METADATA:error_message::VARCHAR AS REASON",
    f"{_DETAILS}.pipe_name::VARCHAR AS PIPE",
    f"{_DETAILS}.channel_name::VARCHAR AS CHANNEL",
    f"{_DETAILS}.offset_token_lower_bound::VARCHAR AS LOWER_BOUND",
    f"{_DETAILS}.offset_token_upper_bound::VARCHAR AS UPPER_BOUND",
    'COALESCE(ERROR_DATA:"$1"::VARCHAR, ERROR_DATA::VARCHAR) AS LINE',
)
_OF_LOAD = f"STARTSWITH({_DETAILS}.offset_token_upper_bound::VARCHAR, ?)"
_ELASTIC = (
    f"UPPER({_DETAILS}.channel_name::VARCHAR) = 'ELASTIC' "
    f"AND COALESCE({_DETAILS}.offset_token_upper_bound::VARCHAR, '') = '' AND \"TIMESTAMP\" >= ?"
)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row of an error table.

    Attributes:
        line: the row as it was sent, JSON without its newline.
        reason: why it was rejected.
        pipe, channel: through which it was sent.
        lower_bound, upper_bound: offset tokens of the request that held it.
    """

    line: str
    reason: str
    pipe: str | None
    channel: str | None
    lower_bound: str | None
    upper_bound: str | None


def rows_of_load(door: Door, table: ObjectName, load_id: str) -> Iterator[KeptRow]:
    """Yield the rows whose offset tokens begin with a load's name, in the order of requests.

    Raises:
        SqlError: the table keeps no rejected rows, or they can't be read; the message says what to do.
    """
    return _read(door, table, _OF_LOAD, [f"{load_id}:"])


def rows_of_elastic_channels(door: Door, table: ObjectName, since: dt.datetime) -> Iterator[KeptRow]:
    """Yield the rows sent through elastic channels since a time; they do not show which load they are from.

    Raises:
        SqlError: as above.
    """
    return _read(door, table, _ELASTIC, [since])


def table_of_pipe(door: Door, pipe: ObjectName) -> ObjectName:
    """Return the table that a pipe fills, as the pipe's channels show it.

    Raises:
        UsageError: it has no channel that shows it.
        SqlError: the pipe's channels can't be listed.
    """
    for row in door.sql(f"SHOW CHANNELS IN PIPE {pipe}").to_dict("records"):
        parts = [_text(row.get(name)) for name in ("database_name", "schema_name", "table_name")]
        if all(parts):
            return ObjectName(*map(str, parts))
    raise UsageError(
        f"pipe {pipe} has no channel that shows which table it fills; read that table's rejected rows with "
        "ERROR_TABLE(DATABASE.SCHEMA.TABLE), by SQL"
    )


def _read(door: Door, table: ObjectName, condition: str, params: Sequence[Any]) -> Iterator[KeptRow]:
    """Read page by page, in an order that does not change between two pages."""
    statement = (
        f"SELECT {', '.join(_COLUMNS)} FROM ERROR_TABLE({table}) WHERE {condition} "  # noqa: S608
        "ORDER BY UPPER_BOUND, LINE, REASON LIMIT"
    )
    length, start = PAGE_ROWS, 0
    while True:
        try:
            page = door.sql(f"{statement} {length} OFFSET {start}", params=params)
        except SqlResultError as error:
            if error.code != TOO_LARGE or length == 1:
                raise
            length = max(1, length // 10)
            continue
        except SqlError as error:
            if may_be_missing(error):
                error.args = (f"{error}; {_how_to_keep(table)}", *error.args[1:])
            raise
        for row in page.to_dict("records"):
            yield _kept(row)
        if len(page) < length:
            return
        start += length


def _how_to_keep(table: ObjectName) -> str:
    return (
        f"if {table} has no error table, it keeps no rejected rows: "
        f"ALTER TABLE {table} SET ERROR_LOGGING = TRUE makes one, for rows that are rejected from then on"
    )


def _kept(row: dict[str, Any]) -> KeptRow:
    return KeptRow(
        line=_text(row["LINE"]) or "",
        reason=_text(row["REASON"]) or f"error code {row['ERROR_CODE']}",
        pipe=_text(row["PIPE"]),
        channel=_text(row["CHANNEL"]),
        lower_bound=_text(row["LOWER_BOUND"]),
        upper_bound=_text(row["UPPER_BOUND"]),
    )


def _text(value: Any) -> str | None:
    """Return a text; pandas marks missing ones in several ways."""
    return value if isinstance(value, str) else None
