"""Error tables: the rejected rows of tables that were declared with ERROR_LOGGING = TRUE.

Each such table has a hidden companion in its database; SQL reads it with `ERROR_TABLE(name)`, as on the
service. Its columns are the service's own, so channel, pipe and offset tokens are in
`error_metadata:details`.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import duckdb

from ...names import ObjectName
from ..internal import ERROR_COLUMNS, error_table
from ..protocol.channel import Channel, Chunk
from .parse import BAD_ROWS

ERROR_CODE = 100_038
"""The service's code of a value that can't be converted; the local account has no finer ones."""


def switch_error_logging(cursor: duckdb.DuckDBPyConnection, table: ObjectName, *, on: bool) -> None:
    """Make or remove a table's error table; one that is there is kept with its rows."""
    if on:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in ERROR_COLUMNS.items())
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {error_table(table)} ({columns})")
    else:
        cursor.execute(f"DROP TABLE IF EXISTS {error_table(table)}")


def keep_rejected(
    cursor: duckdb.DuckDBPyConnection, channel: Channel, chunks: list[Chunk], now: float
) -> None:
    """Keep the bad rows of the batch that `parse_rows` has just read, if the table wants them."""
    if not _logs_errors(cursor, channel.table):
        return
    metadata = [
        json.dumps(
            {
                "service": "snowpipe_streaming",
                "details": {
                    "pipe_name": channel.pipe.name,
                    "channel_name": channel.name,
                    "offset_token_lower_bound": chunk.start_token,
                    "offset_token_upper_bound": chunk.end_token,
                },
            }
        )
        for chunk in chunks
    ]
    cursor.execute(
        f"INSERT INTO {error_table(channel.table)} SELECT ?, ?, ?, "  # noqa: S608
        "json_merge_patch((?::JSON[])[chunk + 1], json_object('error_message', problem, 'details', "
        "json_object('error_data_content_type', CASE WHEN json_valid(line) THEN 'json' ELSE 'json-invalid' "
        "END))), json_object('$1', line) "
        f"FROM ({BAD_ROWS}) ORDER BY number",
        [datetime.fromtimestamp(now, UTC), str(uuid.uuid4()), ERROR_CODE, metadata],
    )


def _logs_errors(cursor: duckdb.DuckDBPyConnection, table: ObjectName) -> bool:
    errors = error_table(table)
    found = cursor.execute(
        "SELECT 1 FROM duckdb_tables() WHERE upper(database_name) = ? AND schema_name = ? AND table_name = ?",
        [errors.database.upper(), errors.schema, errors.name],
    )
    return bool(found.fetchall())
