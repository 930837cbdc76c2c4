"""Opens a channel: waits for its earlier writers, and returns what the service reports of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ChannelError, UncommittedRowsError
from ..names import ObjectName
from ..target_column import TargetColumn
from . import fields, paths
from .answers import UNREADABLE_ANSWER, Answer, Refusal
from .caller import Caller
from .fields import UnreadableError
from .pacer import DOCUMENTED, LEAST_SHARE, UNLIMITED, RateLimits
from .planes import Planes
from .status import ChannelStatus, fetch_statuses

OPEN_PAUSE_FIRST_S = 0.1
OPEN_PAUSE_CAP_S = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened channel.

    Attributes:
        continuation: its first continuation token.
        status: its status.
        target_columns: the target's columns, where they are reported.
        limits: what it may send in a second: as reported, else as documented.
    """

    continuation: str
    status: ChannelStatus
    target_columns: tuple[TargetColumn, ...]
    limits: RateLimits


def open_channel(
    planes: Planes,
    pipe: ObjectName,
    name: str,
    caller: Caller,
    *,
    offset_token: str | None,
) -> Opened:
    """Open a channel; wait for an earlier writer's rows and for other opens within the retry budget.

    It never discards rows: while rows are accepted and not committed, the service refuses
    (`fail_on_uncommitted_rows`). An answer without a token may belong to an open that succeeded; the next
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
    answer, opened = _ask(planes, paths.channel(pipe, name), action, body, caller, name)
    if isinstance(opened, Opened):
        return _checked(opened, name)
    if answer.refusal is Refusal.NONE:
        raise ChannelError(
            f"the service opened channel {name!r} again and again, and its answers can't be understood: "
            f"{opened}",
            channel=name,
            status=answer.status,
            code=UNREADABLE_ANSWER,
            request_id=answer.request_id,
            tries=answer.tries,
        )
    error = answer.error(action, channel=name)
    if isinstance(error, UncommittedRowsError):
        known = fetch_statuses(planes, pipe, [name], caller).get(name)
        error.committed = None if known is None else known.last_committed_offset_token
    raise error


def _ask(
    planes: Planes, path: str, action: str, body: dict[str, Any], caller: Caller, name: str
) -> tuple[Answer, Opened | str]:
    """Request the open until another try would not improve the answer, or the retry budget is spent.

    Returns the last answer, and what it says of the channel, or why that is unknown.
    """
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
        # Others may be opening it, or a success can't be understood; the next open fences that one.
        again = answer.refusal in (Refusal.NONE, Refusal.WAIT_TO_OPEN)
        opened = _read(answer, name) if answer.refusal is Refusal.NONE else answer.reason
        if isinstance(opened, Opened) or not again or clock.monotonic() + pause_s >= give_up_at:
            return answer, opened
        caller.sleep(pause_s)
        pause_s = min(OPEN_PAUSE_CAP_S, 2 * pause_s)


def _read(answer: Answer, name: str) -> Opened | str:
    """Read the answer of a success, or say what in it can't be understood."""
    try:
        opened = answer.table()
        token = fields.token(opened, "next_continuation_token")
        if not token:
            return "it holds no continuation token"
        status = ChannelStatus.from_json(name, fields.table(opened.get("channel_status"), "channel_status"))
    except UnreadableError as error:
        return str(error)
    return Opened(token, status, _columns(opened.get("table_columns")), _limits(opened))


def _columns(listed: object) -> tuple[TargetColumn, ...]:
    """Read the target's columns; none are returned if one of them can't be understood."""
    if not isinstance(listed, list):
        return ()
    try:
        return tuple(_column(fields.table(column, "a column")) for column in listed)
    except UnreadableError:
        return ()


def _column(entry: Mapping[str, Any]) -> TargetColumn:
    """Read a column of an open's answer; unless that says otherwise, it takes null and has no default.

    Raises:
        UnreadableError: it has no name or no type.
    """
    name = fields.token(entry, "name")  # as it is: frames' columns are compared with it
    if not name:
        raise UnreadableError("a column has no name")
    return TargetColumn(
        name,
        fields.word(entry, "type"),
        entry.get("nullable") is not False,
        entry.get("has_default") is True,
        fields.text(entry, "earliest"),
        fields.text(entry, "latest"),
    )


def _limits(opened: Mapping[str, Any]) -> RateLimits:
    """Read what a channel may send in a second: null for no limits, the documented ones if none are reported.

    Limits that can't be understood, or would stop a channel for hours, count as not reported.
    """
    limits = opened.get("limits", DOCUMENTED)
    if limits is None:
        return UNLIMITED
    try:
        rates = fields.table(limits, "limits")
        return RateLimits(
            fields.number(rates, "bytes_per_second", low=LEAST_SHARE * DOCUMENTED.bytes_per_s),
            fields.number(rates, "requests_per_second", low=LEAST_SHARE * DOCUMENTED.requests_per_s),
        )
    except UnreadableError:
        return DOCUMENTED


def _checked(opened: Opened, name: str) -> Opened:
    code = opened.status.channel_status_code
    if opened.status.healthy:
        return opened
    raise ChannelError(
        f"channel {name!r} was opened, but its status is {code!r}: no rows are "
        "sent into it; try again later, or drop it and open another",
        channel=name,
        code=code,
    )
