"""What the account remembers beside the engine: types as declared, pipes, channels, settings of tables.

It stands in a schema of the account's own in each database. All of this runs in the caller's transaction, so
that it changes with the tables that it is about, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from ..names import DEFAULT_PIPE_SUFFIX, ObjectName
from .internal import FORMER_HIDDEN, HIDDEN, MARK, error_table, shown_name, stored_name
from .refusals import Refused, not_found_pipe, not_found_table
from .sql.declared import DeclaredColumn, name_of_stored
from .sql.quoting import quoted

_TABLES = """
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

_MIGRATE = """
INSERT INTO {hidden}.columns BY NAME SELECT * FROM {former}.columns;
INSERT INTO {hidden}.pipes BY NAME SELECT *, true AS valid FROM {former}.pipes;
INSERT INTO {hidden}.channels BY NAME SELECT * FROM {former}.channels;
DROP TABLE {former}.columns; DROP TABLE {former}.pipes; DROP TABLE {former}.channels;
"""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe.

    Attributes:
        name: the pipe as it was made; that of a default pipe has its table's name.
        table: where its rows go, by its stored name.
        mapping: from keys of rows to columns; None where they match by name.
        valid: whether its table is still the one that it was made for.
    """

    name: ObjectName
    table: ObjectName
    mapping: Mapping[str, str] | None = None
    valid: bool = True


def set_up(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the account's tables in a database; those of a file of before are moved to where they are now."""
    schemas = {
        name
        for (name,) in cursor.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ?", [database]
        ).fetchall()
    }
    cursor.execute(_TABLES.format(hidden=quoted(database, HIDDEN)))
    if HIDDEN not in schemas and FORMER_HIDDEN in schemas and _is_former(cursor, database):
        _migrate(cursor, database)


def _tables_of(cursor: duckdb.DuckDBPyConnection, database: str, schema: str) -> list[str]:
    found = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
        [database, schema],
    )
    return [name for (name,) in found.fetchall()]


def _is_former(cursor: duckdb.DuckDBPyConnection, database: str) -> bool:
    return {"columns", "pipes", "channels"} <= set(_tables_of(cursor, database, FORMER_HIDDEN))


def _migrate(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Move what a file of before keeps; also tables with lower-case letters get the names they have now."""
    former = quoted(database, FORMER_HIDDEN)
    cursor.execute(_MIGRATE.format(hidden=quoted(database, HIDDEN), former=former))
    for name in _tables_of(cursor, database, FORMER_HIDDEN):
        if name.startswith("ERRORS OF "):
            cursor.execute(
                f"CREATE TABLE {quoted(database, HIDDEN, name)} AS FROM {former}.{quoted(name)}; "
                f"DROP TABLE {former}.{quoted(name)}"
            )
    if not _tables_of(cursor, database, FORMER_HIDDEN):
        cursor.execute(f"DROP SCHEMA {former}")
    tables = cursor.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = ? AND schema_name NOT IN (?, 'main') AND regexp_matches(table_name, '[a-z]')",
        [database, HIDDEN],
    ).fetchall()
    for schema, name in tables:
        rename_table(
            cursor, ObjectName(database, schema, name), ObjectName(database, schema, stored_name(name))
        )
    _canonical_pipes(cursor, database)


def _canonical_pipes(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Write the names of channels' pipes as they are now: once for each pipe, in its own spelling."""
    channels = f"{quoted(database, HIDDEN)}.channels"
    for schema, name in cursor.execute(f"SELECT DISTINCT pipe_schema, pipe_name FROM {channels}").fetchall():  # noqa: S608
        try:
            pipe = find_pipe(cursor, ObjectName(database, schema, name)).name
        except Refused:  # its table is gone
            end_channels(cursor, ObjectName(database, schema, name))
            continue
        cursor.execute(
            f"UPDATE {channels} SET pipe_schema = ?, pipe_name = ? WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
            [pipe.schema, pipe.name, schema, name],
        )


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
            "AND upper(split_part(table_name, ?, 1)) = ? "
            "AND NOT internal AND NOT temporary AND database_name <> 'memory' ORDER BY ALL",
            [name.database.upper(), name.schema.upper(), MARK, shown_name(name.name).upper()],
        ).fetchall()
    ]
    if not found or MARK in name.schema or MARK in name.database:
        raise not_found_table(shown(name))
    return max(found, key=lambda table: _likeness(table, name))


def _likeness(table: ObjectName, name: ObjectName) -> tuple[bool, ...]:
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
    """Tell whether a table of exactly this stored name is there."""
    found = cursor.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    )
    return bool(found.fetchall())


