"""One channel: its sequencers, its buffer of accepted rows, what it tells of itself, its durable row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from ..names import ObjectName
from .answers import Refused
from .hidden import HIDDEN

HEALTHY = "SUCCESS"
MUST_BE_REOPENED = "ERR_CHANNEL_MUST_BE_REOPENED"


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The rows of one append; `reject` of them, the first ones, are to be rejected whatever they hold."""

    ndjson: bytes
    end_token: str | None
    due: float
    reject: int = 0


@dataclass(slots=True, eq=False)
class Channel:
    """A channel's state. Whoever changes it holds the lock of `Channels`.

    `appends` tells what becomes of appends until the channel is reopened: they are buffered, refused, or
    acknowledged and thrown away. `odd_columns` are those that need more than the plain way of conversion.
    """

    pipe: ObjectName
    name: str
    table: ObjectName
    client_sequencer: int = 0
    row_sequencer: int = 0
    buffer: list[Chunk] = field(default_factory=list)
    committed_token: str | None = None
    rows_inserted: int = 0
    rows_errors: int = 0
    last_error: str | None = None
    last_error_token: str | None = None
    last_error_ms: int | None = None
    created_on_ms: int = 0
    code: str = HEALTHY
    appends: Literal["buffered", "refused", "discarded"] = "buffered"
    odd_columns: set[str] = field(default_factory=set)

    @property
    def continuation(self) -> str:
        """The token that the next append must bring."""
        return f"{self.client_sequencer}_{self.row_sequencer}"

    @property
    def used_continuation(self) -> str | None:
        """The token that the last append brought, None right after an open."""
        return f"{self.client_sequencer}_{self.row_sequencer - 1}" if self.row_sequencer else None

    def fence(self) -> None:
        """Make every earlier continuation token stale."""
        self.client_sequencer += 1
        self.row_sequencer = 0

    def reopen(self, table: ObjectName, offset_token: str | None, *, reset_counters: bool) -> None:
        """Start anew behind what is committed."""
        self.buffer.clear()
        self.fence()
        self.table = table
        self.code, self.appends = HEALTHY, "buffered"
        if offset_token is not None:
            self.committed_token = offset_token
        if reset_counters:
            self.rows_inserted = self.rows_errors = 0

    def lose_rows(self, code: str, appends: Literal["refused", "discarded"]) -> None:
        """Forget the accepted rows; the channel is of no use until it is reopened."""
        self.buffer.clear()
        self.code, self.appends = code, appends

    def refuse_uncommitted(self) -> None:
        """Refuse to go on while accepted rows wait for their commit.

        Raises:
            Refused: 409, there are such rows.
        """
        if self.buffer:
            raise Refused(
                409, "ERR_CHANNEL_HAS_UNCOMMITTED_DATA", f"channel {self.name} has uncommitted rows"
            )

    def status(self) -> dict[str, Any]:
        """Return the `channel_status` object of the protocol."""
        return {
            "database_name": self.pipe.database,
            "schema_name": self.pipe.schema,
            "pipe_name": self.pipe.name,
            "channel_name": self.name,
            "channel_status_code": self.code,
            "last_committed_offset_token": self.committed_token,
            "created_on_ms": self.created_on_ms,
            "rows_inserted": self.rows_inserted,
            "rows_parsed": self.rows_inserted + self.rows_errors,
            "rows_error_count": self.rows_errors,
            "last_error_offset_upper_bound": self.last_error_token,
            "last_error_message": self.last_error,
            "last_error_timestamp_ms": self.last_error_ms,
            "snowflake_avg_processing_latency_ms": None,
        }

    def write(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Write what outlives the process."""
        state = [
            self.client_sequencer,
            self.committed_token,
            self.rows_inserted,
            self.rows_errors,
            self.last_error,
            self.last_error_token,
            self.created_on_ms,
        ]
        # INSERT OR REPLACE does the same and takes ten times as long.
        (updated,) = cursor.execute(
            f"UPDATE {_rows(self.pipe)} SET client_sequencer = ?, committed_token = ?, rows_inserted = ?, "  # noqa: S608
            f"rows_errors = ?, last_error = ?, last_error_token = ?, created_on_ms = ? {_OF_CHANNEL}",
            [*state, *_key(self.pipe, self.name)],
        ).fetchall()[0]
        if not updated:
            cursor.execute(
                f"INSERT INTO {_rows(self.pipe)} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [self.pipe.schema, self.pipe.name, self.name, *state],
            )

    def delete(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Delete what `write` has written."""
        cursor.execute(f"DELETE FROM {_rows(self.pipe)} {_OF_CHANNEL}", _key(self.pipe, self.name))  # noqa: S608

    @classmethod
    def read(
        cls, cursor: duckdb.DuckDBPyConnection, pipe: ObjectName, name: str, table: ObjectName
    ) -> Channel | None:
        """Read a channel of an earlier run; its continuation tokens died with that run."""
        row = cursor.execute(
            "SELECT client_sequencer, committed_token, rows_inserted, rows_errors, last_error, "  # noqa: S608
            f"last_error_token, created_on_ms FROM {_rows(pipe)} {_OF_CHANNEL}",
            _key(pipe, name),
        ).fetchone()
        if row is None:
            return None
        channel = cls(pipe, name, table, client_sequencer=row[0], code=MUST_BE_REOPENED, appends="refused")
        channel.committed_token, channel.rows_inserted, channel.rows_errors = row[1:4]
        channel.last_error, channel.last_error_token, channel.created_on_ms = row[4:7]
        return channel


_OF_CHANNEL = "WHERE upper(pipe_schema) = ? AND upper(pipe_name) = ? AND channel = ?"


def _rows(pipe: ObjectName) -> str:
    return f'"{pipe.database}"."{HIDDEN}".channels'


def _key(pipe: ObjectName, name: str) -> list[str]:
    return [pipe.schema.upper(), pipe.name.upper(), name]
