"""Every rule of the protocol is needed: without it, at least one of these scenarios ends in another way."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from snowpipe_pandas.errors import (
    ChannelInvalidError,
    ChannelLostError,
    LoadCancelledError,
    PayloadTooLargeError,
    SnowpipeError,
)
from snowpipe_pandas.rest.pacer import Pacer, RateLimits
from snowpipe_pandas.rest.policy import PollPolicy
from snowpipe_pandas.rest.standing import Standing
from snowpipe_pandas.streaming.options import LoadLimits, LoadOptions
from snowpipe_pandas.streaming.plan import LoadPlan
from snowpipe_pandas.streaming.protocol import RULES, LoadProtocol, by_news
from snowpipe_pandas.streaming.steps import (
    Acknowledged,
    Append,
    Broke,
    Done,
    Fail,
    Offered,
    Poll,
    Refused,
    Reopen,
    Reopened,
    SourceEnded,
    StatusRead,
    Take,
    Wait,
)
from tests.support.service import ROWS, Service, payloads, without_counts

STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"
RATES = RateLimits(math.inf, 30.0)
LIMITS = LoadLimits(audit_grace_s=5.0, settle_timeout_s=5.0, owner_watch_s=2.0)
MOST_STEPS = 300
FAILED_DISK = OSError("the disk is gone")


def refusal(code=STALE, tries=1):
    return ChannelInvalidError("no", channel="c", status=400, code=code, tries=tries)


class Drive:
    """Drives one load against a service, until it ends.

    `append`, `poll`, `reopen` and `take` are what happens at such a step: functions of the drive, the number
    of such steps so far and the step; they return the fact to report, or None if nothing disturbs the load.
    """

    def __init__(self, service, *, append=None, poll=None, reopen=None, take=None, standing=None, **options):
        self.service = service
        self.happens = {Append: append, Poll: poll, Reopen: reopen, Take: take}
        self.done = dict.fromkeys(self.happens, 0)
        self.now = 0.0
        self.commits = options.pop("commits", True)
        given = {"load_id": "load", "limits": LIMITS, "commit_timeout_s": 30.0} | options
        plan = LoadPlan(
            "load",
            "c",
            ROWS,
            LoadOptions(**given),
            PollPolicy(missing_grace_s=1.0),
            lambda how, cause: ChannelLostError(how, channel="c"),
        )
        self.unsent = None
        self.pacer = Pacer(RATES)
        self.protocol = LoadProtocol(plan, standing, self.pacer, self.now)
        self.delivery = self.protocol.delivery

    def run(self):
        """Return how the load ended: its error, whether that is exact, rows in the table, steps by kind."""
        for _ in range(MOST_STEPS):
            step = self.protocol.next(self.now)
            if isinstance(step, Done | Fail):
                ended = (
                    "done" if isinstance(step, Done) else f"{type(step.error).__name__}: {step.error}"[:60]
                )
                counts = self.delivery.counts
                return (
                    ended,
                    self.delivery.exact,
                    counts.rows_in_table,
                    counts.rejected_exact,
                    *self.done.values(),
                )
            fact = self.take_step(step)
            if fact is not None:
                self.protocol.receive(fact, self.now)
        return "never"

    def take_step(self, step):
        if isinstance(step, Wait):
            if self.commits:
                self.service.commit(1)
            self.now = step.until if step.until < math.inf else self.now + 1
            return None
        self.now += 0.01
        self.done[type(step)] += 1
        happens = self.happens[type(step)]
        fact = None if happens is None else happens(self, self.done[type(step)], step)
        fact = self.in_peace(step) if fact is None else fact
        if isinstance(step, Append):
            self.pacer.sent(self.now, step.payload.raw_bytes)
        return fact

    def in_peace(self, step):
        match step:
            case Append():
                self.service.apply(step.payload, step.end_token)
                return Acknowledged(1)
            case Poll():
                return StatusRead(self.service.status())
            case Reopen():
                return Reopened(self.service.open())
            case Take():
                if self.unsent is None:
                    start = self.delivery.start.position
                    self.unsent = list(payloads(start.rows, start.digest))
                return Offered(self.unsent.pop(0)) if self.unsent else SourceEnded()


def at(number, fact, *, applied=False):
    """Make this step end like this; `applied` for an append whose rows were taken all the same."""

    def happens(drive, count, step):
        if count != number:
            return None
        if applied:
            drive.service.apply(step.payload, step.end_token)
        return fact

    return happens


def always(fact):
    return lambda drive, count, step: fact


def a_load_begun_before(**first):
    """A service that has the load's first 20 rows, from a call that failed."""
    service = Service()
    Drive(service, take=at(5, Broke(FAILED_DISK, False)), **first).run()
    return service


