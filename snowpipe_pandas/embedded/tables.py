"""Statements that make, change and drop tables and pipes, done in the caller's transaction.

Each returns the pipes that it has ended; their channels' rows are deleted by the same COMMIT.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from ..errors import UsageError
from ..names import ObjectName
from . import catalogue
from .catalogue import shown
from .ingest.rejected import switch_error_logging
from .internal import HIDDEN
from .pipes import create_pipe, drop_pipe, end_channels, end_pipes
from .sql.commands import (
    DDL,
    AddColumn,
    AlterTable,
    Change,
    ChangeColumn,
    CreatePipe,
    CreateTable,
    DropColumn,
    DropPipe,
    DropSchema,
    DropTable,
    RenameColumn,
    RenameTable,
    SetTable,
    SwapTable,
)
from .sql.declared import DeclaredColumn, cut_to_digits, duckdb_type, is_declarable, name_of_stored
from .sql.qualify import sequence_path
from .sql.quoting import path_of, quoted
from .sql.translate import counting

Cursor = duckdb.DuckDBPyConnection
Ended = set[ObjectName]


def define(cursor: Cursor, command: DDL) -> Ended:
    """Do one statement.

    Raises:
        UsageError: the table or pipe is not there, or is there already, or the change can't be made.
        duckdb.Error: the engine refused it.
    """
    return _DO[type(command)](cursor, command)


def _create_table(cursor: Cursor, command: CreateTable) -> Ended:
    table = command.table
    is_there = catalogue.exists(cursor, table)
    if is_there and command.if_missing:
        return set()
    if is_there and not command.replace:
        raise UsageError(f"table {shown(table)} exists already")
    if not catalogue.schema_exists(cursor, table):
        raise UsageError(f"schema {quoted(table.database, table.schema)} does not exist")
    columns, query = _contents(cursor, command)
    columns = [_with_sequence(cursor, table, column) for column in columns]
    if query is None:
        listed = ", ".join(_defined(column) for column in columns)
        cursor.execute(f"CREATE {'OR REPLACE ' if is_there else ''}TABLE {path_of(table)} ({listed})")
    else:
        _create_from_query(cursor, table, columns, query, replacing=is_there)
    ended = end_pipes(cursor, table)
    catalogue.forget_table(cursor, table)
    catalogue.declare(cursor, table, columns)
    switch_error_logging(cursor, table, on=command.error_logging)
    catalogue.set_evolving(cursor, table, on=command.evolves)
    if command.comment:
        catalogue.set_comment(cursor, table, command.comment)
    hold_lengths(cursor, table, columns)
    return ended


def _contents(cursor: Cursor, command: CreateTable) -> tuple[list[DeclaredColumn], str | None]:
    """Return a new table's columns, and the query that fills it."""
    if command.like is not None:
        source = catalogue.find_table(cursor, command.like)
        columns = [replace(column, sequence=None) for column in catalogue.read_columns(cursor, source)]
        return columns, f"FROM {path_of(source)}" if command.clone else None
    if command.query is None:
        return list(command.columns), None
    found = _columns_of_query(cursor, command.query)
    names = [column.name for column in command.columns] or list(command.names)
    if names and len(names) != len(found):
        raise UsageError(f"columns named: {len(names)}, columns of the query: {len(found)}")
    if command.columns:
        return list(command.columns), command.query
    columns = [
        replace(column, name=name)
        for column, name in zip(found, names or [c.name for c in found], strict=True)
    ]
    return columns, command.query


def _columns_of_query(cursor: Cursor, query: str) -> list[DeclaredColumn]:
    columns = []
    for name, kind, *_ in cursor.execute(f"DESCRIBE {query}").fetchall():
        declared = name_of_stored(kind)
        if not is_declarable(declared):
            raise UsageError(f"the local account does not know the type {kind} of column {name}; cast it")
        columns.append(DeclaredColumn(name, declared, nullable=True))
    return columns


