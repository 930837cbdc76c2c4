"""The retry policy: when, how often and how long, on a clock of the tests' own."""

import pytest

from snowpipe_pandas.errors import ConfigError, TransportError
from snowpipe_pandas.events import Hub, RequestRetried
from snowpipe_pandas.rest.answers import Refusal
from snowpipe_pandas.rest.caller import Caller
from snowpipe_pandas.rest.policy import RetryPolicy
from snowpipe_pandas.rest.transport import Request, Transport
from tests.support.clocks import QuickClock
from tests.support.scripted import Reply, scripted_server
from tests.support.signers import CountingSigner

BUSY = Reply(503, {"code": "BUSY", "message": "later"})


@pytest.fixture
def server():
    with scripted_server() as server:
        yield server


@pytest.fixture
def clock():
    return QuickClock()


@pytest.fixture
def send(server, clock):
    """Send one request under a policy; events go to `send.events`."""
    made = []

    def send(policy, *, headers=None, method="POST"):
        hub = Hub()
        wire = Transport(clock, retry=policy)
        made.append(wire)
        with hub.heard_by(send.events.append):
            request = Request(method, f"{server.url}/v2/x", action="do it", headers=headers or {})
            return wire.send(request, CountingSigner(), Caller(clock, hub, channel="c", target="t"))

    send.events = []
    yield send
    for wire in made:
        wire.close()


def test_pauses_double_up_to_the_cap(server, clock, send):
    server.script(BUSY)
    send(RetryPolicy(attempts=7, base_s=1.0, cap_s=10.0, jitter=0.0, budget_s=1000.0))
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert len(server.seen) == 7


def test_jitter_shortens_pauses_by_chance_and_never_lengthens_them():
    policy = RetryPolicy(base_s=1.0, jitter=0.5)
    pauses = {policy.pause_s(1) for _ in range(200)}
    assert len(pauses) > 100
    assert 0.5 <= min(pauses) < 0.6
    assert 0.9 < max(pauses) <= 1.0


def test_the_budget_is_time_and_no_pause_goes_beyond_it(server, clock, send):
    server.script(BUSY)
    answer = send(RetryPolicy(base_s=1.0, jitter=0.0, budget_s=20.0))
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]  # the next one would end after 20 s
    assert (answer.status, answer.tries) == (503, 5)


def test_every_kind_of_request_obeys_the_same_policy(server, clock, send):
    server.script(BUSY)
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert send(RetryPolicy(attempts=3, base_s=0.1), method=method).tries == 3


def test_fifty_throttles_with_retry_after_are_obeyed_within_the_budget(server, clock, send):
    server.script(*[Reply(429, {"code": "THROTTLED"}, {"Retry-After": "1"})] * 50, Reply(200, {"ok": 1}))
    assert send(RetryPolicy(budget_s=120.0)).tries == 51
    assert clock.slept == [1.0] * 50
    assert {event.throttled for event in send.events} == {True}


@pytest.mark.parametrize("text", ["garbage", "-5", ""])
def test_a_retry_after_that_cannot_be_read_is_as_none(server, clock, send, text):
    server.script(Reply(429, {"code": "THROTTLED"}, {"Retry-After": text}), Reply(200, {"ok": 1}))
    assert send(RetryPolicy(base_s=0.5, jitter=0.0)).status == 200
    assert clock.slept == [0.5]


def test_a_retry_after_of_a_day_is_not_waited_for(server, clock, send):
    server.script(Reply(429, {"code": "THROTTLED"}, {"Retry-After": "86400"}))
    answer = send(RetryPolicy())
    assert (answer.refusal, clock.slept) == (Refusal.TRANSIENT, [])
    error = answer.error("append")
    assert type(error).__name__ == "ThrottledError"
    assert error.retry_after_s == 86400
    assert "asks to wait 86400 s" in str(error)


def test_retries_are_reported_as_events(server, send):
    server.script(BUSY, Reply(200, {"ok": 1}))
    send(RetryPolicy(base_s=0.5, jitter=0.0))
    assert send.events == [
        RequestRetried(
            channel="c",
            target="t",
            operation="do it",
            tries=1,
            pause_s=0.5,
            status=503,
            code="BUSY",
            reason="HTTP 503, BUSY: later",
        )
    ]


def test_a_broken_connection_is_reported_with_its_reason(server, send):
    server.script(Reply(200, {"ok": 1}, cut=2), Reply(200, {"ok": 1}))
    send(RetryPolicy(base_s=0.01))
    assert (send.events[0].status, send.events[0].code) == (None, "")
    assert "the connection broke" in send.events[0].reason


def test_one_attempt_means_no_retry(server, send):
    server.script(Reply(200, b"{", cut=0))
    with pytest.raises(TransportError) as caught:
        send(RetryPolicy(attempts=1))
    assert caught.value.attempts == 1
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"base_s": -1}, {"base_s": 5, "cap_s": 1}, {"jitter": 1.5}, {"budget_s": -1}],
)
def test_a_policy_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))) as caught:
        RetryPolicy(**wrong)
    assert caught.value.setting == "retry"
