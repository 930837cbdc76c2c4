"""The account's own tables in a database: made where they are missing, moved from where they were before."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from ..names import ObjectName
from .catalogue import TABLES, rename_table
from .internal import FORMER_HIDDEN, HIDDEN, error_table, stored_name
from .pipes import end_channels, find_pipe
from .refusals import Refused
from .sql.quoting import quoted

_MIGRATE = """
INSERT INTO {hidden}.columns BY NAME SELECT * FROM {former}.columns;
INSERT INTO {hidden}.pipes BY NAME SELECT *, true AS valid FROM {former}.pipes;
INSERT INTO {hidden}.channels BY NAME SELECT * FROM {former}.channels;
DROP TABLE {former}.columns; DROP TABLE {former}.pipes; DROP TABLE {former}.channels;
"""


def set_up(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the account's tables in a database; those of an older file are moved to where they are now."""
    schemas = {
        name
        for (name,) in cursor.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ?", [database]
        ).fetchall()
    }
    cursor.execute(TABLES.format(hidden=quoted(database, HIDDEN)))
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
    """Move what an older file keeps; also tables with lower-case letters get the names they have now."""
    former = quoted(database, FORMER_HIDDEN)
    cursor.execute(_MIGRATE.format(hidden=quoted(database, HIDDEN), former=former))
    found = cursor.execute(
        "SELECT database_name, schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = ? AND schema_name NOT IN (?, ?)",
        [database, HIDDEN, FORMER_HIDDEN],
    ).fetchall()
    error_tables = _tables_of(cursor, database, FORMER_HIDDEN)
    for table in (ObjectName(*row) for row in found):
        errors = f"errors of {table.schema}.{table.name}".upper()
        if errors in error_tables:
            cursor.execute(
                f"CREATE TABLE {error_table(table)} AS FROM {former}.{quoted(errors)}; "
                f"DROP TABLE {former}.{quoted(errors)}"
            )
        if stored_name(table.name) != table.name and table.schema != "main":
            rename_table(cursor, table, replace(table, name=stored_name(table.name)))
    if not _tables_of(cursor, database, FORMER_HIDDEN):
        cursor.execute(f"DROP SCHEMA {former}")
    _canonical_pipes(cursor, database)


def _canonical_pipes(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Write the names of channels' pipes as they are now: once for each pipe, in its own spelling."""
    channels = f"{quoted(database, HIDDEN)}.channels"
    for schema, name in cursor.execute(f"SELECT DISTINCT pipe_schema, pipe_name FROM {channels}").fetchall():  # noqa: S608
        try:
            pipe = find_pipe(cursor, ObjectName(database, schema, name)).name
        except Refused:  # its table was dropped
            end_channels(cursor, ObjectName(database, schema, name))
            continue
        cursor.execute(
            f"UPDATE {channels} SET pipe_schema = ?, pipe_name = ? WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
            [pipe.schema, pipe.name, schema, name],
        )
