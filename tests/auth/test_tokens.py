"""The token cache and the clock: no server, and time that moves only by hand."""

import itertools
import math
import sys
import threading
import time
import warnings

import pytest

from snowpipe_pandas.auth.tokens import SOFT_RENEWAL_BUDGET_S, Clock, ClockSkewWarning, Token, TokenCache
from snowpipe_pandas.errors import AuthenticationError, LoadCancelledError, LoadFacts, TransportError
from tests.auth.clocks import EPOCH_S
from tests.support.callers import ANYBODY, StoppableCaller

THREADS = 32


class Issuer:
    """Issues numbered tokens of a given life by a clock; counts them."""

    def __init__(self, hands, life_s=3600.0):
        self.hands = hands
        self.life_s = life_s
        self.issued = 0

    def __call__(self, caller=ANYBODY, budget_s=None):
        self.issued += 1
        now = self.hands.clock.now()
        return Token(f"token-{self.issued}", now, now + self.life_s)


@pytest.mark.parametrize(
    ("life_s", "renewed_after_s"),
    [(3600, 3240), (1800, 1440), (720, 360), (600, 300), (60, 30), (30, 15), (5, 2.5), (1, 1), (-45, 1)],
)
def test_a_token_is_renewed_five_minutes_and_the_skew_before_its_end_or_at_half_of_a_short_life(
    hands, life_s, renewed_after_s
):
    issuer = Issuer(hands, life_s)
    cache = TokenCache(issuer, hands.clock)
    first = cache.token(ANYBODY)
    hands.pass_time(renewed_after_s - 0.01)
    assert cache.token(ANYBODY) is first
    hands.pass_time(0.01)
    assert cache.token(ANYBODY).value == "token-2"
    assert issuer.issued == 2


def test_a_token_without_an_end_is_never_renewed(hands):
    issuer = Issuer(hands, math.inf)
    cache = TokenCache(issuer, hands.clock)
    cache.token(ANYBODY)
    hands.pass_time(1e9)
    assert cache.token(ANYBODY).value == "token-1"
    assert cache.expires_in == math.inf


@pytest.mark.parametrize(("life_s", "at_most"), [(5, 41), (30, 7), (-45, 101), (0, 101)])
def test_a_short_life_never_means_a_renewal_for_every_request(hands, life_s, at_most):
    """1,000 requests in 100 seconds; also where skewed clocks make a new token look like an ended one."""
    issuer = Issuer(hands, life_s)
    cache = TokenCache(issuer, hands.clock)
    for _ in range(1000):
        cache.token(ANYBODY)
        hands.pass_time(0.1)
    assert issuer.issued <= at_most


def test_refresh_if_needed_decides_by_the_time_it_is_given(hands):
    issuer = Issuer(hands)
    cache = TokenCache(issuer, hands.clock)
    start = hands.monotonic
    first = cache.refresh_if_needed(start, ANYBODY)
    assert cache.refresh_if_needed(start + 3239, ANYBODY) is first
    assert cache.refresh_if_needed(start + 3240, ANYBODY) is not first


@pytest.mark.parametrize("step_s", [3600, -3600, 86400 * 365])
def test_a_step_of_the_wall_clock_neither_ends_a_token_nor_lengthens_it(hands, step_s):
    issuer = Issuer(hands)
    cache = TokenCache(issuer, hands.clock)
    cache.token(ANYBODY)
    hands.step_wall(step_s)
    for _ in range(10):
        assert cache.token(ANYBODY).value == "token-1"
    hands.pass_time(3240)
    assert cache.token(ANYBODY).value == "token-2"


def test_expiry_is_known_once_there_is_a_token(hands):
    cache = TokenCache(Issuer(hands), hands.clock)
    assert (cache.expires_at, cache.expires_in) == (None, None)
    assert repr(cache) == "<TokenCache, empty>"
    cache.token(ANYBODY)
    hands.pass_time(100)
    assert (cache.expires_at, cache.expires_in) == (EPOCH_S + 3600, 3500)
    assert repr(cache) == "<TokenCache, 3500 s left>"


