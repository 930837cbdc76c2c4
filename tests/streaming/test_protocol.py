"""The protocol of a load, without a socket: every order of answers and statuses, and what holds in each."""

import math
from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from snowpipe_pandas.errors import (
    ChannelInvalidError,
    ChannelLostError,
    ChannelTakenOverError,
    CommitTimeoutError,
    LoadCancelledError,
    PayloadTooLargeError,
    RowsRejectedError,
    RowTooLargeError,
    TransportError,
)
from snowpipe_pandas.offset_tokens import read_token
from snowpipe_pandas.rest.pacer import Pacer, RateLimits
from snowpipe_pandas.rest.policy import PollPolicy
from snowpipe_pandas.streaming.options import LoadOptions
from snowpipe_pandas.streaming.plan import LoadPlan
from snowpipe_pandas.streaming.protocol import LoadProtocol
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
from tests.support.service import ROWS, ROWS_EACH, Service, payloads, without_counts

STEPS = 20_000
STEPS_EACH = 40
EXAMPLES = 1000
STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"
WELL = 4
made = Counter()


def lost(how, cause):
    return ChannelLostError(how, channel="c")


def refusal(code=STALE, tries=1):
    return ChannelInvalidError("no", channel="c", status=400, code=code, tries=tries)


class LoadMachine(RuleBasedStateMachine):
    """One named load, called again and again on one channel, with unnamed loads between.

    The service is honest, but its answers get lost, its statuses come late or from the past or without
    counters, its counters may restart with a reopen, and it may lose what it has not committed.
    """

    @initialize(
        rejects=st.sampled_from([frozenset(), frozenset({7}), frozenset({0, 1, 22, 39})]),
        restarts=st.booleans(),
        counts=st.sampled_from([True, True, True, False]),
    )
    def set_up(self, rejects, restarts, counts):
        self.service = Service(rejects=rejects, restarts_counters=restarts, counts=counts)
        self.now = 0.0
        self.standing = None
        self.pacer = Pacer(RateLimits(4 * ROWS_EACH * 10.0, 3.0))
        self.calls = 0
        self.foreign = False
        self.lied = False
        self.ended = None
        self.begin("report", True, "named", True)

    @rule(
        on_error=st.sampled_from(["raise", "report"]),
        wait=st.booleans(),
        load=st.sampled_from(["named", "named", "unnamed"]),
        opened=st.booleans(),
    )
    @precondition(lambda self: self.ended is not None)
    def call_again(self, on_error, wait, load, opened):
        self.begin(on_error, wait, load, opened)

    def begin(self, on_error, wait, load, opened):
        self.calls += 1
        named = load == "named"
        last = self.service.pending[-1][1] if self.service.pending else self.service.token
        owner = read_token(last)
        if named and owner is not None and owner.owner != "named" and self.service.has("named", 0):
            named = False  # a channel that has forgotten a load doubles it; the docs say so
        load_id = "named" if named else f"20260101T000000Z-{self.calls:08x}"
        options = LoadOptions(load_id="named" if named else None, on_error=on_error, wait=wait)
        plan = LoadPlan(load_id, "c", ROWS, options, PollPolicy(), lost)
        if opened and not self.service.pending:
            self.standing = None
        self.load_id = load_id
        self.protocol = LoadProtocol(plan, self.standing, self.pacer, self.now)
        self.standing = None
        self.unsent = None
        self.ended = None
        self.in_doubt = False

    # What happens at the service.

    @rule(count=st.integers(1, 3))
    def commit(self, count):
        self.service.commit(count)

    @rule(seconds=st.sampled_from([0.01, 0.3, 3.0, 20.0]))
    def time_passes(self, seconds):
        self.now += seconds

    # What the driver does.

    @precondition(lambda self: self.ended is None)
    @rule(steps=st.integers(1, 30), commits=st.integers(0, 3))
    def go_on(self, steps, commits):
        """Some steps without trouble, with a commit every few of them."""
        for number in range(steps):
            if self.ended is None:
                self.step(WELL, None)
                if commits and number % (4 - commits) == 0:
                    self.service.commit(1)

    @precondition(lambda self: self.ended is None)
    @rule(choice=st.integers(0, 9), draw=st.data())
    def meet(self, choice, draw):
        """One step with trouble."""
        self.step(choice, draw)

    @precondition(lambda self: self.ended is None)
    @rule(choices=st.lists(st.integers(0, 9), max_size=6), draw=st.data())
    def meet_more(self, choices, draw):
        """Some steps with trouble."""
        for choice in choices:
            if self.ended is None:
                self.step(choice, draw)

    def step(self, choice, draw):
        made["steps"] += 1
        protocol = self.protocol
        step = protocol.next(self.now)
        match step:
            case Done():
                self.finish(None)
            case Fail():
                self.finish(step.error)
            case Take():
                self.take(choice)
            case Append():
                self.append(step, choice)
            case Poll():
                self.receive(StatusRead(self.answer(choice, draw)))
            case Reopen():
                self.reopen(choice)
            case Wait():
                if choice == 0:
                    self.receive(Broke(LoadCancelledError("stop"), self.in_doubt))
                else:
                    assert step.until < math.inf
                    self.now = max(self.now, step.until)

    def receive(self, fact):
        self.protocol.receive(fact, self.now)

    def take(self, choice):
        if self.unsent is None:
            start = self.protocol.delivery.start.position
            self.unsent = list(payloads(start.rows, start.digest))
        if not self.unsent:
            self.receive(SourceEnded())
        elif choice == 0:
            self.receive(Broke(OSError("the disk is gone"), self.in_doubt))
        else:
            self.receive(Offered(self.unsent.pop(0)))

    def append(self, step, choice):
        """0 to 4 accepted, 5 lost answer, 6 lost request, 7 stale token, 8 too large, 9 no answer."""
        assert not self.in_doubt, "an append in doubt must be fenced before another one"
        assert self.pacer.wait_until(self.now, step.payload.raw_bytes) == self.now, (
            "the service would say 429"
        )
        self.pacer.sent(self.now, step.payload.raw_bytes)
        payload, token = step.payload, step.end_token
        assert not self.service.has(self.load_id, payload.first_row), "these rows were applied already"
        if choice <= 5:
            self.service.apply(payload, token)
        if choice <= 4:
            self.receive(Acknowledged(1 + choice % 2))
        elif choice in (5, 6):
            self.in_doubt = True
            self.receive(Refused(refusal(tries=2)))
        elif choice == 7:
            self.receive(Refused(refusal()))
        elif choice == 8:
            self.receive(Refused(PayloadTooLargeError("large")))
        else:
            self.in_doubt = True
            self.receive(Broke(TransportError("no answer", url=""), True))

    def answer(self, choice, draw):
        """0 to 5 the truth, 6 and 7 a status from the past, 8 without counters, 9 without the channel."""
        status = self.service.status()
        if choice in (6, 7):
            return draw.draw(st.sampled_from(self.service.said))
        if choice == 8:
            return without_counts(status)
        return None if choice == 9 else status

    def reopen(self, choice):
        if choice == 0:
            return self.receive(Broke(TransportError("no answer", url=""), self.in_doubt))
        if choice == 1:
            self.service.lose()
        status = self.service.open()
        self.in_doubt = False
        self.receive(Reopened(without_counts(status) if choice == 2 else status))
        return None

    def finish(self, error):
        delivery = self.protocol.delivery
        self.ended = type(error).__name__
        made[self.ended] += 1
        mine = self.service.table[self.load_id]
        refused = self.service.rejected[self.load_id]
        if error is None and delivery.plan.options.wait:
            assert sorted(mine + refused) == list(range(ROWS))
            assert delivery.counts.rows_in_table + delivery.counts.rows_rejected == ROWS
            if delivery.counts.rejected_exact:
                assert delivery.counts.rows_rejected == len(refused)
                assert delivery.counts.rows_in_table == len(mine)
        if error is not None and delivery.exact and delivery.counts.rejected_exact:
            assert delivery.counts.rows_in_table == len(mine)
        if error is not None:
            allowed = (
                ChannelInvalidError,
                ChannelTakenOverError,
                ChannelLostError,
                CommitTimeoutError,
                RowsRejectedError,
                RowTooLargeError,
                LoadCancelledError,
                TransportError,
                OSError,
            )
            assert isinstance(error, allowed), error
        if isinstance(error, RowsRejectedError):
            assert refused
            assert error.rows_rejected <= len(refused)
        if error is None:
            self.standing = delivery.standing()

    @invariant()
    def nothing_is_claimed_that_is_not_so(self):
        if not hasattr(self, "protocol"):
            return
        delivery = self.protocol.delivery
        mine, refused = len(self.service.table[self.load_id]), len(self.service.rejected[self.load_id])
        assert delivery.committed.rows <= mine + refused
        assert delivery.counts.rows_rejected <= refused
        if delivery.counts.rejected_exact:
            assert delivery.counts.rows_in_table <= mine


def test_whatever_comes_nothing_is_sent_twice_or_claimed_in_vain():
    made.clear()
    run_state_machine_as_test(
        LoadMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_EACH,
            derandomize=True,
            report_multiple_bugs=False,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(made)
    assert made["steps"] >= STEPS
