"""Names and texts as DuckDB's SQL needs them."""

from __future__ import annotations

from ...names import ObjectName


def quoted(*parts: str) -> str:
    """Return a name of one or more parts, each in quotes.

    >>> quoted("DEMO", 'a"b')
    '"DEMO"."a""b"'
    """
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def path_of(name: ObjectName) -> str:
    """Return a name's three parts, each in quotes.

    >>> path_of(ObjectName("DEMO", "PUBLIC", "T"))
    '"DEMO"."PUBLIC"."T"'
    """
    return quoted(name.database, name.schema, name.name)


def literal(text: str) -> str:
    """Return a text as a string of SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
