"""Names and texts as DuckDB's SQL needs them."""

from __future__ import annotations


def quoted(*parts: str) -> str:
    """Return a name of one or more parts, each in quotes.

    >>> quoted("DEMO", 'a"b')
    '"DEMO"."a""b"'
    """
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """Return a text as a string of SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
