"""Schema evolution: what a table lacks for the rows of a batch, where it has ENABLE_SCHEMA_EVOLUTION = TRUE.

Keys that are not a column become columns, and columns that rows leave out take null from then on; nothing is
widened, and a new key with nothing but nulls becomes a VARCHAR (Snowflake's page on schema evolution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from ..protocol.bounds import MAX_NAME_CHARACTERS
from ..sql.declared import DeclaredColumn
from .lines import Body, lines_of
from .names import Names, folded

MAX_ADDED = 100
"""Columns that one batch may add; more looks like rows of another table."""

_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "BIGINT": "NUMBER(38,0)",
    "UBIGINT": "NUMBER(38,0)",
    "DOUBLE": "FLOAT",
    "VARCHAR": "VARCHAR",
    "OBJECT": "OBJECT",
    "ARRAY": "ARRAY",
}
_NUMBERS = {"BIGINT", "UBIGINT", "DOUBLE"}

_ROWS = (
    "(SELECT number, CASE WHEN json_valid(line) THEN CASE WHEN json_type(line) = 'OBJECT' THEN line END END "
    "AS line FROM _evolving)"
)


@dataclass(frozen=True, slots=True)
class Evolution:
    """What a table needs for a batch.

    Attributes:
        added: new columns, in the order of their names.
        relaxed: names of columns that are no longer NOT NULL.
    """

    added: tuple[DeclaredColumn, ...]
    relaxed: frozenset[str]

    def of(self, columns: Sequence[DeclaredColumn]) -> list[DeclaredColumn]:
        """Return a table's columns after it."""
        kept = [replace(c, nullable=c.nullable or c.name in self.relaxed) for c in columns]
        return [*kept, *self.added]


def find_evolution(
    cursor: duckdb.DuckDBPyConnection, bodies: Sequence[Body], columns: Sequence[DeclaredColumn]
) -> Evolution | None:
    """Return what a table needs for the rows of all bodies, None for nothing.

    Raises:
        LookupError: they have too many new keys.
    """
    names = Names(columns, None)
    filled: dict[int, int] = {}
    meant: dict[str, int] = {}
    new: dict[str, set[str]] = {}
    lines = lines_of(bodies).select(["number", "line"])
    cursor.register("_evolving", lines)
    try:
        (rows,) = cursor.execute(f"SELECT count(line) FROM {_ROWS}").fetchall()[0]  # noqa: S608
        found = cursor.execute(
            "SELECT each.key, count(DISTINCT row.number), list(DISTINCT each.type) "  # noqa: S608
            f"FROM {_ROWS} AS row, json_each(row.line) AS each GROUP BY each.key"
        ).fetchall()
        for key, count, kinds in found:
            position = names.find(key)
            if position is not None:
                meant[key], filled[position] = position, count
            elif key.isprintable() and 0 < len(key) <= MAX_NAME_CHARACTERS:  # else a problem of its rows
                new.setdefault(folded(key), set()).update(kinds)
        if len(filled) < len(meant):
            filled = _rows_with(cursor, meant)
    finally:
        cursor.unregister("_evolving")
    if len(new) > MAX_ADDED:
        raise LookupError(f"the rows have {len(new):,} new keys, more than {MAX_ADDED} can become columns")
    relaxed = frozenset(
        column.name
        for position, column in enumerate(columns)
        if not column.nullable and column.default is None and filled.get(position, 0) < rows
    )
    if not new and not relaxed:
        return None
    added = tuple(DeclaredColumn(name, _type(kinds), nullable=True) for name, kinds in sorted(new.items()))
    return Evolution(added, relaxed)


def _rows_with(cursor: duckdb.DuckDBPyConnection, meant: dict[str, int]) -> dict[int, int]:
    """Return how many rows have a key of each column, where several keys mean one and a row may have two."""
    counted = cursor.execute(
        "SELECT meant.position, count(DISTINCT row.number) "  # noqa: S608
        f"FROM {_ROWS} AS row, json_each(row.line) AS each "
        "JOIN (SELECT unnest(?) AS key, unnest(?) AS position) AS meant ON meant.key = each.key "
        "GROUP BY meant.position",
        [list(meant), list(meant.values())],
    ).fetchall()
    return dict(counted)


def _type(kinds: set[str]) -> str:
    """Return the type for a new key whose values are of these JSON types; mixed ones make a VARIANT."""
    found = kinds - {"NULL"}
    if not found:
        return "VARCHAR"
    if len(found) == 1:
        return _TYPES[found.pop()]
    if found <= _NUMBERS:
        return "FLOAT" if "DOUBLE" in found else "NUMBER(38,0)"
    return "VARIANT"
