"""SHOW and DESCRIBE: a useful part of what the service shows, as SQL over the account's catalogue."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from ...errors import UsageError
from ...names import ObjectName
from ..internal import shown_name
from . import information
from .commands import Query
from .grants import show_warehouses
from .pipes import NAME, pipe_name
from .qualify import Session

_SHOW_OTHERS = re.compile(
    r"\s*SHOW\s+(PIPES|CHANNELS)(?:\s+LIKE\s+('(?:[^'\\]|''|\\.)*'))?"
    rf"(?:\s+IN\s+(SCHEMA|DATABASE|PIPE|TABLE)\s+{NAME})?\s*",
    re.IGNORECASE | re.DOTALL,
)


def show_others(text: str, session: Session) -> Query | None:
    """Understand SHOW PIPES and SHOW CHANNELS, which the parser does not know; None for another text."""
    match = _SHOW_OTHERS.fullmatch(text)
    if match is None:
        return None
    what, pattern, scope, name = match[1].upper(), match[2], (match[3] or "").upper(), match[4]
    if what == "PIPES" and scope in ("", "SCHEMA"):
        database, schema = (session.database, None) if not name else _schema(name, session)
        text = information.show_pipes(database, schema)
    elif what == "CHANNELS" and scope in ("", "SCHEMA", "PIPE", "TABLE"):
        text = _channels(scope, name, session)
    else:
        raise UsageError(f"the local account does not know SHOW {what} IN {scope}")
    return Query(_like(text, None if pattern is None else sqlglot.parse_one(pattern, read="snowflake")))


def _channels(scope: str, name: str | None, session: Session) -> str:
    if not name:
        return information.show_channels(session.database, None)
    if scope == "SCHEMA":
        return information.show_channels(*_schema(name, session))
    found = pipe_name(name, session)
    within = {"table": found.name} if scope == "TABLE" else {"pipe": found.name}
    return information.show_channels(found.database, found.schema, **within)


def _schema(name: str, session: Session) -> tuple[str, str]:
    found = pipe_name(f"{name}.X" if "." in name else f"{session.database}.{name}.X", session)
    return found.database, found.schema


def show(tree: exp.Show, session: Session) -> Query:
    """Understand SHOW TABLES, COLUMNS, SCHEMAS and WAREHOUSES.

    Raises:
        UsageError: the local account does not know it.
    """
    what, kind, scope = (
        tree.name.upper(),
        str(tree.args.get("scope_kind") or "").upper(),
        tree.args.get("scope"),
    )
    unknown = [name for name in ("starts_with", "limit", "from_", "history", "where") if tree.args.get(name)]
    if what not in ("TABLES", "COLUMNS", "SCHEMAS", "WAREHOUSES") or unknown:
        words = ", ".join(name.upper() for name in unknown)
        raise UsageError(f"the local account does not know SHOW {what} {words}".rstrip())
    names = [part.name for part in scope.parts] if scope is not None else []
    database, schema, table = session.database, None, None
    if kind in ("TABLE", "VIEW") and scope is not None:
        found = session.table(scope.parts)
        database, schema, table = found.database, found.schema, shown_name(found.name)
    elif kind == "SCHEMA":
        database, schema = [session.database, *names][-2:]
    elif kind == "DATABASE" and names:
        database = names[-1]
    text = {
        "TABLES": information.show_tables(database, schema),
        "COLUMNS": information.show_columns(database, schema, table),
        "SCHEMAS": information.show_schemas(database),
        "WAREHOUSES": show_warehouses(session),
    }[what]
    return Query(_like(text, tree.args.get("like")))


def _like(text: str, pattern: exp.Expr | None) -> str:
    if pattern is None:
        return text
    name = "column_name" if '"column_name"' in text else "name"
    return f"SELECT * FROM ({text}) WHERE \"{name}\" ILIKE {pattern.sql(dialect='duckdb')} ESCAPE '\\'"  # noqa: S608


def describe(tree: exp.Describe, session: Session) -> Query:
    """Understand DESCRIBE TABLE."""
    if not isinstance(tree.this, exp.Table) or str(tree.args.get("kind") or "TABLE").upper() not in (
        "TABLE",
        "VIEW",
    ):
        raise UsageError(f"the local account does not know {tree.sql(dialect='snowflake')[:60]}")
    table = session.table(tree.this.parts)
    described = ObjectName(table.database, table.schema, shown_name(table.name))
    return Query(information.describe_table(described), f"table {described}")


def statements(text: str) -> list[str]:
    """Split a text at its semicolons, without the comments before each statement.

    Raises:
        UsageError: the text can't even be split into words.
    """
    try:
        tokens = sqlglot.tokenize(text, read="snowflake")
    except sqlglot.errors.TokenError as error:
        raise UsageError("the SQL can't be read: a quote or a comment is not ended") from error
    found: list[list[int]] = [[]]
    for token in tokens:
        if token.token_type == sqlglot.TokenType.SEMICOLON:
            found.append([])
        else:
            found[-1] += [token.start, token.end]
    return [text[places[0] : places[-1] + 1] for places in found if places]
