"""Judges a channel that refused an append: whose it is now, and from which row the load goes on.

The rules, and why they hold:

- An append that was retried and then met a stale token was most likely applied by an earlier try: reopen.
- A code by which the service asks for a reopen (`ERR_CHANNEL_MUST_BE_REOPENED`, ...): reopen.
- A stale token on the *first* try means that another writer opened the channel, with two exceptions that
  a status proves. If the append's own end token gets committed, it was delivered twice on its way. If
  rows that were uncommitted at that moment still get committed, nobody had opened the channel: an open
  would have been refused, or would have discarded them.
- Reopening is limited: two writers that both reopen would fight for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ..errors import (
    ChannelInvalidError,
    ChannelTakenOverError,
    PayloadTooLargeError,
)
from ..rest.answers import STALE_CONTINUATION
from ..rest.channel import CHANNEL_GONE, Channel
from ..rest.status import ChannelStatus
from ..rows.payloads import Payload
from .held import Held
from .offsets import START, Position, parse_token

MAX_REOPENS = 3
REOPEN_WINDOW_S = 60.0
"""A channel that needs reopening more often than this is not going to get well by it."""

OWNER_WATCH_S = 15.0
"""How long statuses are watched for a proof that a stale token is no other writer's doing (commits take 5 to
10 s)."""

_OTHER_WRITER_CODES = frozenset({STALE_CONTINUATION, "ERR_CHANNEL_HAS_INVALID_CLIENT_SEQUENCER"})


class Recovery:
    """What one load knows about the ownership of its channel.

    Args:
        channel: the channel.
        load_id: the load's id.
        status: the status with which the load begins.
    """

    def __init__(self, channel: Channel, load_id: str, status: ChannelStatus) -> None:
        self._channel = channel
        self._load_id = load_id
        self._token_before = status.last_committed_offset_token
        self._created_on_ms = status.created_on_ms
        self._reopened_at: deque[float] = deque(maxlen=MAX_REOPENS)

    def check_owner(
        self,
        cause: ChannelInvalidError,
        payload: Payload | None,
        acknowledged: Position,
    ) -> None:
        """Return if the channel may be reopened.

        Args:
            cause: the refusal.
            payload: what was refused, None where it was no append.
            acknowledged: the position before it.

        Raises:
            ChannelLostError: the channel is gone.
            ChannelTakenOverError: another writer has it.
        """
        if cause.code == CHANNEL_GONE:
            raise self._channel.lost("does not exist any more", cause)
        if payload is None or cause.tries > 1 or cause.code not in _OTHER_WRITER_CODES:
            return
        behind = Position(payload.end_row, payload.digest)
        uncommitted_then: bool | None = None
        for status in self.watch():
            position = parse_token(self._load_id, status.last_committed_offset_token)
            if position == behind:
                return
            if uncommitted_then is None:
                uncommitted_then = position is None or position.rows < acknowledged.rows
            if position == acknowledged and uncommitted_then:
                return
            if self._is_foreign(status.last_committed_offset_token, position, behind):
                break
        raise self._taken_over(cause)

    def watch(self) -> Iterator[ChannelStatus]:
        """Yield fresh statuses for as long as a commit may take."""
        return self._channel.poll(timeout_s=OWNER_WATCH_S)

    def spend_reopen(self, cause: ChannelInvalidError | PayloadTooLargeError) -> None:
        """Count a reopen; raises `cause` when there were too many of them."""
        now = self._channel.clock.monotonic()
        if len(self._reopened_at) == MAX_REOPENS and now - self._reopened_at[0] < REOPEN_WINDOW_S:
            raise cause
        self._reopened_at.append(now)

    def position_after(self, status: ChannelStatus, committed: Position, held: Held) -> Position:
        """Return where the load goes on, by the status of a channel that was just reopened.

        Raises:
            ChannelLostError: the channel was made anew, its committed token is gone.
            ChannelTakenOverError: another writer committed to it.
        """
        token = status.last_committed_offset_token
        position = parse_token(self._load_id, token)
        if (
            position is None
            and committed == START
            and token == self._token_before
            and not self._is_new(status)
        ):
            position = START
        if position is not None and (position == committed or held.has_border(position)):
            return position
        if token is None or self._is_new(status):
            raise self._channel.lost("was made anew, its committed token is gone")
        raise ChannelTakenOverError(
            f"channel {self._channel.name!r} was committed to {token!r} by another writer, this load had "
            f"{committed.rows:,} rows committed; give each load a channel of its own",
            channel=self._channel.name,
        )

    def _is_new(self, status: ChannelStatus) -> bool:
        times = {status.created_on_ms, self._created_on_ms}
        return None not in times and len(times) == 2

    def _is_foreign(self, token: str | None, position: Position | None, behind: Position) -> bool:
        if position is None:
            return token not in (None, self._token_before)
        return position.rows > behind.rows

    def _taken_over(self, cause: ChannelInvalidError) -> ChannelTakenOverError:
        return ChannelTakenOverError(
            f"another writer opened channel {self._channel.name!r} while this load was streaming; "
            "give each writer a channel of its own, then run this load again",
            channel=self._channel.name,
            status=cause.status,
            code=cause.code,
            request_id=cause.request_id,
        )