def _create_from_query(
    cursor: Cursor, table: ObjectName, columns: Sequence[DeclaredColumn], query: str, *, replacing: bool
) -> None:
    names = ", ".join(quoted(column.name) for column in columns)
    casts = ", ".join(
        f"CAST({quoted(column.name)} AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
        for column in columns
    )
    cursor.execute(
        f"CREATE {'OR REPLACE ' if replacing else ''}TABLE {path_of(table)} AS "  # noqa: S608
        f"SELECT {casts} FROM ({query}) AS rows({names})"
    )
    for column in columns:
        change = f"ALTER TABLE {path_of(table)} ALTER COLUMN {quoted(column.name)}"
        if column.default is not None:
            cursor.execute(f"{change} SET DEFAULT {column.default}")
        if not column.nullable:
            cursor.execute(f"{change} SET NOT NULL")


def _with_sequence(cursor: Cursor, table: ObjectName, column: DeclaredColumn) -> DeclaredColumn:
    """Give a column of AUTOINCREMENT a sequence of its own."""
    if column.identity is None:
        return column
    sequence = ObjectName(table.database, HIDDEN, f"numbers {uuid.uuid4().hex}")
    cursor.execute(f"CREATE SEQUENCE {path_of(sequence)} {counting(*column.identity)}")
    path = sequence_path(sequence).replace("'", "''")
    return replace(column, default=f"nextval('{path}')", sequence=sequence.name)


def _defined(column: DeclaredColumn) -> str:
    """Write a column for CREATE TABLE."""
    default = "" if column.default is None else f" DEFAULT {column.default}"
    return (
        f"{quoted(column.name)} {duckdb_type(column.type)}{default}{'' if column.nullable else ' NOT NULL'}"
    )


def _alter_table(cursor: Cursor, command: AlterTable) -> Ended:
    table = command.table
    if not catalogue.exists(cursor, table):
        if command.if_there:
            return set()
        raise UsageError(f"table {shown(table)} does not exist")
    ended: Ended = set()
    for change in command.changes:
        ended |= _CHANGE[type(change)](cursor, table, change)
    return ended


def _add_column(cursor: Cursor, table: ObjectName, change: AddColumn) -> Ended:
    column = change.column
    there = {known.name.upper(): known.name for known in catalogue.read_columns(cursor, table)}
    if column.name.upper() in there:
        if change.if_missing and column.name in there.values():
            return set()
        raise UsageError(f"table {shown(table)} has a column {there[column.name.upper()]} already")
    column = _with_sequence(cursor, table, column)
    default = "" if column.default is None else f" DEFAULT {column.default}"
    cursor.execute(
        f"ALTER TABLE {path_of(table)} ADD COLUMN {quoted(column.name)} {duckdb_type(column.type)}{default}"
    )
    if not column.nullable:
        cursor.execute(f"ALTER TABLE {path_of(table)} ALTER COLUMN {quoted(column.name)} SET NOT NULL")
    catalogue.declare(cursor, table, [column])
    return set()


def _column(cursor: Cursor, table: ObjectName, name: str) -> DeclaredColumn | None:
    return next((column for column in catalogue.read_columns(cursor, table) if column.name == name), None)


def _known(cursor: Cursor, table: ObjectName, name: str) -> DeclaredColumn:
    column = _column(cursor, table, name)
    if column is None:
        raise UsageError(f"table {shown(table)} has no column {name}")
    return column


def _drop_column(cursor: Cursor, table: ObjectName, change: DropColumn) -> Ended:
    column = _column(cursor, table, change.name)
    if column is None and change.if_there:
        return set()
    column = _known(cursor, table, change.name)
    if len(catalogue.read_columns(cursor, table)) == 1:
        raise UsageError(f"{change.name} is the only column of table {shown(table)}")
    ended = end_pipes(cursor, table, filling=change.name)
    cursor.execute(f"ALTER TABLE {path_of(table)} DROP COLUMN {quoted(change.name)}")
    catalogue.forget_column(cursor, table, change.name)
    if column.sequence is not None:
        cursor.execute(f"DROP SEQUENCE {quoted(table.database, HIDDEN, column.sequence)}")
    return ended


