"""Elastic channels: what an append says of itself, whatever happens to its answers."""

import copy
import pickle
import socket
import threading

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.errors import (
    LoadCancelledError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    TransportError,
)
from snowpipe_pandas.rest.policy import RetryPolicy, Timeouts
from snowpipe_pandas.rest.trail import Trail
from snowpipe_pandas.rest.transport import Request, Transport
from tests.support.callers import ANYBODY, StoppableCaller
from tests.support.elastic import elastic, frame_of
from tests.support.loads import TABLE, ids
from tests.support.scripted import Reply, scripted_server
from tests.support.signers import CountingSigner


@pytest.fixture
def channel(connect):
    return elastic(connect())


def append(channel, *, first=0, rows=3, caller=ANYBODY):
    """Append numbers; return the trail, with what was raised as `error`."""
    body, raw_bytes = frame_of(first, rows)
    trail = Trail()
    trail.error = None
    try:
        channel.append(body, raw_bytes=raw_bytes, caller=caller, trail=trail)
    except sp.SnowpipeError as error:
        trail.error = error
    return trail


def appends(account):
    return [request for request in account.requests if request.operation == "append"]


def test_an_append_is_durable_on_return_and_carries_no_tokens(account, channel):
    trail = append(channel)
    assert ids(account) == [0, 1, 2]
    assert (trail.tries, trail.in_doubt, trail.done, trail.error) == (1, 0, True, None)
    (request,) = appends(account)
    assert request.path.endswith("/channels/ELASTIC/rows")
    assert dict(request.query) == {"requestId": trail.request_id, "retryCount": "0"}
    assert request.headers["content-encoding"] == "zstd"
    assert request.headers["x-snowflake-uncompressed-content-length"] == str(frame_of(0, 3)[1])


def test_it_goes_through_a_pipe_of_ones_own(account, connect):
    client = connect()
    account.sql(f"CREATE PIPE MINE AS COPY INTO {TABLE} FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING'))")
    assert append(elastic(client, "DEMO.PUBLIC.MINE")).done
    assert ids(account) == [0, 1, 2]


