"""Loads in parts under trouble: whatever meets some of the channels, each row comes once."""

import threading

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ChannelTakenOverError, OtherPartsError
from snowpipe_pandas.streaming import target_load
from snowpipe_pandas.streaming.group import Group
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers
from tests.support.verdicts import once_acknowledged

ROWS = 2400


@pytest.fixture
def table(account, connect):
    make_table(account)
    return connect().table(TABLE)


def run(table, rows=ROWS, **options):
    given = {"load_id": "load", "channels": 8, "progress": False, "limits": SMALL, "commit_timeout_s": 20}
    return numbers(rows).snowpipe.stream(table, **(given | options))


def in_the_end(table, calls=20, **options):
    """Run the load until it succeeds; the number of calls is bounded."""
    for _ in range(calls):
        try:
            return run(table, **options)
        except sp.SnowpipeError as error:
            assert error.goes_on, error
    raise AssertionError("it never succeeded")


@pytest.mark.parametrize("seed", range(3))
def test_eight_parts_while_a_fifth_of_all_requests_fail(account, table, seed):
    account.faults.random(0.2, seed=seed)
    result = in_the_end(table)
    assert sorted(ids(account)) == list(range(ROWS))
    assert (result.rows_in_table, result.rows_rejected, len(result.parts)) == (ROWS, 0, 8)


@pytest.mark.parametrize("event", ["lose uncommitted", "fail commit", "restart", "fail over", "revoke"])
def test_what_happens_to_the_service_happens_to_all_parts(account, table, event):
    account.channels.commit_lag_s = 0.02
    happen = {
        "lose uncommitted": lambda: account.channels.lose_uncommitted(),
        "fail commit": lambda: account.channels.fail_commits(2),
        "restart": lambda: (account.stop(lose_uncommitted=True), account.start()),
        "fail over": lambda: account.fail_over(),
        "revoke": lambda: account.door.revoke_scoped(),
    }[event]
    heard = once_acknowledged(ROWS // 2, happen)
    try:
        run(table, progress=heard)
    except sp.SnowpipeError as error:
        assert error.goes_on, error
    in_the_end(table)
    assert sorted(ids(account)) == list(range(ROWS))


def test_a_part_that_is_taken_over_stops_the_load_and_the_next_call_goes_on(account, table, connect):
    elsewhere = connect().table(TABLE)
    heard = once_acknowledged(ROWS // 2, lambda: elsewhere.open_channel("load.part-5"))
    account.faults.add("append", times=1000, channel="load.part-5", delay_s=0.02)
    with pytest.raises(ChannelTakenOverError) as caught:
        run(table, progress=heard)
    assert caught.value.load.channel == "load.part-5"
    account.faults.clear()
    assert in_the_end(table).rows_in_table == ROWS
    assert sorted(ids(account)) == list(range(ROWS))


def without_a_lead(monkeypatch):
    """Let all parts begin at once."""
    init = Group.__init__
    monkeypatch.setattr(Group, "__init__", lambda self, loads, *, begins: init(self, loads, begins=False))


@pytest.mark.parametrize("led", [True, False])
def test_two_that_cut_a_load_differently_at_the_same_moment(account, connect, monkeypatch, led):
    """The second one begins when the first has opened its channels and sent nothing. It takes the first
    part; without the rule that the first part leads, the other parts of the first one go on beside it."""
    make_table(account)
    if not led:
        without_a_lead(monkeypatch)
    account.faults.add("append", times=2, channel="load", hold_s=0.5)  # the first part is slow to begin
    account.faults.add("append", times=1000, delay_s=0.005)
    ends = []

    def one(channels):
        try:
            ends.append(run(connect().table(TABLE), channels=channels))
        except sp.SnowpipeError as error:
            ends.append(error)

    first = threading.Thread(target=one, args=(8,))
    first.start()
    until_opened(account, 8)
    second = threading.Thread(target=one, args=(2,))
    second.start()
    first.join(60)
    second.join(60)
    account.faults.clear()
    found = ids(account)
    if led:
        with_auto = run(connect().table(TABLE), channels="auto")
        assert with_auto.rows_in_table == ROWS
        assert sorted(ids(account)) == list(range(ROWS))
    else:
        refused = any(isinstance(end, OtherPartsError) for end in ends)
        assert len(found) != len(set(found)) or refused


def until_opened(account, channels):
    for _ in range(1000):
        if sum(request.operation == "open" for request in account.requests) >= channels:
            return
        threading.Event().wait(0.01)
    raise TimeoutError


def test_without_a_look_for_other_parts_rows_come_twice(account, table, monkeypatch):
    """The first part's channel is gone, and what the others have committed is in the table."""
    run(table, channels=4)
    table.open_channel("load").drop()
    with pytest.raises(OtherPartsError):
        run(table, channels=1)
    monkeypatch.setattr(target_load.TargetLoad, "_known_parts", lambda self: [])
    run(table, channels=1)
    assert len(ids(account)) == 2 * ROWS


def test_without_the_mark_of_a_done_load_a_drop_that_is_cut_short_doubles_rows(account, table, monkeypatch):
    monkeypatch.setattr("snowpipe_pandas.rest.channel.Channel.reopen", lambda self, **_: None)
    account.faults.add("drop", after=2, times=1000, status=400, body=b'{"code": "ERR_INVALID"}')
    run(table, channels=4, drop_when_done=True)
    account.faults.clear()
    again = run(table, channels=4)
    assert again.rows_sent > 0
    assert len(ids(account)) == ROWS + again.rows_sent