def test_a_refused_token_is_replaced_once_however_many_refusals_come_in(hands):
    issuer = Issuer(hands)
    cache = TokenCache(issuer, hands.clock)
    refused = cache.token(ANYBODY)
    cache.invalidate(refused)
    replacement = cache.token(ANYBODY)
    for _ in range(8):  # the other requests which the old token had signed
        cache.invalidate(refused)
        assert cache.token(ANYBODY) is replacement
    assert issuer.issued == 2


def test_a_refusal_of_an_equal_but_older_token_leaves_the_new_one_alone(hands):
    cache = TokenCache(lambda *_: Token("same text", EPOCH_S, EPOCH_S + 3600), hands.clock)
    old = cache.token(ANYBODY)
    cache.invalidate(old)
    new = cache.token(ANYBODY)
    cache.invalidate(old)
    assert cache.token(ANYBODY) is new


class Crowd:
    """Threads that ask one cache at once; `wait_until_all_wait` proves that they met one renewal."""

    def __init__(self, cache, size=THREADS):
        self.tokens, self.errors = [], []
        self._cache = cache
        self._threads = [threading.Thread(target=self._ask) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        try:
            self.tokens.append(self._cache.token(ANYBODY))
        except BaseException as error:
            self.errors.append(error)

    def wait_until_all_wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            frames = sys._current_frames()
            waiting = [frames[t.ident].f_code.co_name for t in self._threads if t.ident in frames]
            if waiting == ["wait"] * len(self._threads):
                return
            time.sleep(0.001)
        raise AssertionError("not every thread came to wait for the renewal")

    def join(self):
        for thread in self._threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self._threads)


@pytest.mark.parametrize("expired", [False, True], ids=["no token yet", "expired token"])
def test_32_threads_meeting_no_good_token_cause_one_renewal(hands, expired):
    gate = threading.Event()
    issuer = Issuer(hands)

    def fetch(caller, budget_s):
        if issuer.issued or not expired:
            gate.wait(20)
        return issuer()

    cache = TokenCache(fetch, hands.clock)
    if expired:
        cache.token(ANYBODY)
        hands.pass_time(3601)
    crowd = Crowd(cache)
    crowd.wait_until_all_wait()
    gate.set()
    crowd.join()
    assert issuer.issued == 1 + expired
    assert crowd.errors == []
    assert {id(token) for token in crowd.tokens} == {id(cache.token(ANYBODY))}
    assert len(crowd.tokens) == THREADS


def test_a_failed_renewal_is_one_failure_for_all_and_the_next_call_tries_anew(hands):
    gate = threading.Event()
    calls = itertools.count(1)

    def fetch(caller, budget_s):
        if next(calls) == 1:
            gate.wait(20)
            raise AuthenticationError("refused", status=401, code="390144", account="A", user="U")
        return Token("at last", EPOCH_S, EPOCH_S + 3600)

    cache = TokenCache(fetch, hands.clock)
    crowd = Crowd(cache)
    crowd.wait_until_all_wait()
    gate.set()
    crowd.join()
    assert crowd.tokens == []
    assert len(crowd.errors) == THREADS
    assert {(type(e), str(e), e.status, e.code, e.user) for e in crowd.errors} == {
        (AuthenticationError, "refused", 401, "390144", "U")
    }
    assert cache.token(ANYBODY).value == "at last"
    assert next(calls) == 3


def test_each_thread_gets_an_error_of_its_own_to_attach_facts_to(hands):
    gate = threading.Event()

    def fetch(caller, budget_s):
        gate.wait(20)
        raise AuthenticationError("refused", status=401)

    crowd = Crowd(TokenCache(fetch, hands.clock), size=4)
    crowd.wait_until_all_wait()
    gate.set()
    crowd.join()
    for number, error in enumerate(crowd.errors):
        error.load = LoadFacts(
            target="T", load_id=f"load-{number}", channel="c", rows_acknowledged=0, rows_in_table=0
        )
    assert [error.load.load_id for error in crowd.errors] == [f"load-{n}" for n in range(4)]