def unwell(drive, count, step):
    if drive.done[Reopen] < 2:
        return StatusRead(replace(drive.service.status(), channel_status_code="ERR_CHANNEL_MUST_BE_REOPENED"))
    return None


def never_well(drive, count, step):
    return StatusRead(replace(drive.service.status(), channel_status_code="ERR_CHANNEL_MUST_BE_REOPENED"))


def a_foreign_token(drive, count, step):
    return StatusRead(replace(drive.service.status(), last_committed_offset_token="theirs:5:1-ab:0"))


def other_channel(**changes):
    """A reopened channel that is not what it was."""
    return lambda drive, count, step: (
        Reopened(replace(drive.service.open(), **changes)) if count == 2 else None
    )


def dropped(drive, count, step):
    if count == 3:  # taken, and never put into the table
        drive.service.token_only(step.end_token)
        return Acknowledged(1)
    return None


def without_counters(drive, count, step):
    return StatusRead(without_counts(drive.service.status()))


def open_without_counters(drive, count, step):
    return Reopened(without_counts(drive.service.open()))


def after(token, **options):
    """A load that begins after another one, whose end was seen."""
    service = Service(token=token)
    return Drive(service, standing=Standing(service.status(), 0, token), **options)


OTHER_PART = "load:20:1-ab:0/0/20:1/4/40"

SCENARIOS = {
    "in peace": lambda: Drive(Service()),
    "cut otherwise": lambda: after(OTHER_PART),
    "cut otherwise, as a reopen reports": lambda: Drive(Service(token=OTHER_PART)),
    "not waited for": lambda: Drive(Service(), wait=False),
    "go on": lambda: Drive(a_load_begun_before()),
    "go on after a seen end": lambda: after("20260101T000000Z-00000000:5:1-ab:0"),
    "forgotten": lambda: after("theirs:5:1-ab:0"),
    "forgotten, by the answer of an open": lambda: Drive(Service(token="theirs:5:1-ab:0")),
    "open without counters": lambda: Drive(a_load_begun_before(), reopen=open_without_counters),
    "open without counters, stale statuses": lambda: Drive(
        a_load_begun_before(),
        reopen=open_without_counters,
        poll=lambda drive, count, step: StatusRead(drive.service.said[0]) if count < 30 else None,
    ),
    "counters that are never reported": lambda: Drive(
        a_load_begun_before(), reopen=open_without_counters, poll=without_counters
    ),
    "missing while counting": lambda: Drive(
        a_load_begun_before(), reopen=open_without_counters, poll=always(StatusRead(None))
    ),
    "gone": lambda: Drive(
        Service(), append=at(3, Refused(refusal("ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED")))
    ),
    "too large": lambda: Drive(Service(), append=at(3, Refused(PayloadTooLargeError("no")))),
    "too large for ever": lambda: Drive(Service(), append=always(Refused(PayloadTooLargeError("no")))),
    "too large after a retry": lambda: Drive(
        Service(), append=at(3, Refused(PayloadTooLargeError("no", tries=2)), applied=True)
    ),
    "lost answer": lambda: Drive(Service(), append=at(3, Refused(refusal(tries=2)), applied=True)),
    "lost answers for ever": lambda: Drive(Service(), append=always(Refused(refusal(tries=2)))),
    "delivered twice": lambda: Drive(Service(), append=at(3, Refused(refusal()), applied=True)),
    "delivered twice for ever": lambda: Drive(
        Service(),
        append=lambda drive, count, step: at(count, Refused(refusal()), applied=True)(drive, count, step),
    ),
    "stale without a proof": lambda: Drive(Service(), append=at(1, Refused(refusal()))),
    "stale, and another writer commits": lambda: Drive(
        Service(), append=at(1, Refused(refusal())), poll=a_foreign_token
    ),
    "missing": lambda: Drive(Service(), poll=always(StatusRead(None))),
    "rejected": lambda: Drive(Service(rejects=frozenset({7}))),
    "rejected before": lambda: again(Service(rejects=frozenset({7}))),
    "unwell": lambda: Drive(Service(), poll=unwell),
    "never well": lambda: Drive(Service(), poll=never_well, max_in_flight_bytes=50),
    "unwell while draining": lambda: Drive(
        Service(),
        append=at(3, Refused(refusal(tries=2)), applied=True),
        poll=lambda drive, count, step: never_well(drive, count, step) if count < 3 else None,
        commits=False,
    ),
    "no commit before a reopen": lambda: Drive(
        Service(), append=at(3, Refused(refusal(tries=2)), applied=True), commits=False
    ),
    "full": lambda: Drive(Service(), max_in_flight_bytes=100),
    "full for ever": lambda: Drive(Service(), max_in_flight_bytes=100, commits=False),
    "no commit": lambda: Drive(Service(), commits=False),
    "made again": lambda: Drive(
        Service(),
        append=at(3, Refused(refusal(tries=2)), applied=True),
        reopen=other_channel(last_committed_offset_token=None, created_on_ms=2),
    ),
    "foreign commit": lambda: Drive(
        Service(),
        append=at(3, Refused(refusal(tries=2)), applied=True),
        reopen=other_channel(last_committed_offset_token="theirs:5:1-ab:0"),
    ),
    "dropped rows": lambda: Drive(Service(), append=dropped),
    "counters late": lambda: Drive(
        Service(),
        poll=lambda drive, count, step: without_counters(drive, count, step) if count < 12 else None,
    ),
    "never counted": lambda: Drive(Service(token="1000"), poll=without_counters),
    "the source fails": lambda: Drive(Service(), take=at(5, Broke(FAILED_DISK, False))),
    "the source fails, no commits": lambda: Drive(
        Service(), take=at(5, Broke(FAILED_DISK, False)), commits=False
    ),
    "the source fails, unwell": lambda: Drive(
        Service(), take=at(5, Broke(FAILED_DISK, False)), poll=never_well, commits=False
    ),
    "the source fails, no statuses": lambda: Drive(
        Service(), take=at(5, Broke(FAILED_DISK, False)), poll=always(Broke(SnowpipeError("no"), False))
    ),
    "cancelled": lambda: Drive(Service(), take=at(5, Broke(LoadCancelledError("no"), False))),
    "refused with an append in doubt": lambda: Drive(
        Service(), append=at(3, Broke(SnowpipeError("no"), True), applied=True)
    ),
    "refused in doubt, no reopen": lambda: Drive(
        Service(),
        append=at(3, Broke(SnowpipeError("no"), True), applied=True),
        reopen=at(2, Broke(SnowpipeError("no"), True)),
    ),
    "refused in doubt, made again": lambda: Drive(
        Service(),
        append=at(3, Broke(SnowpipeError("no"), True), applied=True),
        reopen=other_channel(last_committed_offset_token=None, created_on_ms=2),
    ),
}