def _rename_column(cursor: Cursor, table: ObjectName, change: RenameColumn) -> Ended:
    _known(cursor, table, change.name)
    there = {known.name.upper() for known in catalogue.read_columns(cursor, table)}
    if change.to.upper() in there and change.to.upper() != change.name.upper():
        raise UsageError(f"table {shown(table)} has a column {change.to} already")
    ended = end_pipes(cursor, table, filling=change.name)
    cursor.execute(f"ALTER TABLE {path_of(table)} RENAME COLUMN {quoted(change.name)} TO {quoted(change.to)}")
    catalogue.update_column(cursor, table, change.name, "column_name", change.to)
    return ended


def _change_column(cursor: Cursor, table: ObjectName, change: ChangeColumn) -> Ended:
    column = _known(cursor, table, change.name)
    alter = f"ALTER TABLE {path_of(table)} ALTER COLUMN {quoted(change.name)}"
    if change.type is not None:
        _check_wider(column, change.type)
        if duckdb_type(change.type) != duckdb_type(column.type):
            cursor.execute(f"{alter} TYPE {duckdb_type(change.type)}")
        catalogue.update_column(cursor, table, change.name, "declared", change.type)
    if change.nullable is not None:
        cursor.execute(f"{alter} {'DROP' if change.nullable else 'SET'} NOT NULL")
    if (change.default or change.drop_default) and column.sequence is not None:
        raise UsageError(f"column {change.name} is AUTOINCREMENT; the local account keeps its numbers")
    if change.default is not None:
        cursor.execute(f"{alter} SET DEFAULT {change.default[0]}")
        catalogue.update_column(cursor, table, change.name, "written_default", change.default[1])
    if change.drop_default:
        cursor.execute(f"{alter} DROP DEFAULT")
        catalogue.update_column(cursor, table, change.name, "written_default", None)
    return set()


def _check_wider(column: DeclaredColumn, declared: str) -> None:
    """Refuse a type that might not hold each value of the one before."""
    new = DeclaredColumn(column.name, declared, nullable=True)
    same = new.kind == column.kind
    if column.kind == "NUMBER" and same:
        (digits, scale), (new_digits, new_scale) = column.parameters, new.parameters
        wider = new_digits >= digits and new_scale == scale
    elif column.kind in ("VARCHAR", "BINARY") and same:
        wider = not new.parameters or (bool(column.parameters) and new.parameters[0] >= column.parameters[0])
    else:
        wider = declared == column.type
    if not wider:
        raise UsageError(
            f"column {column.name} is {column.type} and can't become {declared}: a type is only made wider "
            "(more characters of VARCHAR, more digits of NUMBER before the point)"
        )


def _rename_table(cursor: Cursor, table: ObjectName, change: RenameTable) -> Ended:
    to = change.to
    if (to.database, to.schema) != (table.database, table.schema):
        raise UsageError("the local account renames a table within its schema only")
    if catalogue.exists(cursor, to):
        raise UsageError(f"table {shown(to)} exists already")
    ended = end_pipes(cursor, table)
    catalogue.rename_table(cursor, table, to)
    return ended


def _swap_table(cursor: Cursor, table: ObjectName, change: SwapTable) -> Ended:
    """Let two tables swap their names, with all that they are; the channels of both end, as by a rename."""
    other = change.other
    if (other.database, other.schema) != (table.database, table.schema):
        raise UsageError("the local account swaps tables of one schema only")
    if not catalogue.exists(cursor, other):
        raise UsageError(f"table {shown(other)} does not exist")
    if other == table:
        raise UsageError(f"table {shown(table)} can't be swapped with itself")
    ended = end_pipes(cursor, table) | end_pipes(cursor, other)
    between = replace(table, name=f"swapped {uuid.uuid4().hex}")
    catalogue.rename_table(cursor, table, between)
    catalogue.rename_table(cursor, other, table)
    catalogue.rename_table(cursor, between, other)
    return ended


