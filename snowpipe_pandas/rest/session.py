"""One load's use of a channel: the only right to write, and requests that wait as the load does."""

from __future__ import annotations

from collections.abc import Callable

from .caller import Caller
from .pacer import Pacer
from .standing import Standing
from .status import ChannelStatus
from .turns import Right, Turns
from .writer import Acknowledgement, Writer


class Session:
    """What a load does with its channel; made by `Channel.exclusive`.

    Args:
        writer: writes.
        turns: hold the right, and refuse once it is over.
        right: the load's right.
        caller: the load, on whose behalf all requests are made.
        fetch: requests the channel's status, for a caller.
    """

    def __init__(
        self,
        writer: Writer,
        turns: Turns,
        right: Right,
        caller: Caller,
        fetch: Callable[[Caller], ChannelStatus | None],
    ) -> None:
        self._writer = writer
        self._turns = turns
        self._right = right
        self._caller = caller
        self._fetch = fetch

    @property
    def in_doubt(self) -> bool:
        """Whether an append was left without an answer, so that the channel must be reopened."""
        return self._writer.in_doubt

    @property
    def pacer(self) -> Pacer:
        """Says when an append may be sent; the load itself waits for it."""
        return self._writer.pacer

    @property
    def standing(self) -> Standing | None:
        """What is known of the channel, None where it must be reopened; appends clear it, loads set it."""
        return self._writer.standing

    @standing.setter
    def standing(self, known: Standing | None) -> None:
        self._writer.standing = known

    def append(
        self,
        body: bytes | memoryview,
        *,
        start_offset_token: str,
        end_offset_token: str,
        raw_bytes: int,
        content_encoding: str | None,
    ) -> Acknowledgement:
        """Append rows: newline-delimited JSON, compressed as `content_encoding` says.

        Args:
            body: what is sent; it is not copied.
            start_offset_token: opaque token of the first row.
            end_offset_token: opaque token which the channel will show once these rows are committed.
            raw_bytes: size before compression.
            content_encoding: "zstd", "gzip" or None.

        Raises:
            ChannelInvalidError: the channel must be reopened; the rows may or may not have been applied
                when `.tries` is above 1.
            ServiceError: the service refused the rows.
            UsageError: the session is over.
        """
        with self._turns.turn(self._right, self._caller):
            return self._writer.append(
                self._caller,
                body,
                start_offset_token=start_offset_token,
                end_offset_token=end_offset_token,
                raw_bytes=raw_bytes,
                content_encoding=content_encoding,
            )

    def fetch_status(self) -> ChannelStatus | None:
        """Request the channel's status once, now; None where the service does not list the channel."""
        return self._fetch(self._caller)

    def reopen(self) -> ChannelStatus:
        """Open the channel again, as `Channel.reopen` does."""
        with self._turns.turn(self._right, self._caller):
            return self._writer.reopen(self._caller)