def test_an_interrupted_renewal_is_taken_over_by_a_waiting_thread(hands):
    """Ctrl-C in the thread that renews must not be an answer to the others."""
    gate = threading.Event()
    calls = itertools.count(1)

    def fetch(caller, budget_s):
        if next(calls) == 1:
            gate.wait(20)
            raise KeyboardInterrupt
        return Token("taken over", EPOCH_S, EPOCH_S + 3600)

    crowd = Crowd(TokenCache(fetch, hands.clock), size=4)
    crowd.wait_until_all_wait()
    gate.set()
    crowd.join()
    assert [type(error) for error in crowd.errors] == [KeyboardInterrupt]
    assert [token.value for token in crowd.tokens] == ["taken over"] * 3
    assert next(calls) == 3


def test_threads_that_find_a_good_token_do_not_wait_for_anyone(hands):
    cache = TokenCache(Issuer(hands), hands.clock)
    token = cache.token(ANYBODY)
    crowd = Crowd(cache, size=8)
    crowd.join()
    assert crowd.tokens == [token] * 8


class Issuing(Issuer):
    """An issuer that can be made to fail, and records the seconds that it was given."""

    def __init__(self, hands, life_s=3600.0):
        super().__init__(hands, life_s)
        self.failure = None
        self.budgets = []

    def __call__(self, caller, budget_s):
        self.budgets.append(budget_s)
        if self.failure is not None:
            raise self.failure
        return super().__call__()


DOWN = TransportError("the token endpoint is down", url="https://x")


def test_a_token_that_lives_is_used_on_where_its_renewal_fails(hands, caplog):
    issuer = Issuing(hands)
    cache = TokenCache(issuer, hands.clock)
    token = cache.token(ANYBODY)
    hands.pass_time(3300)
    issuer.failure = DOWN
    assert cache.token(ANYBODY) is token
    assert issuer.budgets == [None, SOFT_RENEWAL_BUDGET_S]
    assert "used for 300 s more: the token endpoint is down" in caplog.text
    assert token.value not in caplog.text


@pytest.mark.parametrize(("left_s", "pause_s"), [(300, 30), (60, 30), (40, 20), (2, 1)])
def test_a_renewal_that_failed_is_tried_again_after_a_while(hands, left_s, pause_s):
    issuer = Issuing(hands)
    cache = TokenCache(issuer, hands.clock)
    token = cache.token(ANYBODY)
    hands.pass_time(3600 - left_s)
    issuer.failure = DOWN
    for _ in range(5):
        assert cache.token(ANYBODY) is token
    assert len(issuer.budgets) == 2
    hands.pass_time(pause_s - 0.01)
    assert cache.token(ANYBODY) is token
    assert len(issuer.budgets) == 2
    issuer.failure = None
    hands.pass_time(0.01)
    assert cache.token(ANYBODY).value == "token-2"


@pytest.mark.parametrize("end", ["its end", "refused", "another host"])
def test_a_token_that_is_of_no_use_any_more_is_renewed_in_earnest(hands, end):
    issuer = Issuing(hands)
    cache = TokenCache(issuer, hands.clock)
    token = cache.token(ANYBODY)
    if end == "its end":
        hands.pass_time(3600)
    elif end == "refused":
        cache.invalidate(token)
    else:
        cache.clear()
    issuer.failure = DOWN
    for _ in range(2):
        with pytest.raises(TransportError, match="is down"):
            cache.token(ANYBODY)
    assert issuer.budgets == [None, None, None]