def _set_table(cursor: Cursor, table: ObjectName, change: SetTable) -> Ended:
    if change.error_logging is not None:
        switch_error_logging(cursor, table, on=change.error_logging)
    if change.evolves is not None:
        catalogue.set_evolving(cursor, table, on=change.evolves)
    if change.comment is not None:
        catalogue.set_comment(cursor, table, change.comment)
    return set()


def _drop_table(cursor: Cursor, command: DropTable) -> Ended:
    if not catalogue.exists(cursor, command.table):
        if command.if_there:
            return set()
        raise UsageError(f"table {shown(command.table)} does not exist")
    ended = end_pipes(cursor, command.table)
    cursor.execute(f"DROP TABLE {path_of(command.table)}")
    catalogue.forget_table(cursor, command.table)
    return ended


def _drop_schema(cursor: Cursor, command: DropSchema) -> Ended:
    within = (command.database, command.schema)
    if not catalogue.schema_exists(cursor, ObjectName(*within, "")):
        if command.if_there:
            return set()
        raise UsageError(f"schema {quoted(*within)} does not exist")
    ended: Ended = set()
    for kind, catalog in (
        ("VIEW", "duckdb_views()"),
        ("TABLE", "duckdb_tables()"),
        ("SEQUENCE", "duckdb_sequences()"),
    ):
        found = cursor.execute(
            f"SELECT {kind.lower()}_name FROM {catalog} WHERE database_name = ? AND schema_name = ?",  # noqa: S608
            within,
        ).fetchall()
        for (name,) in found:
            if kind == "TABLE":
                ended |= _drop_table(cursor, DropTable(ObjectName(*within, name), if_there=False))
            else:
                cursor.execute(f"DROP {kind} {quoted(*within, name)}")
    pipes = cursor.execute(
        f"DELETE FROM {quoted(command.database, HIDDEN)}.pipes WHERE pipe_schema = ? RETURNING pipe_name",  # noqa: S608
        [command.schema],
    ).fetchall()
    for (name,) in pipes:
        end_channels(cursor, ObjectName(*within, name))
        ended.add(ObjectName(*within, name))
    cursor.execute(f"DROP SCHEMA {quoted(*within)}")
    return ended


def hold_lengths(cursor: Cursor, table: ObjectName, columns: Sequence[DeclaredColumn]) -> None:
    """Hold what SQL has written to the columns' types: refuse what is too long, cut digits of times.

    Raises:
        UsageError: a text or bytes are too long; names the column.
    """
    for column in columns:
        name, length = quoted(column.name), column.parameters[0] if column.parameters else None
        if column.kind in ("VARCHAR", "BINARY") and length is not None:
            size = f"length({name})" if column.kind == "VARCHAR" else f"octet_length({name})"
            if cursor.execute(f"SELECT 1 FROM {path_of(table)} WHERE {size} > {length} LIMIT 1").fetchall():  # noqa: S608
                raise UsageError(f"column {column.name}: a value is too long for {column.type}")
        if (cut := cut_to_digits(name, column.type)) is not None:
            cursor.execute(f"UPDATE {path_of(table)} SET {name} = {cut} WHERE {name} <> {cut}")  # noqa: S608


_DO: dict[type[Any], Callable[[Cursor, Any], Ended]] = {
    CreateTable: _create_table,
    AlterTable: _alter_table,
    DropTable: _drop_table,
    DropSchema: _drop_schema,
    CreatePipe: create_pipe,
    DropPipe: drop_pipe,
}

_CHANGE: dict[type[Change], Callable[[Cursor, ObjectName, Any], Ended]] = {
    AddColumn: _add_column,
    DropColumn: _drop_column,
    RenameColumn: _rename_column,
    ChangeColumn: _change_column,
    RenameTable: _rename_table,
    SwapTable: _swap_table,
    SetTable: _set_table,
}
