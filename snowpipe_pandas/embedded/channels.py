"""Channels: sequencers, continuation tokens, the buffer of accepted rows, and the committer.

A channel is {client sequencer, row sequencer, buffer, committed token, counters}. An append goes into the
buffer; the committer moves buffers into tables after the commit lag, rows and offset token in one
transaction. Opening bumps the client sequencer, so every earlier continuation token is stale.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb

from ..names import ObjectName
from .answers import Refused
from .ingest import insert_good, parse_rows
from .store import HIDDEN, Store

MAX_COMMIT_BYTES = 64_000_000
"""Rows of one channel that are committed together."""

STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"


@dataclass(slots=True)
class _Chunk:
    ndjson: bytes
    end_token: str | None
    due: float


@dataclass(slots=True)
class _Channel:
    pipe: ObjectName
    name: str
    table: ObjectName
    client_sequencer: int = 0
    row_sequencer: int = 0
    buffer: list[_Chunk] = field(default_factory=list)
    committed_token: str | None = None
    rows_inserted: int = 0
    rows_errors: int = 0
    last_error: str | None = None
    last_error_token: str | None = None
    created_on_ms: int = 0
    must_reopen: bool = False

    @property
    def continuation(self) -> str:
        return f"{self.client_sequencer}_{self.row_sequencer}"

    def status(self) -> dict[str, Any]:
        code = "ERR_CHANNEL_MUST_BE_REOPENED" if self.must_reopen else "SUCCESS"
        return {
            "database_name": self.pipe.database,
            "schema_name": self.pipe.schema,
            "pipe_name": self.pipe.name,
            "channel_name": self.name,
            "channel_status_code": code,
            "last_committed_offset_token": self.committed_token,
            "created_on_ms": self.created_on_ms,
            "rows_inserted": self.rows_inserted,
            "rows_parsed": self.rows_inserted + self.rows_errors,
            "rows_error_count": self.rows_errors,
            "last_error_offset_upper_bound": self.last_error_token,
            "last_error_message": self.last_error,
            "last_error_timestamp_ms": None,
            "snowflake_avg_processing_latency_ms": None,
        }


class Channels:
    """All channels of an account, and the thread that commits them.

    Args:
        store: where rows and durable state go.
        commit_lag_s: seconds between an append's answer and its commit.
    """

    def __init__(self, store: Store, *, commit_lag_s: float) -> None:
        self.commit_lag_s = commit_lag_s
        self._store = store
        self._changed = threading.Condition()
        self._channels: dict[tuple[str, ...], _Channel] = {}
        self._paused = False
        self._stopped = False
        self._committer = threading.Thread(
            target=self._commit_loop, name="snowpipe-local-commit", daemon=True
        )
        self._committer.start()

    def close(self) -> None:
        """Commit what is accepted, then stop."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._committer.join()

    def open(
        self, pipe: ObjectName, name: str, *, offset_token: str | None, keep_uncommitted: bool
    ) -> dict[str, Any]:
        """Open or reopen a channel; `keep_uncommitted` refuses while rows wait for their commit."""
        table = self._store.pipe_table(pipe)
        columns = self._store.columns(table)
        with self._changed:
            channel = self._find(pipe, name) or self._new(pipe, name, table)
            if channel.buffer and keep_uncommitted:
                raise Refused(409, "ERR_CHANNEL_HAS_UNCOMMITTED_DATA", f"channel {name} has uncommitted rows")
            channel.buffer.clear()
            channel.client_sequencer += 1
            channel.row_sequencer = 0
            channel.must_reopen = False
            channel.table = table
            if offset_token is not None:
                channel.committed_token = offset_token
            self._save([channel])
            return {
                "next_continuation_token": channel.continuation,
                "channel_status": channel.status(),
                "table_columns": [
                    {"name": column.name, "type": column.type, "nullable": column.nullable}
                    for column in columns
                ],
            }

    def append(
        self, pipe: ObjectName, name: str, *, continuation: str, end_token: str | None, ndjson: bytes
    ) -> str:
        """Accept rows; returns the next continuation token."""
        with self._changed:
            channel = self._known(pipe, name)
            if channel.must_reopen:
                raise Refused(409, "ERR_CHANNEL_MUST_BE_REOPENED", f"channel {name} must be reopened")
            if continuation != channel.continuation:
                raise Refused(400, STALE, f"the continuation token of channel {name} is stale")
            channel.row_sequencer += 1
            if ndjson.strip():
                channel.buffer.append(_Chunk(ndjson, end_token, time.monotonic() + self.commit_lag_s))
                self._changed.notify_all()
            return channel.continuation

    def statuses(self, pipe: ObjectName, names: Iterable[str]) -> dict[str, Any]:
        """Return the status of each known channel."""
        with self._changed:
            found = {name: self._find(pipe, name) for name in names}
            return {name: channel.status() for name, channel in found.items() if channel is not None}

    def drop(self, pipe: ObjectName, name: str, *, keep_uncommitted: bool) -> None:
        """Delete a channel and its offset token."""
        with self._changed:
            channel = self._known(pipe, name)
            if channel.buffer and keep_uncommitted:
                raise Refused(409, "ERR_CHANNEL_HAS_UNCOMMITTED_DATA", f"channel {name} has uncommitted rows")
            channel.buffer.clear()
            del self._channels[_key(pipe, name)]
            with self._store.transaction() as cursor:
                cursor.execute(
                    f'DELETE FROM "{pipe.database}"."{HIDDEN}".channels '  # noqa: S608
                    "WHERE upper(pipe_schema) = ? AND upper(pipe_name) = ? AND channel = ?",
                    [pipe.schema.upper(), pipe.name.upper(), name],
                )

    def append_elastic(self, table: ObjectName, ndjson: bytes) -> None:
        """Commit rows before the answer, without a channel."""
        columns = self._store.columns(table)
        with self._store.writing, self._store.cursor() as cursor:
            parsed = parse_rows(cursor, ndjson, columns)
            insert_good(cursor, parsed, str(table))

    def pause(self) -> None:
        """Stop committing; appends are still accepted."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Commit again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def lose_uncommitted(self) -> None:
        """Forget accepted rows that are not committed, as a crash does; the channels must be reopened."""
        with self._changed:
            for channel in self._channels.values():
                if channel.buffer:
                    channel.buffer.clear()
                    channel.must_reopen = True

    def take_over(self, name: str) -> None:
        """Open every channel of this name as another writer would."""
        with self._changed:
            for channel in self._channels.values():
                if channel.name == name:
                    channel.client_sequencer += 1
                    channel.row_sequencer = 0

    def _known(self, pipe: ObjectName, name: str) -> _Channel:
        channel = self._find(pipe, name)
        if channel is None:
            raise Refused(
                404, "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED", f"channel {name} does not exist"
            )
        return channel

    def _find(self, pipe: ObjectName, name: str) -> _Channel | None:
        key = _key(pipe, name)
        if key not in self._channels:
            loaded = self._load(pipe, name)
            if loaded is not None:
                self._channels[key] = loaded
        return self._channels.get(key)

    def _new(self, pipe: ObjectName, name: str, table: ObjectName) -> _Channel:
        channel = _Channel(pipe, name, table, created_on_ms=int(1000 * time.time()))
        self._channels[_key(pipe, name)] = channel
        return channel

    def _load(self, pipe: ObjectName, name: str) -> _Channel | None:
        """Read a channel of an earlier run; its continuation tokens died with that run."""
        table = self._store.pipe_table(pipe)
        with self._store.cursor() as cursor:
            row = cursor.execute(
                "SELECT client_sequencer, committed_token, rows_inserted, rows_errors, last_error, "  # noqa: S608
                f'last_error_token, created_on_ms FROM "{pipe.database}"."{HIDDEN}".channels '
                "WHERE upper(pipe_schema) = ? AND upper(pipe_name) = ? AND channel = ?",
                [pipe.schema.upper(), pipe.name.upper(), name],
            ).fetchone()
        if row is None:
            return None
        channel = _Channel(pipe, name, table, client_sequencer=row[0], must_reopen=True)
        channel.committed_token, channel.rows_inserted, channel.rows_errors = row[1:4]
        channel.last_error, channel.last_error_token, channel.created_on_ms = row[4:7]
        return channel

    def _save(self, channels: list[_Channel]) -> None:
        with self._store.transaction() as cursor:
            for channel in channels:
                _write(cursor, channel)

    def _commit_loop(self) -> None:
        while True:
            with self._changed:
                channel, chunks = self._next_due()
                if channel is None:
                    return
            self._commit(channel, chunks)

    def _next_due(self) -> tuple[_Channel | None, list[_Chunk]]:
        """Wait for rows whose lag has passed; no channel means that it is time to stop."""
        while True:
            waiting = [c for c in self._channels.values() if c.buffer]
            if self._stopped and (self._paused or not waiting):
                return None, []
            now = time.monotonic()
            if waiting and not self._paused:
                channel = min(waiting, key=lambda c: c.buffer[0].due)
                due = channel.buffer[0].due
                if due <= now or self._stopped:
                    return channel, _together(channel.buffer, now, everything=self._stopped)
                self._changed.wait(due - now)
            else:
                self._changed.wait()

    def _commit(self, channel: _Channel, chunks: list[_Chunk]) -> None:
        """Move chunks into the table: parsed outside of the lock, inserted with the token at once."""
        sequencer = channel.client_sequencer
        with self._store.cursor() as cursor:
            try:
                columns = self._store.columns(channel.table)
                parsed = parse_rows(cursor, b"".join(chunk.ndjson for chunk in chunks), columns)
            except (Refused, duckdb.Error) as error:
                # The table is gone, or DuckDB failed on the rows as a whole: none of them is committed, and
                # the writer learns it from the channel's status.
                with self._changed:
                    channel.buffer.clear()
                    channel.must_reopen = True
                    channel.last_error = str(error)
                return
            with self._changed, self._store.writing:
                if channel.client_sequencer != sequencer or channel.buffer[: len(chunks)] != chunks:
                    return  # discarded meanwhile by an open
                cursor.execute("BEGIN")
                insert_good(cursor, parsed, str(channel.table))
                channel.rows_inserted += parsed.good
                channel.rows_errors += parsed.bad
                channel.committed_token = chunks[-1].end_token or channel.committed_token
                if parsed.bad:
                    channel.last_error = parsed.last_problem
                    channel.last_error_token = channel.committed_token
                _write(cursor, channel)
                cursor.execute("COMMIT")
                del channel.buffer[: len(chunks)]


def _together(buffer: list[_Chunk], now: float, *, everything: bool) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    size = 0
    for chunk in buffer:
        if chunks and (size + len(chunk.ndjson) > MAX_COMMIT_BYTES or (chunk.due > now and not everything)):
            break
        chunks.append(chunk)
        size += len(chunk.ndjson)
    return chunks


def _write(cursor: Any, channel: _Channel) -> None:
    cursor.execute(
        f'INSERT OR REPLACE INTO "{channel.pipe.database}"."{HIDDEN}".channels '  # noqa: S608
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            channel.pipe.schema,
            channel.pipe.name,
            channel.name,
            channel.client_sequencer,
            channel.committed_token,
            channel.rows_inserted,
            channel.rows_errors,
            channel.last_error,
            channel.last_error_token,
            channel.created_on_ms,
        ],
    )


def _key(pipe: ObjectName, name: str) -> tuple[str, ...]:
    return (pipe.database.upper(), pipe.schema.upper(), pipe.name.upper(), name)
