"""The catalogue of faults (docs/faults.md) over loads in parts: the trouble meets one part, or all of them.

The tests bear the catalogue's numbers. What needs no test of its own here: the client's own life (46 to 54)
is tried on parts by `test_kills.py`, `test_schedules.py` and `test_groups.py`; names (45) come from load ids.
"""

import threading
import warnings
from dataclasses import replace

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.auth.tokens import ClockSkewWarning
from snowpipe_pandas.errors import (
    AuditError,
    AuthenticationError,
    ChannelError,
    ChannelInvalidError,
    ChannelLostError,
    CommitTimeoutError,
    LoadMismatchError,
    RowsRejectedError,
    RowTooLargeError,
    ServiceError,
    ThrottledError,
    UncommittedRowsError,
)
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers
from tests.support.verdicts import appends, once_acknowledged, opens

ROWS, PARTS = 800, 4
PART = "load.part-3"
LIMITS = replace(SMALL, owner_watch_s=5.0)
"""A busy machine commits late, and what is proven by a commit is given up after that time."""
STALE = b'{"code": "STALE_CONTINUATION_TOKEN_SEQUENCER", "message": "stale"}'


@pytest.fixture
def table(account, connect):
    make_table(account)
    account.channels.commit_lag_s = 0.02
    return connect().table(TABLE)


def run(table, frame=None, **options):
    given = {
        "load_id": "load",
        "channels": PARTS,
        "progress": False,
        "limits": LIMITS,
        "commit_timeout_s": 20,
    }
    return (numbers(ROWS) if frame is None else frame).snowpipe.stream(table, **(given | options))


def every_row_once(account, result, rows=ROWS):
    """Each row once, in order within its part; the total is what the parts add up to."""
    assert sorted(ids(account)) == list(range(rows))
    assert (result.rows_in_table, result.rows_acknowledged, result.rows_rejected) == (rows, rows, 0)
    assert result.rows_sent == rows - result.rows_skipped
    assert len(result.parts) == PARTS
    assert sum(part.rows_in_table for part in result.parts) == rows


def nothing_twice(account):
    found = ids(account)
    assert len(found) == len(set(found))


def code(text):
    return f'{{"code": "{text}"}}'.encode()


AMBIGUOUS = {
    "01 applied, then reset": {"cut_after": True},
    "02 dropped before the body": {"cut_before": True},
    "02 dropped in the body": {"cut_mid_body": True},
    "03 cut short": {"truncate": 10},
    "04 garbage": {"body": b"<html>hi</html>"},
    "04 no token": {"body": b"{}"},
    "04 a spent token": {"repeat_token": True},
    "04 a token of an earlier opening": {"stale_token": True},
    "05 read time-out": {"delay_s": 0.8},
    "06 held on the way": {"hold_s": 0.8},
    "07 delivered twice": {"deliver_twice": True},
    "08 trickles": {"trickle_s": 0.2},
    "12 a proxy lost the answer": {"status": 504, "applied": True},
}
PASSING = {
    "13 reopen": {"status": 409, "body": code("ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP")},
    "19 a proxy's 404": {"status": 404, "body": b"<html>no</html>"},
    "33 a role that is spreading": {"status": 403, "times": 1},  # two in a row are believed
    "37 throttled": {"status": 429, "headers": {"Retry-After": "0"}, "times": 5},
    "38 unavailable": {"status": 503, "body": b'"ERR_GENERAL_EXCEPTION_RETRY_REQUEST"', "times": 2},
    "39 too large": {"status": 413, "body": code("ERR_PAYLOAD_TOO_LARGE")},
    "42 a session": {"headers": {"X-Snowflake-Session": "a"}},
}
MODES = ["stale", "rowseq", "dedup"]


@pytest.mark.parametrize("where", [PART, None], ids=["one part", "the parts"])
@pytest.mark.parametrize(("number", "fault"), [*enumerate(AMBIGUOUS)], ids=str)
def test_ambiguous_answers(account, connect, number, fault, where):
    """Each in one of the ways in which a service may answer a token that comes again."""
    make_table(account)
    account.channels.resend = MODES[number % 3]
    table = connect(timeouts=sp.Timeouts(read_s=0.4, total_s=0.6)).table(TABLE)
    account.faults.add("append", channel=where, after=2, **({"times": 1 if where else 4} | AMBIGUOUS[fault]))
    every_row_once(account, run(table))


@pytest.mark.parametrize("where", [PART, None], ids=["one part", "the parts"])
@pytest.mark.parametrize("fault", PASSING)
def test_passing_refusals(account, table, fault, where):
    account.faults.add("append", channel=where, after=2, **({"times": 1 if where else 3} | PASSING[fault]))
    every_row_once(account, run(table))


