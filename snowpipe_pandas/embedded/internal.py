"""The account's own names: a schema that no user can write, and how users' names are stored beside it.

DuckDB commits atomically within one attached database only, so what the account remembers of tables, pipes
and channels is in the database of the rows. Names of users can't hold the mark, neither in SQL nor over
HTTP, so nothing that holds it can be named, read or changed by them.
"""

from __future__ import annotations

from ..names import ObjectName

MARK = "\x01"
"""Part of every name of the account's own, and of no name of a user's."""

HIDDEN = f"{MARK}account"
"""The schema of the account's own tables, in each database."""

FORMER_HIDDEN = "_SNOWPIPE"
"""Its name in older files."""

ERROR_COLUMNS = {
    "TIMESTAMP": "TIMESTAMPTZ",
    "QUERY_ID": "VARCHAR",
    "ERROR_CODE": "INTEGER",
    "ERROR_METADATA": "JSON",
    "ERROR_DATA": "JSON",
}
"""Columns of an error table, as the service names them, with DuckDB's types."""


def error_table(table: ObjectName) -> ObjectName:
    """Return the name of the table that keeps the rejected rows of `table`."""
    length = len(table.schema)  # so that no other schema and name, with dots in them, give the same
    return ObjectName(table.database, HIDDEN, f"errors of {length} {table.schema}.{table.name}")


def stored_name(name: str) -> str:
    """Return the name under which DuckDB stores a table or view.

    Names that differ in case only are one to DuckDB, two to Snowflake: `T` and `"t"` are two tables. So a
    name with lower-case letters is stored with the mark and the places of these letters after it.

    >>> stored_name("T"), stored_name("t")
    ('T', 't\\x011')
    """
    lower = sum(1 << place for place, letter in enumerate(name) if "a" <= letter <= "z")
    return f"{name}{MARK}{lower:x}" if lower else name


def shown_name(stored: str) -> str:
    """Return a table's name as its users know it.

    >>> shown_name("t\\x011")
    't'
    """
    return stored.partition(MARK)[0]
