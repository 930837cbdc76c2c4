"""What is known of an open channel between two loads."""

from __future__ import annotations

from dataclasses import dataclass

from .status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an open channel.

    Attributes:
        status: the latest one that counts.
        rows_unseen: rows acknowledged since, which that status does not count.
        token: end token of the last acknowledged append, None if there was none since the open.
    """

    status: ChannelStatus
    rows_unseen: int
    token: str | None
