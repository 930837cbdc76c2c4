"""A named channel: ordered appends with continuation and offset tokens, its status, its commit.

One append is in flight at a time; each answer brings the token for the next. It carries bytes and
tokens and knows nothing of frames. How a load recovers is decided above, in `delivery.py`; this
module says truthfully what state the channel is in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from ..arguments import choice, number, optional_text, refuse, text, whole
from ..auth.tokens import Clock
from ..errors import (
    ChannelError,
    ChannelInvalidError,
    ChannelLostError,
    ClosedError,
    CommitTimeoutError,
    NotFoundError,
    UsageError,
)
from ..events import Hub, TokenLife
from ..names import ObjectName
from . import paths
from .answers import UNREADABLE_ANSWER, Answer, Refusal
from .opening import TargetColumn, open_channel
from .planes import Planes
from .status import ChannelStatus, fetch_statuses

COMMIT_TIMEOUT_S = 300.0
POLL_FIRST_S = 0.25
POLL_CAP_S = 2.0
POLL_GROWTH = 1.5
MISSING_GRACE_S = 10.0
"""How long a channel may be absent from status answers before that is believed."""

ERROR_TABLE_HINT = (
    "an account hands out rejected rows by SQL, where the table was made with ERROR_LOGGING = TRUE: "
    "SELECT * FROM ERROR_TABLE(DATABASE.SCHEMA.TABLE)"
)
CHANNEL_GONE = "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An accepted append: received, not yet committed. `tries` above 1 means that it was retried."""

    tries: int


