"""A client that was closed, discovery that threads share, and tokens that can't be renewed."""

import threading
import time

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.auth.tokens import SOFT_RENEWAL_BUDGET_S
from snowpipe_pandas.errors import ClosedError, ServiceError
from tests.support.callers import ANYBODY
from tests.support.clocks import QuickClock
from tests.support.loads import open_channel
from tests.support.threads import Background, eventually

ROW = b'{"ID":1,"TEXT":"one"}\n'
FIRST = {"start_offset_token": "0", "end_offset_token": "1"}


def test_channels_of_a_closed_client_send_nothing(account, connect):
    client = connect()
    channel = open_channel(client)
    client.close()
    before = len(account.requests)
    for ask in (
        channel.status,
        channel.drop,
        lambda: channel.append_rows(ROW, **FIRST),
        lambda: channel.wait_for_commit("1", timeout_s=1),
        channel.reopen,
    ):
        with pytest.raises(ClosedError, match="the client is closed"):
            ask()
    assert len(account.requests) == before


def test_a_session_under_way_ends_at_its_next_request(account, connect):
    client = connect()
    channel = open_channel(client)
    with channel.exclusive("load-1", ANYBODY) as session:
        session.fetch_status()
        client.close()
        with pytest.raises(ClosedError):
            session.fetch_status()


def test_a_request_that_is_retried_ends_when_the_client_is_closed(account, connect):
    client = connect()
    channel = open_channel(client)
    account.faults.add("status", status=503, times=10_000)
    asking = Background(channel.status)
    eventually(lambda: account.requests[-1].path.endswith(":bulk-channel-status"))
    client.close()
    assert isinstance(asking.outcome(), ClosedError)


def test_threads_that_need_the_host_share_one_discovery_and_its_failure(account, connect):
    client = connect(retry=sp.RetryPolicy(base_s=0.05, cap_s=0.2, budget_s=1.0))
    account.faults.add("discover", status=503, times=10_000)
    start = threading.Barrier(4)

    def open_one(number):
        start.wait(10)
        return open_channel(client, f"c{number}")

    threads = [Background(open_one, number) for number in range(4)]
    errors = [thread.outcome() for thread in threads]
    assert {(type(error), error.status) for error in errors} == {(ServiceError, 503)}
    assert len({id(error) for error in errors}) == 4, "each has one of its own to attach facts to"
    assert (
        max(thread.seconds for thread in threads) < 2.0
    )  # one after the other, they took 4 times the budget
    account.faults.clear()
    assert open_channel(client, "later").name == "later"


def test_threads_that_need_the_host_cause_one_discovery(account, connect):
    client = connect()
    account.faults.add("discover", delay_s=0.3)
    threads = [Background(open_channel, client, f"c{number}") for number in range(8)]
    assert {thread.outcome().name for thread in threads} == {f"c{number}" for number in range(8)}
    assert sum(request.path.endswith("/hostname") for request in account.requests) == 1


@pytest.mark.parametrize("fault", [{"status": 503}, {"delay_s": 30.0}], ids=["refused", "no answer"])
def test_a_token_that_lives_is_used_while_the_token_endpoint_is_away(account, connect, caplog, fault):
    clock = QuickClock()
    channel = open_channel(connect(clock=clock))
    account.faults.add("token", times=10_000, **fault)
    clock.pass_time(3300)
    clock.slept.clear()
    started = time.monotonic()
    assert channel.status().channel_name == "test"
    assert sum(clock.slept) + time.monotonic() - started < SOFT_RENEWAL_BUDGET_S + 2
    assert "a token could not be renewed" in caplog.text
    account.faults.clear()
