"""The writing side of a channel: continuation tokens, appends, reopening, dropping.

Each answer brings the token for the next append. How a load recovers is decided above; this module says
truthfully what state the channel is in. `Turns` decides who may write, one writer at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..auth.tokens import Clock
from ..errors import ChannelInvalidError
from ..events import Event, RequestRetried
from ..names import ObjectName
from ..target_column import TargetColumn
from . import paths
from .answers import CHANNEL_GONE_CODES, UNREADABLE_ANSWER, Answer, Refusal
from .caller import Caller
from .opening import open_channel
from .pacer import Pacer
from .planes import Planes
from .seen_columns import SeenColumns
from .standing import Standing
from .status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An accepted append: received, not yet committed. `tries` above 1 means that it was retried."""

    tries: int


class Writer:
    """Writes to one channel.

    Args:
        planes: sends its requests.
        name: the channel's name.
        pipe: its pipe.
        caller: opens the channel now.
        offset_token: becomes the channel's committed token, where one is given.

    Attributes:
        standing: what the next load may know of the channel; None where it must reopen it.
        opened_status: what the service knew of the channel when it was last opened.
        last_appended_token: end token of the last append acknowledged since then, None before the first.
        target_columns: columns of the target table, empty where the server does not report them.
        seen_columns: what SQL has reported of them since the channel was opened.
        pacer: says when an append may be sent; whoever appends waits for it, in its own way.
    """

    def __init__(
        self, planes: Planes, name: str, pipe: ObjectName, caller: Caller, *, offset_token: str | None
    ) -> None:
        self._planes = planes
        self._name = name
        self._pipe = pipe
        self._rows_path = paths.rows(pipe, name)
        self._continuation: str | None = None
        self._spent: set[str] = set()  # tokens that requests carried since the last open
        self._session_header: dict[str, str] = {}
        self.pacer = Pacer()
        self.standing: Standing | None = None
        self.last_appended_token: str | None = None
        self.target_columns: tuple[TargetColumn, ...] = ()
        self.seen_columns = SeenColumns(planes.transport.clock.monotonic)
        self.opened_status: ChannelStatus = self.reopen(caller, offset_token=offset_token)

    @property
    def in_doubt(self) -> bool:
        """Whether an append was left without an answer, so that the channel must be reopened."""
        return self._continuation is None

    def append(
        self,
        caller: Caller,
        body: bytes | memoryview,
        *,
        start_offset_token: str,
        end_offset_token: str,
        raw_bytes: int | None,
        content_encoding: str | None,
    ) -> Acknowledgement:
        """Append rows; the channel's standing is unknown from then on.

        Raises:
            ChannelInvalidError: the channel must be reopened.
            ServiceError: the service refused the rows.
        """
        continuation = self._continuation
        if continuation is None:
            raise ChannelInvalidError(
                f"channel {self._name!r} has an append without an answer; reopen it first",
                channel=self._name,
                code=UNREADABLE_ANSWER,
            )
        # The token is spent now: whatever interrupts this request, it must not be used again.
        self._continuation = self.standing = None
        self._spent.add(continuation)
        action = f"append to channel {self._name!r}"
        tries = _Tries(
            caller,
            action,
            self.pacer,
            self._planes.transport.clock,
            len(body) if raw_bytes is None else raw_bytes,
        )
        try:
            answer = self._planes.ingest(
                "POST",
                self._rows_path,
                action=action,
                query={
                    "continuationToken": continuation,
                    "startOffsetToken": start_offset_token,
                    "endOffsetToken": end_offset_token,
                },
                body=body,
                headers=content_headers(raw_bytes, content_encoding) | self._session_header,
                caller=tries,
            )
        finally:
            tries.end()
        if answer.refusal is not Refusal.NONE:
            error = answer.error(action, channel=self._name)
            if answer.tries == 1 and not isinstance(error, ChannelInvalidError):
                self._continuation = continuation  # refused at once: nothing was applied, the token is good
            raise error
        self._continuation = self._next_token(answer)
        self._echo_session(answer)
        self.last_appended_token = end_offset_token
        return Acknowledgement(answer.tries)

    def reopen(self, caller: Caller, *, offset_token: str | None = None) -> ChannelStatus:
        """Open the channel (again); raises what `open_channel` does."""
        self._continuation = self.standing = self.last_appended_token = None
        self._spent.clear()
        self._session_header = {}
        opened = open_channel(self._planes, self._pipe, self._name, caller, offset_token=offset_token)
        self._continuation = opened.continuation
        self.opened_status = opened.status
        self.pacer.limits = opened.limits
        self.target_columns = opened.target_columns
        self.seen_columns = SeenColumns(self._planes.transport.clock.monotonic)
        self.standing = Standing.after_open(opened.status)
        return opened.status

    def drop(self, caller: Caller) -> None:
        """Delete the channel and its offset token at the service.

        Raises:
            UncommittedRowsError: rows are accepted and not committed yet.
        """
        self.standing = None
        action = f"drop channel {self._name!r}"
        answer = self._planes.ingest(
            "DELETE",
            paths.channel(self._pipe, self._name),
            action=action,
            body=json.dumps({"fail_on_uncommitted_rows": True}).encode(),
            headers={"Content-Type": "application/json"},
            caller=caller,
        )
        gone_already = answer.tries > 1 and answer.code in CHANNEL_GONE_CODES
        if answer.refusal is not Refusal.NONE and not gone_already:
            raise answer.error(action, channel=self._name)

    def _next_token(self, answer: Answer) -> str:
        token = answer.next_continuation_token
        if token and token not in self._spent:
            return token
        # A service that has seen a token may take the next rows for these, and answer 200 without them.
        problem = "repeats a continuation token that is spent" if token else "holds no continuation token"
        raise ChannelInvalidError(
            f"the service's answer for channel {self._name!r} {problem}",
            channel=self._name,
            status=answer.status,
            code=UNREADABLE_ANSWER,
            request_id=answer.request_id,
            tries=answer.tries,
        )

    def _echo_session(self, answer: Answer) -> None:
        if answer.session:
            self._session_header = {"X-Snowflake-Session": answer.session}


class _Tries(Caller):
    """The caller of one append, which reports each try to the pacer.

    Args:
        caller: on whose behalf the append is made.
        action: distinguishes the append's tries from those for the tokens and hosts that it needs.
        pacer: is called with their times.
        clock: the client's clock.
        raw_bytes: the size of the append before compression.
    """

    def __init__(self, caller: Caller, action: str, pacer: Pacer, clock: Clock, raw_bytes: int) -> None:
        self.channel, self.target = caller.channel, caller.target
        self._caller = caller
        self._action = action
        self._pacer = pacer
        self._now = clock.monotonic
        self._raw_bytes = raw_bytes

    def sleep(self, seconds: float) -> None:
        self._caller.sleep(seconds)

    def report(self, event: Event) -> None:
        if isinstance(event, RequestRetried) and event.operation == self._action:
            if event.throttled:
                self._pacer.throttled(self._now(), event.pause_s)
            else:
                self.end()
        self._caller.report(event)

    def end(self) -> None:
        """A try has ended, and may have been counted."""
        self._pacer.sent(self._now(), self._raw_bytes)


def content_headers(raw_bytes: int | None, content_encoding: str | None) -> dict[str, str]:
    """Return the headers that describe a body of rows: its encoding, and its size in bytes before that."""
    headers = {"Content-Type": "application/x-ndjson"}
    if content_encoding is not None:
        headers["Content-Encoding"] = content_encoding
    if raw_bytes is not None:
        headers["X-Snowflake-Uncompressed-Content-Length"] = str(raw_bytes)
    return headers
