"""Pipes: which there are, what they map, and what ends them; in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from ..errors import UsageError
from ..names import DEFAULT_PIPE_SUFFIX, ObjectName
from . import catalogue
from .catalogue import find_table, likeness, shown
from .internal import HIDDEN, MARK
from .refusals import not_found_pipe
from .sql.commands import CreatePipe, DropPipe
from .sql.declared import DeclaredColumn
from .sql.quoting import quoted


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


def find_pipe(cursor: duckdb.DuckDBPyConnection, name: ObjectName) -> Pipe:
    """Return a pipe, which may be written in any case: a user's own, or a table's whose default pipe it is.

    Raises:
        Refused: 404, no such pipe or table, or the pipe's table was dropped.
    """
    if MARK in name.name:
        raise not_found_pipe(shown(name))
    found = _own_pipes(cursor, name)
    if found:
        pipe = max(found, key=lambda own: likeness(own.name, name))
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


def _pipe_is_there(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> bool:
    """Return whether there is a user's own pipe of exactly this name, whether it is valid or not."""
    found = cursor.execute(
        f"SELECT 1 FROM {quoted(pipe.database, HIDDEN)}.pipes WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
        [pipe.schema, pipe.name],
    )
    return bool(found.fetchall())


def _forget_pipe(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> None:
    """Forget a pipe."""
    cursor.execute(
        f"DELETE FROM {quoted(pipe.database, HIDDEN)}.pipes WHERE pipe_schema = ? AND pipe_name = ?",  # noqa: S608
        [pipe.schema, pipe.name],
    )


def _keep_pipe(
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
    """End the pipes of a table that has changed: their channels are deleted, own ones become invalid.

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


def create_pipe(cursor: duckdb.DuckDBPyConnection, command: CreatePipe) -> set[ObjectName]:
    """Make a pipe; return the pipes whose channels have ended, as all of these do."""
    pipe = command.pipe
    is_there = _pipe_is_there(cursor, pipe)
    if is_there and command.if_missing:
        return set()
    if is_there and not command.replace:
        raise UsageError(f"pipe {pipe} exists already")
    if pipe.database != command.table.database:
        raise UsageError(f"pipe {pipe} and its table must be in one database: {shown(command.table)} is not")
    if not catalogue.exists(cursor, command.table):
        raise UsageError(f"table {shown(command.table)} does not exist")
    mapping = _mapping(command, catalogue.read_columns(cursor, command.table))
    end_channels(cursor, pipe)
    _forget_pipe(cursor, pipe)
    _keep_pipe(cursor, pipe, command.table, mapping, command.definition)
    return {pipe}


def _mapping(command: CreatePipe, target: list[DeclaredColumn]) -> str | None:
    """Return the JSON of keys and columns, in the order of the pipe's SELECT."""
    by_name = {column.name: column for column in target}
    missing = [name for name in command.columns if name not in by_name]
    if missing:
        raise UsageError(f"table {shown(command.table)} has no column {missing[0]}")
    if command.items is None:
        if command.columns:
            raise UsageError("columns of a pipe's COPY INTO need a SELECT that says what fills them")
        return None
    names = list(command.columns) or [column.name for column in target]
    if len(command.items) > len(names) or (command.columns and len(command.items) != len(names)):
        raise UsageError(
            f"pipe {command.pipe} does not select a value for each column: values {len(command.items)}, "
            f"columns {len(names)}"
        )
    mapping: dict[str, str] = {}
    for (key, cast), name in zip(command.items, names, strict=False):
        if key in mapping:
            raise UsageError(
                f"pipe {command.pipe} selects $1:{key} twice; the local account maps a key to one column"
            )
        _check_cast(key, cast, by_name[name])
        mapping[key] = name
    return json.dumps(mapping)


def _check_cast(key: str, cast: str | None, column: DeclaredColumn) -> None:
    """Refuse a cast after which the column might get another value than its own conversion gives."""
    if cast is None:
        return
    target, wanted = column, DeclaredColumn(column.name, cast, nullable=True)
    safe = wanted.kind == target.kind
    if safe and target.kind == "NUMBER":
        (digits, scale), (column_digits, column_scale) = wanted.parameters, target.parameters
        safe = scale == column_scale and digits >= column_digits
    elif safe and wanted.parameters:
        safe = bool(target.parameters) and wanted.parameters[0] >= target.parameters[0]
    if not safe:
        raise UsageError(
            f"$1:{key}::{cast} into column {column.name} of type {column.type}: the local account knows only "
            "casts in a pipe that change nothing; cast to the column's own type, or leave the cast out"
        )


def drop_pipe(cursor: duckdb.DuckDBPyConnection, command: DropPipe) -> set[ObjectName]:
    """Drop a pipe."""
    if not _pipe_is_there(cursor, command.pipe):
        if command.if_there:
            return set()
        raise UsageError(f"pipe {command.pipe} does not exist")
    end_channels(cursor, command.pipe)
    _forget_pipe(cursor, command.pipe)
    return {command.pipe}
