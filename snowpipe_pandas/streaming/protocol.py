"""The protocol of one load: states, and a table of rules that lead from one to the next. No I/O, no clock.

Facts go in (`receive`), steps come out (`next`). `load.py` drives it against a real channel, tests drive it
without one. docs/reliability.md has every rule in words. What is known of the load is in `delivery.py`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from operator import attrgetter
from typing import Any, TypeAlias

from ..errors import PayloadTooLargeError
from ..events import Phase, PhaseChanged
from ..rest.answers import CHANNEL_GONE_CODES, STALE_CONTINUATION
from ..rest.pacer import Pacer
from ..rest.polling import Polling
from ..rest.standing import Standing
from ..rows.payloads import Payload
from . import failures
from .delivery import Delivery
from .options import LoadOptions
from .plan import LoadPlan
from .steps import (
    Append,
    Begun,
    Broke,
    Done,
    Fact,
    Fail,
    Poll,
    Refused,
    Reopen,
    Reopened,
    StatusRead,
    Step,
    Take,
    TimePassed,
    Wait,
)


class State(Enum):
    """Where a load is."""

    __hash__ = object.__hash__  # an enum's own is written in Python, and rules are looked up by it

    OPENING = auto()
    CLAIMING = auto()
    COUNTING = auto()
    SENDING = auto()
    CROWDED = auto()
    COMMITTING = auto()
    AUDITING = auto()
    WATCHING = auto()
    DRAINING = auto()
    REOPENING = auto()
    STOPPING = auto()
    SETTLING = auto()
    FENCING = auto()
    DONE = auto()
    FAILED = auto()


_S, _D = State, Delivery
_SENT = (_S.SENDING, _S.CROWDED, _S.COMMITTING)
_LISTENING = (*_SENT, _S.AUDITING, _S.DRAINING)
_UNDER_WAY = (*_LISTENING, _S.OPENING, _S.CLAIMING, _S.COUNTING, _S.WATCHING, _S.REOPENING)
_POLLING = (_S.COUNTING, _S.CROWDED, _S.COMMITTING, _S.AUDITING, _S.WATCHING, _S.DRAINING, _S.SETTLING)
"""States in which only statuses are read, with growing pauses."""

_PATIENCE: dict[State, Callable[[LoadOptions], float]] = {
    _S.CROWDED: attrgetter("commit_timeout_s"),
    _S.COMMITTING: attrgetter("commit_timeout_s"),
    _S.COUNTING: attrgetter("limits.audit_grace_s"),
    _S.AUDITING: attrgetter("limits.audit_grace_s"),
    _S.WATCHING: attrgetter("limits.owner_watch_s"),
    _S.DRAINING: attrgetter("limits.owner_watch_s"),
    _S.SETTLING: attrgetter("limits.settle_timeout_s"),
}
"""How long a load stays in a state; in the others, without limit."""

_OTHER_WRITER_CODES = (STALE_CONTINUATION, "ERR_CHANNEL_HAS_INVALID_CLIENT_SEQUENCER")
_PHASES: dict[State, Phase] = {
    _S.SENDING: "sending",
    _S.CROWDED: "sending",
    _S.COMMITTING: "committing",
    _S.DONE: "done",
}

Guard: TypeAlias = Callable[[Delivery, Any], bool]
Action: TypeAlias = Callable[[Delivery, Any], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a load does about a fact in a state; of the rules that fit, the first one holds.

    Attributes:
        name: its name in docs/reliability.md, which has it in words.
        states: where it holds.
        fact: what is learned; None for a rule that needs no new fact.
        when: the condition that must hold too, None for always.
        act: what is done, None for nothing.
        to: the state that follows.
    """

    name: str
    states: tuple[State, ...]
    fact: type[Fact] | None
    when: Guard | None
    act: Action | None
    to: State


def _unwell(_: Delivery, fact: StatusRead) -> bool:
    return fact.status is not None and not fact.status.healthy


def _too_large(fact: Refused) -> bool:
    return isinstance(fact.error, PayloadTooLargeError)


def _stale_at_once(fact: Refused) -> bool:
    return fact.error.tries == 1 and fact.error.code in _OTHER_WRITER_CODES


