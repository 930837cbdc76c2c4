"""Snowflake SQL for DuckDB: sqlglot reads it; known statements become commands, others are refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from ...errors import UsageError
from .commands import (
    AlterUser,
    Command,
    CreateDatabase,
    Define,
    DropDatabase,
    DropPipe,
    DropSchema,
    DropTable,
    Modify,
    Query,
)
from .create import alter_table, create_table, to_duckdb
from .grants import show_grants
from .pipes import NAME, create_pipe, pipe_name
from .qualify import FORBIDDEN_SCHEMAS, Session, check_names, qualify
from .quoting import path_of, quoted
from .show import describe, show, show_others

logging.getLogger("sqlglot").addHandler(logging.NullHandler())
"""It warns of statements that it can't read; here they are errors of ours."""

_ALTER_USER = re.compile(
    r"\s*ALTER\s+USER\s+(\S+)\s+(SET|UNSET)\s+(RSA_PUBLIC_KEY(?:_2)?)\s*(?:=\s*'([^']*)')?\s*",
    re.IGNORECASE,
)
_CREATE_PIPE = re.compile(r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?PIPE\s", re.IGNORECASE)
_DROP_PIPE = re.compile(rf"\s*DROP\s+PIPE\s+(IF\s+EXISTS\s+)?{NAME}\s*", re.IGNORECASE)
_COPY_TO = re.compile(r"\s*COPY\s+(?!INTO\b)", re.IGNORECASE)
"""COPY TO a file is DuckDB's own."""
_SHOWN = 80


def translate(text: str, session: Session) -> Command:
    """Translate one statement.

    Raises:
        UsageError: it can't be read, or the local account does not know it.
    """
    if match := _ALTER_USER.fullmatch(text):
        user, verb, slot, key = match.groups()
        return AlterUser(user.strip('"').upper(), slot.upper(), key if verb.upper() == "SET" else None)
    if _CREATE_PIPE.match(text):
        return create_pipe(text, session)
    if match := _DROP_PIPE.fullmatch(text):
        return DropPipe(pipe_name(match[2], session), bool(match[1]))
    if (found := show_others(text, session) or show_grants(text, session)) is not None:
        return found
    tree = _parsed(text)
    for kinds, understand in _STATEMENTS:
        if isinstance(tree, kinds):
            return understand(normalize_identifiers(tree, dialect="snowflake"), session)
    raise _unknown(text)


def _unknown(text: str) -> UsageError:
    words = " ".join(text.split())
    return UsageError(f"the local account does not know this statement: {words[:_SHOWN]}")


def _parsed(text: str) -> exp.Expr:
    try:
        trees = sqlglot.parse(text, read="duckdb" if _COPY_TO.match(text) else "snowflake")
    except sqlglot.errors.ParseError as error:
        raise UsageError(_where(text, error)) from None
    if len(trees) != 1 or trees[0] is None:
        raise _unknown(text)
    check_names(trees[0])
    return trees[0]


def _where(text: str, error: sqlglot.errors.ParseError) -> str:
    """Say in our words where a statement can't be read."""
    found = error.errors[0] if error.errors else {}
    words = text.split()
    near = f"{found.get('start_context') or ''}{found.get('highlight') or ''}"[-40:].strip()
    return (
        f"the local account can't read this {words[0].upper()[:20]} statement: the SQL is not understood at "
        f"line {found.get('line', 1)}, after {near!r}"
    )


def _query(tree: exp.Expr, session: Session) -> Query:
    if tree.find(exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Command):
        raise UsageError(
            f"the local account does not know this query: {tree.sql(dialect='snowflake')[:_SHOWN]}"
        )
    holder = exp.Paren(this=tree)
    qualify(holder, session)
    return Query(to_duckdb(holder.this))


def _modify(tree: exp.Expr, session: Session) -> Modify:
    if tree.args.get("overwrite"):
        raise UsageError("the local account does not know INSERT OVERWRITE; TRUNCATE the table first")
    target = tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this
    target = target.this if isinstance(target, exp.Schema) else target
    if not isinstance(target, exp.Table) or (
        isinstance(tree, exp.TruncateTable) and len(tree.expressions) > 1
    ):
        raise UsageError(f"the local account does not know this: {tree.sql(dialect='snowflake')[:_SHOWN]}")
    table = session.table(target.parts)
    if table.schema.upper() in FORBIDDEN_SCHEMAS:
        raise UsageError(f"{table.schema} can only be read")
    qualify(tree, session)
    return Modify(to_duckdb(tree), table, _DONE.get(type(tree), ""))


_DONE: dict[type[exp.Expr], str] = {
    exp.Insert: "inserted",
    exp.Update: "updated",
    exp.Delete: "deleted",
    exp.Merge: "merged",
}


def _create(tree: exp.Create, session: Session) -> Command:
    kind = str(tree.args.get("kind")).upper()
    if kind == "TABLE":
        return create_table(tree, session)
    if kind in _CREATES:
        return _CREATES[kind](tree, session)
    raise UsageError(f"the local account does not know CREATE {kind}")


def _create_schema(tree: exp.Create, session: Session) -> Define:
    database, schema = _database_and_schema(tree.this, session)
    _no_properties(tree)
    if schema.upper() in FORBIDDEN_SCHEMAS:
        raise UsageError(f"{schema} is a name of the service's own")
    if tree.args.get("replace"):
        raise UsageError("the local account does not know CREATE OR REPLACE SCHEMA; drop it first")
    exists = "IF NOT EXISTS " if tree.args.get("exists") else ""
    return Define(f"CREATE SCHEMA {exists}{quoted(database, schema)}", database)


def _create_database(tree: exp.Create, session: Session) -> CreateDatabase:
    if tree.args.get("replace") or len(tree.this.parts) != 1:
        raise UsageError("the local account knows only CREATE DATABASE [IF NOT EXISTS] name")
    _no_properties(tree)
    return CreateDatabase(tree.this.name, bool(tree.args.get("exists")))


def _no_properties(tree: exp.Create) -> None:
    """Comments are taken and not kept; nothing else is."""
    known = (exp.SchemaCommentProperty, exp.SequenceProperties, exp.TransientProperty)
    properties = tree.args["properties"].expressions if tree.args.get("properties") else []
    unknown = [part for part in properties if not isinstance(part, known)]
    if unknown or tree.args.get("clone"):
        what = type(unknown[0]).__name__.removesuffix("Property").upper() if unknown else "CLONE"
        raise UsageError(f"the local account does not know CREATE {tree.args['kind']} with {what}")


def _create_view(tree: exp.Create, session: Session) -> Define:
    _no_properties(tree)
    tree.set("properties", None)
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = session.table(target.parts)
    _query(tree.expression.copy(), session)
    qualify(tree, session)
    return Define(to_duckdb(tree), name.database)


def _create_sequence(tree: exp.Create, session: Session) -> Define:
    _no_properties(tree)
    found = tree.find(exp.SequenceProperties)
    start, step = (
        int(part.sql()) if (part := found and found.args.get(name)) else 1 for name in ("start", "increment")
    )
    name = session.table(tree.this.parts)
    replace = "OR REPLACE " if tree.args.get("replace") else ""
    exists = "IF NOT EXISTS " if tree.args.get("exists") else ""
    path = path_of(name)
    return Define(f"CREATE {replace}SEQUENCE {exists}{path} {counting(start, step)}", name.database)


def counting(start: int, step: int) -> str:
    """Return how a sequence of DuckDB counts, without an end on either side."""
    last = 2**63 - 1
    return f"START {start} INCREMENT BY {step} MINVALUE {-last} MAXVALUE {last}"


_CREATES: dict[str, Callable[[exp.Create, Session], Command]] = {
    "SCHEMA": _create_schema,
    "DATABASE": _create_database,
    "VIEW": _create_view,
    "SEQUENCE": _create_sequence,
}


def _drop(tree: exp.Drop, session: Session) -> Command:
    kind, there = str(tree.args.get("kind")).upper(), bool(tree.args.get("exists"))
    targets = tree.args.get("tables") or []
    if len(targets) != 1 or kind not in ("TABLE", "SCHEMA", "DATABASE", "VIEW", "SEQUENCE"):
        raise UsageError(f"the local account does not know DROP {kind}")
    target = targets[0]
    if kind == "DATABASE":
        return DropDatabase(target.name, there)
    if kind == "SCHEMA":
        database, schema = _database_and_schema(target, session)
        if schema.upper() in FORBIDDEN_SCHEMAS or (database, schema) == (session.database, session.schema):
            raise UsageError(f"the local account keeps the schema {schema}")
        return DropSchema(database, schema, there)
    name = session.table(target.parts)
    if kind == "TABLE":
        return DropTable(name, there)
    exists = "IF EXISTS " if there else ""
    return Define(f"DROP {kind} {exists}{path_of(name)}", name.database)


def _database_and_schema(target: exp.Table, session: Session) -> tuple[str, str]:
    names = [part.name for part in target.parts]
    database, schema = [session.database, *names][-2:]
    return database, schema


def _alter(tree: exp.Alter, session: Session) -> Command:
    if str(tree.args.get("kind")).upper() != "TABLE":
        raise UsageError(f"the local account does not know ALTER {tree.args.get('kind')}")
    return alter_table(tree, session)


def _copy(tree: exp.Copy, session: Session) -> Define:
    """COPY table TO file; what the service loads from stages is not there."""
    if tree.args.get("kind"):
        raise UsageError("the local account has no stages: COPY INTO a table is for pipes only")
    if not session.allow_files:
        raise UsageError("COPY TO reaches files: start the account with sp.local(allow_files=True) for that")
    qualify(tree, session)
    return Define(to_duckdb(tree), session.database)


_STATEMENTS: tuple[tuple[tuple[type[exp.Expr], ...], Callable[..., Command]], ...] = (
    ((exp.Query, exp.Values), _query),
    ((exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable), _modify),
    ((exp.Create,), _create),
    ((exp.Copy,), _copy),
    ((exp.Drop,), _drop),
    ((exp.Alter,), _alter),
    ((exp.Show,), show),
    ((exp.Describe,), describe),
)