def schema_exists(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> bool:
    """Tell whether the schema of a name is there, spelled exactly so."""
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
    """Forget a table that has just been dropped or made anew, with its error table and its sequences."""
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
    cursor.execute(f"ALTER TABLE {_sql(table)} RENAME TO {quoted(to.name)}")
    for name in ("columns", "evolving", "pipes"):
        cursor.execute(
            f"UPDATE {hidden}.{name} SET table_name = ? WHERE table_schema = ? AND table_name = ?",  # noqa: S608
            [to.name, table.schema, table.name],
        )
    if exists(cursor, error_table(table)):
        cursor.execute(f"ALTER TABLE {error_table(table)} RENAME TO {quoted(error_table(to).name)}")


def _sql(table: ObjectName) -> str:
    return quoted(table.database, table.schema, table.name)


def find_pipe(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> Pipe:
    """Return a pipe, which may be written in any case: a user's own, or a table's whose default pipe it is.

    Raises:
        Refused: 404, no such pipe or table, or the pipe's table was dropped.
    """
    found = _own_pipes(cursor, name)
    if found:
        pipe = max(found, key=lambda own: _likeness(own.name, name))
        if not pipe.valid:
            raise not_found_pipe(name)
        return pipe
    if not name.name.upper().endswith(DEFAULT_PIPE_SUFFIX):
        raise not_found_pipe(name)
    table = find_table(cursor, ObjectName(name.database, name.schema, name.name[: -len(DEFAULT_PIPE_SUFFIX)]))
    return Pipe(shown(table).default_pipe(), table)


def _own_pipes(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> list[Pipe]:
    found = cursor.execute(
        "SELECT database_name FROM duckdb_schemas() WHERE upper(database_name) = ? AND schema_name = ?",
        [name.database.upper(), HIDDEN],
    ).fetchall()
    if not found:
        raise not_found_pipe(name)
    database = found[0][0]
    rows = cursor.execute(
        "SELECT pipe_schema, pipe_name, table_schema, table_name, mapping, valid "  # noqa: S608
        f"FROM {quoted(database, HIDDEN)}.pipes WHERE upper(pipe_schema) = ? AND upper(pipe_name) = ?",
        [name.schema.upper(), name.name.upper()],
    ).fetchall()
    return [
        Pipe(
            ObjectName(database, schema, own),
            ObjectName(database, table_schema, table),
            None if mapping is None else json.loads(mapping),
            bool(valid),
        )
        for schema, own, table_schema, table, mapping, valid in rows
    ]


def pipe_is_there(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> bool:
    """Tell whether there is a user's own pipe of exactly this name, whether it is valid or not."""
    found = cursor.execute(
        f"SELECT 1 FROM {quoted(pipe.database, HIDDEN)}.pipes WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
        [pipe.schema, pipe.name],
    )
    return bool(found.fetchall())


def forget_pipe(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> None:
    """Forget a pipe."""
    cursor.execute(
        f"DELETE FROM {quoted(pipe.database, HIDDEN)}.pipes WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
        [pipe.schema, pipe.name],
    )


def keep_pipe(
    cursor: duckdb.DuckDBPyConnection,
    pipe: ObjectName,
    table: ObjectName,
    mapping: str | None,
    definition: str,
) -> None:
    """Remember a new pipe."""
    cursor.execute(
        f"INSERT INTO {quoted(pipe.database, HIDDEN)}.pipes VALUES (?, ?, ?, ?, ?, ?, true)",  # noqa: S608
        [pipe.schema, pipe.name, table.schema, table.name, mapping, definition],
    )


def end_pipes(
    cursor: duckdb.DuckDBPyConnection, table: ObjectName, *, filling: str | None = None
) -> set[ObjectName]:
    """End the pipes of a table which is no longer what it was: their channels go, own ones become invalid.

    Args:
        cursor: the transaction's.
        table: by its stored name.
        filling: only end own pipes whose SELECT fills this column; None for all, with the default pipe.

    Returns:
        The pipes, whose channels memory must forget once this is committed.
    """
    pipes = f"{quoted(table.database, HIDDEN)}.pipes"
    own = cursor.execute(
        f"UPDATE {pipes} SET valid = false WHERE table_schema = ? AND table_name = ? "  # noqa: S608
        "AND (? IS NULL OR list_contains(json_extract_string(mapping, '$.*'), ?)) "
        "RETURNING pipe_schema, pipe_name",
        [table.schema, table.name, filling, filling],
    ).fetchall()
    ended = {ObjectName(table.database, *name) for name in own}
    if filling is None:
        ended.add(shown(table).default_pipe())
    for pipe in ended:
        end_channels(cursor, pipe)
    return ended


def end_channels(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> None:
    """Delete the durable state of all channels of a pipe."""
    cursor.execute(
        f"DELETE FROM {quoted(pipe.database, HIDDEN)}.channels WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
        [pipe.schema, pipe.name],
    )


def evolves(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> bool:
    """Tell whether a table has ENABLE_SCHEMA_EVOLUTION = TRUE."""
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
