"""Loads in parts under trouble: whatever happens to some of the channels, each row comes once."""

import threading

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ChannelTakenOverError, OtherPartsError
from snowpipe_pandas.streaming.group import Group
from snowpipe_pandas.streaming.parts import channel_of, cut
from snowpipe_pandas.streaming.target_load import TargetLoad
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
            if not error.goes_on:
                raise
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
    on_event = once_acknowledged(ROWS // 2, happen)
    in_the_end(table, progress=on_event)
    assert sorted(ids(account)) == list(range(ROWS))


def test_a_part_that_is_taken_over_stops_the_load_and_the_next_call_goes_on(account, table, connect):
    elsewhere = connect().table(TABLE)
    first = cut(ROWS, 8)[4].first_row
    on_event = once_acknowledged(
        first + 10, lambda: elsewhere.open_channel("load.part-5"), channel="load.part-5"
    )
    with pytest.raises(ChannelTakenOverError) as caught:
        run(table, progress=on_event)
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
    """One is still opening its eight channels when the other begins, and ends, with two.

    The second one takes the first part, so that the first one's may not begin. Without the rule that the
    others wait for it, the part that was opened last goes on beside the second one's.
    """
    make_table(account)
    if not led:
        without_a_lead(monkeypatch)
    may_open, ends = threading.Event(), []
    open_part = TargetLoad._open

    def open_late(load, part):
        if part == 3:
            may_open.wait(60)
        return open_part(load, part)

    monkeypatch.setattr(TargetLoad, "_open", open_late)

    def first():
        with pytest.raises(sp.SnowpipeError) as caught:
            run(connect().table(TABLE))
        ends.append(caught.value)

    thread = threading.Thread(target=first)
    thread.start()
    until_opened(account, 7)
    assert run(connect().table(TABLE), channels=2).rows_in_table == ROWS
    for part in (1, 2, 4, 5, 6, 7, 8):  # their answers come late, so that it does not stop the third
        account.faults.add("append", channel=channel_of("load", part), delay_s=1.0)
    may_open.set()
    thread.join(60)
    assert isinstance(ends[0], ChannelTakenOverError)
    if led:
        assert sorted(ids(account)) == list(range(ROWS))
    else:
        assert len(ids(account)) > ROWS


def test_one_that_cuts_a_load_while_another_has_begun_it_sends_nothing(account, connect, monkeypatch):
    """Two have opened the first channel, one after the other; the second one delivers all in two parts. The
    first one then opens the others, and finds that some rows are there."""
    make_table(account)
    may_open, ends = threading.Event(), []
    open_part, known_parts = TargetLoad._open, TargetLoad._known_parts

    def open_late(load, part):
        if part == 2:
            may_open.wait(60)
        return open_part(load, part)

    def first():
        with pytest.raises(sp.SnowpipeError) as caught:
            run(connect().table(TABLE))
        ends.append(caught.value)

    monkeypatch.setattr(TargetLoad, "_open", open_late)
    thread = threading.Thread(target=first)
    thread.start()
    until_opened(account, 7)
    monkeypatch.setattr(TargetLoad, "_open", open_part)
    monkeypatch.setattr(TargetLoad, "_known_parts", lambda _: [])  # it looked before the first one's opens
    assert run(connect().table(TABLE), channels=2).rows_in_table == ROWS
    monkeypatch.setattr(TargetLoad, "_known_parts", known_parts)
    may_open.set()
    thread.join(60)
    assert isinstance(ends[0], OtherPartsError)
    assert sorted(ids(account)) == list(range(ROWS))


def until_opened(account, channels):
    for _ in range(1000):
        if sum(request.operation == "open" for request in account.requests) >= channels:
            return
        threading.Event().wait(0.01)
    raise TimeoutError


def test_without_a_look_for_other_parts_rows_come_twice(account, table, monkeypatch):
    """The first part's channel is lost, and what the others have committed is in the table."""
    run(table, channels=4)
    table.open_channel("load").drop()
    with pytest.raises(OtherPartsError):
        run(table, channels=1)
    monkeypatch.setattr(TargetLoad, "_known_parts", lambda self: [])
    run(table, channels=1)
    assert len(ids(account)) == 2 * ROWS


def test_without_the_mark_of_a_done_load_a_drop_that_is_cut_short_doubles_rows(account, table, monkeypatch):
    monkeypatch.setattr(TargetLoad, "_say_done", lambda *_: None)
    account.faults.add("drop", after=2, times=1000, status=400, body=b'{"code": "ERR_INVALID"}')
    run(table, channels=4, drop_when_done=True)
    account.faults.clear()
    again = run(table, channels=4)
    assert again.rows_sent > 0
    assert len(ids(account)) == ROWS + again.rows_sent
