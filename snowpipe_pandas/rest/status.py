"""The status of channels: what the service reports of them, and the request for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..names import ObjectName
from ..shown import counted
from . import fields, paths
from .answers import Answer, Refusal
from .bounds import CONTROL_BYTES
from .caller import Caller
from .fields import UnreadableError
from .planes import Planes

UNREADABLE_TRIES = 3
"""How often a status is requested whose answer can't be understood; a proxy may have sent it."""

STATUSES_PER_REQUEST = 1_000
"""The service refuses requests for too many; its limit is not documented, a pipe may have 2,000 channels."""

STATUS_BYTES = 16_000
"""Most bytes that one channel's state may have in an answer with many."""

HEALTHY_CHANNEL_CODES = frozenset({"SUCCESS", "ACTIVE"})


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel as the service saw it; names are those of the protocol.

    Counts are rows since the channel was created, None where the service does not report them;
    `last_committed_offset_token` is None before the first commit, `created_on_ms` where it is not reported.
    """

    channel_name: str
    channel_status_code: str
    last_committed_offset_token: str | None
    rows_inserted: int | None
    rows_parsed: int | None
    rows_error_count: int | None
    last_error_message: str | None
    last_error_offset_upper_bound: str | None
    created_on_ms: int | None

    @classmethod
    def from_json(cls, name: str, entry: Mapping[str, Any]) -> ChannelStatus:
        """Read the `channel_status` object (`rows_error_count` is also spelled `rows_errors`).

        Raises:
            UnreadableError: a code, a count or the committed token is not valid.
        """
        errors = fields.count(entry, "rows_error_count")
        return cls(
            channel_name=fields.text(entry, "channel_name", fields.MAX_NAME_CHARACTERS) or name,
            channel_status_code=fields.word(entry, "channel_status_code"),
            last_committed_offset_token=fields.token(entry, "last_committed_offset_token"),
            rows_inserted=fields.count(entry, "rows_inserted"),
            rows_parsed=fields.count(entry, "rows_parsed"),
            rows_error_count=fields.count(entry, "rows_errors") if errors is None else errors,
            last_error_message=fields.text(entry, "last_error_message"),
            last_error_offset_upper_bound=fields.token(entry, "last_error_offset_upper_bound"),
            created_on_ms=fields.count(entry, "created_on_ms"),
        )

    @property
    def healthy(self) -> bool:
        """Whether appends make sense; otherwise the channel must be reopened."""
        return self.channel_status_code in HEALTHY_CHANNEL_CODES


def fetch_statuses(
    planes: Planes,
    pipe: ObjectName,
    names: list[str],
    caller: Caller,
) -> dict[str, ChannelStatus]:
    """Request the states of several channels of one pipe; unknown channels have no entry."""
    found: dict[str, ChannelStatus] = {}
    for first in range(0, max(1, len(names)), STATUSES_PER_REQUEST):
        found |= _fetch(planes, pipe, names[first : first + STATUSES_PER_REQUEST], caller)
    return found


def _fetch(planes: Planes, pipe: ObjectName, names: list[str], caller: Caller) -> dict[str, ChannelStatus]:
    action = f"read the status of {counted(len(names), 'channel')} of {pipe}"
    for tries in range(1, UNREADABLE_TRIES + 1):
        answer = planes.ingest(
            "POST",
            paths.bulk_status(pipe),
            action=action,
            body=json.dumps({"channel_names": names}).encode(),
            headers={"Content-Type": "application/json"},
            caller=caller,
            most_bytes=max(CONTROL_BYTES, len(names) * STATUS_BYTES),
        )
        if answer.refusal is not Refusal.NONE:
            raise answer.error(action)
        try:
            return _read(answer, names)
        except UnreadableError as error:
            problem = str(error)
        if tries < UNREADABLE_TRIES:
            caller.sleep(planes.transport.retry.pause_s(tries))
    raise answer.unreadable(action, problem)


def _read(answer: Answer, names: list[str]) -> dict[str, ChannelStatus]:
    """Read the states of the requested channels; others are ignored."""
    listed = fields.table(answer.table().get("channel_statuses"), "channel_statuses")
    found = {name: listed[name] for name in names if listed.get(name) is not None}
    return {
        name: ChannelStatus.from_json(name, fields.table(entry, f"the status of {name!r}"))
        for name, entry in found.items()
    }
