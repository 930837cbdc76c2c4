"""What a channel says of a load, by its offset token: reads it, and sets it without a row."""

from __future__ import annotations

from ..errors import ChannelError
from ..offset_tokens import Mark, read_token
from ..rest.channel import Channel
from ..rest.status import ChannelStatus


def mark_of(status: ChannelStatus, load_id: str) -> Mark | None:
    """Return what a channel's token says of a load, None if it is not that load's."""
    mark = read_token(status.last_committed_offset_token)
    return mark if mark is not None and mark.owner == load_id else None


def say(channel: Channel, mark: Mark) -> None:
    """Set a channel's token to this mark; it is durable at once.

    Raises:
        ChannelError: the service does not show that token: nobody would find it.
    """
    token = str(mark)
    if channel.reopen(offset_token=token).last_committed_offset_token != token:
        raise ChannelError(
            f"channel {channel.name!r} does not take an offset token with its open", channel=channel.name
        )
