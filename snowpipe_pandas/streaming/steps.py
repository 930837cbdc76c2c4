"""What goes into a load's protocol and what comes out of it: facts that were learned, and steps to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..errors import ChannelInvalidError, PayloadTooLargeError
from ..rest.standing import Standing
from ..rest.status import ChannelStatus
from ..rows.payloads import Payload


@dataclass(frozen=True, slots=True)
class Begun:
    """The load begins; what is known of its channel, None where it must be reopened to know anything."""

    standing: Standing | None


@dataclass(frozen=True, slots=True)
class Offered:
    """The source's next payload."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """The source has no more rows."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The service has received the payload that was sent last, with this many tries."""

    tries: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The payload that was sent last was refused, or its answer could not be read."""

    error: ChannelInvalidError | PayloadTooLargeError


@dataclass(frozen=True, slots=True)
class StatusRead:
    """A fresh status; None where the service does not list the channel."""

    status: ChannelStatus | None


@dataclass(frozen=True, slots=True)
class Reopened:
    """The channel was reopened: earlier requests are fenced, and this is its committed state."""

    status: ChannelStatus


@dataclass(frozen=True, slots=True)
class Broke:
    """Something else ended the load: a failure of the source or the service, a cancel, Ctrl-C.

    `in_doubt` says whether an append was left without an answer.
    """

    error: BaseException
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline has passed."""


Fact: TypeAlias = (
    Begun | Offered | SourceEnded | Acknowledged | Refused | StatusRead | Reopened | Broke | TimePassed
)


@dataclass(frozen=True, slots=True)
class Take:
    """Take the next payload from the source, or come back at this time."""

    until: float


@dataclass(frozen=True, slots=True)
class Append:
    """Send a payload."""

    payload: Payload
    start_token: str
    end_token: str


@dataclass(frozen=True, slots=True)
class Poll:
    """Fetch the channel's status."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Reopen the channel."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until this time."""

    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """The load has ended well."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The load has ended with this error."""

    error: BaseException


Step: TypeAlias = Take | Append | Poll | Reopen | Wait | Done | Fail
