"""What is known of an open channel between two loads."""

from __future__ import annotations

from dataclasses import dataclass

from .status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a channel; where it is unknown, the channel's next load must reopen it.

    Attributes:
        status: the latest status that counts; the base of the counters.
        rows_unseen: rows acknowledged since, which that status does not cover.
        token: end token of the last acknowledged append, None if there was none since the open.
    """

    status: ChannelStatus
    rows_unseen: int
    token: str | None

    @classmethod
    def after_open(cls, status: ChannelStatus) -> Standing:
        """Return the state of a channel right after an open that answered with this status."""
        return cls(status, 0, None)

    @property
    def last_token(self) -> str | None:
        """The token that the channel shows once all that was acknowledged is committed."""
        return self.token or self.status.last_committed_offset_token
