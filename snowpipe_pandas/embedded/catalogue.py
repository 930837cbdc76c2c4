"""What the account remembers of tables beside the engine: types as declared, defaults, settings.

It is in a schema of the account's own in each database. All of this runs in the caller's transaction, so
that it changes with the tables that it is about, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from ..names import ObjectName
from .internal import HIDDEN, MARK, error_table, shown_name
from .refusals import not_found_table
from .sql.declared import DeclaredColumn, name_of_stored
from .sql.quoting import literal, path_of, quoted

TABLES = """
CREATE SCHEMA IF NOT EXISTS {hidden};
CREATE TABLE IF NOT EXISTS {hidden}.columns (
    table_schema VARCHAR, table_name VARCHAR, column_name VARCHAR, declared VARCHAR,
    written_default VARCHAR, first_number BIGINT, step BIGINT, sequence VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.evolving (table_schema VARCHAR, table_name VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.pipes (
    pipe_schema VARCHAR, pipe_name VARCHAR, table_schema VARCHAR, table_name VARCHAR,
    mapping VARCHAR, definition VARCHAR, valid BOOLEAN);
CREATE TABLE IF NOT EXISTS {hidden}.channels (
    pipe_schema VARCHAR, pipe_name VARCHAR, channel VARCHAR, client_sequencer BIGINT, committed_token VARCHAR,
    rows_inserted BIGINT, rows_errors BIGINT, last_error VARCHAR, last_error_token VARCHAR,
    created_on_ms BIGINT, PRIMARY KEY (pipe_schema, pipe_name, channel));
"""


def find_table(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> ObjectName:
    """Return the stored name of a table, which may be written in any case.

    Where several differ in case only, the exact spelling is meant, then the one in upper case.

    Raises:
        Refused: 404, no such table.
    """
    found = [
        ObjectName(*row)
        for row in cursor.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() "
            "WHERE upper(database_name) = ? AND upper(schema_name) = ? "
            "AND upper(split_part(table_name, ?, 1)) = ? ORDER BY ALL",
            [name.database.upper(), name.schema.upper(), MARK, shown_name(name.name).upper()],
        ).fetchall()
    ]
    if not found or MARK in name.schema or MARK in name.database:
        raise not_found_table(shown(name))
    return max(found, key=lambda table: likeness(table, name))


def likeness(table: ObjectName, name: ObjectName) -> tuple[bool, ...]:
    """Return how well a stored name fits one that is written in any case; the greatest wins."""
    shown_table = shown_name(table.name)
    return (
        shown_table == shown_name(name.name),
        table.schema == name.schema,
        shown_table == shown_table.upper(),
        table.schema == table.schema.upper(),
    )


def shown(table: ObjectName) -> ObjectName:
    """Return a stored name as users know it."""
    return ObjectName(table.database, table.schema, shown_name(table.name))


def exists(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> bool:
    """Return whether a table of exactly this stored name is there."""
    found = cursor.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    )
    return bool(found.fetchall())


def schema_exists(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> bool:
    """Return whether the schema of a name is there, spelled exactly so."""
    found = cursor.execute(
        "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ?",
        [name.database, name.schema],
    )
    return bool(found.fetchall())


def read_columns(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> list[DeclaredColumn]:
    """Return the columns of a table, by its stored name, in order."""
    found = cursor.execute(
        "SELECT c.column_name, coalesce(d.declared, c.data_type), d.declared IS NULL, c.is_nullable, "  # noqa: S608
        "nullif(c.column_default, 'NULL'), d.written_default, d.first_number, d.step, d.sequence "
        f"FROM duckdb_columns() AS c LEFT JOIN {quoted(table.database, HIDDEN)}.columns AS d "
        "ON d.table_schema = c.schema_name AND d.table_name = c.table_name AND d.column_name = c.column_name "
        "WHERE c.database_name = ? AND c.schema_name = ? AND c.table_name = ? ORDER BY c.column_index",
        [table.database, table.schema, table.name],
    ).fetchall()
    return [
        DeclaredColumn(
            name,
            name_of_stored(kind) if undeclared else kind,
            bool(nullable),
            default,
            written,
            None if first is None else (first, step),
            sequence,
        )
        for name, kind, undeclared, nullable, default, written, first, step, sequence in found
    ]


def declare(
    cursor: duckdb.DuckDBPyConnection, table: ObjectName, columns: Collection[DeclaredColumn]
) -> None:
    """Remember what the engine does not know of new columns."""
    first_and_step = [column.identity or (None, None) for column in columns]
    cursor.executemany(
        f"INSERT INTO {quoted(table.database, HIDDEN)}.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            [
                table.schema,
                table.name,
                column.name,
                column.type,
                column.written_default,
                *numbers,
                column.sequence,
            ]
            for column, numbers in zip(columns, first_and_step, strict=True)
        ],
    )


def forget_column(cursor: duckdb.DuckDBPyConnection, table: ObjectName, name: str) -> None:
    """Forget a column."""
    cursor.execute(
        f"DELETE FROM {quoted(table.database, HIDDEN)}.columns "  # noqa: S608
        "WHERE table_schema = ? AND table_name = ? AND column_name = ?",
        [table.schema, table.name, name],
    )


def update_column(
    cursor: duckdb.DuckDBPyConnection, table: ObjectName, name: str, field: str, value: str | None
) -> None:
    """Change one field of what is remembered of a column."""
    cursor.execute(
        f"UPDATE {quoted(table.database, HIDDEN)}.columns SET {quoted(field)} = ? "  # noqa: S608
        "WHERE table_schema = ? AND table_name = ? AND column_name = ?",
        [value, table.schema, table.name, name],
    )


def forget_table(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> None:
    """Forget a table that has just been dropped or made again, with its error table and its sequences."""
    hidden = quoted(table.database, HIDDEN)
    sequences = cursor.execute(
        f"SELECT sequence FROM {hidden}.columns "  # noqa: S608
        "WHERE table_schema = ? AND table_name = ? AND sequence IS NOT NULL",
        [table.schema, table.name],
    ).fetchall()
    for name in ("columns", "evolving"):
        cursor.execute(
            f"DELETE FROM {hidden}.{name} WHERE table_schema = ? AND table_name = ?",  # noqa: S608
            [table.schema, table.name],
        )
    cursor.execute(f"DROP TABLE IF EXISTS {error_table(table)}")
    for (sequence,) in sequences:
        cursor.execute(f"DROP SEQUENCE {hidden}.{quoted(sequence)}")


def rename_table(cursor: duckdb.DuckDBPyConnection, table: ObjectName, to: ObjectName) -> None:
    """Rename a table within its schema, and what is remembered of it."""
    hidden = quoted(table.database, HIDDEN)
    cursor.execute(f"ALTER TABLE {path_of(table)} RENAME TO {quoted(to.name)}")
    for name in ("columns", "evolving", "pipes"):
        cursor.execute(
            f"UPDATE {hidden}.{name} SET table_name = ? WHERE table_schema = ? AND table_name = ?",  # noqa: S608
            [to.name, table.schema, table.name],
        )
    if exists(cursor, error_table(table)):
        cursor.execute(f"ALTER TABLE {error_table(table)} RENAME TO {quoted(error_table(to).name)}")


def evolves(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> bool:
    """Return whether a table has ENABLE_SCHEMA_EVOLUTION = TRUE."""
    found = cursor.execute(
        f"SELECT 1 FROM {quoted(table.database, HIDDEN)}.evolving WHERE table_schema = ? AND table_name = ?",  # noqa: S608
        [table.schema, table.name],
    )
    return bool(found.fetchall())


def set_evolving(cursor: duckdb.DuckDBPyConnection, table: ObjectName, *, on: bool) -> None:
    """Set a table's ENABLE_SCHEMA_EVOLUTION."""
    evolving = f"{quoted(table.database, HIDDEN)}.evolving"
    cursor.execute(
        f"DELETE FROM {evolving} WHERE table_schema = ? AND table_name = ?",  # noqa: S608
        [table.schema, table.name],
    )
    if on:
        cursor.execute(f"INSERT INTO {evolving} VALUES (?, ?)", [table.schema, table.name])  # noqa: S608


def set_comment(cursor: duckdb.DuckDBPyConnection, table: ObjectName, comment: str) -> None:
    """Set a table's comment; the engine keeps it with the table, whatever that is called."""
    cursor.execute(f"COMMENT ON TABLE {path_of(table)} IS {literal(comment) if comment else 'NULL'}")
