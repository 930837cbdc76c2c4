"""Channels: the protocol's operations on them, and what a test can do to them unseen by the client.

An append goes into its channel's buffer; the committer moves buffers into tables after the commit lag, rows
and offset token in one transaction. Opening bumps the client sequencer, so that every earlier continuation
token is stale.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from ...errors import UsageError
from ...names import ObjectName
from ..clock import AccountClock
from ..pipes import Pipe
from ..refusals import (
    Refused,
    not_found_channel,
    stale_continuation,
    too_many_channels,
    used_row_sequencer,
)
from ..sql.declared import DeclaredColumn, span
from ..store import Store
from .channel import MUST_BE_REOPENED, Channel, Rows, chunks_of
from .channel_state import ChannelState, count_channels, delete_state, read_states
from .committer import Committer

MAX_CHANNELS = 2_000
"""Named channels of one pipe, as on the service."""

ROW_SEQ_GAP = "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP"

_BATCH = 500

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
        self._retired = 0
        """The highest client sequencer of a channel that was dropped."""
        self._last_created_ms = 0
        self._committer = Committer(store, clock, self._changed, self._channels)

    def close(self) -> None:
        """Commit what is accepted, then stop."""
        self._committer.close()

    def open(
        self, pipe: Pipe, name: str, *, offset_token: str | None, keep_uncommitted: bool
    ) -> dict[str, Any]:
        """Open or reopen a channel; `keep_uncommitted` refuses while rows wait for their commit."""
        columns = self._store.columns(pipe.table)
        # What such a channel takes is not its columns' names.
        other_keys = pipe.mapping is not None or self._store.evolves(pipe.table)
        key = _key(pipe.name, name)
        if keep_uncommitted:
            self._refuse_uncommitted(key)  # at once, though it is settled later
        with self._settled(key):
            channel = self._channels.get(key) or self._stored(pipe, name) or self._new(pipe, name)
            if keep_uncommitted:
                channel.refuse_uncommitted()
            opened = channel.state.opened(offset_token, reset_counters=self.reset_counters_on_reopen)
            self._keep(channel, opened)
            channel.reopen(pipe.table, opened)
            self._channels[key] = channel
            return {
                "next_continuation_token": channel.continuation,
                "channel_status": channel.status(),
                "table_columns": [] if other_keys else [_column_entry(column) for column in columns],
            }

    def append(
        self,
        pipe: Pipe,
        name: str,
        *,
        continuation: str,
        rows: Sequence[Rows],
        lose: bool = False,
        reject: int = 0,
    ) -> str:
        """Accept rows, all of them or none; return the next continuation token.

        A fault may `lose` the rows but not their token, or `reject` the first of them.
        """
        key = _key(pipe.name, name)
        if key not in self._channels:
            raise self._refuse_unopened(pipe, name)
        with self._changed:
            channel = self._channels.get(key)
            if channel is None:  # dropped this moment
                raise not_found_channel(name)
            if channel.appends == "refused":
                raise channel.refuse()
            if continuation == channel.continuation:
                channel.row_sequencer += 1
            elif continuation != channel.used_continuation or self.resend == "stale":
                raise stale_continuation(name)
            elif self.resend == "rowseq":
                raise used_row_sequencer(name)
            elif self.resend == "dedup":
                return channel.continuation
            if channel.appends == "buffered":
                due = time.monotonic() + self.commit_lag_s
                channel.buffer += chunks_of(rows, due, lose=lose, reject=reject)
                self._changed.notify_all()
            return channel.continuation

    def statuses(self, pipe: Pipe, names: Iterable[str]) -> dict[str, Any]:
        """Return the status of each known channel; those not in memory are read from disk by one query."""
        wanted = list(dict.fromkeys(names))
        found = self._statuses_in_memory(pipe.name, wanted)
        elsewhere = [name for name in wanted if name not in found]
        if elsewhere:
            with self._store.cursor() as cursor:
                states = read_states(cursor, pipe.name, elsewhere)
            stored = {name: _at_rest(pipe, name, state).status() for name, state in states.items()}
            found |= stored | self._statuses_in_memory(
                pipe.name, stored
            )  # which may have been opened meanwhile
        return {name: found[name] for name in wanted if name in found}

    def _statuses_in_memory(self, pipe: ObjectName, names: Iterable[str]) -> dict[str, Any]:
        found = {}
        remaining = iter(names)
        while batch := list(islice(remaining, _BATCH)):
            with self._changed:  # for a while only, however many there are
                for name in batch:
                    channel = self._channels.get(_key(pipe, name))
                    if channel is not None:
                        found[name] = channel.status()
        return found

    def delete(self, pipe: Pipe, name: str, *, keep_uncommitted: bool) -> str | None:
        """Delete a channel and its offset token, as the protocol's drop does; return that token."""
        key = _key(pipe.name, name)
        if keep_uncommitted:
            self._refuse_uncommitted(key)
        with self._settled(key):
            channel = self._channels.get(key) or self._stored(pipe, name)
            if channel is None:
                raise not_found_channel(name)
            if keep_uncommitted:
                channel.refuse_uncommitted()
            self._delete(channel)
            return channel.state.committed_token

    def end_with(self, change: Callable[[], Collection[ObjectName]]) -> None:
        """Let `change` drop or replace tables and pipes; the channels of the pipes that it returns end.

        It has deleted their durable state in its transaction. Memory follows after the COMMIT, before
        anything else can happen to a channel; continuation tokens of before stay stale.
        """
        with self._settled():
            pipes = set(change())
            for channel in [channel for channel in self._channels.values() if channel.pipe in pipes]:
                self._forget(channel)

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
        with self._settled():
            for channel in self._channels.values():
                if channel.buffer:
                    channel.lose_rows(MUST_BE_REOPENED, "refused")

    def restart(self) -> None:
        """Forget all that a crash of the service would forget; every channel must be reopened."""
        with self._settled():
            for channel in self._channels.values():
                channel.lose_rows(MUST_BE_REOPENED, "refused")

    def take_over(self, name: str, *, discard: bool = False) -> None:
        """Open every channel of this name as another writer would, with `discard` even over its rows.

        Raises:
            UsageError: the channel does not exist.
        """
        with self._settled():
            for channel in self._named(name):
                fenced = channel.state.fenced()
                self._keep(channel, fenced)
                channel.state, channel.row_sequencer = fenced, 0
                if discard:
                    channel.buffer.clear()

    def set_status(self, name: str, code: str) -> None:
        """Let every channel of this name show `code` as its status until it is reopened; it works as before.

        Raises:
            UsageError: the channel does not exist.
        """
        with self._changed:
            for channel in self._named(name):
                channel.code = code

    def drop(self, name: str) -> None:
        """Drop every channel of this name unseen by its writer; what was not committed is lost.

        Raises:
            UsageError: the channel does not exist.
        """
        with self._settled():
            for channel in self._named(name):
                self._delete(channel)

    @contextmanager
    def _settled(self, key: tuple[str, ...] | None = None) -> Iterator[None]:
        """Hold the store and the lock while no rows of a channel, or of any, are on their way into a table.

        The store comes first: it may be busy for long with the rows of others, and nobody who waits for it
        may hold the lock meanwhile.
        """

        def settled() -> bool:
            channels = self._channels.values() if key is None else [self._channels.get(key)]
            return not any(channel is not None and channel.committing for channel in channels)

        while True:
            with self._changed:
                self._changed.wait_for(settled)
            with self._store.writing, self._changed:
                if settled():
                    yield
                    return

    def _refuse_uncommitted(self, key: tuple[str, ...]) -> None:
        with self._changed:
            channel = self._channels.get(key)
            if channel is not None:
                channel.refuse_uncommitted()

    def _named(self, name: str) -> list[Channel]:
        found = [channel for channel in self._channels.values() if channel.name == name]
        if not found:
            raise UsageError(f"the local account has no channel {name!r} in use; open it first")
        return found

    def _refuse_unopened(self, pipe: Pipe, name: str) -> Refused:
        """Return the refusal of an append to a channel that was not opened since the account started."""
        channel = self._stored(pipe, name)
        return not_found_channel(name) if channel is None else channel.refuse()

    def _stored(self, pipe: Pipe, name: str) -> Channel | None:
        """Read a channel that is on disk only."""
        with self._store.cursor() as cursor:
            state = read_states(cursor, pipe.name, [name]).get(name)
        return None if state is None else _at_rest(pipe, name, state)

    def _new(self, pipe: Pipe, name: str) -> Channel:
        """Make a channel; one of this name before it was another one, and its tokens stay stale.

        Raises:
            Refused: the pipe has as many channels as it may.
        """
        with self._store.cursor() as cursor:
            if count_channels(cursor, pipe.name) >= MAX_CHANNELS:
                raise too_many_channels(pipe.name, MAX_CHANNELS)
        self._last_created_ms = max(self._last_created_ms + 1, int(1000 * self._clock.time()))
        return Channel(
            pipe.name,
            name,
            pipe.table,
            ChannelState(client_sequencer=self._retired, created_on_ms=self._last_created_ms),
        )

    def _keep(self, channel: Channel, state: ChannelState) -> None:
        """Write a channel's next state; only after this may memory show it."""
        with self._store.cursor() as cursor, self._store.transaction(cursor):
            state.write(cursor, channel.pipe, channel.name)

    def _delete(self, channel: Channel) -> None:
        with self._store.cursor() as cursor, self._store.transaction(cursor):
            delete_state(cursor, channel.pipe, channel.name)
        self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        channel.buffer.clear()
        self._channels.pop(_key(channel.pipe, channel.name), None)
        self._retired = max(self._retired, channel.state.client_sequencer)


def _at_rest(pipe: Pipe, name: str, state: ChannelState) -> Channel:
    """Return a channel of an earlier run, with which its continuation tokens died."""
    return Channel(pipe.name, name, pipe.table, state, code=MUST_BE_REOPENED, appends="refused")


def _column_entry(column: DeclaredColumn) -> dict[str, Any]:
    """Describe a column, so that a client can find bad rows before it sends them: an extension of ours."""
    entry: dict[str, Any] = {"name": column.name, "type": column.type, "nullable": column.nullable}
    if column.default is not None:
        entry["has_default"] = True
    if (times := span(column.type)) is not None:
        entry["earliest"], entry["latest"] = times
    return entry


def _key(pipe: ObjectName, name: str) -> tuple[str, ...]:
    """Return the key of a channel; the pipe's name is the one that `Store.pipe` gives it."""
    return (pipe.database, pipe.schema, pipe.name, name)
