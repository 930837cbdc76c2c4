"""The account's DuckDB: its databases, transactions, and what is remembered of tables and pipes.

DuckDB commits atomically within one attached database only, so each database keeps the state of its
channels in a schema of the account's own, beside the rows that it must be committed with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from ..errors import ClosedError, UsageError
from ..names import ObjectName
from . import catalogue
from .ingest.evolution import Evolution
from .internal import HIDDEN
from .migration import set_up
from .pipes import Pipe, find_pipe
from .refusals import Refused
from .sql.commands import (
    DDL,
    AddColumn,
    AlterTable,
    ChangeColumn,
    CreateDatabase,
    Define,
    DropDatabase,
    Modify,
    Query,
    Rows,
)
from .sql.declared import DeclaredColumn
from .sql.engine_errors import in_our_words
from .sql.qualify import ENGINES_OWN
from .sql.quoting import literal, quoted
from .stop import Stop
from .tables import define, hold_lengths

KEPT_NAMES = 10_000

_T = TypeVar("_T")

_SETTINGS = """
SET GLOBAL TimeZone = 'UTC';
SET GLOBAL python_enable_replacements = false;
"""


class Store:
    """A DuckDB instance with the databases of one account.

    Args:
        path: file of the first database, None for memory.
        database: name of the first database.
        schema: its first schema; both are what unqualified names mean.
        allow_files: whether SQL may reach files.
    """

    def __init__(self, path: Path | None, *, database: str, schema: str, allow_files: bool = False) -> None:
        self.database = database
        self.schema = schema
        self.writing = threading.RLock()
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._changed = threading.Condition()
        """Held for the root connection and the set of cursors; `writing` comes before it."""
        self._closed = False
        self._columns: dict[ObjectName, list[DeclaredColumn]] = {}
        self._pipes: dict[ObjectName, Pipe] = {}
        self._evolving: dict[ObjectName, bool] = {}
        self._evolved = False
        self._root = duckdb.connect(
            config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            self._attach(database, path)
            self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database, schema)}")
        except duckdb.Error as error:
            self._root.close()
            raise UsageError(
                f"{path} can't be opened as a DuckDB file: {error}; give the path of an account's file that "
                "nobody else has open, or of a new one"
            ) from error
        self._root.execute(_SETTINGS)
        if not allow_files:
            self._root.execute("SET enable_external_access = false")

    def close(self) -> None:
        """Write everything out and close; what still runs is interrupted."""
        with self._changed:
            self._closed = True
            while self._cursors:  # DuckDB refuses to close what is in use
                for cursor in self._cursors:
                    with suppress(duckdb.Error):  # it is being closed this moment
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
            cursor.execute(f"USE {quoted(self.database, self.schema)}")
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
            try:
                cursor.execute("BEGIN")
                try:
                    yield
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
            finally:
                if self._evolved:
                    self._forget()

    @contextmanager
    def _changing_schema(self) -> Iterator[None]:
        """Hold the lock for a statement after which nothing remembered of tables and pipes may hold."""
        with self.writing:
            try:
                yield
            finally:
                self._forget()

    def _forget(self) -> None:
        self._columns.clear()
        self._pipes.clear()
        self._evolving.clear()
        self._evolved = False

    def query(self, command: Query, stop: Stop) -> Rows:
        """Run a query.

        Raises:
            UsageError: DuckDB refused it, the table that it describes is not there, or it was stopped.
        """
        with self._in_our_words(), self.cursor() as cursor, stop.watching(cursor):
            relation = cursor.sql(command.text)
            kinds = tuple(str(kind) for kind in relation.types)
            found = Rows(tuple(relation.columns), kinds, relation.to_arrow_table())
            if command.described and not found.table.num_rows:
                raise UsageError(f"{command.described} does not exist")
            return found

    def modify(self, command: Modify, stop: Stop) -> int:
        """Change rows of a table; all of them, or none if the columns can't hold one. Returns how many.

        Raises:
            UsageError: DuckDB refused it, or a value is too long, or it was stopped.
        """
        with self._in_our_words(), self.cursor() as cursor, self.transaction(cursor):
            with stop.watching(cursor):
                if not catalogue.exists(cursor, command.table):
                    raise UsageError(f"table {catalogue.shown(command.table)} does not exist")
                (count,) = cursor.execute(command.text).fetchall()[0]
                hold_lengths(cursor, command.table, catalogue.read_columns(cursor, command.table))
            return int(count)

    def define(self, command: DDL) -> Collection[ObjectName]:
        """Make, change or drop a table or pipe, in one transaction.

        Returns:
            The pipes that have ended with it; their channels are deleted on disk.

        Raises:
            UsageError: it can't be done.
        """
        with (
            self._in_our_words(),
            self._changing_schema(),
            self.cursor() as cursor,
            self.transaction(cursor),
        ):
            return define(cursor, command)

    def define_other(self, command: Define) -> None:
        """Make or drop a view, a schema or a sequence."""
        with self._in_our_words(), self._changing_schema(), self.cursor() as cursor:
            cursor.execute(command.text)

    def create_database(self, command: CreateDatabase) -> None:
        """Make a database, in memory."""
        name = command.name
        if name.upper() in ENGINES_OWN:
            raise UsageError(f"the local account can't have a database {name}")
        there = self._databases()
        if name.upper() in there:
            if command.if_missing and name in there.values():
                return
            raise UsageError(f"database {there[name.upper()]} exists already")
        with self._in_our_words(), self._changing_schema(), self._changed:
            self._attach(name, None)
            self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name, 'PUBLIC')}")

    def drop_database(self, command: DropDatabase) -> Collection[ObjectName]:
        """Drop a database with all that it holds; return the pipes that have ended with it."""
        name = command.name
        if name == self.database:
            raise UsageError(f"the local account keeps its database {name}")
        if name not in self._databases().values():
            if command.if_there:
                return set()
            raise UsageError(f"database {name} does not exist")
        with self._in_our_words(), self._changing_schema(), self.cursor() as cursor:
            found = cursor.execute(
                f"SELECT DISTINCT pipe_schema, pipe_name FROM {quoted(name, HIDDEN)}.channels"  # noqa: S608
            ).fetchall()
            with self._changed:
                self._root.execute(f"DETACH {quoted(name)}")
        return {ObjectName(name, *pipe) for pipe in found}

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            raise UsageError(refused.message) from None
        except duckdb.Error as error:
            raise UsageError(in_our_words(error)) from error

    def columns(self, table: ObjectName) -> list[DeclaredColumn]:
        """Return a table's columns in order.

        Raises:
            Refused: 404, no such table.
        """
        return self._remembered(
            self._columns,
            table,
            lambda cursor, name: catalogue.read_columns(cursor, catalogue.find_table(cursor, name)),
        )

    def pipe(self, name: ObjectName) -> Pipe:
        """Return the pipe that is named, in any case: a user's own, or a table's default pipe.

        Raises:
            Refused: 404, no such pipe or table.
        """
        return self._remembered(self._pipes, name, find_pipe)

    def _remembered(
        self,
        known: dict[ObjectName, _T],
        name: ObjectName,
        read: Callable[[duckdb.DuckDBPyConnection, ObjectName], _T],
    ) -> _T:
        """Return what is remembered; only what is not yet waits for a transaction under way."""
        found = known.get(name)
        if found is None:
            with self.writing, self.cursor() as cursor:
                found = read(cursor, name)
                if len(known) >= KEPT_NAMES:  # it must not grow with what clients ask for
                    known.clear()
                known[name] = found
        return found

    def has_table(self, table: ObjectName) -> bool:
        """Return whether there is a table of exactly this stored name."""
        with self.cursor() as cursor:
            return catalogue.exists(cursor, table)

    def evolves(self, table: ObjectName) -> bool:
        """Return whether a table, by its stored name, has ENABLE_SCHEMA_EVOLUTION = TRUE."""
        return self._remembered(self._evolving, table, catalogue.evolves)

    def evolve(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: ObjectName,
        evolution: Evolution,
    ) -> None:
        """Evolve a table, by its stored name, within the caller's `transaction`."""
        added = [AddColumn(column, True) for column in evolution.added]
        relaxed = [ChangeColumn(name, nullable=True) for name in sorted(evolution.relaxed)]
        self._evolved = True
        define(cursor, AlterTable(table, (*added, *relaxed), if_there=False))

    def _attach(self, database: str, path: Path | None) -> None:
        source = ":memory:" if path is None else str(path)
        self._root.execute(f"ATTACH {literal(source)} AS {quoted(database)}")
        with self.transaction(self._root):
            set_up(self._root, database)

    def _databases(self) -> dict[str, str]:
        """Return the account's databases, by their names in upper case."""
        with self.cursor() as cursor:
            found = cursor.execute(
                "SELECT database_name FROM duckdb_databases() WHERE NOT internal"
            ).fetchall()
        return {name.upper(): name for (name,) in found if name.upper() not in ENGINES_OWN}
