"""The committer: moves accepted rows into tables, a channel's rows and offset token in one transaction."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping

import duckdb

from ..clock import AccountClock
from ..sql.engine_errors import in_our_words
from ..store import Store
from .batch import Batch, read_batch, write_batch
from .channel import MUST_BE_REOPENED, Channel, Chunk
from .channel_state import ChannelState

MAX_COMMIT_BYTES = 64_000_000
"""Rows of one channel that are committed together."""


class Committer:
    """The thread that commits.

    Args:
        store: where rows and durable state go.
        clock: the time that errors are noted with.
        changed: the lock of the channels; notified when there may be something to do.
        channels: the account's channels.

    Attributes:
        paused: whether commits wait; changed with the lock held, as `failures` is.
        failures: status codes of the next commits, which fail.
    """

    def __init__(
        self,
        store: Store,
        clock: AccountClock,
        changed: threading.Condition,
        channels: Mapping[tuple[str, ...], Channel],
    ) -> None:
        self.paused = False
        self.failures: deque[str] = deque()
        self._store = store
        self._clock = clock
        self._changed = changed
        self._channels = channels
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="snowpipe-local-commit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Commit what is accepted (unless paused), then stop."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                channel, chunks = self._next_due()
                if channel is None:
                    return
                if self.failures:
                    channel.lose_rows(self.failures.popleft(), "discarded")
                    continue
            self._commit(channel, chunks)

    def _next_due(self) -> tuple[Channel | None, list[Chunk]]:
        """Wait for rows whose lag has passed; no channel means that it is time to stop."""
        while True:
            waiting = [c for c in self._channels.values() if c.buffer]
            if self._stopped and (self.paused or not waiting):
                return None, []
            now = time.monotonic()
            if waiting and not self.paused:
                channel = min(waiting, key=lambda c: c.buffer[0].due)
                due = channel.buffer[0].due
                if due <= now or self._stopped:
                    return channel, _together(channel.buffer, now, everything=self._stopped)
                self._changed.wait(due - now)
            else:
                self._changed.wait()

    def _commit(self, channel: Channel, chunks: list[Chunk]) -> None:
        """Move chunks into the table, outside of the lock: it is held to claim the channel and to show it."""
        moved, bad, trouble = None, 0, ""
        try:
            with self._store.cursor() as cursor:
                batch = read_batch(cursor, self._store, channel, chunks)
                if self._claim(channel, chunks):
                    moved, bad = self._move(cursor, channel, chunks, batch), batch.parsed.bad
        except Exception as error:  # noqa: BLE001  # the thread must outlive whatever one channel's rows do
            trouble = in_our_words(error) if isinstance(error, duckdb.Error) else str(error)
        with self._changed:
            channel.committing = False
            self._changed.notify_all()
            if moved is not None:
                channel.state = moved
                del channel.buffer[: len(chunks)]
                if bad:
                    channel.last_error_ms = int(1000 * self._clock.time())
            elif _holds(channel, chunks):
                # Table dropped, disk full, or DuckDB failed on the rows as a whole: none of them
                # is committed, and the writer learns it, and why, from the channel's status.
                channel.lose_rows(MUST_BE_REOPENED, "refused", trouble)

    def _claim(self, channel: Channel, chunks: list[Chunk]) -> bool:
        """Block changes of the channel, unless its chunks have been discarded."""
        with self._changed:
            channel.committing = _holds(channel, chunks)
            return channel.committing

    def _move(
        self, cursor: duckdb.DuckDBPyConnection, channel: Channel, chunks: list[Chunk], batch: Batch
    ) -> ChannelState:
        """Insert rows and write the channel's next state in one transaction; return that state."""
        with self._store.transaction(cursor):
            return write_batch(cursor, self._store, channel, chunks, batch, self._clock.time())


def _holds(channel: Channel, chunks: list[Chunk]) -> bool:
    """Return whether chunks still wait in the channel: an open, say, discards them."""
    return channel.buffer[: len(chunks)] == chunks


def _together(buffer: list[Chunk], now: float, *, everything: bool) -> list[Chunk]:
    chunks: list[Chunk] = []
    size = 0
    for chunk in buffer:
        if chunks and (size + len(chunk.ndjson) > MAX_COMMIT_BYTES or (chunk.due > now and not everything)):
            break
        chunks.append(chunk)
        size += len(chunk.ndjson)
    return chunks
