"""What a channel keeps over a restart: a value that is the same in memory and in its row on disk.

It is frozen. A change is computed as a new value, written in a transaction, and shown in memory only once the
COMMIT has succeeded: a disk that is full must not make the account report what it has not kept.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

import duckdb

from ...names import ObjectName
from ..internal import HIDDEN

ELASTIC = "ELASTIC"
"""The name under which a pipe reports its elastic channel; no named channel has it, in any case."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """The durable state of a channel; its fields are the columns of the hidden table, in their order."""

    client_sequencer: int = 0
    committed_token: str | None = None
    rows_inserted: int = 0
    rows_errors: int = 0
    last_error: str | None = None
    last_error_token: str | None = None
    created_on_ms: int = 0

    def fenced(self) -> ChannelState:
        """Return the state in which every earlier continuation token is stale."""
        return replace(self, client_sequencer=self.client_sequencer + 1)

    def opened(self, offset_token: str | None, *, reset_counters: bool) -> ChannelState:
        """Return the state after an open."""
        state = self.fenced()
        if offset_token is not None:
            state = replace(state, committed_token=offset_token)
        return replace(state, rows_inserted=0, rows_errors=0) if reset_counters else state

    def write(self, cursor: duckdb.DuckDBPyConnection, pipe: ObjectName, name: str) -> None:
        """Write it into the channel's row."""
        # INSERT OR REPLACE does the same and takes ten times as long.
        (updated,) = cursor.execute(
            f"UPDATE {_rows(pipe)} SET client_sequencer = ?, committed_token = ?, rows_inserted = ?, "  # noqa: S608
            f"rows_errors = ?, last_error = ?, last_error_token = ?, created_on_ms = ? {_OF_CHANNEL}",
            [*astuple(self), *_key(pipe, name)],
        ).fetchall()[0]
        if not updated:
            cursor.execute(
                f"INSERT INTO {_rows(pipe)} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [pipe.schema, pipe.name, name, *astuple(self)],
            )


def read_states(
    cursor: duckdb.DuckDBPyConnection, pipe: ObjectName, names: list[str]
) -> dict[str, ChannelState]:
    """Read the rows of a pipe's channels, as many as there are of these names, by one query."""
    found = cursor.execute(
        "SELECT channel, client_sequencer, committed_token, rows_inserted, rows_errors, last_error, "  # noqa: S608
        f"last_error_token, created_on_ms FROM {_rows(pipe)} "
        "WHERE pipe_schema = ? AND pipe_name = ? AND channel IN (SELECT unnest(?::VARCHAR[]))",
        [pipe.schema, pipe.name, names],
    ).fetchall()
    return {name: ChannelState(*values) for name, *values in found}


def delete_state(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName, name: str) -> None:
    """Delete a channel's row."""
    cursor.execute(f"DELETE FROM {_rows(pipe)} {_OF_CHANNEL}", _key(pipe, name))  # noqa: S608


def count_channels(cursor: duckdb.DuckDBPyConnection, pipe: ObjectName) -> int:
    """Count a pipe's named channels."""
    return int(
        cursor.execute(
            f"SELECT count(*) FROM {_rows(pipe)} "  # noqa: S608
            "WHERE pipe_schema = ? AND pipe_name = ? AND channel <> ?",
            _key(pipe, ELASTIC),
        ).fetchall()[0][0]
    )


_OF_CHANNEL = "WHERE pipe_schema = ? AND pipe_name = ? AND channel = ?"


def _rows(pipe: ObjectName) -> str:
    return f'"{pipe.database}"."{HIDDEN}".channels'


def _key(pipe: ObjectName, name: str) -> list[str]:
    return [pipe.schema, pipe.name, name]