def test_a_token_that_is_refused_while_its_renewal_fails_is_renewed_in_earnest(hands):
    budgets = []

    def fetch(caller, budget_s):
        budgets.append(budget_s)
        if budget_s is not None:
            cache.invalidate(first)  # as another thread's request does
            raise DOWN
        return Token(f"token-{len(budgets)}", EPOCH_S, EPOCH_S + 3600)

    cache = TokenCache(fetch, hands.clock)
    first = cache.token(ANYBODY)
    hands.pass_time(3300)
    assert cache.token(ANYBODY).value == "token-3"
    assert budgets == [None, SOFT_RENEWAL_BUDGET_S, None]


def test_others_go_on_with_a_token_that_lives_while_one_thread_renews_it(hands):
    gate, begun = threading.Event(), threading.Event()

    def fetch(caller, budget_s):
        if budget_s is not None:
            begun.set()
            gate.wait(20)
        return Token("made", hands.clock.now(), hands.clock.now() + 3600)

    cache = TokenCache(fetch, hands.clock)
    old = cache.token(ANYBODY)
    hands.pass_time(3300)
    renewing = Crowd(cache, size=1)
    assert begun.wait(20)
    assert cache.token(ANYBODY) is old
    gate.set()
    renewing.join()
    assert renewing.tokens == [cache.token(ANYBODY)] != [old]


def test_a_caller_that_stops_gets_no_old_token(hands):
    caller = StoppableCaller()

    def fetch(_, budget_s):
        if budget_s is not None:
            caller.stop()
            caller.sleep(1)
        return Token("made", EPOCH_S, EPOCH_S + 3600)

    cache = TokenCache(fetch, hands.clock)
    cache.token(ANYBODY)
    hands.pass_time(3300)
    with pytest.raises(LoadCancelledError):
        cache.token(caller)


def test_a_new_token_is_reported_once_and_after_its_renewal(hands):
    reported = []
    cache = TokenCache(Issuer(hands), hands.clock)
    cache.on_renewed = lambda life: reported.append((life.reason, cache.token(ANYBODY).value))
    cache.token(ANYBODY)
    hands.pass_time(3300)
    cache.token(ANYBODY)
    assert reported == [("first use", "token-1"), ("the last one was near its end", "token-2")]


def learn_often(hands, offset_s):
    for _ in range(5):
        hands.clock.learn(hands.wall + offset_s)
        hands.pass_time(10)


@pytest.mark.parametrize("offset_s", [0, 30, -60, 60])
def test_a_clock_within_a_minute_of_the_servers_is_taken_as_right(hands, offset_s):
    hands.clock.learn(hands.wall + offset_s)
    assert (hands.clock.offset_s, hands.clock.now()) == (0, EPOCH_S)


@pytest.mark.parametrize(
    ("offset_s", "text"),
    [
        (61, "is 61 s behind the server's"),
        (-300, "is 300 s ahead of the server's"),
        (7200, "is 7200 s behind the server's"),
        (-7200, "is 7200 s ahead of the server's"),
    ],
)
def test_a_clock_that_is_off_is_said_once_and_corrected(hands, offset_s, text):
    with pytest.warns(ClockSkewWarning, match=text) as caught:
        learn_often(hands, offset_s)
    assert len(caught) == 1
    assert hands.clock.offset_s == offset_s
    assert hands.clock.now() == hands.wall + offset_s


def test_a_clock_that_was_set_right_is_believed_again(hands):
    with pytest.warns(ClockSkewWarning):
        hands.clock.learn(hands.wall + 300)
    hands.step_wall(300)
    hands.clock.learn(hands.wall)
    assert (hands.clock.offset_s, hands.clock.now()) == (0, hands.wall)


def test_threads_that_learn_at_once_say_it_once():
    start = threading.Barrier(8)
    clock = Clock(wall=lambda: EPOCH_S)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def learn():
            start.wait(20)
            for _ in range(50):
                clock.learn(EPOCH_S + 600)

        threads = [threading.Thread(target=learn) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(caught) == 1
