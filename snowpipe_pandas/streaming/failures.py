"""The errors with which a load ends by its own judgement, each with its facts and a next step."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from ..arguments import A_DAY_S
from ..errors import (
    AuditError,
    ChannelInvalidError,
    ChannelLostError,
    ChannelTakenOverError,
    CommitTimeoutError,
    ForgottenPartsError,
    LoadCancelledError,
    OtherLoadError,
    OtherPartsError,
    RowsRejectedError,
    RowTooLargeError,
    ServiceError,
    SnowpipeError,
)
from ..events import PhaseChanged
from ..offset_tokens import PartOf, read_token
from ..rest.standing import Standing
from ..shown import counted
from .delivery import Delivery
from .parts import MANIFEST
from .steps import Begun, Refused, Reopened, StatusRead

MESSAGE_CHARACTERS = 120


def other_load(delivery: Delivery, fact: Begun | Reopened) -> OtherLoadError:
    """Return the error for a channel that remembers another load than the one to begin."""
    standing = Standing.behind_open(fact.status) if isinstance(fact, Reopened) else fact.standing
    mark = None if standing is None else read_token(standing.last_token)
    other, load_id, channel = "" if mark is None else mark.owner, delivery.plan.load_id, delivery.plan.channel
    return OtherLoadError(
        f"channel {channel!r} remembers load {other!r} and no other: whether rows of load {load_id!r} are in "
        f"the table already is not known, so nothing was sent. Give load {load_id!r} a channel of its own, "
        f"such as client.open_channel({load_id!r}, ...); or, if it never ran before, pass after={other!r}",
        load_id=load_id,
        other=other,
        channel=channel,
    )


def cut_otherwise(delivery: Delivery, fact: Begun | Reopened) -> OtherPartsError:
    """Return the error for a channel that carries another part of the load than the one to begin."""
    standing = Standing.behind_open(fact.status) if isinstance(fact, Reopened) else fact.standing
    mark = None if standing is None else read_token(standing.last_token)
    return other_parts(delivery.plan.load_id, None if mark is None else mark.part, delivery.plan.part)


def other_parts(load_id: str, begun: PartOf | None, given: PartOf | None) -> OtherPartsError:
    """Return the error for a load that was begun as other parts than those that are to go on."""
    parts, total = (1, None) if begun is None else (begun.parts, begun.rows_total)
    same_number = begun is not None and given is not None and parts == given.parts
    if not same_number or any(_by_an_engine(part) for part in (begun, given)):
        as_before = f'with channels={parts} (or channels="auto")'
        if _by_an_engine(begun):
            as_before = "from the same engine, in the partitions that it was begun with"
        why = (
            f"load {load_id!r} was begun through {_in_words(begun)}, this call has {_in_words(given)}: its "
            f"offset tokens say what is committed of those {parts} only, so nothing was sent; run it "
            f"{as_before}, or use another load_id for other data"
        )
    else:
        why = (
            f"load {load_id!r} was begun with {_rows(begun)} rows and cut by that number, the source "
            f"has {_rows(given)} now, so nothing was sent; pass the rows that it was begun with to go "
            "on, and send other rows under another load_id"
        )
    return OtherPartsError(why, load_id=load_id, parts=parts, rows_total=total)


def _in_words(part: PartOf | None) -> str:
    """Say how the load of a part was cut."""
    return counted(1 if part is None else part.parts, "partition" if _by_an_engine(part) else "channel")


def _by_an_engine(part: PartOf | None) -> bool:
    return part is not None and (part.rows_total is None or part.part == MANIFEST)


def _rows(part: PartOf | None) -> str:
    return f"{0 if part is None else part.rows_total or 0:,}"


def forgotten_parts(load_id: str, age_s: float, without: Sequence[str], channels: int) -> ForgottenPartsError:
    """Return the error for a load of which the service may have deleted channels, for lack of use."""
    return ForgottenPartsError(
        f"load {load_id!r} was begun {age_s / A_DAY_S:.0f} days ago, and {len(without)} of its {channels} "
        "channels have no offset token: the service deletes channels that were not used for 30 days, so "
        "their rows may be in the table already; nothing was sent. Compare the table with the source, and "
        "send what is missing under another load_id",
        load_id=load_id,
        channels=without,
    )


def lost(delivery: Delivery, fact: Refused | StatusRead | Reopened) -> ChannelLostError:
    """Return the error for a channel that is gone."""
    match fact:
        case Refused():
            return delivery.plan.lost("does not exist any more", fact.error)
        case Reopened():
            return delivery.plan.lost("was made anew, its committed token is gone", None)
    return delivery.plan.lost("is not listed by the service any more", None)


def row_too_large(delivery: Delivery, fact: Refused) -> RowTooLargeError:
    """Return the error for one row alone that is too large."""
    payload = delivery.sent
    error = RowTooLargeError(
        row=delivery.plan.first_row + payload.first_row, size=payload.raw_bytes, limit=len(payload.body)
    )
    error.__cause__ = fact.error
    return error


def refusal(delivery: Delivery, _: object) -> ServiceError:
    """Return the refusal itself, of a channel that was reopened too often."""
    return delivery.refusal or ServiceError("the append was refused", status=0)


def unwell(delivery: Delivery, fact: StatusRead) -> ChannelInvalidError:
    """Return what a status amounts to that asks for a reopen."""
    status = fact.status or delivery.status
    cause = f"; its last error: {status.last_error_message}" if status.last_error_message else ""
    return ChannelInvalidError(
        f"channel {status.channel_name!r} is {status.channel_status_code}: it must be reopened{cause}",
        channel=status.channel_name,
        code=status.channel_status_code,
    )


def taken_over(delivery: Delivery, _: object) -> ChannelTakenOverError:
    """Return the error for a stale token that nothing proves to be our own."""
    channel, cause = delivery.plan.channel, refusal(delivery, None)
    return ChannelTakenOverError(
        f"another writer opened channel {channel!r} while this load was streaming; "
        "give each writer a channel of its own, then run this load again",
        channel=channel,
        status=cause.status,
        code=cause.code,
        request_id=cause.request_id,
    )


def foreign_commit(delivery: Delivery, fact: Reopened) -> ChannelTakenOverError:
    """Return the error for a channel to which somebody else has committed."""
    channel, token = delivery.plan.channel, fact.status.last_committed_offset_token
    return ChannelTakenOverError(
        f"channel {channel!r} was committed to {token!r} by another writer, this load had "
        f"{delivery.committed.rows:,} rows committed; give each load a channel of its own",
        channel=channel,
    )


def no_commit(delivery: Delivery, _: object) -> CommitTimeoutError:
    """Return the error for commits that do not come."""
    acknowledged, committed = delivery.last_token, delivery.status.last_committed_offset_token
    return CommitTimeoutError(
        f"channel {delivery.plan.channel!r} did not commit within "
        f"{delivery.plan.options.commit_timeout_s:.0f} s: acknowledged up to {acknowledged!r}, "
        f"committed up to {committed!r}; wait again, nothing is lost",
        acknowledged=acknowledged,
        committed=committed,
    )


def rejected(delivery: Delivery, _: object) -> RowsRejectedError:
    """Return the error for rows that the service skipped."""
    found, before = delivery.rejections, delivery.plan.first_row
    first, end = before + found.first_row, before + found.end_row
    return RowsRejectedError(
        f"the service rejected {counted(found.rows, 'row')} of load {delivery.plan.load_id!r}, between rows "
        f"{first:,} and {end - 1:,} of the source; the last reason: "
        f"{found.message or 'not told'} (up to offset {found.upper_bound!r}); correct those rows and load "
        'them under another load_id, or pass on_error="report" to count them and send the rest',
        rejected=found.rows,
        last_message=found.message,
        first_row=first,
        end_row=end,
        offset_upper_bound=found.upper_bound,
    )


def audit(delivery: Delivery, _: object) -> AuditError:
    """Return the error for counters that differ from the rows sent."""
    counters, sent = delivery.counters, delivery.counts.rows_sent
    wrong = "fewer" if counters.lacks(sent) > 0 else "more"
    others = counters.missing_before
    before = f", and {others:,} rows of the load before it are not counted" if others else ""
    return AuditError(
        f"the service counts {wrong} rows than were sent: {sent:,} sent by this call, {counters.inserted:,} "
        f"inserted and {counters.rejected:,} rejected{before}, though its offset token covers all of them; "
        "compare the table with the source before loading anything again",
        sent=sent,
        inserted=counters.inserted,
        rejected=counters.rejected,
    )


def told(error: BaseException | None) -> PhaseChanged:
    """Return what displays are told of the error with which a load ends."""
    stopped = isinstance(error, LoadCancelledError | KeyboardInterrupt)
    text = error.args[0] if isinstance(error, SnowpipeError) and error.args else str(error)
    if isinstance(error, KeyboardInterrupt):
        text = "interrupted"
    first = re.split(r"; |(?<=[a-z])\. ", str(text) or type(error).__name__)[0]
    return PhaseChanged(
        phase="cancelled" if stopped else "failed",
        message=textwrap.shorten(first, MESSAGE_CHARACTERS, placeholder=" …"),
        goes_on=getattr(error, "goes_on", True),
    )
