"""The account's DuckDB: databases, tables with their declared types, pipes, and channels' durable state.

DuckDB commits atomically within one attached database only, so each database keeps the state of its
channels in a hidden schema of its own, beside the rows that it must be committed with.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ClosedError, UsageError
from ..names import DEFAULT_PIPE_SUFFIX, ObjectName, quote_identifier
from .ingest.rejected import switch_error_logging
from .internal import HIDDEN
from .refusals import not_found_pipe, not_found_table
from .sql.declared import DeclaredColumn, name_of_stored
from .sql.quoting import literal, quoted
from .sql.translate import CreatePipe, SetErrorLogging, Statement

KEPT_NAMES = 10_000
T = TypeVar("T")

_CATALOGUE = """
CREATE SCHEMA IF NOT EXISTS {hidden};
CREATE TABLE IF NOT EXISTS {hidden}.columns (
    table_schema VARCHAR, table_name VARCHAR, column_name VARCHAR, declared VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.pipes (
    pipe_schema VARCHAR, pipe_name VARCHAR, table_schema VARCHAR, table_name VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.channels (
    pipe_schema VARCHAR, pipe_name VARCHAR, channel VARCHAR, client_sequencer BIGINT, committed_token VARCHAR,
    rows_inserted BIGINT, rows_errors BIGINT, last_error VARCHAR, last_error_token VARCHAR,
    created_on_ms BIGINT, PRIMARY KEY (pipe_schema, pipe_name, channel));
"""


class Store:
    """A DuckDB instance with the databases of one account.

    Args:
        path: file of the first database, None for memory.
        database: name of the first database.
        schema: its first schema; both are what unqualified names mean.
    """

    def __init__(self, path: Path | None, *, database: str, schema: str) -> None:
        self.database = database
        self.schema = schema
        self.writing = threading.RLock()
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._columns: dict[ObjectName, list[DeclaredColumn]] = {}
        self._pipe_tables: dict[ObjectName, ObjectName] = {}
        self._root = duckdb.connect()
        try:
            self._attach(database, path)
            self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database, schema)}")
        except duckdb.Error as error:
            self._root.close()
            raise UsageError(
                f"{path} can't be opened as a DuckDB file: {error}; give the path of an account's file that "
                "nobody else has open, or of a new one"
            ) from error

    def close(self) -> None:
        """Write everything out and close; what still runs is interrupted."""
        with self._changed:
            self._closed = True
            while self._cursors:  # DuckDB refuses to close what is in use
                for cursor in self._cursors:
                    cursor.interrupt()
                self._changed.wait(0.1)
            self._root.close()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection of its own, for one thread's work.

        Raises:
            ClosedError: the store is closed.
        """
        with self._changed:
            if self._closed:
                raise ClosedError("the local account is closed")
            cursor = self._root.cursor()
            self._cursors.add(cursor)
        try:
            cursor.execute(f"USE {quoted(self.database, self.schema)}; SET TimeZone = 'UTC'")
            yield cursor
        finally:
            cursor.close()
            with self._changed:
                self._cursors.discard(cursor)
                self._changed.notify_all()

    @contextmanager
    def transaction(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Hold a transaction that commits at the end, or not at all; one at a time."""
        with self.writing:
            cursor.execute("BEGIN")
            try:
                yield
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    @contextmanager
    def _changing_schema(self) -> Iterator[None]:
        """Hold the lock for a statement after which nothing remembered of tables and pipes may hold."""
        with self.writing:
            try:
                yield
            finally:
                self._columns.clear()
                self._pipe_tables.clear()

    def run(self, statement: Statement) -> pd.DataFrame:
        """Run a translated statement; a statement without result gives an empty frame.

        Raises:
            UsageError: DuckDB refused it.
        """
        try:
            with self._changing_schema(), self.cursor() as cursor:
                if self._create_database(statement.text):
                    return pd.DataFrame()
                kept = statement.if_missing and _exists(cursor, statement.creates)
                relation = cursor.sql(statement.text)
                table = None if relation is None else relation.to_arrow_table()
                if statement.creates and not kept:
                    _declare(cursor, statement.creates, statement)
        except duckdb.Error as error:
            raise UsageError(f"the SQL failed: {error}") from error
        return pd.DataFrame() if table is None else _frame(table)

    def set_error_logging(self, command: SetErrorLogging) -> None:
        """Keep a table's rejected rows from now on, or no longer.

        Raises:
            Refused: 404, no such table.
        """
        self.columns(command.table)
        with self.cursor() as cursor, self.transaction(cursor):
            switch_error_logging(cursor, command.table, on=command.on)

    def columns(self, table: ObjectName) -> list[DeclaredColumn]:
        """Return a table's columns in order.

        Raises:
            Refused: 404, no such table.
        """
        if (known := self._columns.get(table)) is not None:
            return known  # at once: a commit may hold the lock for long
        with self.writing:
            return _remember(self._columns, table, self._read_columns(table))

    def pipe_table(self, pipe: ObjectName) -> ObjectName:
        """Return the table that a pipe loads: its own, or a table's whose default pipe it is.

        Raises:
            Refused: 404, no such pipe.
        """
        if (known := self._pipe_tables.get(pipe)) is not None:
            return known
        with self.writing:
            return _remember(self._pipe_tables, pipe, self._read_pipe_table(pipe))

    def _read_columns(self, table: ObjectName) -> list[DeclaredColumn]:
        with self.cursor() as cursor:
            found = cursor.execute(
                "SELECT column_name, data_type, is_nullable, nullif(column_default, 'NULL') "
                "FROM duckdb_columns() "
                "WHERE upper(database_name) = ? AND upper(schema_name) = ? AND upper(table_name) = ? "
                "ORDER BY column_index",
                _upper(table),
            ).fetchall()
            if not found:
                raise not_found_table(table)
            declared = dict(
                cursor.execute(
                    f"SELECT column_name, declared FROM {quoted(table.database, HIDDEN)}.columns "  # noqa: S608
                    "WHERE upper(table_schema) = ? AND upper(table_name) = ?",
                    _upper(table)[1:],
                ).fetchall()
            )
        return [
            DeclaredColumn(name, declared.get(name) or name_of_stored(kind), bool(nullable), default)
            for name, kind, nullable, default in found
        ]

    def _read_pipe_table(self, pipe: ObjectName) -> ObjectName:
        if pipe.database.upper() not in self._databases():
            raise not_found_pipe(pipe)
        with self.cursor() as cursor:
            found = cursor.execute(
                f"SELECT table_schema, table_name FROM {quoted(pipe.database, HIDDEN)}.pipes "  # noqa: S608
                "WHERE upper(pipe_schema) = ? AND upper(pipe_name) = ?",
                _upper(pipe)[1:],
            ).fetchone()
        if found:
            return ObjectName(pipe.database, found[0], found[1])
        if not pipe.name.upper().endswith(DEFAULT_PIPE_SUFFIX):
            raise not_found_pipe(pipe)
        return ObjectName(pipe.database, pipe.schema, pipe.name[: -len(DEFAULT_PIPE_SUFFIX)])

    def create_pipe(self, command: CreatePipe) -> None:
        """Remember a pipe of the user's own."""
        pipe = ObjectName.parse(command.pipe, database=self.database, schema=self.schema)
        table = ObjectName.parse(command.table, database=self.database, schema=self.schema)
        self.columns(table)
        with self._changing_schema(), self.cursor() as cursor, self.transaction(cursor):
            pipes = f"{quoted(pipe.database, HIDDEN)}.pipes"
            cursor.execute(
                f"DELETE FROM {pipes} WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
                [pipe.schema, pipe.name],
            )
            cursor.execute(
                f"INSERT INTO {pipes} VALUES (?, ?, ?, ?)",  # noqa: S608
                [pipe.schema, pipe.name, table.schema, table.name],
            )

    def _attach(self, database: str, path: Path | None) -> None:
        source = ":memory:" if path is None else str(path)
        self._root.execute(f"ATTACH {literal(source)} AS {quote_identifier(database)}")
        self._root.execute(_CATALOGUE.format(hidden=quoted(database, HIDDEN)))

    def _create_database(self, text: str) -> bool:
        """DuckDB attaches databases instead of creating them; others than the first live in memory."""
        words = text.upper().split()
        if words[:2] != ["CREATE", "DATABASE"]:
            return False
        name = text.split()[-1].strip('"')
        if name not in self._databases():
            with self._changed:
                self._attach(name, None)
                self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name, 'PUBLIC')}")
        return True

    def _databases(self) -> set[str]:
        with self.cursor() as cursor:
            return {
                row[0].upper()
                for row in cursor.execute("SELECT database_name FROM duckdb_databases()").fetchall()
            }


def _remember(known: dict[ObjectName, T], name: ObjectName, found: T) -> T:
    """Remember what was found for a name; all of it is forgotten before it grows with what strangers ask."""
    if len(known) >= KEPT_NAMES:
        known.clear()
    known[name] = found
    return found


def _exists(cursor: duckdb.DuckDBPyConnection, table: ObjectName | None) -> bool:
    """Tell whether a table is there, named exactly so."""
    if table is None:
        return False
    found = cursor.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    )
    return bool(found.fetchall())


