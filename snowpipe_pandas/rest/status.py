"""The status of channels: what the service tells of them, and the request that asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..names import ObjectName
from . import paths
from .answers import Refusal
from .caller import Caller
from .planes import Planes

STATUSES_PER_REQUEST = 1_000
"""The service refuses requests for too many; its limit is not documented, a pipe has 2,000 channels."""

HEALTHY_CHANNEL_CODES = frozenset({"SUCCESS", "ACTIVE"})


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel as the service saw it; names are those of the protocol.

    Counts are rows since the channel was made, None where the service does not tell them;
    `last_committed_offset_token` is None before the first commit, `created_on_ms` where it is not told.
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
    def from_json(cls, name: str, fields: Mapping[str, Any]) -> ChannelStatus:
        """Read the `channel_status` object (`rows_error_count` is also spelled `rows_errors`)."""
        errors = _count(fields, "rows_error_count")
        return cls(
            channel_name=str(fields.get("channel_name", name)),
            channel_status_code=str(fields.get("channel_status_code", "")),
            last_committed_offset_token=_text(fields, "last_committed_offset_token"),
            rows_inserted=_count(fields, "rows_inserted"),
            rows_parsed=_count(fields, "rows_parsed"),
            rows_error_count=_count(fields, "rows_errors") if errors is None else errors,
            last_error_message=_text(fields, "last_error_message"),
            last_error_offset_upper_bound=_text(fields, "last_error_offset_upper_bound"),
            created_on_ms=_count(fields, "created_on_ms"),
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
    """Ask for the states of several channels of one pipe; unknown channels have no entry."""
    found: dict[str, ChannelStatus] = {}
    for first in range(0, max(1, len(names)), STATUSES_PER_REQUEST):
        found |= _fetch(planes, pipe, names[first : first + STATUSES_PER_REQUEST], caller)
    return found


def _fetch(planes: Planes, pipe: ObjectName, names: list[str], caller: Caller) -> dict[str, ChannelStatus]:
    action = f"read the status of {len(names)} channel{'s' * (len(names) != 1)} of {pipe}"
    answer = planes.ingest(
        "POST",
        paths.bulk_status(pipe),
        action=action,
        body=json.dumps({"channel_names": names}).encode(),
        headers={"Content-Type": "application/json"},
        caller=caller,
    )
    if answer.refusal is not Refusal.NONE:
        raise answer.error(action)
    statuses = answer.field("channel_statuses")
    if not isinstance(statuses, dict):
        return {}  # an answer that tells nothing, as one in which no channel is listed
    return {name: ChannelStatus.from_json(name, f) for name, f in statuses.items() if isinstance(f, dict)}


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return int(value) if isinstance(value, int | float) else None


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return None if value is None else str(value)