@pytest.mark.parametrize("fault", [{"cut_after": True}, {"cut_before": True}, {"status": 503}], ids=str)
@pytest.mark.parametrize("operation", ["discover", "token", "open", "status"])
def test_11_other_requests(account, table, operation, fault):
    account.faults.add(operation, times=2, **fault)
    every_row_once(account, run(table))


def test_13_a_stale_token_while_rows_are_uncommitted(account, table):
    account.channels.commit_lag_s = 0.3
    account.faults.add("append", channel=PART, after=3, status=400, body=STALE)
    every_row_once(account, run(table))


def test_14_rows_that_stay_uncommitted_are_not_discarded(account, connect):
    make_table(account)
    table = connect(retry=sp.RetryPolicy(base_s=0.01, budget_s=0.5)).table(TABLE)

    def stop_committing():
        account.channels.pause()
        account.faults.add("append", channel=PART, after=1, body=b"{}")

    with pytest.raises(UncommittedRowsError) as caught:
        run(table, progress=once_acknowledged(430, stop_committing, channel=PART))
    assert caught.value.channel == PART
    account.channels.resume()
    every_row_once(account, run(connect().table(TABLE)))


def test_15_an_open_in_progress_is_waited_for(account, table):
    account.faults.add("open", channel=PART, times=3, status=409, body=code("ERR_OPEN_CHANNEL_IN_PROGRESS"))
    every_row_once(account, run(table))


def test_15_a_pipe_in_an_invalid_state_sends_nothing(account, table):
    account.faults.add("open", channel=PART, status=409, body=code("ERR_PIPE_IN_INVALID_STATE"))
    with pytest.raises(ChannelError, match="ERR_PIPE_IN_INVALID_STATE"):
        run(table)
    assert appends(account) == []
    every_row_once(account, run(table))


def test_17_a_part_that_must_be_reopened_again_and_again_is_given_up(account, table):
    refused = {"status": 409, "body": code("ERR_CHANNEL_MUST_BE_REOPENED")}
    account.faults.add("append", channel=PART, after=2, times=1000, **refused)
    with pytest.raises(ChannelInvalidError) as caught:
        run(table)
    assert caught.value.load.channel == PART
    assert len([request for request in opens(account) if PART in request.path]) <= 5
    account.faults.clear()
    every_row_once(account, run(table))


def test_18_nothing_is_sent_where_a_part_is_not_well_after_its_opening(account, table):
    def unwell(answer):
        answer["channel_status"]["channel_status_code"] = "ERR_CHANNEL_BLOCKED"
        return answer

    account.faults.add("open", channel=PART, change=unwell)
    with pytest.raises(ChannelError, match="ERR_CHANNEL_BLOCKED"):
        run(table)
    assert appends(account) == []


def test_19_a_dropped_part_is_never_begun_again_from_its_first_row(account, table):
    on_event = once_acknowledged(430, lambda: account.channels.drop(PART), channel=PART)
    with pytest.raises(ChannelLostError) as caught:
        run(table, progress=on_event)
    assert caught.value.load.channel == PART
    nothing_twice(account)


def test_21_a_recreated_table_is_not_filled_from_the_middle(account, table):
    def recreate():
        account.sql(f"DROP TABLE {TABLE}")
        make_table(account)

    with pytest.raises(sp.SnowpipeError):
        run(table, progress=once_acknowledged(430, recreate, channel=PART))
    nothing_twice(account)


def test_22_23_commits_that_come_late_or_never(account, table):
    account.channels.pause()
    with pytest.raises(CommitTimeoutError) as caught:
        run(table, commit_timeout_s=0.3)
    assert (caught.value.load.rows_acknowledged, caught.value.load.rows_in_table) == (ROWS, 0)
    threading.Timer(0.5, account.channels.resume).start()
    every_row_once(account, run(table))


@pytest.mark.parametrize("token", [None, "load:17:feed", "somebody:5:beef", "load:100:3-ab:0/0/0:1/2/800"])
def test_24_odd_tokens_in_polls(account, table, token):
    def odd(answer):
        for status in answer["channel_statuses"].values():
            status["last_committed_offset_token"] = token
        return answer

    account.faults.add("status", after=4, times=8, change=odd)
    every_row_once(account, run(table))
    assert len({request.query["endOffsetToken"] for request in appends(account)}) == len(appends(account))


def test_25_parts_missing_from_a_status(account, table):
    account.faults.add("status", after=4, times=4, change=lambda answer: {"channel_statuses": {}})
    every_row_once(account, run(table))


def test_26_no_status_for_a_while(account, table):
    account.faults.add("status", after=1, times=30, status=503, body=b"down")
    every_row_once(account, run(table))


@pytest.fixture
def strict(account, connect):
    account.sql(
        "CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), TEXT VARCHAR NOT NULL) ERROR_LOGGING = TRUE"
    )
    return connect().table("DEMO.PUBLIC.STRICT")


def with_bad(bad, rows=ROWS):
    return numbers(rows).assign(TEXT=[None if row in bad else f"row {row}" for row in range(rows)])