def _declare(cursor: duckdb.DuckDBPyConnection, table: ObjectName, statement: Statement) -> None:
    """Remember what DuckDB does not know of a new table."""
    columns = f"{quoted(table.database, HIDDEN)}.columns"
    cursor.execute(
        f"DELETE FROM {columns} WHERE table_schema = ? AND table_name = ?",  # noqa: S608
        [table.schema, table.name],
    )
    cursor.executemany(
        f"INSERT INTO {columns} VALUES (?, ?, ?, ?)",  # noqa: S608
        [[table.schema, table.name, column.name, column.type] for column in statement.columns],
    )
    switch_error_logging(cursor, table, on=False)
    switch_error_logging(cursor, table, on=statement.error_logging)


def _upper(name: ObjectName) -> list[str]:
    return [name.database.upper(), name.schema.upper(), name.name.upper()]


def _nullable_integers(kind: pa.DataType) -> pd.Int64Dtype | None:
    return pd.Int64Dtype() if pa.types.is_int64(kind) else None


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a result as pandas: whole numbers as integers, other decimals and nanoseconds as they are."""
    for number, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.int64()))
            except pa.ArrowInvalid:
                continue  # more than 64 bits: stays Decimal, exact
        elif pa.types.is_time(field.type) and field.type.unit == "ns":
            try:
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.time64("us")))
            except pa.ArrowInvalid:  # Python's time ends at microseconds: all digits as text
                table = table.set_column(number, field.name, pc.cast(table.column(number), pa.string()))
    frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable_integers)
    for name in frame.columns:
        if frame[name].dtype == pd.Int64Dtype() and not frame[name].hasnans:
            frame[name] = frame[name].astype("int64")
    return frame
