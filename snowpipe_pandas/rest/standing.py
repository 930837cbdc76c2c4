"""What is known of an open channel between two loads."""

from __future__ import annotations

from dataclasses import dataclass

from .status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a channel stands; a channel of which this is not known must be reopened by its next load.

    Attributes:
        status: the latest status that counts; the base of the counters.
        rows_unseen: rows acknowledged since, which that status does not cover.
        token: end token of the last acknowledged append, None if there was none since the open.
    """

    status: ChannelStatus
    rows_unseen: int
    token: str | None
