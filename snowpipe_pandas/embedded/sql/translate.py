"""Snowflake SQL for DuckDB: sqlglot translates it, tables get the types that keep their columns' values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from ...errors import UsageError
from ...names import ObjectName
from ..internal import error_table
from .declared import DeclaredColumn, duckdb_type, snowflake_name

_ALTER_USER = re.compile(
    r"\s*ALTER\s+USER\s+(\S+)\s+(SET|UNSET)\s+(RSA_PUBLIC_KEY(?:_2)?)\s*(?:=\s*'([^']*)')?\s*;?\s*",
    re.IGNORECASE,
)
_CREATE_PIPE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?PIPE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\S+)\s+AS\s+COPY\s+INTO\s+([^\s(]+).*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement for DuckDB, and what the account must know of it.

    `creates` is the table which a CREATE TABLE declares, `columns` are its columns; with `if_missing` a table
    that is there already stays as it is.
    """

    text: str
    creates: ObjectName | None = None
    columns: tuple[DeclaredColumn, ...] = ()
    error_logging: bool = False
    if_missing: bool = False


@dataclass(frozen=True, slots=True)
class SetErrorLogging:
    """`ALTER TABLE name SET ERROR_LOGGING = TRUE`, or FALSE."""

    table: ObjectName
    on: bool


@dataclass(frozen=True, slots=True)
class AlterUser:
    """`ALTER USER name SET RSA_PUBLIC_KEY = '...'`, or UNSET."""

    user: str
    slot: str
    key: str | None


@dataclass(frozen=True, slots=True)
class CreatePipe:
    """`CREATE PIPE name AS COPY INTO table ...`; its SELECT is not looked at, columns match by name."""

    pipe: str
    table: str


Translated = Statement | SetErrorLogging | AlterUser | CreatePipe


def translate(text: str, *, database: str, schema: str) -> list[Translated]:
    """Translate one or more statements; `database` and `schema` are what unqualified names mean.

    Raises:
        UsageError: the text is no SQL that can be translated.
    """
    if match := _ALTER_USER.fullmatch(text):
        user, verb, slot, key = match.groups()
        return [AlterUser(user.strip('"').upper(), slot.upper(), key if verb.upper() == "SET" else None)]
    if match := _CREATE_PIPE.fullmatch(text):
        return [CreatePipe(match[1], match[2])]
    try:
        parsed = [tree for tree in sqlglot.parse(text, read="snowflake") if tree is not None]
    except sqlglot.errors.ParseError as error:
        raise UsageError(f"the SQL can't be read: {str(error).splitlines()[0]}") from error
    return [_statement(tree, (database, schema)) for tree in parsed]


def _statement(tree: exp.Expr, defaults: tuple[str, str]) -> Translated:
    if isinstance(tree, exp.Command):
        raise UsageError(f"the local account does not know this statement: {tree.sql()[:80]}")
    tree = normalize_identifiers(tree, dialect="snowflake")
    logging = _error_logging(tree)
    if isinstance(tree, exp.Alter) and logging is not None:
        return SetErrorLogging(_object(tree.this.parts, defaults), logging)
    for function in list(tree.find_all(exp.Anonymous)):
        if function.name.upper() == "ERROR_TABLE" and isinstance(function.parent, exp.Table):
            _read_error_table(function.parent, function, defaults)
    if not (isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.this, exp.Schema)):
        return Statement(_to_duckdb(tree))
    columns = tuple(_declared(column) for column in tree.this.find_all(exp.ColumnDef))
    tree.set("properties", None)
    for column in tree.this.find_all(exp.ColumnDef):
        stored = duckdb_type(_declared(column).type)
        column.set("kind", exp.DataType.build(stored, dialect="duckdb", udt=True))
    table = _object(tree.this.this.parts, defaults)
    return Statement(_to_duckdb(tree), table, columns, bool(logging), bool(tree.args.get("exists")))


def _error_logging(tree: exp.Expr) -> bool | None:
    """Return what a statement sets ERROR_LOGGING to, None where it doesn't."""
    for setting in tree.find_all(exp.Property):
        if setting.name.upper() == "ERROR_LOGGING":
            value = setting.args["value"]
            return isinstance(value, exp.Boolean) and bool(value.this)
    return None


def _read_error_table(table: exp.Table, function: exp.Anonymous, defaults: tuple[str, str]) -> None:
    """Let `ERROR_TABLE(name)` mean the hidden table that keeps the rejected rows."""
    if len(function.expressions) != 1 or not isinstance(function.expressions[0], exp.Column):
        raise UsageError("ERROR_TABLE takes the name of one table")
    errors = error_table(_object(function.expressions[0].parts, defaults))
    table.set("this", exp.to_identifier(errors.name, quoted=True))
    table.set("db", exp.to_identifier(errors.schema, quoted=True))
    table.set("catalog", exp.to_identifier(errors.database, quoted=True))


def _object(parts: Sequence[exp.Expr], defaults: tuple[str, str]) -> ObjectName:
    names = [part.name for part in parts]
    return ObjectName(*[*defaults, *names][-3:] if len(names) != 2 else [defaults[0], *names])


def _to_duckdb(tree: exp.Expr) -> str:
    return str(tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE))


def _declared(column: exp.ColumnDef) -> DeclaredColumn:
    nullable = not any(
        isinstance(constraint.kind, exp.NotNullColumnConstraint | exp.PrimaryKeyColumnConstraint)
        for constraint in column.constraints
    )
    return DeclaredColumn(column.name, snowflake_name(column.kind), nullable)
