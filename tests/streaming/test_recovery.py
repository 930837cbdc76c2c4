"""What a load survives, and what it must not paper over: faults on a real connection."""

import signal
import threading
import time

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    AuthenticationError,
    ChannelTakenOverError,
    ServiceError,
    TransportError,
)
from tests.conftest import QUICK
from tests.support.loads import ids, numbers, open_channel, operations

ROWS = 300


@pytest.fixture(autouse=True)
def small(small_payloads):
    """Every load here needs several requests."""


def stream(channel, **options):
    return numbers(ROWS).snowpipe.stream(channel, load_id="recovered", progress=False, **options)


def assert_every_row_once(account):
    assert ids(account) == list(range(ROWS))


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_before": True},
        {"cut_after": True},
        {"truncate": 5},
        {"status": 503, "body": b'"ERR_GENERAL_EXCEPTION_RETRY_REQUEST"'},
        {"status": 504, "body": b"<html>gateway time-out</html>"},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"body": b"<html>hello</html>"},
        {"body": b"{}"},
        {"body": b""},
        {"status": 401, "body": b'{"code": "390114"}'},
        {"status": 403},
        {"status": 409, "body": b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP"}'},
    ],
    ids=lambda fault: "-".join(map(str, fault.values()))[:50],
)
@pytest.mark.parametrize("after", [0, 3])
def test_an_append_that_fails_once_costs_no_row_and_doubles_none(account, channel, fault, after):
    account.faults.add("append", after=after, **fault)
    assert stream(channel).rows == ROWS
    assert_every_row_once(account)


def test_an_applied_append_is_not_sent_blindly_again(account, channel):
    account.faults.add("append", after=2, cut_after=True)
    result = stream(channel)
    assert_every_row_once(account)
    assert result.retries >= 1
    opened = [request for request in operations(account, "open") if request.status == 200]
    assert len(opened) == 2  # the second fences the first try, then reads the token


@pytest.mark.parametrize("operation", ["open", "status", "discover", "token"])
@pytest.mark.parametrize("fault", [{"cut_after": True}, {"status": 503}, {"truncate": 3}])
def test_every_other_request_survives_a_fault_too(account, channel, operation, fault):
    with sp.connect(account.profile, retry=QUICK) as client:
        account.faults.add(operation, **fault)
        stream(open_channel(client, "other"))
    assert_every_row_once(account)


def test_rows_which_the_server_lost_before_their_commit_are_sent_again(account, channel):
    account.channels.pause()
    done = threading.Event()

    def lose_and_go_on():
        while len(operations(account, "rows")) < 3 and not done.wait(0.005):
            pass
        account.channels.lose_uncommitted()
        account.channels.resume()

    thread = threading.Thread(target=lose_and_go_on)
    thread.start()
    try:
        stream(channel)
    finally:
        done.set()
        thread.join()
    assert_every_row_once(account)


def test_an_expired_scoped_token_is_exchanged_anew(account, channel):
    account.door.revoke_scoped()
    stream(channel)
    assert_every_row_once(account)


def test_another_writer_is_not_fought(account, channel):
    def pieces():
        yield numbers(100)
        account.channels.take_over("test")
        yield numbers(200, start=100)

    with pytest.raises(ChannelTakenOverError, match="another writer") as caught:
        sp.stream(pieces(), channel, load_id="mine", progress=False)
    assert len(operations(account, "open")) == 1
    assert ids(account) == list(range(caught.value.load.rows_acknowledged))


def test_a_commit_of_another_writer_is_noticed(account, client, channel):
    """Our append is in doubt, and meanwhile somebody else wrote: nothing of ours may go on top of it."""
    account.faults.add("append", after=1, body=b"{}")

    def pieces():
        yield numbers(50)
        with sp.connect(account.profile) as other:
            numbers(3, start=900).snowpipe.stream(open_channel(other), load_id="theirs", progress=False)
        yield numbers(ROWS - 50, start=50)

    with pytest.raises(ChannelTakenOverError):
        sp.stream(pieces(), channel, load_id="ours", progress=False)
    found = ids(account)
    assert len(found) == len(set(found))


def test_a_request_refused_for_good_stops_with_an_exact_prefix(account, channel):
    account.faults.add("append", after=5, status=400, body=b'{"code":"ERR_INVALID_REQUEST","message":"no"}')
    with pytest.raises(ServiceError, match="ERR_INVALID_REQUEST: no") as caught:
        stream(channel)
    load = caught.value.load
    assert load.load_id == "recovered"
    channel.reopen()
    assert ids(account) == list(range(load.rows_acknowledged))
    stream(channel)
    assert_every_row_once(account)


def test_credentials_refused_for_ever_stop_the_load_soon(account, channel):
    account.faults.add("append", after=2, times=1000, status=401, body=b'{"code":"390303","message":"no"}')
    started = time.monotonic()
    with pytest.raises(AuthenticationError, match="DEMO_USER") as caught:
        stream(channel)
    assert time.monotonic() - started < 5
    assert (caught.value.status, caught.value.code, caught.value.account) == (401, "390303", "LOCAL")
    assert len([r for r in operations(account, "rows") if r.status == 401]) == 2


def test_a_server_that_stays_away_is_an_error_that_says_how_to_go_on(account, channel):
    with sp.connect(account.profile, retry=sp.RetryPolicy(budget_s=0.5)) as client:
        channel = open_channel(client, "patient")
        account.faults.add("append", after=3, times=1000, cut_before=True)
        with pytest.raises(TransportError, match="could not reach") as caught:
            stream(channel)
    assert "load_id='recovered'" in caught.value.__notes__[0]


def test_ctrl_c_stops_within_a_second_and_the_load_resumes(account, channel):
    account.faults.add("append", after=3, delay_s=3.0)
    main = threading.main_thread()

    def interrupt():
        while len(operations(account, "rows")) < 3:
            time.sleep(0.005)
        signal.pthread_kill(main.ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        stream(channel)
    assert time.monotonic() - started < 2
    assert "load_id='recovered'" in caught.value.__notes__[0]
    thread.join()
    stream(channel)
    assert_every_row_once(account)


def test_a_restarted_server_goes_on_with_the_file(tmp_path):
    path = tmp_path / "account.duckdb"
    with sp.local(path, commit_lag_s=0.01) as account:
        account.sql(numbers(1).snowpipe.ddl("DEMO.PUBLIC.NUMBERS"))
        with sp.connect(account.profile) as client:
            numbers(100).snowpipe.stream(open_channel(client), load_id="recovered", progress=False)
    with sp.local(path, commit_lag_s=0.01) as account, sp.connect(account.profile) as client:
        result = stream(open_channel(client))
        assert (result.rows_skipped, result.rows) == (100, ROWS - 100)
        assert_every_row_once(account)
