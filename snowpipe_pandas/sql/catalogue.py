"""What loads read of tables and channels by SQL; these statements need no warehouse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from ..errors import SqlResultError, UsageError
from ..names import ObjectName
from ..rest.known_loads import ListedChannel
from ..rest.of_client import Door
from ..target_column import TargetColumn
from .failures import shown_statement

_CREATE = re.compile(
    r"\s*CREATE\s+((?:(?:LOCAL|GLOBAL|TEMP|TEMPORARY|VOLATILE|TRANSIENT)\s+)*)TABLE\s+(IF\s+NOT\s+EXISTS\s+)?",
    re.IGNORECASE,
)

_DESCRIBED = ("name", "type", "kind", "null?", "default")
_SHOWN_OF_CHANNELS = ("name", "offset_token", "created_on")


def create_table_if_missing(door: Door, ddl: str) -> str:
    """Create a table if it is missing; an existing one stays as it is.

    Args:
        door: runs the statement.
        ddl: a CREATE TABLE, with or without IF NOT EXISTS.

    Returns:
        What the service says it did.

    Raises:
        UsageError: the DDL is not a CREATE TABLE, or would replace a table.
        SqlError: it failed.
    """
    head = _CREATE.match(ddl)
    if head is None:
        raise UsageError(
            f"{shown_statement(ddl)} can't make a missing table: give a CREATE TABLE without OR REPLACE"
        )
    made = door.sql(f"CREATE {head[1]}TABLE IF NOT EXISTS {ddl[head.end() :]}")
    return "; ".join(str(row[0]) for row in made.itertuples(index=False))


def describe_table(door: Door, table: ObjectName, *, timeout_s: float = 600.0) -> tuple[TargetColumn, ...]:
    """Return a table's columns in order.

    Raises:
        SqlPrivilegeError: no such table, or no grant on it.
    """
    return tuple(
        TargetColumn(str(row["name"]), str(row["type"]), row["null?"] == "Y", isinstance(row["default"], str))
        for row in records(door, f"DESCRIBE TABLE {table}", _DESCRIBED, timeout_s=timeout_s)
        if row["kind"] == "COLUMN"
    )


def records(
    door: Door, statement: str, names: Sequence[str], *, timeout_s: float = 600.0
) -> list[dict[str, Any]]:
    """Return the rows of a SHOW or DESCRIBE, by the names of their columns.

    Raises:
        SqlResultError: the result lacks one of these columns.
    """
    found = door.sql(statement, timeout_s=timeout_s)
    missing = [name for name in names if len(found) and name not in found.columns]
    if missing:
        raise SqlResultError(
            f"the statement was done, but its result has no column {missing[0]!r}: {statement}",
            statement=statement,
            status=200,
        )
    return [dict(row) for row in found.to_dict("records")]


def list_channels(
    door: Door, kind: Literal["table", "pipe"], name: ObjectName, *, starting_with: str = ""
) -> list[ListedChannel]:
    """Return the channels of a table or a pipe whose names have a prefix, in the order of their names.

    Raises:
        SqlPrivilegeError: no such table or pipe, or no grant on it.
    """
    like = like_literal(starting_with, more=True)
    found = records(door, f"SHOW CHANNELS LIKE {like} IN {kind.upper()} {name}", _SHOWN_OF_CHANNELS)
    channels = [
        ListedChannel(row["name"], _text(row["offset_token"]), row["created_on"])
        for row in found
        if row["name"].startswith(starting_with)  # the service's LIKE ignores case
    ]
    return sorted(channels, key=lambda channel: channel.name)


def like_literal(text: str, *, more: bool = False) -> str:
    """Return the SQL literal of a LIKE pattern that matches a text, or with `more` what starts with it.

    The LIKE of SHOW ignores case: compare the names that are returned.

    >>> like_literal("a_b"), like_literal("it's", more=True)
    ("'a\\\\\\\\_b'", "'it''s%'")
    """
    pattern = re.sub(r"([\\%_])", r"\\\1", text) + ("%" if more else "")
    return "'" + pattern.replace("\\", "\\\\").replace("'", "''") + "'"


def _text(value: Any) -> str | None:
    """Return a text; pandas marks missing ones in several ways."""
    return value if isinstance(value, str) else None
