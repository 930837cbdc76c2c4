"""Opens a channel: waits for those who are at it, and tells what the service knows of channel and table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import ChannelError, UncommittedRowsError
from ..names import ObjectName
from . import paths
from .answers import Answer, Refusal
from .caller import Caller
from .planes import Planes
from .status import ChannelStatus, fetch_statuses

OPEN_PAUSE_FIRST_S = 0.1
OPEN_PAUSE_CAP_S = 2.0


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of the target table, as far as the server tells (the local account does).

    Attributes:
        name: its name.
        type: its Snowflake type, with parameters.
        nullable: whether it takes null.
        has_default: whether it has a DEFAULT, which rows get that leave its key out.
        earliest, latest: the times that it holds, as ISO 8601, where the server has limits of its own.
    """

    name: str
    type: str
    nullable: bool
    has_default: bool = False
    earliest: str | None = None
    latest: str | None = None

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> TargetColumn:
        """Read what an open's answer tells of a column; what it does not tell is no."""
        limits = told.get("earliest"), told.get("latest")
        earliest, latest = (None if limit is None else str(limit) for limit in limits)
        return cls(
            str(told["name"]),
            str(told["type"]),
            bool(told.get("nullable", True)),
            bool(told.get("has_default", False)),
            earliest,
            latest,
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened channel: first continuation token, status, and the target's columns where they are told."""

    continuation: str
    status: ChannelStatus
    target_columns: tuple[TargetColumn, ...]


def open_channel(
    planes: Planes,
    pipe: ObjectName,
    name: str,
    caller: Caller,
    *,
    offset_token: str | None,
) -> Opened:
    """Open a channel; wait for an earlier writer's rows and for other opens as long as a retry may take.

    It never discards rows: while rows are accepted and not committed, the service refuses
    (`fail_on_uncommitted_rows`). An answer without a token may belong to an open that was done; the next
    open fences it.

    Raises:
        UncommittedRowsError: rows stayed uncommitted.
        ChannelError: the channel is not healthy, or the service refused to open it.
        NotFoundError: no such pipe or table, or no grant.
    """
    body: dict[str, Any] = {"fail_on_uncommitted_rows": True}
    if offset_token is not None:
        body["offset_token"] = offset_token
    action = f"open channel {name!r} of {pipe}"
    answer = _ask(planes, paths.channel(pipe, name), action, body, caller)
    if answer.refusal is not Refusal.NONE:
        error = answer.error(action, channel=name)
        if isinstance(error, UncommittedRowsError):
            known = fetch_statuses(planes, pipe, [name], caller).get(name)
            error.committed = None if known is None else known.last_committed_offset_token
        raise error
    return _read(answer, name)


def _ask(planes: Planes, path: str, action: str, body: dict[str, Any], caller: Caller) -> Answer:
    """Ask for the open until another one would not better the answer, or the retry budget is spent."""
    clock = planes.transport.clock
    give_up_at = clock.monotonic() + planes.transport.retry.budget_s
    pause_s = OPEN_PAUSE_FIRST_S
    while True:
        answer = planes.ingest(
            "PUT",
            path,
            action=action,
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            caller=caller,
        )
        if not _is_to_be_asked_again(answer) or clock.monotonic() + pause_s >= give_up_at:
            return answer
        caller.sleep(pause_s)
        pause_s = min(OPEN_PAUSE_CAP_S, 2 * pause_s)


def _is_to_be_asked_again(answer: Answer) -> bool:
    """Whether another open makes sense: others are at it, or the answer came without a token."""
    if answer.refusal is Refusal.NONE:
        return not answer.next_continuation_token
    return answer.refusal is Refusal.WAIT_TO_OPEN


def _read(answer: Answer, name: str) -> Opened:
    token = answer.next_continuation_token
    if not token:
        raise ChannelError(
            f"the service opened channel {name!r} again and again without telling a continuation token",
            channel=name,
            status=answer.status,
            request_id=answer.request_id,
            tries=answer.tries,
        )
    status = ChannelStatus.from_json(name, answer.field("channel_status") or {})
    if not status.healthy:
        raise ChannelError(
            f"channel {name!r} was opened, but its status is {status.channel_status_code!r}: no rows are "
            "sent into it; try again later, or drop it and open another",
            channel=name,
            code=status.channel_status_code,
        )
    columns = tuple(TargetColumn.from_json(told) for told in answer.field("table_columns") or ())
    return Opened(token, status, columns)
