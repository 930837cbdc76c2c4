"""Names in the hidden schema: each database keeps there what its account remembers beside the tables."""

from __future__ import annotations

from ..names import ObjectName

HIDDEN = "_SNOWPIPE"

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
    return ObjectName(table.database, HIDDEN, f"errors of {table.schema}.{table.name}".upper())
