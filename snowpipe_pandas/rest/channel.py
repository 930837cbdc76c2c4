"""A named channel of a pipe, as its user holds it: appends, status, commit, reopening.

It carries bytes and tokens and knows nothing of frames. One append is in flight at a time. Its own requests
wait by themselves; those of a load are made in a session, and wait as that load does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..arguments import choice, number, optional_text, refuse, text, whole
from ..errors import (
    ChannelInvalidError,
    ChannelLostError,
    CommitTimeoutError,
    ServiceError,
)
from ..names import ObjectName, TargetName
from ..shown import acknowledged_up_to, committed_up_to, visible
from ..target_column import TargetColumn
from .answers import CHANNEL_GONE
from .caller import Caller
from .of_client import OfClient, Owner
from .pacer import RateLimits
from .planes import Planes
from .policy import PollPolicy
from .polling import Missing, Polling
from .seen_columns import SeenColumns
from .session import Session
from .status import ChannelStatus, fetch_statuses
from .turns import Turns
from .writer import Acknowledgement, Writer

COMMIT_TIMEOUT_S = 300.0


class Channel(OfClient):
    """A named channel of a pipe; made by `Client.open_channel`.

    Attributes:
        name: the channel's name.
        target: where its rows go.
        polling: how patiently its status is watched.
    """

    _for_loads = OfClient._for_loads | {
        "exclusive",
        "in_doubt",
        "last_appended_token",
        "lost",
        "opened_status",
        "seen_columns",
    }

    def __init__(
        self,
        planes: Planes,
        name: str,
        target: TargetName,
        *,
        door: Owner,
        offset_token: str | None = None,
        polling: PollPolicy = PollPolicy(),
        opened_by: Caller | None = None,
    ) -> None:
        self.name = name
        self.target = target
        self.door = door
        self._planes = planes
        self.polling = polling
        self._turns = Turns(name)
        self._caller = Caller(self.clock, self.events, channel=name, target=str(target))
        offset_token = _checked_offset_token(offset_token)
        self._writer = Writer(planes, name, target.pipe, opened_by or self._caller, offset_token=offset_token)

    def __repr__(self) -> str:
        state = "closed" if self._turns.closed else "open"
        return visible(f"<Channel {self.name!r} -> {self.target}, {state}>")

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def pipe(self) -> ObjectName:
        """The pipe that it belongs to."""
        return self.target.pipe

    @property
    def target_columns(self) -> tuple[TargetColumn, ...]:
        """Columns of the target table, empty where the server does not report them."""
        return self._writer.target_columns

    @property
    def seen_columns(self) -> SeenColumns:
        """What SQL has reported of them since the channel was opened."""
        return self._writer.seen_columns

    @property
    def limits(self) -> RateLimits:
        """What the service takes through the channel in a second."""
        return self._writer.pacer.limits

    @property
    def opened_status(self) -> ChannelStatus:
        """What the service knew of the channel when it was last opened."""
        return self._writer.opened_status

    @property
    def last_appended_token(self) -> str | None:
        """End token of the last append acknowledged since then, None before the first."""
        return self._writer.last_appended_token

    @property
    def in_doubt(self) -> bool:
        """Whether an append was left without an answer, so that the channel must be reopened."""
        return self._writer.in_doubt

    @contextmanager
    def exclusive(self, owner: str, caller: Caller) -> Iterator[Session]:
        """Let one load be the only writer for as long as the block runs.

        Meanwhile nobody else appends, reopens or drops through this handle; statuses are there for everyone.

        Args:
            owner: names the load to those who are refused meanwhile.
            caller: the load, on whose behalf the session's requests are made.

        Raises:
            UsageError: another load has it.
            ClosedError: the channel was closed.
        """
        with self._turns.held(owner, caller) as right:
            yield Session(self._writer, self._turns, right, caller, self._fetch)

    def append_rows(
        self,
        body: bytes | memoryview,
        *,
        start_offset_token: str,
        end_offset_token: str,
        raw_bytes: int | None = None,
        content_encoding: str | None = None,
    ) -> Acknowledgement:
        """Append rows: newline-delimited JSON, one object per line.

        Args:
            body: the NDJSON bytes, compressed if `content_encoding` says so; at most 4 MB.
            start_offset_token: opaque token of the first row.
            end_offset_token: opaque token which the channel will show once these rows are committed.
            raw_bytes: size before compression; `len(body)` if it is not given.
            content_encoding: "zstd", "gzip" or None.

        It waits where the channel would be above the service's limits: 20 MB of NDJSON and 10 requests in a
        second, unless the service reports others.

        Raises:
            UsageError: an argument can't be used, or a load has the channel; nothing was sent.
            ChannelInvalidError: the channel must be reopened; the rows may or may not have been applied
                when `.tries` is above 1.
            ServiceError: the service refused the rows.

        >>> channel.append_rows(b'{"ID":1}\\n', start_offset_token="0", end_offset_token="1")
        Acknowledgement(tries=1)
        """
        body = _body(body)
        start = text("start_offset_token", start_offset_token, example='start_offset_token="0"')
        end = text("end_offset_token", end_offset_token, example='end_offset_token="1000"')
        if raw_bytes is not None:
            raw_bytes = whole("raw_bytes", raw_bytes, low=0, example="raw_bytes=1000")
        if content_encoding is not None:
            content_encoding = choice("content_encoding", content_encoding, ("zstd", "gzip"))
        with self._turns.turn(None, self._caller):
            self._wait_for_pace(len(body) if raw_bytes is None else raw_bytes)
            return self._writer.append(
                self._caller,
                body,
                start_offset_token=start,
                end_offset_token=end,
                raw_bytes=raw_bytes,
                content_encoding=content_encoding,
            )

    def _wait_for_pace(self, raw_bytes: int) -> None:
        now = self.clock.monotonic
        while (pause_s := self._writer.pacer.wait_until(began := now(), raw_bytes) - began) > 0:
            self._caller.sleep(pause_s)

    def status(self) -> ChannelStatus:
        """Fetch the channel's status now.

        Raises:
            ChannelLostError: the service has not known the channel for ten seconds.
        """
        return next(self._statuses(math.inf))

    def _statuses(self, give_up_at: float) -> Iterator[ChannelStatus]:
        """Yield fresh statuses, the pauses between them growing, until a time by the monotonic clock.

        Raises:
            ChannelLostError: the service has not listed the channel for a while.
        """
        pauses = Polling(self.polling.first_s, self.polling.cap_s)
        missing = Missing(self.polling.missing_grace_s)
        while True:
            found = self._fetch(self._caller)
            now = self.clock.monotonic()
            if missing.judge(found is not None, now):
                raise self.lost("is no longer listed by the service")
            if found is not None:
                yield found
            pause_s = pauses.next_pause_s()
            if self.clock.monotonic() + pause_s > give_up_at:
                return
            self._caller.sleep(pause_s)

    def _fetch(self, caller: Caller) -> ChannelStatus | None:
        return fetch_statuses(self._planes, self.pipe, [self.name], caller).get(self.name)

    def lost(self, how: str, cause: ServiceError | None = None) -> ChannelLostError:
        """Return the error for a channel that is lost; `how` follows the channel's name."""
        return ChannelLostError(
            f"channel {self.name!r} {how}: it, its pipe or its table was dropped or recreated. Rows of a "
            "load under way may be in the table already: count them there, then open the channel again and "
            "send what is missing under another load_id",
            channel=self.name,
            status=404 if cause is None else cause.status,
            code=CHANNEL_GONE if cause is None else cause.code,
            request_id="" if cause is None else cause.request_id,
        )

    def wait_for_commit(
        self,
        token: str | Callable[[str | None], bool] | None = None,
        *,
        timeout_s: float = COMMIT_TIMEOUT_S,
    ) -> ChannelStatus:
        """Wait until the committed offset token is `token`, and return the status that said so.

        Args:
            token: the end token of an append (default: of the last one since the channel was opened), or a
                function that judges the committed token, as in the official SDK.
            timeout_s: seconds to wait.

        Raises:
            CommitTimeoutError: not committed in time; nothing is lost, wait again.
            ChannelInvalidError: the service wants the channel reopened.
        """
        reached = token if callable(token) else self._is_reached(token)
        timeout_s = number("timeout_s", timeout_s, example="timeout_s=300")
        committed: str | None = None
        for status in self._statuses(self.clock.monotonic() + timeout_s):
            committed = status.last_committed_offset_token
            if reached(committed):
                return status
            if not status.healthy:
                cause = f"; its last error: {status.last_error_message}" if status.last_error_message else ""
                raise ChannelInvalidError(
                    f"channel {self.name!r} is {status.channel_status_code}: it must be reopened{cause}",
                    channel=self.name,
                    code=status.channel_status_code,
                )
        raise CommitTimeoutError(
            f"channel {self.name!r} did not commit within {timeout_s:g} s: "
            f"{acknowledged_up_to(self.last_appended_token)}, {committed_up_to(committed)}; wait again, "
            "nothing is lost",
            acknowledged=self.last_appended_token,
            committed=committed,
        )

    def _is_reached(self, token: str | None) -> Callable[[str | None], bool]:
        given = optional_text("token", token, example='token="1000", or a function that judges one')
        wanted = given or self.last_appended_token or self.opened_status.last_committed_offset_token
        return lambda committed: committed == wanted

    def reopen(self, *, offset_token: str | None = None) -> ChannelStatus:
        """Open the channel (again): fence every earlier writer and return the committed state.

        It never discards rows: it waits until those that are accepted are committed.

        Raises:
            UncommittedRowsError: rows stayed uncommitted for as long as a request may be retried.
            ChannelError: the channel is not healthy; no rows are sent into it.
            NotFoundError: no such pipe or table, or no grant.
            UsageError: a load has the channel.
        """
        offset_token = _checked_offset_token(offset_token)
        with self._turns.turn(None, self._caller):
            return self._writer.reopen(self._caller, offset_token=offset_token)

    def close(self) -> None:
        """Close this handle. The channel and its offset token stay at the service; idempotent."""
        self._turns.closed = True

    def drop(self) -> None:
        """Delete the channel and its offset token at the service, and close this handle.

        Raises:
            UncommittedRowsError: rows are accepted and not committed yet.
            UsageError: a load has the channel.
        """
        with self._turns.turn(None, self._caller):
            self._writer.drop(self._caller)
            self.close()


def _checked_offset_token(offset_token: Any) -> str | None:
    return optional_text("offset_token", offset_token, example='offset_token="1000"')


def _body(body: Any) -> bytes:
    if not issubclass(type(body), bytes | bytearray | memoryview):
        refuse("body", body, "the bytes of newline-delimited JSON, such as frame.snowpipe.to_ndjson()")
    return bytes(body)
