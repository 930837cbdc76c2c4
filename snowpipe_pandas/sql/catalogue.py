"""What loads want to know of tables and channels, asked by SQL; the statements here need no warehouse."""

from __future__ import annotations

import re
from typing import Any, Literal

from ..errors import UsageError
from ..names import ObjectName
from ..rest.known_loads import ListedChannel
from ..rest.of_client import Door
from ..target_column import TargetColumn
from .failures import shown_statement

_CREATE = re.compile(
    r"\s*CREATE\s+((?:(?:LOCAL|GLOBAL|TEMP|TEMPORARY|VOLATILE|TRANSIENT)\s+)*)TABLE\s+(IF\s+NOT\s+EXISTS\s+)?",
    re.IGNORECASE,
)


def create_table_if_missing(door: Door, ddl: str) -> str:
    """Make a table that is missing; one that is there stays as it is.

    Args:
        door: runs the statement.
        ddl: a CREATE TABLE, with or without IF NOT EXISTS.

    Returns:
        What the service says it did.

    Raises:
        UsageError: the DDL is no CREATE TABLE, or one that would replace a table.
        SqlError: it failed.
    """
    head = _CREATE.match(ddl)
    if head is None:
        raise UsageError(
            f"{shown_statement(ddl)} can't make a missing table: give a CREATE TABLE without OR REPLACE"
        )
    made = door.sql(f"CREATE {head[1]}TABLE IF NOT EXISTS {ddl[head.end() :]}")
    return "; ".join(str(row[0]) for row in made.itertuples(index=False))


def describe_table(door: Door, table: ObjectName) -> tuple[TargetColumn, ...]:
    """Return a table's columns in order.

    Raises:
        SqlPrivilegeError: no such table, or no grant on it.
    """
    return tuple(
        TargetColumn(row["name"], row["type"], row["null?"] == "Y", isinstance(row["default"], str))
        for row in door.sql(f"DESCRIBE TABLE {table}").to_dict("records")
        if row["kind"] == "COLUMN"
    )


def list_channels(
    door: Door, kind: Literal["table", "pipe"], name: ObjectName, *, starting_with: str = ""
) -> list[ListedChannel]:
    """Return the channels of a table or a pipe whose names start so, in the order of their names.

    Raises:
        SqlPrivilegeError: no such table or pipe, or no grant on it.
    """
    pattern = re.sub(r"([\\%_])", r"\\\1", starting_with) + "%"
    like = pattern.replace("\\", "\\\\").replace("'", "''")
    found = door.sql(f"SHOW CHANNELS LIKE '{like}' IN {kind.upper()} {name}").to_dict("records")
    channels = [
        ListedChannel(row["name"], _text(row["offset_token"]), row["created_on"])
        for row in found
        if row["name"].startswith(starting_with)  # the service's LIKE knows no case
    ]
    return sorted(channels, key=lambda channel: channel.name)


def _text(value: Any) -> str | None:
    """Return a text; missing ones are marked in several ways by pandas."""
    return value if isinstance(value, str) else None