class Channel:
    """A named channel of a pipe; made by `Client.open_channel`.

    Attributes:
        name: the channel's name.
        pipe: the pipe it belongs to.
        target_columns: columns of the target table, empty where the server does not tell them.
        opened_status: what the service knew of the channel when it was last opened.
        last_appended_token: end token of the last append acknowledged since then, None before the first.
        sleep: how this channel waits between tries and polls, in seconds; a load that can be cancelled puts
            its own here for as long as it runs.
    """

    def __init__(
        self,
        planes: Planes,
        name: str,
        pipe: ObjectName,
        *,
        offset_token: str | None = None,
    ) -> None:
        self.name = name
        self.pipe = pipe
        self.target_columns: tuple[TargetColumn, ...] = ()
        self._planes = planes
        self._continuation: str | None = None
        self._spent: set[str] = set()  # tokens that requests carried since the last open
        self._session_header: dict[str, str] = {}
        self._closed = False
        self._busy = threading.Lock()
        self._leasing = threading.Lock()
        self._lease: str | None = None
        self.sleep: Callable[[float], None] = self._sleep
        self.last_appended_token: str | None = None
        self.opened_status: ChannelStatus = self.reopen(offset_token=offset_token)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Channel {self.name!r} of {self.pipe}, {state}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a channel belongs to one client and is not copied or pickled; open it where it is used"
        )

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def in_doubt(self) -> bool:
        """Whether an append was left without an answer, so that the channel must be reopened."""
        return self._continuation is None

    @property
    def events(self) -> Hub:
        """What happens with the requests and tokens of the channel's client."""
        return self._planes.events

    @property
    def clock(self) -> Clock:
        """The client's clock."""
        return self._planes.transport.clock

    @property
    def identity(self) -> tuple[str, str, str]:
        """Account, user and key fingerprint ("" without a key) of the channel's client."""
        return self._planes.identity

    @property
    def tokens(self) -> dict[str, TokenLife]:
        """The lives of the client's tokens: "jwt" (or what stands for it), "scoped" once it was exchanged."""
        return self._planes.tokens

    @contextmanager
    def leased(self, load_id: str, sleep: Callable[[float], None]) -> Iterator[None]:
        """Let one load be the only writer for as long as the block runs, with its own way to wait.

        Raises:
            UsageError: another load has it.
        """
        with self._leasing:
            if self._lease is not None:
                raise UsageError(
                    f"channel {self.name!r} is busy with load {self._lease!r}; wait for it, or open another "
                    "channel"
                )
            self._lease = load_id
        self.sleep = sleep
        try:
            yield
        finally:
            self.sleep = self._sleep
            self._lease = None

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
            raw_bytes: size before compression.
            content_encoding: "zstd", "gzip" or None.

        Raises:
            UsageError: an argument can't be used; nothing was sent.
            ChannelInvalidError: the channel must be reopened; the rows may or may not have been applied
                when `.tries` is above 1.
            ServiceError: the service refused the rows.

        >>> channel.append_rows(b'{"ID":1}\\n', start_offset_token="0", end_offset_token="1")
        Acknowledgement(tries=1)
        """
        self._check_open()
        body = _body(body)
        start = text("start_offset_token", start_offset_token, example='start_offset_token="0"')
        end = text("end_offset_token", end_offset_token, example='end_offset_token="1000"')
        headers = _content_headers(raw_bytes, content_encoding)
        with self._busy:
            if self._continuation is None:
                raise ChannelInvalidError(
                    f"channel {self.name!r} has an append without an answer; reopen it first",
                    channel=self.name,
                    code=UNREADABLE_ANSWER,
                )
            answer = self._append(body, start, end, headers)
        self.last_appended_token = end
        return Acknowledgement(answer.tries)

    def _append(self, body: bytes | memoryview, start: str, end: str, headers: dict[str, str]) -> Answer:
        continuation = self._continuation or ""
        query = {"continuationToken": continuation, "startOffsetToken": start, "endOffsetToken": end}
        # Spent from here on: whatever interrupts this request, its token must not be used again.
        self._continuation = None
        self._spent.add(continuation)
        action = f"append to channel {self.name!r}"
        answer = self._send(
            "POST",
            paths.rows(self.pipe, self.name),
            action,
            query=query,
            body=body,
            headers=headers | self._session_header,
        )
        if answer.refusal is not Refusal.NONE:
            error = answer.error(action, channel=self.name)
            if answer.tries == 1 and not isinstance(error, ChannelInvalidError):
                self._continuation = continuation  # refused at once: nothing was applied, the token is good
            raise error
        self._continuation = self._next_token(answer)
        self._echo_session(answer)
        return answer

    def status(self) -> ChannelStatus:
        """Fetch the channel's status now.

        Raises:
            ChannelLostError: the service has not known the channel for ten seconds.
        """
        return next(self.poll(timeout_s=2 * MISSING_GRACE_S))

    def poll(self, *, timeout_s: float) -> Iterator[ChannelStatus]:
        """Yield fresh statuses, the pauses between them growing to 2 s, until `timeout_s` has passed.

        Raises:
            ChannelLostError: the service has not known the channel for ten seconds; it may list it late.
        """
        return self._statuses(checked_timeout(timeout_s))

    def _statuses(self, timeout_s: float) -> Iterator[ChannelStatus]:
        now = self.clock.monotonic
        deadline = now() + timeout_s
        missing_since: float | None = None
        pause = POLL_FIRST_S
        while True:
            found = self._fetch().get(self.name)
            if found is not None:
                missing_since = None
                yield found
            else:
                missing_since = now() if missing_since is None else missing_since
                if now() - missing_since >= MISSING_GRACE_S:
                    raise self.lost("is not listed by the service any more")
            if now() + pause > deadline:
                return
            self.sleep(pause)
            pause = min(POLL_CAP_S, pause * POLL_GROWTH)

    def _fetch(self) -> dict[str, ChannelStatus]:
        return fetch_statuses(self._planes, self.pipe, [self.name], channel=self.name, sleep=self.sleep)

    def lost(self, how: str, cause: ChannelError | None = None) -> ChannelLostError:
        """Return the error for a channel that is gone; `how` follows the channel's name."""
        return ChannelLostError(
            f"channel {self.name!r} {how}: it, its pipe or its table was dropped or made anew. Rows of a "
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
        return self.wait_for_status(
            lambda status: reached(status.last_committed_offset_token), timeout_s=timeout_s
        )

    def _is_reached(self, token: str | None) -> Callable[[str | None], bool]:
        given = optional_text("token", token, example='token="1000", or a function that judges one')
        wanted = given or self.last_appended_token or self.opened_status.last_committed_offset_token
        return lambda committed: committed == wanted

    def wait_for_status(self, reached: Callable[[ChannelStatus], bool], *, timeout_s: float) -> ChannelStatus:
        """Poll until `reached(status)` holds, and return that status; raises as `wait_for_commit` does."""
        committed: str | None = None
        timeout_s = checked_timeout(timeout_s)
        for status in self._statuses(timeout_s):
            committed = status.last_committed_offset_token
            if reached(status):
                return status
            if not status.healthy:
                cause = f"; its last error: {status.last_error_message}" if status.last_error_message else ""
                raise ChannelInvalidError(
                    f"channel {self.name!r} is {status.channel_status_code}: it must be reopened{cause}",
                    channel=self.name,
                    code=status.channel_status_code,
                )
        raise CommitTimeoutError(
            f"channel {self.name!r} did not commit within {timeout_s:.0f} s: acknowledged up to "
            f"{self.last_appended_token!r}, committed up to {committed!r}; wait again, nothing is lost",
            acknowledged=self.last_appended_token,
            committed=committed,
        )

    def reopen(self, *, offset_token: str | None = None) -> ChannelStatus:
        """Open the channel (again): fence every earlier writer and return the committed state.

        It never discards rows: it waits until those that are accepted are committed.

        Raises:
            UncommittedRowsError: rows stayed uncommitted for as long as a request may be retried.
            ChannelError: the channel is not healthy; no rows are sent into it.
            NotFoundError: no such pipe or table, or no grant.
        """
        self._check_open()
        offset_token = optional_text("offset_token", offset_token, example='offset_token="1000"')
        with self._busy:
            self._continuation = None
            self._spent.clear()
            self.last_appended_token = None
            self._session_header = {}
            opened = open_channel(
                self._planes, self.pipe, self.name, offset_token=offset_token, sleep=self.sleep
            )
            self._continuation = opened.continuation
        self.opened_status = opened.status
        self.target_columns = opened.target_columns
        return opened.status

    def close(self) -> None:
        """Close this handle. The channel and its offset token stay at the service; idempotent."""
        self._closed = True

    def drop(self) -> None:
        """Delete the channel and its offset token at the service, and close this handle.

        Raises:
            UncommittedRowsError: rows are accepted and not committed yet.
        """
        self._check_open()
        action = f"drop channel {self.name!r}"
        answer = self._send(
            "DELETE",
            paths.channel(self.pipe, self.name),
            action,
            body=json.dumps({"fail_on_uncommitted_rows": True}).encode(),
            headers={"Content-Type": "application/json"},
        )
        gone_already = answer.tries > 1 and answer.code == CHANNEL_GONE
        if answer.refusal is not Refusal.NONE and not gone_already:
            raise answer.error(action, channel=self.name)
        self.close()

    def rejected_rows(self) -> tuple[list[str], list[list[Any]]]:
        """Fetch the rows of the target's error table: column names, and a list per row.

        The local account answers this; a real one keeps the rows in SQL's reach only.

        Raises:
            UsageError: no error table, or a service that does not hand it out; says what to run instead.
        """
        action = f"read the rejected rows of {self.pipe}"
        try:
            answer = self._send("POST", paths.rejected_rows(self.pipe, self.name), action)
            if answer.refusal is not Refusal.NONE:
                raise answer.error(action)
        except NotFoundError as error:
            raise UsageError(f"{error}; {ERROR_TABLE_HINT}") from None
        return list(answer.field("columns") or ()), list(answer.field("rows") or ())

    def _send(self, method: str, path: str, action: str, **parts: Any) -> Answer:
        return self._planes.ingest(method, path, action=action, channel=self.name, sleep=self.sleep, **parts)

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds, threading.Event())

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"channel {self.name!r} is closed; open it again with client.open_channel()")

    def _next_token(self, answer: Answer) -> str:
        token = answer.next_continuation_token
        if token and token not in self._spent:
            return token
        # A service that knows a token again may take the next rows for these and answer 200 without them.
        problem = "repeats a continuation token that is spent" if token else "holds no continuation token"
        raise ChannelInvalidError(
            f"the service's answer for channel {self.name!r} {problem}",
            channel=self.name,
            status=answer.status,
            code=UNREADABLE_ANSWER,
            request_id=answer.request_id,
            tries=answer.tries,
        )

    def _echo_session(self, answer: Answer) -> None:
        session = answer.headers.get("X-Snowflake-Session")
        if session:
            self._session_header = {"X-Snowflake-Session": session}


def checked_timeout(timeout_s: Any) -> float:
    """Return how long to wait for the service's state.

    Raises:
        UsageError: it is no number of seconds.
    """
    return number("timeout_s", timeout_s, example="timeout_s=300")


def _body(body: Any) -> bytes:
    if not issubclass(type(body), bytes | bytearray | memoryview):
        refuse("body", body, "the bytes of newline-delimited JSON, such as frame.snowpipe.to_ndjson()")
    return bytes(body)


def _content_headers(raw_bytes: int | None, content_encoding: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/x-ndjson"}
    if content_encoding is not None:
        headers["Content-Encoding"] = choice("content_encoding", content_encoding, ("zstd", "gzip"))
    if raw_bytes is not None:
        size = whole("raw_bytes", raw_bytes, low=0, example="raw_bytes=1000")
        headers["X-Snowflake-Uncompressed-Content-Length"] = str(size)
    return headers