def test_27_28_rejected_rows_of_all_parts_are_added_up(account, strict):
    bad = {3, 250, 251, 799}
    with pytest.raises(RowsRejectedError) as caught:
        run(strict, with_bad(bad))
    assert caught.value.load.rows_rejected >= 1
    account.faults.add("append", channel=PART, body=b"{}")
    result = run(strict, with_bad(bad), on_error="report")
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (ROWS - 4, 4, True)
    found = account.sql("SELECT ID FROM STRICT")["ID"].tolist()
    assert sorted(found) == [row for row in range(ROWS) if row not in bad]
    assert run(strict, with_bad(bad), on_error="report").rows_sent == 0


def test_28_counters_that_start_again_between_two_calls_leave_the_number_open(account, strict):
    bad = {3, 250, 251, 799}
    account.channels.reset_counters_on_reopen = True
    with pytest.raises(RowsRejectedError):
        run(strict, with_bad(bad))
    result = run(strict, with_bad(bad), on_error="report")
    assert result.rows_rejected <= 4
    assert result.rows_rejected == 4 or not result.rejected_exact


def test_29_a_part_whose_rows_are_all_rejected_stops_the_load(account, strict):
    rows = 8000
    with pytest.raises(RowsRejectedError) as caught:
        run(strict, with_bad(set(range(4000, 6000)), rows))
    assert caught.value.load.channel == PART
    assert caught.value.load.rows_rejected > 0


def test_30_a_payload_that_the_service_dropped(account, table):
    account.faults.add("append", channel=PART, after=2, lose_rows=True)
    with pytest.raises(AuditError, match="fewer rows than were sent") as caught:
        run(table)
    assert caught.value.load.channel == PART
    assert len(ids(account)) < ROWS


def test_31_a_token_of_a_second(account, table):
    account.door.token_lifetime_s = 1.0
    every_row_once(account, run(table))


ENDS = {
    "32 a 401 for ever": (AuthenticationError, {"status": 401, "body": code("390303")}),
    "33 a 403 for ever": (AuthenticationError, {"status": 403, "body": code("ERR_NO_PRIVILEGE")}),
    "37 a day of silence": (ThrottledError, {"status": 429, "headers": {"Retry-After": "86400"}}),
    "39 a row that is too large": (RowTooLargeError, {"status": 413}),
    "40 a bad request": (ServiceError, {"status": 400, "body": code("ERR_INVALID")}),
    "41 a redirect": (ServiceError, {"status": 307, "headers": {"Location": "https://127.0.0.1/elsewhere"}}),
    "41 a proxy's password": (ServiceError, {"status": 407}),
}


@pytest.mark.parametrize("where", [PART, None], ids=["one part", "the parts"])
@pytest.mark.parametrize("trouble", ENDS)
def test_what_ends_a_load_is_reported_with_its_part_and_the_next_call_goes_on(account, table, trouble, where):
    expected, fault = ENDS[trouble]
    account.faults.add("append", channel=where, after=3, times=1000, **fault)
    with pytest.raises(expected) as caught:
        run(table)
    load = caught.value.load
    assert load.channel == (where or load.channel)
    nothing_twice(account)
    account.faults.clear()
    settled = len(ids(account))  # other parts are stopped at once, and their commits not waited for
    assert load.rows_in_table == settled if load.exact else load.rows_in_table <= settled
    every_row_once(account, run(table))


def test_34_a_key_that_was_rotated_away(account, table):
    def rotate():
        account.sql("ALTER USER DEMO_USER UNSET RSA_PUBLIC_KEY")
        account.door.revoke_scoped()

    with pytest.raises(AuthenticationError, match="DEMO_USER"):
        run(table, progress=once_acknowledged(430, rotate, channel=PART))
    nothing_twice(account)


@pytest.mark.parametrize("off_s", [300, -7200])
def test_35_a_clock_that_is_wrong(account, table, off_s):
    account.clock.move(off_s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClockSkewWarning)
        every_row_once(account, run(table))


@pytest.mark.parametrize("lose", [False, True])
def test_43_a_server_that_is_away_for_a_while(account, connect, lose):
    make_table(account)
    table = connect(retry=sp.RetryPolicy(base_s=0.05, cap_s=0.2, budget_s=20)).table(TABLE)
    back = threading.Timer(0.5, account.start)

    def go_away():
        account.stop(lose_uncommitted=lose)
        back.start()

    every_row_once(account, run(table, progress=once_acknowledged(430, go_away, channel=PART)))
    back.join()


def test_47_other_rows_in_one_part_are_refused(account, table):
    run(table)
    before = len(appends(account))
    with pytest.raises(LoadMismatchError):
        run(table, numbers(ROWS).assign(TEXT=lambda frame: frame["TEXT"].mask(frame["ID"] == 450, "other")))
    assert len(appends(account)) == before
