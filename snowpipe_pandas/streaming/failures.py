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
from ..shown import acknowledged_up_to, committed_up_to, counted, row_ranges, visible
from .delivery import Delivery
from .parts import MANIFEST
from .steps import Begun, Refused, Reopened, StatusRead

MESSAGE_CHARACTERS = 120


def other_load(delivery: Delivery, fact: Begun | Reopened) -> OtherLoadError:
    """Return the error for a channel that remembers another load than the one to begin."""
    standing = Standing.after_open(fact.status) if isinstance(fact, Reopened) else fact.standing
    mark = None if standing is None else read_token(standing.last_token)
    other, load_id, channel = "" if mark is None else mark.owner, delivery.plan.load_id, delivery.plan.channel
    return OtherLoadError(
        f"the channel remembers load {other!r} and no other: whether rows of this load are in the table "
        "already is not known, so nothing was sent. Give it a channel of its own, "
        f"such as client.open_channel({load_id!r}, ...); or, if it never ran before, pass after={other!r}",
        load_id=load_id,
        other=other,
        channel=channel,
    )


def cut_otherwise(delivery: Delivery, fact: Begun | Reopened) -> OtherPartsError:
    """Return the error for a channel that carries another part of the load than the one to begin."""
    standing = Standing.after_open(fact.status) if isinstance(fact, Reopened) else fact.standing
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
            f"the load was begun through {_in_words(begun)}, this call has {_in_words(given)}: its "
            f"offset tokens say what is committed of those {parts} only, so nothing was sent; run it "
            f"{as_before}, or use another load_id for other data"
        )
    else:
        why = (
            f"the load was begun with {counted(_rows(begun), 'row')} and cut by that number, the source "
            f"has {_rows(given):,} now, so nothing was sent; pass the rows that it was begun with to go "
            "on, and send other rows under another load_id"
        )
    return OtherPartsError(why, load_id=load_id, parts=parts, rows_total=total)


def _in_words(part: PartOf | None) -> str:
    """Say how the load of a part was cut."""
    return counted(1 if part is None else part.parts, "partition" if _by_an_engine(part) else "channel")


def _by_an_engine(part: PartOf | None) -> bool:
    return part is not None and (part.rows_total is None or part.part == MANIFEST)


def _rows(part: PartOf | None) -> int:
    return 0 if part is None else part.rows_total or 0


def forgotten_parts(load_id: str, age_s: float, without: Sequence[str], channels: int) -> ForgottenPartsError:
    """Return the error for a load of which the service may have deleted channels, for lack of use."""
    return ForgottenPartsError(
        f"the load was begun {counted(round(age_s / A_DAY_S), 'day')} ago, and "
        f"{counted(len(without), 'channel')} of its {channels:,} {'has' if len(without) == 1 else 'have'} no "
        "offset token: the service deletes channels that were not used for 30 days, so their rows may be in "
        "the table already; nothing was sent. Compare the table with the source, and send what is missing "
        "under another load_id",
        load_id=load_id,
        channels=without,
    )


def lost(delivery: Delivery, fact: Refused | StatusRead | Reopened) -> ChannelLostError:
    """Return the error for a channel that no longer exists."""
    match fact:
        case Refused():
            return delivery.plan.lost("no longer exists", fact.error)
        case Reopened():
            return delivery.plan.lost("was recreated, its committed token is lost", None)
    return delivery.plan.lost("is no longer listed by the service", None)


def row_too_large(delivery: Delivery, fact: Refused) -> RowTooLargeError:
    """Return the error for a single row that is too large."""
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
    """Return the error for a status after which the channel must be reopened."""
    status = fact.status or delivery.status
    cause = f"; its last error: {status.last_error_message}" if status.last_error_message else ""
    return ChannelInvalidError(
        f"channel {status.channel_name!r} is {status.channel_status_code}: it must be reopened{cause}",
        channel=status.channel_name,
        code=status.channel_status_code,
    )


def taken_over(delivery: Delivery, _: object) -> ChannelTakenOverError:
    """Return the error for a stale token that nothing proves to be our own."""
    cause = refusal(delivery, None)
    return ChannelTakenOverError(
        "another writer opened the channel while this load was streaming; "
        "give each writer a channel of its own, then run this load again",
        channel=delivery.plan.channel,
        status=cause.status,
        code=cause.code,
        request_id=cause.request_id,
    )


def foreign_commit(delivery: Delivery, fact: Reopened) -> ChannelTakenOverError:
    """Return the error for a channel to which somebody else has committed."""
    theirs = committed_up_to(fact.status.last_committed_offset_token)
    return ChannelTakenOverError(
        f"another writer uses the channel: {theirs}, where this load had "
        f"{counted(delivery.committed.rows, 'row')} committed; give each load a channel of its own",
        channel=delivery.plan.channel,
    )


def no_commit(delivery: Delivery, _: object) -> CommitTimeoutError:
    """Return the error for commits that do not come in time."""
    acknowledged, committed = delivery.last_token, delivery.status.last_committed_offset_token
    return CommitTimeoutError(
        f"the channel did not commit within {delivery.plan.options.commit_timeout_s:g} s: "
        f"{acknowledged_up_to(acknowledged)}, {committed_up_to(committed)}; wait again, nothing is lost",
        acknowledged=acknowledged,
        committed=committed,
    )


def rejected(delivery: Delivery, _: object) -> RowsRejectedError:
    """Return the error for rows that the service skipped."""
    found, before = delivery.rejections, delivery.plan.first_row
    first, end = before + found.first_row, before + found.end_row
    among = row_ranges([(first, end)])
    which = among if end == first + 1 else f"{counted(found.rows, 'row')} among {among}"
    these = "it" if found.rows == 1 else "them"
    return RowsRejectedError(
        f"the service rejected {which} of the source; the last reason: {found.message or 'unknown'}; "
        f"correct {these} and load {these} under another load_id, or pass "
        'on_error="report" to count rejected rows and send the rest',
        rows_rejected=found.rows,
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
    uncounted = f"{counted(others, 'row')} of the load before it {'is' if others == 1 else 'are'} not counted"
    before = f", and {uncounted}" if others else ""
    return AuditError(
        f"the service counts {wrong} rows than were sent: {sent:,} sent by this call, {counters.inserted:,} "
        f"inserted and {counters.rejected:,} rejected{before}, though its offset token covers all of them; "
        "compare the table with the source before loading anything again",
        sent=sent,
        inserted=counters.inserted,
        rejected=counters.rejected,
    )


def failure_event(error: BaseException | None) -> PhaseChanged:
    """Return the event that reports the error with which a load ended."""
    stopped = isinstance(error, LoadCancelledError | KeyboardInterrupt)
    text = error.args[0] if isinstance(error, SnowpipeError) and error.args else str(error)
    if isinstance(error, KeyboardInterrupt):
        text = "interrupted"
    first = re.split(r"; |(?<=[a-z])\. ", str(text) or type(error).__name__)[0]
    return PhaseChanged(
        phase="cancelled" if stopped else "failed",
        message=visible(textwrap.shorten(first, MESSAGE_CHARACTERS, placeholder=" …")),
        goes_on=getattr(error, "goes_on", True),
    )
