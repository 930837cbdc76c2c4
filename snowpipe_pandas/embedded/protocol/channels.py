"""Channels: the protocol's operations on them, and what a test can do to them behind the client's back.

An append goes into its channel's buffer; the committer moves buffers into tables after the commit lag, rows
and offset token in one transaction. Opening bumps the client sequencer, so that every earlier continuation
token is stale.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

from ...errors import UsageError
from ...names import ObjectName
from ..clock import AccountClock
from ..ingest.parse import insert_good, parse_rows
from ..refusals import Refused
from ..sql.declared import DeclaredColumn, span
from ..store import Store
from .channel import MUST_BE_REOPENED, Channel, Chunk
from .channel_state import ChannelState, delete_state, read_state
from .committer import Committer

STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"
INVALID_ROW_SEQUENCER = "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER"
ROW_SEQ_GAP = "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP"

Resend = Literal["stale", "rowseq", "dedup", "naive"]


class Channels:
    """All channels of an account.

    Attributes:
        commit_lag_s: seconds between an append's answer and its commit, for appends from now on.
        resend: how an append is answered that brings the token which the append before it has used: "stale"
            (400), "rowseq" (409, invalid row sequencer), "dedup" (200 as the first time, not applied again)
            or "naive" (applied twice). A token from before the last opening is stale in any case.
        reset_counters_on_reopen: whether opening sets the counts of rows and errors to zero.
    """

    def __init__(self, store: Store, clock: AccountClock, *, commit_lag_s: float) -> None:
        self.commit_lag_s = commit_lag_s
        self.resend: Resend = "stale"
        self.reset_counters_on_reopen = False
        self._store = store
        self._clock = clock
        self._changed = threading.Condition()
        self._channels: dict[tuple[str, ...], Channel] = {}
        self._retired: dict[tuple[str, ...], int] = {}
        self._last_created_ms = 0
        self._committer = Committer(store, clock, self._changed, self._channels)

    def close(self) -> None:
        """Commit what is accepted, then stop."""
        self._committer.close()

    def open(
        self, pipe: ObjectName, name: str, *, offset_token: str | None, keep_uncommitted: bool
    ) -> dict[str, Any]:
        """Open or reopen a channel; `keep_uncommitted` refuses while rows wait for their commit."""
        found = self._store.pipe(pipe)
        pipe, table = found.name, found.table
        columns = self._store.columns(table)
        with self._changed:
            channel = self._find(pipe, name) or self._new(pipe, name, table)
            if keep_uncommitted:
                channel.refuse_uncommitted()
            opened = channel.state.opened(offset_token, reset_counters=self.reset_counters_on_reopen)
            self._keep(channel, opened)
            channel.reopen(table, opened)
            self._channels[_key(pipe, name)] = channel
            return {
                "next_continuation_token": channel.continuation,
                "channel_status": channel.status(),
                "table_columns": [_told(column) for column in columns],
            }

    def append(
        self,
        pipe: ObjectName,
        name: str,
        *,
        continuation: str,
        end_token: str | None,
        ndjson: bytes,
        lose: bool = False,
        reject: int = 0,
    ) -> str:
        """Accept rows; return the next continuation token.

        A fault may `lose` the rows but not their token, or `reject` the first of them.
        """
        with self._changed:
            channel = self._known(pipe, name)
            if channel.appends == "refused":
                raise channel.refuse()
            if continuation == channel.continuation:
                channel.row_sequencer += 1
            elif continuation != channel.used_continuation or self.resend == "stale":
                raise Refused(400, STALE, f"the continuation token of channel {name} is stale")
            elif self.resend == "rowseq":
                raise Refused(409, INVALID_ROW_SEQUENCER, f"the row sequencer of channel {name} is used")
            elif self.resend == "dedup":
                return channel.continuation
            holds_rows = bool(ndjson) and not ndjson.isspace()
            if holds_rows and channel.appends == "buffered":
                due = time.monotonic() + self.commit_lag_s
                channel.buffer.append(Chunk(b"" if lose else ndjson, end_token, due, reject))
                self._changed.notify_all()
            return channel.continuation

    def statuses(self, pipe: ObjectName, names: Iterable[str]) -> dict[str, Any]:
        """Return the status of each known channel."""
        with self._changed:
            found = {name: self._find(pipe, name) for name in names}
            return {name: channel.status() for name, channel in found.items() if channel is not None}

    def delete(self, pipe: ObjectName, name: str, *, keep_uncommitted: bool) -> None:
        """Delete a channel and its offset token, as the protocol's drop does."""
        with self._changed:
            channel = self._known(pipe, name)
            if keep_uncommitted:
                channel.refuse_uncommitted()
            self._forget(channel)

    def end_with(self, change: Callable[[], Collection[ObjectName]]) -> None:
        """Let `change` drop or replace tables and pipes; the channels of the pipes that it returns end.

        It has deleted their durable state in its transaction. Memory follows behind the COMMIT, before
        anything else can happen to a channel; continuation tokens of before stay stale.
        """
        with self._changed:
            pipes = set(change())
            for key, channel in list(self._channels.items()):
                if channel.pipe in pipes:
                    channel.buffer.clear()
                    del self._channels[key]
                    self._retired[key] = channel.state.client_sequencer

    def append_elastic(self, table: ObjectName, ndjson: bytes) -> None:
        """Commit rows before the answer, without a channel."""
        table = self._store.table(table)
        columns = self._store.columns(table)
        with self._store.writing, self._store.cursor() as cursor:
            parsed = parse_rows(cursor, [Chunk(ndjson, None, 0.0)], columns)
            insert_good(cursor, parsed, str(table))

    def pause(self) -> None:
        """Stop committing; appends are still accepted."""
        with self._changed:
            self._committer.paused = True

    def resume(self) -> None:
        """Commit again."""
        with self._changed:
            self._committer.paused = False
            self._changed.notify_all()

    def fail_commits(self, times: int = 1, code: str = ROW_SEQ_GAP) -> None:
        """Let the next commits fail.

        The channel of a failed commit loses its accepted rows and shows `code` in its status. It answers
        appends with 200 as before, but throws their rows away until it is reopened.
        """
        with self._changed:
            self._committer.failures.extend([code] * times)

    def lose_uncommitted(self) -> None:
        """Forget accepted rows that are not committed, as a crash does; their channels must be reopened."""
        with self._changed:
            for channel in self._channels.values():
                if channel.buffer:
                    channel.lose_rows(MUST_BE_REOPENED, "refused")

    def restart(self) -> None:
        """Forget all that a crash of the service would forget; every channel must be reopened."""
        with self._changed:
            for channel in self._channels.values():
                channel.lose_rows(MUST_BE_REOPENED, "refused")

    def take_over(self, name: str, *, discard: bool = False) -> None:
        """Open every channel of this name as another writer would, with `discard` even over its rows.

        Raises:
            UsageError: there is no such channel.
        """
        with self._changed:
            for channel in self._named(name):
                fenced = channel.state.fenced()
                self._keep(channel, fenced)
                channel.state, channel.row_sequencer = fenced, 0
                if discard:
                    channel.buffer.clear()

    def set_status(self, name: str, code: str) -> None:
        """Let every channel of this name show `code` as its status until it is reopened; it works as before.

        Raises:
            UsageError: there is no such channel.
        """
        with self._changed:
            for channel in self._named(name):
                channel.code = code

    def drop(self, name: str) -> None:
        """Drop every channel of this name behind its writer's back; what was not committed is gone.

        Raises:
            UsageError: there is no such channel.
        """
        with self._changed:
            for channel in self._named(name):
                self._forget(channel)

    def _named(self, name: str) -> list[Channel]:
        found = [channel for channel in self._channels.values() if channel.name == name]
        if not found:
            raise UsageError(f"the local account has no channel {name!r} in use; open it first")
        return found

    def _known(self, pipe: ObjectName, name: str) -> Channel:
        channel = self._find(pipe, name)
        if channel is None:
            raise Refused(
                404, "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED", f"channel {name} does not exist"
            )
        return channel

    def _find(self, pipe: ObjectName, name: str) -> Channel | None:
        found = self._store.pipe(pipe)
        pipe, table = found.name, found.table
        key = _key(pipe, name)
        if key not in self._channels:
            with self._store.cursor() as cursor:
                state = read_state(cursor, pipe, name)
            if state is not None:  # of an earlier run, with which its continuation tokens died
                self._channels[key] = Channel(
                    pipe, name, table, state, code=MUST_BE_REOPENED, appends="refused"
                )
        return self._channels.get(key)

    def _new(self, pipe: ObjectName, name: str, table: ObjectName) -> Channel:
        """Make a channel; one of this name before it was another one, and its tokens stay stale."""
        self._last_created_ms = max(self._last_created_ms + 1, int(1000 * self._clock.time()))
        retired = self._retired.get(_key(pipe, name), 0)
        return Channel(
            pipe,
            name,
            table,
            ChannelState(client_sequencer=retired, created_on_ms=self._last_created_ms),
        )

    def _keep(self, channel: Channel, state: ChannelState) -> None:
        """Write a channel's next state; only behind this may memory show it."""
        with self._store.cursor() as cursor, self._store.transaction(cursor):
            state.write(cursor, channel.pipe, channel.name)

    def _forget(self, channel: Channel) -> None:
        with self._store.cursor() as cursor, self._store.transaction(cursor):
            delete_state(cursor, channel.pipe, channel.name)
        key = _key(channel.pipe, channel.name)
        channel.buffer.clear()
        del self._channels[key]
        self._retired[key] = channel.state.client_sequencer


def _told(column: DeclaredColumn) -> dict[str, Any]:
    """Describe a column, so that a client can find bad rows before it sends them: an extension of ours."""
    told: dict[str, Any] = {"name": column.name, "type": column.type, "nullable": column.nullable}
    if column.default is not None:
        told["has_default"] = True
    if (times := span(column.type)) is not None:
        told["earliest"], told["latest"] = times
    return told


def _key(pipe: ObjectName, name: str) -> tuple[str, ...]:
    """The key of a channel; the pipe's name is the one that `Store.pipe` gives it."""
    return (pipe.database, pipe.schema, pipe.name, name)
