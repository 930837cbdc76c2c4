"""SHOW GRANTS and SHOW WAREHOUSES, in their form alone: a session's role owns all, and its warehouse runs."""

from __future__ import annotations

import re

from ...errors import UsageError
from ...names import quote_identifier, stored_part
from ..internal import HIDDEN, MARK
from .commands import Query
from .pipes import NAME, pipe_name
from .qualify import Session
from .quoting import literal, quoted

_SHOW_GRANTS = re.compile(
    rf"\s*SHOW\s+GRANTS\s+(?:ON\s+(TABLE|SCHEMA|DATABASE|PIPE)|TO\s+(ROLE))\s+{NAME}\s*", re.IGNORECASE
)

_GRANTS = """
SELECT CAST(NULL AS TIMESTAMPTZ) AS "created_on", 'OWNERSHIP' AS "privilege", kind AS "granted_on",
    name AS "name", 'ROLE' AS "granted_to", {role} AS "grantee_name", 'true' AS "grant_option",
    {role} AS "granted_by" FROM ({objects}) ORDER BY kind, name
"""

_KINDS = {
    "DATABASE": "SELECT database_name AS d, NULL AS s, NULL AS o FROM duckdb_databases() WHERE NOT internal",
    "SCHEMA": (
        "SELECT database_name AS d, schema_name AS s, NULL AS o FROM duckdb_schemas() "  # noqa: S608
        f"WHERE NOT internal AND schema_name <> 'main' AND NOT contains(schema_name, {literal(MARK)})"
    ),
    "TABLE": (
        f"SELECT database_name AS d, schema_name AS s, split_part(table_name, {literal(MARK)}, 1) AS o "  # noqa: S608
        f"FROM duckdb_tables() WHERE NOT contains(schema_name, {literal(MARK)})"
    ),
    "PIPE": "SELECT {database} AS d, pipe_schema AS s, pipe_name AS o FROM {hidden}.pipes",
}


def show_grants(text: str, session: Session) -> Query | None:
    """Understand SHOW GRANTS ON an object and TO a ROLE; None for another text.

    Raises:
        UsageError: the role does not exist.
    """
    match = _SHOW_GRANTS.fullmatch(text)
    if match is None:
        return None
    kind, name = (match[1] or "").upper(), match[3]
    if match[2]:
        if stored_part(name) != session.role:
            raise UsageError(f"role {name} does not exist")
        found = " UNION ALL ".join(_objects(kind, session.database) for kind in _KINDS)
        return Query(_GRANTS.format(role=literal(session.role), objects=found))
    parts = _parts(kind, name, session)
    named = " AND ".join(f"{column} = {literal(part)}" for column, part in zip("dso", parts, strict=False))
    found = f"SELECT * FROM ({_objects(kind, parts[0])}) WHERE {named}"  # noqa: S608
    shown = ".".join(map(quote_identifier, parts))
    return Query(
        _GRANTS.format(role=literal(session.role), objects=found), described=f"{kind.lower()} {shown}"
    )


def _parts(kind: str, name: str, session: Session) -> tuple[str, ...]:
    """Return the parts of an object's name, with those that it leaves out."""
    if kind == "DATABASE":
        return (pipe_name(f"{name}.X.X", session).database,)
    if kind == "SCHEMA":
        found = pipe_name(f"{name}.X" if "." in name else f"{session.database}.{name}.X", session)
        return found.database, found.schema
    found = pipe_name(name, session)
    return found.database, found.schema, found.name


def _objects(kind: str, database: str) -> str:
    """Return SQL of the objects of a kind in a database: their parts, kind, and name as it is shown."""
    parts = _KINDS[kind].format(database=literal(database), hidden=quoted(database, HIDDEN))
    return (
        f"SELECT d, s, o, {literal(kind)} AS kind, concat_ws('.', d, s, o) AS name "  # noqa: S608
        f"FROM ({parts}) WHERE d = {literal(database)}"
    )


def show_warehouses(session: Session) -> str:
    """Return the SQL of SHOW WAREHOUSES: the one of the session."""
    return (
        f'SELECT {literal(session.warehouse)} AS "name", \'STARTED\' AS "state", '
        "'STANDARD' AS \"type\", 'X-Small' AS \"size\", 'N' AS \"is_default\", 'Y' AS \"is_current\", "
        '60 AS "auto_suspend", \'true\' AS "auto_resume"'
    )