PASSING = {
    # what happens to the first try: how many tries are in doubt after the second, copies in the table
    "answer lost": ({"cut_after": True}, 1, 2),
    "cut before the body was read": ({"cut_before": True}, 1, 1),
    "cut in the body": ({"cut_mid_body": True}, 1, 1),
    "answer cut short": ({"truncate": 5}, 1, 2),
    "502 after an applied request": ({"status": 502, "applied": True}, 1, 2),
    "503": ({"status": 503}, 1, 1),
    "408": ({"status": 408}, 1, 1),
    "499": ({"status": 499}, 1, 1),
    "a 404 in HTML after an applied request": (
        {"status": 404, "body": b"<html></html>", "applied": True},
        1,
        2,
    ),
    "a success in HTML": ({"body": b"<html>welcome</html>"}, 1, 2),
    "a success that is none": ({"body": b'{"status_code": 3}'}, 1, 2),
    "throttled": ({"status": 429, "body": b'{"code": "ERR_THROTTLED"}'}, 0, 1),
    "refused credentials": ({"status": 401, "body": b'{"code": "390303"}'}, 0, 1),
    "reopen": ({"status": 409, "body": b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}'}, 0, 1),
    "another host": ({"status": 410}, 0, 1),
}


@pytest.mark.parametrize("case", PASSING)
def test_a_second_try_is_in_doubt_where_the_first_may_have_been_applied(account, channel, case):
    fault, in_doubt, copies = PASSING[case]
    account.faults.add("append", **fault)
    trail = append(channel)
    assert (trail.error, trail.done, trail.tries, trail.in_doubt) == (None, True, 2, in_doubt)
    assert sorted(ids(account)) == sorted([0, 1, 2] * copies)


def test_a_second_try_after_a_time_out_is_in_doubt(account, connect):
    channel = elastic(connect(timeouts=Timeouts(read_s=1.0)))
    account.faults.add("append", delay_s=3.0)
    trail = append(channel)
    assert trail.done
    assert trail.in_doubt == trail.tries - 1 >= 1  # a busy machine may be late once more
    assert sorted(ids(account)) == sorted([0, 1, 2] * trail.tries)


def test_all_tries_have_one_request_id(account, channel):
    account.faults.add("append", status=503, times=3)
    trail = append(channel)
    assert [request.query["retryCount"] for request in appends(account)] == ["0", "1", "2", "3"]
    assert {request.query["requestId"] for request in appends(account)} == {trail.request_id}


def test_what_was_in_doubt_stays_so_when_the_host_moves(account, channel):
    account.faults.add("append", cut_after=True)
    account.faults.add("append", status=410)
    trail = append(channel)
    assert (trail.done, trail.tries, trail.in_doubt) == (True, 3, 1)
    assert ids(account) == [0, 1, 2] * 2


FINAL = {
    # what happens to every try: the error, whether the rows are in doubt
    "bad request": ({"status": 400, "body": b'{"code": "ERR_X", "message": "no"}'}, ServiceError, False),
    "too large": ({"status": 413}, PayloadTooLargeError, False),
    "not found": ({"status": 404, "body": b'{"code": "ERR_X"}'}, NotFoundError, False),
    "throttled": ({"status": 429}, ServiceError, False),
    "busy": ({"status": 503}, ServiceError, True),
    "cut": ({"cut_after": True}, TransportError, True),
    "success in HTML": ({"body": b"<html></html>"}, ServiceError, True),
}


@pytest.mark.parametrize("case", FINAL)
def test_an_append_that_fails_says_whether_its_rows_may_be_there(account, connect, case):
    fault, kind, in_doubt = FINAL[case]
    channel = elastic(connect(retry=RetryPolicy(base_s=0.01, attempts=5, budget_s=5)))
    account.faults.add("append", times=50, **fault)
    trail = append(channel)
    assert isinstance(trail.error, kind)
    assert not trail.done
    assert bool(trail.in_doubt) is in_doubt
    assert trail.tries == len(appends(account))
    if ids(account):
        assert in_doubt
    assert len(ids(account)) <= 3 * trail.in_doubt


def test_successes_that_say_nothing_are_not_asked_for_for_ever(account, channel):
    account.faults.add("append", times=50, body=b"<html></html>")
    trail = append(channel)
    assert trail.error.code == "UNREADABLE_ANSWER"
    assert (trail.tries, trail.in_doubt) == (3, 3)
    assert ids(account) == [0, 1, 2] * 3


def test_refused_credentials_after_a_lost_answer_leave_the_rows_in_doubt(account, channel):
    account.faults.add("append", cut_after=True)
    account.faults.add("append", status=403, body=b'{"code": "390303"}', times=2)
    trail = append(channel)
    assert isinstance(trail.error, sp.SnowpipeError)
    assert (trail.done, trail.in_doubt) == (False, 1)
    assert ids(account) == [0, 1, 2]


def test_a_stopped_caller_leaves_a_truthful_trail(account, connect):
    channel = elastic(connect(retry=RetryPolicy(base_s=30.0, cap_s=30.0, jitter=0.0)))
    account.faults.add("append", cut_after=True)
    caller = StoppableCaller()
    caller.report = lambda event: caller.stop()
    trail = append(channel, caller=caller)
    assert isinstance(trail.error, LoadCancelledError)
    assert (trail.tries, trail.in_doubt, trail.done) == (1, 1, False)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def wire():
    wire = Transport(Clock(), retry=RetryPolicy(base_s=0.001, attempts=3, budget_s=5.0))
    yield wire
    wire.close()


def test_a_refused_connection_is_a_try_that_nobody_can_have_done(wire):
    request = Request("POST", f"http://127.0.0.1:{free_port()}/", body=b"rows")
    with pytest.raises(TransportError, match="connection refused"):
        wire.send(request, CountingSigner(), ANYBODY)
    assert (request.trail.tries, request.trail.in_doubt, request.trail.done) == (3, 0, False)


def test_an_interrupted_try_is_in_doubt(wire, monkeypatch):
    with scripted_server() as server:
        server.script(Reply(200, {"message": "OK"}))
        request = Request("POST", server.url, body=b"rows")

        def interrupted(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr("snowpipe_pandas.rest.transport.read_body", interrupted)
        with pytest.raises(KeyboardInterrupt):
            wire.send(request, CountingSigner(), ANYBODY)
        assert len(server.seen) == 1
    assert (request.trail.tries, request.trail.in_doubt, request.trail.done) == (1, 1, False)


def test_many_threads_append_at_once(account, channel):
    trails = []

    def work(number):
        trails.extend(append(channel, first=100 * number + 10 * i, rows=10) for i in range(10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [trail.error for trail in trails if not trail.done] == []
    assert sorted(ids(account)) == list(range(800))
    assert len({trail.request_id for trail in trails}) == 80


def test_its_status_counts_the_rows_of_all_writers(account, connect, channel):
    assert (channel.status().rows_inserted, channel.status().rows_error_count) == (0, 0)
    append(channel)
    account.faults.add("append", reject_rows=1)
    append(elastic(connect()))
    status = channel.status()
    assert (status.channel_name, status.rows_inserted, status.rows_error_count) == ("ELASTIC", 5, 1)


def test_a_service_that_does_not_list_it_has_no_status_of_it(account, channel):
    account.faults.add("status", change=lambda answer: answer | {"channel_statuses": {}})
    assert channel.status() is None


def test_what_a_load_and_a_user_read_of_it(connect, channel):
    assert repr(channel) == "<ElasticChannel -> DEMO.PUBLIC.NUMBERS>"
    assert (channel.name, channel.target_columns) == ("ELASTIC", ())
    assert channel.identity[:2] == ("LOCAL", "DEMO_USER")
    append(channel)
    assert set(channel.tokens) == {"jwt", "scoped"}
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="one client"):
            make(channel)
