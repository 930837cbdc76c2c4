"""A named channel: ordered appends with continuation and offset tokens, its status, its commit.

One append is in flight at a time; each answer brings the token for the next. It carries bytes and
tokens and knows nothing of frames. How a load recovers is decided above, in `delivery.py`; this
module says truthfully what state the channel is in.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import tenacity

from ..errors import ChannelInvalidError, ClosedError, CommitTimeoutError
from ..names import ObjectName
from . import paths
from .answers import UNREADABLE_ANSWER, Answer, ChannelStatus, Refusal
from .planes import Planes

OPEN_BUDGET_S = 120.0
"""How long an open waits for rows of an earlier writer to commit."""

COMMIT_TIMEOUT_S = 300.0
POLL_FIRST_S = 0.1
POLL_CAP_S = 2.0
POLL_GROWTH = 1.5
MISSING_GRACE_S = 10.0
"""How long a channel may be absent from status answers before that is believed."""


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of the target table, as far as the server tells (the local account does)."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An accepted append: received, not yet committed. `tries` above 1 means that it was retried."""

    tries: int


class Channel:
    """A named channel of a pipe; made by `Client.open_channel`.

    Attributes:
        name: the channel's name.
        pipe: the pipe it belongs to.
        user: the user who writes, for displays.
        target_columns: columns of the target table, empty where the server does not tell them.
        opened_status: what the service knew of the channel when it was last opened.
        last_appended_token: end token of the last acknowledged append, None before the first.
        awaited_token: the same until a status has shown it as committed, None from then on.
    """

    def __init__(
        self,
        planes: Planes,
        name: str,
        pipe: ObjectName,
        *,
        user: str,
        offset_token: str | None = None,
    ) -> None:
        self.name = name
        self.pipe = pipe
        self.user = user
        self.target_columns: tuple[TargetColumn, ...] = ()
        self._planes = planes
        self._continuation: str | None = None
        self._session_header: dict[str, str] = {}
        self._closed = False
        self._busy = threading.Lock()
        self.last_appended_token: str | None = None
        self.awaited_token: str | None = None
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
    def token_expires_in_s(self) -> float | None:
        """Seconds until the scoped token ends, None before the first exchange."""
        return self._planes.scoped.cache.expires_in

    def append_rows(
        self,
        body: bytes,
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
            ChannelInvalidError: the channel must be reopened; the rows may or may not have been applied
                when `.tries` is above 1.
            ServiceError: the service refused the rows.

        >>> channel.append_rows(b'{"ID":1}\\n', start_offset_token="0", end_offset_token="1")
        Acknowledgement(tries=1)
        """
        self._check_open()
        with self._busy:
            if self._continuation is None:
                raise ChannelInvalidError(
                    f"channel {self.name!r} has an append without an answer; reopen it first",
                    channel=self.name,
                    code=UNREADABLE_ANSWER,
                )
            answer = self._append(
                body, start_offset_token, end_offset_token, _content_headers(raw_bytes, content_encoding)
            )
        self.last_appended_token = self.awaited_token = end_offset_token
        return Acknowledgement(answer.tries)

    def _append(self, body: bytes, start: str, end: str, headers: dict[str, str]) -> Answer:
        query = {
            "continuationToken": self._continuation or "",
            "startOffsetToken": start,
            "endOffsetToken": end,
        }
        # Spent from here on: whatever interrupts this request, its token must not be used again.
        self._continuation = None
        answer = self._planes.ingest(
            "POST",
            paths.rows(self.pipe, self.name),
            action=f"append to channel {self.name!r}",
            query=query,
            body=body,
            headers=headers | self._session_header,
        )
        self._raise_refusal(answer, f"append to channel {self.name!r}")
        self._continuation = self._next_token(answer)
        self._echo_session(answer)
        return answer

    def status(self) -> ChannelStatus:
        """Fetch the channel's status now.

        Raises:
            ChannelInvalidError: the service does not know the channel (any more).
        """
        for status in self.poll(timeout_s=MISSING_GRACE_S):
            return status
        raise ChannelInvalidError(
            f"the service does not list channel {self.name!r}: it was dropped, or unused for 30 days; "
            "open it again",
            channel=self.name,
            status=404,
            code="ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED",
        )

    def poll(self, *, timeout_s: float) -> Iterator[ChannelStatus]:
        """Yield fresh statuses, the pauses between them growing to 2 s, until `timeout_s` has passed.

        A status answer without this channel yields nothing: the service may list it late.
        """
        deadline = time.monotonic() + timeout_s
        pause = POLL_FIRST_S
        while True:
            found = fetch_statuses(self._planes, self.pipe, [self.name]).get(self.name)
            if found is not None:
                if found.last_committed_offset_token == self.awaited_token:
                    self.awaited_token = None
                yield found
            if time.monotonic() + pause > deadline:
                return
            time.sleep(pause)
            pause = min(POLL_CAP_S, pause * POLL_GROWTH)

    def wait_for_commit(
        self,
        token: str | Callable[[str | None], bool] | None = None,
        *,
        timeout_s: float = COMMIT_TIMEOUT_S,
    ) -> ChannelStatus:
        """Wait until the committed offset token is `token`, and return the status that said so.

        Args:
            token: the end token of an append (default: of the last one), or a function that judges the
                committed token, as in the official SDK.
            timeout_s: seconds to wait.

        Raises:
            CommitTimeoutError: not committed in time; nothing is lost, wait again.
            ChannelInvalidError: the service wants the channel reopened.
        """
        wanted = self.last_appended_token if token is None else token
        reached = wanted if callable(wanted) else lambda committed: committed == wanted
        return self.wait_for_status(
            lambda status: reached(status.last_committed_offset_token), timeout_s=timeout_s
        )

    def wait_for_status(self, reached: Callable[[ChannelStatus], bool], *, timeout_s: float) -> ChannelStatus:
        """Poll until `reached(status)` holds, and return that status; raises as `wait_for_commit` does."""
        committed: str | None = None
        for status in self.poll(timeout_s=timeout_s):
            committed = status.last_committed_offset_token
            if reached(status):
                return status
            if not status.healthy:
                raise ChannelInvalidError(
                    f"channel {self.name!r} is {status.channel_status_code}: it must be reopened",
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

        It never discards rows: while rows are accepted and not committed, the service refuses
        (`fail_on_uncommitted_rows`), and this waits for them.

        Raises:
            UncommittedRowsError: rows stayed uncommitted for two minutes.
            NotFoundError: no such pipe or table, or no grant.
        """
        self._check_open()
        body: dict[str, Any] = {"fail_on_uncommitted_rows": True}
        if offset_token is not None:
            body["offset_token"] = offset_token
        with self._busy:
            self._continuation = None
            self.awaited_token = None
            self._session_header = {}
            answer = self._open_when_ready(body)
            self._continuation = self._next_token(answer)
        self.opened_status = ChannelStatus.from_json(self.name, answer.field("channel_status") or {})
        self.target_columns = tuple(
            TargetColumn(str(c["name"]), str(c["type"]), bool(c.get("nullable", True)))
            for c in answer.field("table_columns") or ()
        )
        return self.opened_status

    def _open_when_ready(self, body: dict[str, Any]) -> Answer:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda answer: answer.refusal is Refusal.WAIT_TO_OPEN),
            wait=tenacity.wait_exponential(multiplier=POLL_FIRST_S, max=POLL_CAP_S),
            stop=tenacity.stop_after_delay(OPEN_BUDGET_S),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        action = f"open channel {self.name!r} of {self.pipe}"
        answer = retrying(
            self._planes.ingest,
            "PUT",
            paths.channel(self.pipe, self.name),
            action=action,
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        self._raise_refusal(answer, action)
        return answer

    def close(self) -> None:
        """Close this handle. The channel and its offset token stay at the service; idempotent."""
        self._closed = True

    def drop(self) -> None:
        """Delete the channel and its offset token at the service, and close this handle.

        Raises:
            UncommittedRowsError: rows are accepted and not committed yet.
        """
        self._check_open()
        answer = self._planes.ingest(
            "DELETE",
            paths.channel(self.pipe, self.name),
            action=f"drop channel {self.name!r}",
            body=json.dumps({"fail_on_uncommitted_rows": True}).encode(),
            headers={"Content-Type": "application/json"},
        )
        self._raise_refusal(answer, f"drop channel {self.name!r}")
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"channel {self.name!r} is closed; open it again with client.open_channel()")

    def _raise_refusal(self, answer: Answer, action: str) -> None:
        if answer.refusal is not Refusal.NONE:
            raise answer.error(action, channel=self.name)

    def _next_token(self, answer: Answer) -> str:
        token = answer.field("next_continuation_token")
        if isinstance(token, str) and token:
            return token
        raise ChannelInvalidError(
            f"the service's answer for channel {self.name!r} holds no continuation token",
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


def fetch_statuses(planes: Planes, pipe: ObjectName, names: list[str]) -> dict[str, ChannelStatus]:
    """Ask for the states of several channels of one pipe; unknown channels have no entry."""
    action = f"read the status of {len(names)} channels of {pipe}"
    answer = planes.ingest(
        "POST",
        paths.bulk_status(pipe),
        action=action,
        body=json.dumps({"channel_names": names}).encode(),
        headers={"Content-Type": "application/json"},
    )
    if answer.refusal is not Refusal.NONE:
        raise answer.error(action)
    statuses: Mapping[str, Mapping[str, Any]] = answer.field("channel_statuses") or {}
    return {name: ChannelStatus.from_json(name, fields) for name, fields in statuses.items()}


def _content_headers(raw_bytes: int | None, content_encoding: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/x-ndjson"}
    if content_encoding is not None:
        headers["Content-Encoding"] = content_encoding
    if raw_bytes is not None:
        headers["X-Snowflake-Uncompressed-Content-Length"] = str(raw_bytes)
    return headers