def _fail(make: Callable[[Delivery, Any], BaseException]) -> Action:
    def fail(delivery: Delivery, fact: Any) -> None:
        delivery.error = make(delivery, fact)

    return fail


# One line for each rule, however long: a table is read by its columns.
# ruff: noqa: E501
# fmt: off
RULES: tuple[Rule, ...] = (
    # A load begins.
    Rule("too little known", (_S.OPENING,), Begun, lambda d, f: d.knows_too_little_of(f.standing), None, _S.CLAIMING),
    Rule("other load", (_S.OPENING,), Begun, lambda d, f: d.is_forgotten(f.standing), _fail(failures.other_load), _S.STOPPING),
    Rule("other load", (_S.CLAIMING,), Reopened, lambda d, f: d.is_forgotten(Standing.after_open(f.status)), _fail(failures.other_load), _S.STOPPING),
    Rule("cut otherwise", (_S.OPENING,), Begun, lambda d, f: d.is_cut_otherwise(f.standing), _fail(failures.cut_otherwise), _S.STOPPING),
    Rule("cut otherwise", (_S.CLAIMING,), Reopened, lambda d, f: d.is_cut_otherwise(Standing.after_open(f.status)), _fail(failures.cut_otherwise), _S.STOPPING),
    Rule("begin", (_S.OPENING,), Begun, None, lambda d, f: d.begin(f.standing), _S.COUNTING),
    Rule("begin", (_S.CLAIMING,), Reopened, None, lambda d, f: d.begin(Standing.after_open(f.status)), _S.COUNTING),
    Rule("begin", (_S.COUNTING,), None, lambda d, _: not d.counters.want_status, None, _S.SENDING),
    Rule("counters left out", (_S.COUNTING,), StatusRead, lambda d, f: d.shows_the_open(f.status), None, _S.SENDING),
    Rule("counters left out", (_S.COUNTING,), TimePassed, None, None, _S.SENDING),
    # An append is refused, or its answer can't be read.
    Rule("no channel", (_S.SENDING,), Refused, lambda d, f: f.error.code in CHANNEL_GONE_CODES, _fail(failures.lost), _S.STOPPING),
    Rule("row too large", (_S.SENDING,), Refused, lambda d, f: _too_large(f) and d.sent.rows == 1, _fail(failures.row_too_large), _S.STOPPING),
    Rule("too large", (_S.SENDING,), Refused, lambda d, f: _too_large(f) and f.error.tries == 1, _D.shrink, _S.SENDING),
    Rule("stale token", (_S.SENDING,), Refused, lambda d, f: _stale_at_once(f), _D.watch_owner, _S.WATCHING),
    Rule("reopens spent", (_S.SENDING,), Refused, lambda d, _: d.reopens_are_spent, _fail(failures.refusal), _S.STOPPING),
    Rule("too large in doubt", (_S.SENDING,), Refused, lambda d, f: _too_large(f), _D.shrink, _S.DRAINING),
    Rule("in doubt", (_S.SENDING,), Refused, None, None, _S.DRAINING),
    # A status is read.
    Rule("missing", (*_LISTENING, _S.COUNTING, _S.WATCHING), StatusRead, lambda d, _: d.is_missing, _fail(failures.lost), _S.STOPPING),
    Rule("rejected", _LISTENING, StatusRead, lambda d, _: d.has_rejections, _fail(failures.rejected), _S.STOPPING),
    Rule("reopens spent", _SENT, StatusRead, lambda d, f: _unwell(d, f) and d.reopens_are_spent, _fail(failures.unwell), _S.STOPPING),
    Rule("unwell", _SENT, StatusRead, _unwell, None, _S.DRAINING),
    Rule("room", (_S.CROWDED,), StatusRead, lambda d, _: not d.is_full, None, _S.SENDING),
    Rule("reopens spent", (_S.WATCHING,), StatusRead, lambda d, _: d.is_proven_own and d.reopens_are_spent, _fail(failures.refusal), _S.STOPPING),
    Rule("proven own", (_S.WATCHING,), StatusRead, lambda d, _: d.is_proven_own, None, _S.DRAINING),
    Rule("proven foreign", (_S.WATCHING,), StatusRead, lambda d, f: d.is_proven_foreign(f.status), _fail(failures.taken_over), _S.STOPPING),
    Rule("not proven", (_S.WATCHING,), TimePassed, None, _fail(failures.taken_over), _S.STOPPING),
    # The channel is reopened, once the commits under way are seen: an open is refused while rows are uncommitted.
    Rule("drained", (_S.DRAINING,), None, lambda d, _: not d.commits_wait, _D.spend_reopen, _S.REOPENING),
    Rule("drained", (_S.DRAINING,), StatusRead, _unwell, _D.spend_reopen, _S.REOPENING),
    Rule("drained", (_S.DRAINING,), TimePassed, None, _D.spend_reopen, _S.REOPENING),
    Rule("go back", (_S.REOPENING,), Reopened, lambda d, f: d.leads_on(f.status), _D.go_back, _S.COUNTING),
    Rule("made again", (_S.REOPENING,), Reopened, lambda d, f: d.is_recreated(f.status), _fail(failures.lost), _S.STOPPING),
    Rule("foreign commit", (_S.REOPENING,), Reopened, None, _fail(failures.foreign_commit), _S.STOPPING),
    # Commits are waited for, and checked.
    Rule("rejected before", (_S.SENDING,), None, lambda d, _: d.has_rejections, _fail(failures.rejected), _S.STOPPING),
    Rule("full", (_S.SENDING,), None, lambda d, _: d.is_full, None, _S.CROWDED),
    Rule("sent", (_S.SENDING,), None, lambda d, _: d.all_is_sent and not d.plan.options.wait, None, _S.DONE),
    Rule("sent", (_S.SENDING,), None, lambda d, _: d.all_is_sent, None, _S.COMMITTING),
    Rule("no commit", (_S.CROWDED, _S.COMMITTING), TimePassed, None, _fail(failures.no_commit), _S.STOPPING),
    Rule("audited", (_S.COMMITTING, _S.AUDITING), None, lambda d, _: not d.commits_wait and d.counts_agree, None, _S.DONE),
    Rule("audit", (_S.COMMITTING,), None, lambda d, _: not d.commits_wait, None, _S.AUDITING),
    Rule("never counted", (_S.AUDITING,), TimePassed, lambda d, _: d.is_uncounted, _D.give_up_counting, _S.DONE),
    Rule("audit failed", (_S.AUDITING,), TimePassed, None, _fail(failures.audit), _S.STOPPING),
    # A load fails.
    Rule("broke", _UNDER_WAY, Broke, None, None, _S.STOPPING),
    Rule("not settled", (_S.STOPPING,), None, lambda d, _: d.is_not_to_be_settled, None, _S.FAILED),
    Rule("fence", (_S.STOPPING,), None, lambda d, _: d.in_doubt, None, _S.FENCING),
    Rule("settle", (_S.STOPPING,), None, None, None, _S.SETTLING),
    Rule("fence", (_S.FENCING,), Reopened, lambda d, f: d.leads_on(f.status), _D.settle_by_reopen, _S.FAILED),
    Rule("fence", (_S.FENCING,), Reopened, None, None, _S.FAILED),
    Rule("settle", (_S.SETTLING,), None, lambda d, _: not d.commits_wait and d.counts_agree, _D.settle, _S.FAILED),
    Rule("settle", (_S.SETTLING,), StatusRead, lambda d, f: _unwell(d, f) or d.is_missing, None, _S.FAILED),
    Rule("settle", (_S.SETTLING,), TimePassed, None, None, _S.FAILED),
    Rule("settle", (_S.SETTLING, _S.FENCING), Broke, None, None, _S.FAILED),
)
# fmt: on


