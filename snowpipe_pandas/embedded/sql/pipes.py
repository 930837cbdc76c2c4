"""CREATE PIPE: the COPY statement of a streaming pipe as a mapping from keys of rows to columns.

What names keys is known: `$1:key`, `$1:"Key"`, `$1['key']`, each with a cast or without one. All else of a
SELECT would compute, and is refused by name.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from ...errors import UsageError
from ...names import ObjectName
from .commands import CreatePipe
from .qualify import Session, check_name, check_names
from .types import declared_type

NAME = r'((?:"(?:[^"]|"")+"|[\w$-]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$-]+))*)'
_HEAD = re.compile(
    rf"\s*CREATE\s+(OR\s+REPLACE\s+)?PIPE\s+(IF\s+NOT\s+EXISTS\s+)?{NAME}\s+(.*?)\bAS\s+(COPY\s+INTO\s.*)",
    re.IGNORECASE | re.DOTALL,
)
_PROPERTY = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|\w+)", re.DOTALL)
_HARMLESS = {"COMMENT": None, "AUTO_INGEST": "FALSE"}
_COPY_OPTIONS = {
    "MATCH_BY_COLUMN_NAME": ("CASE_INSENSITIVE",),
    "CLUSTER_AT_INGEST_TIME": ("TRUE", "FALSE"),
    "ON_ERROR": ("CONTINUE",),
}
_GET_PATH = re.compile(r"GET_PATH\(([^()]+), '([^']*)'\)")
"""How the parser writes `$1:key`."""

_KNOWN = "the local account knows only $1:key and $1:key::type in a pipe"


def create_pipe(text: str, session: Session) -> CreatePipe:
    """Understand a CREATE PIPE.

    Raises:
        UsageError: names what the local account does not know.
    """
    head = _HEAD.fullmatch(text)
    if head is None:
        raise UsageError(
            "CREATE PIPE needs AS COPY INTO table FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')), or FROM a "
            "SELECT of it"
        )
    replace, if_missing, name, properties, definition = head.groups()
    _check_properties(properties)
    try:
        copy = sqlglot.parse_one(definition, read="snowflake")
    except sqlglot.errors.ParseError:
        raise UsageError(f"the COPY of pipe {name} can't be read; {_KNOWN}") from None
    if not isinstance(copy, exp.Copy) or len(copy.args.get("files") or []) != 1:
        raise UsageError(f"pipe {name} has no COPY INTO that the local account can read; {_KNOWN}")
    check_names(copy)
    copy = normalize_identifiers(copy, dialect="snowflake")
    _check_options(copy)
    source = copy.args["files"][0]
    _check_source(source)
    target = copy.this
    columns = tuple(part.name for part in target.expressions) if isinstance(target, exp.Schema) else ()
    table = target.this if isinstance(target, exp.Schema) else target
    items = (
        tuple(_item(part) for part in source.this.expressions) if isinstance(source, exp.Subquery) else None
    )
    return CreatePipe(
        pipe_name(name, session),
        session.table(table.parts),
        items,
        columns,
        definition.strip(),
        replace=bool(replace),
        if_missing=bool(if_missing),
    )


def pipe_name(text: str, session: Session) -> ObjectName:
    """Return a pipe's whole name."""
    check_name(text)
    return ObjectName.parse(re.sub(r"\s*\.\s*", ".", text), database=session.database, schema=session.schema)


def _check_properties(text: str) -> None:
    rest = _PROPERTY.sub("", text).strip()
    for name, value in _PROPERTY.findall(text):
        wanted = _HARMLESS.get(name.upper(), "")
        if wanted is not None and value.upper() != wanted:
            raise UsageError(f"the local account does not know {name.upper()} = {value} of a pipe")
    if rest:
        raise UsageError(f"the local account does not know {rest[:40]!r} of a pipe")


def _check_options(copy: exp.Copy) -> None:
    for option in copy.args.get("params") or []:
        name, value = option.name.upper(), str(option.expression.sql() if option.expression else "").upper()
        if value not in _COPY_OPTIONS.get(name, ()):
            raise UsageError(f"the local account does not know {name} = {value} in a pipe")


def _check_source(source: exp.Expr) -> None:
    """Refuse all but the streaming source, and a SELECT of it that only names keys."""
    if isinstance(source, exp.Subquery):
        select = source.this
        if not isinstance(select, exp.Select):
            raise UsageError(_KNOWN)
        clauses = {name for name, value in select.args.items() if value and name != "kind"}
        if clauses - {"expressions", "from_"}:
            extra = ", ".join(sorted(name.strip("_").upper() for name in clauses - {"expressions", "from_"}))
            raise UsageError(f"{_KNOWN}, not {extra}")
        source = select.args["from_"].this if select.args.get("from_") else select
    streaming = source.find(exp.Anonymous)
    written = " ".join(source.sql(dialect="snowflake").upper().split())
    if streaming is None or "DATA_SOURCE(TYPE => 'STREAMING')" not in written:
        raise UsageError(
            f"the local account loads pipes from DATA_SOURCE(TYPE => 'STREAMING') only, not {written[:60]}"
        )


def _item(part: exp.Expr) -> tuple[str, str | None]:
    """Return the key that an item of the SELECT names, and the type of its cast."""
    written = _GET_PATH.sub(r"\1:\2", str(part.sql(dialect="snowflake")))
    part = part.this if isinstance(part, exp.Alias) else part
    cast = None
    if type(part) is exp.Cast:
        cast, part = declared_type(part.to, written), part.this
    if isinstance(part, exp.JSONExtract) and _is_row(part.this) and isinstance(part.expression, exp.JSONPath):
        steps = part.expression.expressions[1:]
        if len(steps) == 1 and isinstance(steps[0], exp.JSONPathKey) and isinstance(steps[0].this, str):
            return steps[0].this, cast
    if isinstance(part, exp.Bracket) and _is_row(part.this) and len(part.expressions) == 1:
        key = part.expressions[0]
        if isinstance(key, exp.Literal) and key.is_string:
            return key.name, cast
    raise UsageError(f"{_KNOWN}, not {written[:60]}")


def _is_row(part: exp.Expr) -> bool:
    return isinstance(part, exp.Parameter) and part.name == "1"
