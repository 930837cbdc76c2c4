"""Elastic channels: rows without a channel of one's own, in no order, durable before the answer.

Each pipe has one, which reports its counts under the name ELASTIC. Its state is beside those of named
channels on disk and is read from there each time: memory has no copy that could differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from ...names import ObjectName
from ..clock import AccountClock
from ..pipes import Pipe
from ..store import Store
from .batch import read_batch, write_batch
from .channel import Channel, Rows, chunks_of
from .channel_state import ELASTIC, ChannelState, read_states


def is_elastic(channel: str) -> bool:
    """Return whether a channel's name means the elastic channel."""
    return channel.upper() == ELASTIC


class ElasticChannels:
    """The elastic channels of all pipes of an account."""

    def __init__(self, store: Store, clock: AccountClock) -> None:
        self._store = store
        self._clock = clock
        self._started_ms = int(1000 * clock.time())
        self._last_error_ms: dict[tuple[str, ...], int] = {}

    def append(self, pipe: Pipe, rows: Sequence[Rows], *, lose: bool = False, reject: int = 0) -> None:
        """Commit rows, all good ones and what there is to say of the others.

        A fault may `lose` the rows, or `reject` the first of them.

        Raises:
            Refused: the table no longer exists.
        """
        chunks = chunks_of([Rows(ndjson) for ndjson, _, _ in rows], 0.0, lose=lose, reject=reject)
        if not chunks:
            return
        with self._store.cursor() as cursor:
            batch = read_batch(cursor, self._store, self._read(cursor, pipe), chunks)
            with self._store.transaction(cursor):
                now = self._clock.time()
                write_batch(cursor, self._store, self._read(cursor, pipe), chunks, batch, now)
        if batch.parsed.bad:
            self._last_error_ms[_key(pipe.name)] = int(1000 * now)

    def status(self, pipe: Pipe) -> dict[str, Any]:
        """Return the `channel_status` object of a pipe's elastic channel."""
        with self._store.cursor() as cursor:
            return self._read(cursor, pipe).status()

    def _read(self, cursor: duckdb.DuckDBPyConnection, pipe: Pipe) -> Channel:
        found = read_states(cursor, pipe.name, [ELASTIC]).get(ELASTIC)
        state = found or ChannelState(created_on_ms=self._started_ms)
        last_error_ms = self._last_error_ms.get(_key(pipe.name)) if state.rows_errors else None
        return Channel(pipe.name, ELASTIC, pipe.table, state, last_error_ms=last_error_ms)


def _key(pipe: ObjectName) -> tuple[str, ...]:
    return (pipe.database, pipe.schema, pipe.name)
