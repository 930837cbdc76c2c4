"""A wait obeys its own caller, and no other: in polls, retries, discovery and token exchange."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import CommitTimeoutError, LoadCancelledError, UncommittedRowsError
from snowpipe_pandas.events import RequestRetried
from tests.support.callers import StoppableCaller
from tests.support.loads import open_channel
from tests.support.threads import Background, eventually

ROW = b'{"ID":1,"TEXT":"one"}\n'
PROMPTLY_S = 2.0


def asked(account, path):
    return sum(request.path.endswith(path) for request in account.requests)


def test_a_load_that_stops_ends_no_wait_of_a_bystander(account, channel):
    load = StoppableCaller()
    with channel.exclusive("load-1", load):
        bystander = Background(channel.wait_for_commit, "never", timeout_s=1.0)
        before = asked(account, ":bulk-channel-status")
        eventually(lambda: asked(account, ":bulk-channel-status") > before)
        load.stop()
        assert isinstance(bystander.outcome(), CommitTimeoutError)


@pytest.mark.parametrize(("operation", "path"), [("token", "/oauth/token"), ("discover", "/hostname")])
def test_a_load_that_stops_is_heard_in_discovery_and_token_exchange(account, connect, operation, path):
    client, load = connect(), StoppableCaller()
    account.faults.add(operation, status=503, times=10_000)
    asking = Background(client._planes.scoped.token, load)
    eventually(lambda: asked(account, path) > 1)
    load.stop()
    assert isinstance(asking.outcome(), LoadCancelledError)
    assert asking.seconds < PROMPTLY_S


def test_a_load_that_stops_is_heard_while_its_request_is_retried(account, channel):
    load = StoppableCaller()
    account.faults.add("status", status=503, times=10_000)
    with channel.exclusive("load-1", load) as session:
        asking = Background(session.fetch_status)
        eventually(lambda: asked(account, ":bulk-channel-status") > 1)
        load.stop()
        assert isinstance(asking.outcome(), LoadCancelledError)


def test_a_load_that_stops_is_heard_while_a_reopen_waits_for_rows(account, channel):
    load = StoppableCaller()
    account.channels.pause()
    channel.append_rows(ROW, start_offset_token="0", end_offset_token="1")
    with channel.exclusive("load-1", load) as session:
        before = len(account.requests)
        opening = Background(session.reopen)
        eventually(lambda: len(account.requests) > before + 1)
        load.stop()
        assert isinstance(opening.outcome(), LoadCancelledError)
        assert opening.seconds < PROMPTLY_S
    account.channels.resume()


@pytest.mark.parametrize(("operation", "path"), [("token", "/oauth/token"), ("discover", "/hostname")])
def test_a_wait_for_another_threads_request_obeys_its_own_caller(account, connect, operation, path):
    planes = connect()._planes
    account.faults.add(operation, status=503, times=10_000)
    leading = Background(planes.scoped.token, StoppableCaller())
    eventually(lambda: asked(account, path) > 1)
    follower = StoppableCaller()
    waiting = Background(planes.scoped.token, follower)
    follower.stop()
    assert isinstance(waiting.outcome(), LoadCancelledError)
    assert waiting.seconds < PROMPTLY_S
    assert leading.running
    account.faults.clear()
    assert leading.outcome().value


def test_a_leader_that_stops_gives_no_answer_to_those_that_wait(account, connect):
    planes, first, patient = connect()._planes, StoppableCaller(), StoppableCaller()
    account.faults.add("discover", status=503, times=10_000)
    leading = Background(planes.ingest_url, first)
    eventually(lambda: asked(account, "/hostname") > 1)
    waiting = Background(planes.ingest_url, patient)
    first.stop()
    assert isinstance(leading.outcome(), LoadCancelledError)
    account.faults.clear()
    assert waiting.outcome().startswith("http")


def test_retries_of_discovery_and_exchange_are_reported_by_the_caller_that_needs_them(account, connect):
    client, received = connect(), []
    account.faults.add("discover", status=503)
    account.faults.add("token", status=503)
    with client.events.heard_by(received.append):
        open_channel(client, "mine")
    retries = [event for event in received if isinstance(event, RequestRetried)]
    assert [event.operation for event in retries] == [
        "discover the ingest host",
        "exchange the credential for a scoped token",
    ]
    assert {(event.channel, event.target) for event in retries} == {("mine", "DEMO.PUBLIC.NUMBERS")}


def test_the_status_after_a_refused_open_is_requested_for_the_same_caller(account, connect):
    client, received = connect(retry=sp.RetryPolicy(base_s=0.01, budget_s=0.5)), []
    channel = open_channel(client)
    account.channels.pause()
    channel.append_rows(ROW, start_offset_token="0", end_offset_token="1")
    account.faults.add("status", status=503)
    with client.events.heard_by(received.append), pytest.raises(UncommittedRowsError) as caught:
        channel.reopen()
    account.channels.resume()
    assert caught.value.committed is None
    assert [(event.channel, event.status) for event in received] == [("test", 503)]


def test_a_write_that_waits_for_another_one_obeys_its_own_caller(account, channel):
    load = StoppableCaller()
    account.faults.add("append", status=503, times=10_000)
    writing = Background(channel.append_rows, ROW, start_offset_token="0", end_offset_token="1")
    eventually(lambda: asked(account, "/rows") > 0)

    def begin():
        with channel.exclusive("load-1", load):
            raise AssertionError("began beside a write")

    waiting = Background(begin)
    load.stop()
    assert isinstance(waiting.outcome(), LoadCancelledError)
    assert writing.running
    account.faults.clear()
    assert writing.outcome().tries > 1