def again(service):
    """The same load once more, where it was run to its end before."""
    Drive(service, on_error="report").run()
    return Drive(service)


def outcomes():
    found = {}
    for name, scenario in SCENARIOS.items():
        try:
            found[name] = scenario().run()
        except Exception as error:  # without a rule anything may be raised
            found[name] = type(error).__name__
    return found


WITH_ALL = outcomes()


def test_no_scenario_goes_on_forever_and_peace_ends_well():
    assert "never" not in WITH_ALL.values()
    assert WITH_ALL["in peace"][:4] == ("done", False, ROWS, True)
    assert not [name for name, found in WITH_ALL.items() if isinstance(found, str)]


def test_counters_that_are_not_reported_after_the_last_row_raise_no_doubt():
    """Nothing speaks against the load: it is done, and what was rejected is called unknown."""

    def silent_at_the_end(drive, count, step):
        return without_counters(drive, count, step) if not drive.service.pending else None

    ended = Drive(Service(), poll=silent_at_the_end).run()
    assert ended[:4] == ("done", False, ROWS, False)


@pytest.mark.parametrize("number", range(len(RULES)), ids=[f"{n}-{r.name}" for n, r in enumerate(RULES)])
def test_without_a_rule_a_scenario_ends_in_another_way(number, monkeypatch):
    monkeypatch.setattr(LoadProtocol, "rules", by_news(RULES[:number] + RULES[number + 1 :]))
    assert outcomes() != WITH_ALL


def pauses_of_the_last_looks(commits):
    """How long the drive waited between two statuses, at most 6 of them, once all was sent."""
    looks = []

    def look(drive, count, step):
        if drive.protocol.delivery.all_is_sent:
            looks.append(drive.now)

    Drive(Service(), poll=look, commits=commits).run()
    return [round(later - earlier, 1) for earlier, later in pairwise(looks[:7])]


def test_looks_are_rarer_while_nothing_comes_of_them_and_not_while_commits_come_in():
    assert pauses_of_the_last_looks(commits=False) == [0.3, 0.4, 0.6, 0.9, 1.3, 1.9]
    assert pauses_of_the_last_looks(commits=True) == [0.3] * 6