def by_news(rules: Iterable[Rule]) -> Mapping[tuple[State, type[Fact] | None], tuple[Rule, ...]]:
    """Return the rules for each state and kind of news, in their order."""
    found: defaultdict[tuple[State, type[Fact] | None], tuple[Rule, ...]] = defaultdict(tuple)
    for rule in rules:
        for state in rule.states:
            found[state, rule.fact] += (rule,)
    return dict(found)


class LoadProtocol:
    """The states of one load.

    Args:
        plan: what the load is to do.
        standing: what is known of the channel, None where it must be reopened to know anything.
        pacer: decides when the channel may take the next payload.
        now: seconds that only go forward; so is every `now` here.

    Attributes:
        delivery: what is known of the load.
        state: where it is.
        rules: the table, by state and news.
        paused: while True, no payload is asked for or sent.
    """

    rules = by_news(RULES)

    def __init__(self, plan: LoadPlan, standing: Standing | None, pacer: Pacer, now: float) -> None:
        self._pacer = pacer
        self.delivery = Delivery(plan, now)
        self.state = State.OPENING
        self.paused = False
        self._phase: Phase = "preparing"
        self._polling = self._first_pauses()
        self._read_at = self._poll_at = now
        self._deadline = math.inf
        self.receive(Begun(standing), now)

    def receive(self, fact: Fact, now: float) -> None:
        """Take in what was learned."""
        delivery = self.delivery
        committed = delivery.committed
        delivery.note(fact, now)
        if isinstance(fact, StatusRead):
            if delivery.committed != committed:
                self._polling = self._first_pauses()  # commits come in: the next one may be near
            self._read_at, self._poll_at = now, now + self._polling.next_pause_s()
        if delivery.committed != committed and self.state is State.CROWDED:
            self._deadline = now + delivery.plan.options.commit_timeout_s
        self._follow(fact, now)
        while self._follow(None, now):
            pass

    def next(self, now: float) -> Step:
        """Return what to do now."""
        if now >= self._deadline:
            self.receive(TimePassed(), now)
        match self.state:
            case State.SENDING:
                return self._next_to_send(now)
            case State.CLAIMING | State.REOPENING | State.FENCING:
                return Reopen()
            case State.DONE:
                return Done()
            case State.FAILED:
                return Fail(self.delivery.error or TypeError("a load failed without an error"))
        return Poll() if now >= self._poll_at else Wait(min(self._poll_at, self._deadline))

    def _next_to_send(self, now: float) -> Step:
        delivery = self.delivery
        interval = delivery.plan.options.limits.status_interval_s / (4 if delivery.much_waits else 1)
        poll_at = self._read_at + interval if delivery.commits_wait else math.inf
        if now >= poll_at:
            return Poll()
        if self.paused:
            return Wait(poll_at)
        payload = delivery.next_payload
        if payload is None:
            return Take(poll_at)
        ready_at = self._ready_at(payload, now)
        if now < ready_at:
            return Wait(min(ready_at, poll_at))
        end_token = delivery.send(payload)
        return Append(payload, f"{delivery.plan.load_id}:{payload.first_row}", end_token)

    def _ready_at(self, payload: Payload, now: float) -> float:
        """Return when a payload may be sent without exceeding the service's limits."""
        limits = self.delivery.plan.options.limits
        return self._pacer.wait_until(
            now,
            payload.raw_bytes,
            bytes_per_s=limits.max_bytes_per_s,
            requests_per_s=limits.max_requests_per_s,
        )

    def _follow(self, fact: Fact | None, now: float) -> bool:
        """Follow the first rule that fits; returns whether one did."""
        news = None if fact is None else type(fact)
        for rule in self.rules.get((self.state, news), ()):
            if rule.when is None or rule.when(self.delivery, fact):
                if rule.act is not None:
                    rule.act(self.delivery, fact)
                self._enter(rule.to, now)
                return True
        return False

    def _enter(self, state: State, now: float) -> None:
        if state is self.state:
            return
        self.state = state
        patience = _PATIENCE.get(state)
        self._deadline = math.inf if patience is None else now + patience(self.delivery.plan.options)
        if state in _POLLING:
            self._polling = self._first_pauses()
            self._poll_at = now
        elif self._phase == "preparing":
            self._read_at = now  # what the load begins with is as good as a status
        self._report_phase()

    def _first_pauses(self) -> Polling:
        polling = self.delivery.plan.polling
        return Polling(polling.first_s, polling.cap_s)

    def _report_phase(self) -> None:
        phase = _PHASES.get(self.state, self._phase)
        if self.state is State.FAILED:
            self.delivery.events.append(failures.failure_event(self.delivery.error))
        elif phase != self._phase:
            self._phase = phase
            self.delivery.events.append(PhaseChanged(phase=phase))
