"""Faults 22 to 30: what the service does with rows that it has acknowledged."""

import threading

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import AuditError, ChannelLostError, CommitTimeoutError, RowsRejectedError
from tests.support.loads import SMALL, ids, open_channel
from tests.support.verdicts import ROWS, appends, every_row_once, exact_prefix, resumes, run


def statuses(account):
    return [request for request in account.requests if request.operation == "status"]


def test_22_a_commit_that_takes_a_minute_is_waited_for_with_growing_pauses(account, patient):
    channel, slept = patient
    account.channels.pause()

    def late(answer):
        if sum(slept) > 60:
            account.channels.resume()
        return answer

    account.faults.add("status", times=10_000, change=late)
    result = run(channel)
    every_row_once(account, result)
    waits = [pause for pause in slept if pause]
    assert waits[:4] == pytest.approx([0.25, 0.375, 0.5625, 0.84375], abs=0.01)
    assert max(waits) == pytest.approx(2.0, abs=0.01)
    assert len(waits) < 60


def test_23_a_commit_that_never_comes_is_reported_and_resumed(account, channel):
    account.channels.pause()
    with pytest.raises(CommitTimeoutError, match="wait again, nothing is lost") as caught:
        run(channel, commit_timeout_s=0.3)
    load = caught.value.load
    assert (load.rows_acknowledged, load.rows_in_table) == (ROWS, 0)
    assert caught.value.acknowledged.startswith(f"load:{ROWS}:")
    account.channels.resume()
    resumes(account, channel)


@pytest.mark.parametrize(
    "token", [None, "load:17:feed", "load:9999999:feed", "somebody:5:beef", "nonsense", "load:-1:", "load:٣:"]
)
def test_24_an_odd_token_in_a_poll_is_neither_success_nor_a_reason_to_send_again(account, channel, token):
    def odd(answer):
        answer["channel_statuses"]["test"]["last_committed_offset_token"] = token
        return answer

    account.faults.add("status", after=1, times=4, change=odd)
    every_row_once(account, run(channel))
    assert len({request.query["endOffsetToken"] for request in appends(account)}) == len(appends(account))


def test_24_a_token_that_goes_back_is_not_a_reason_to_send_again(account, channel):
    shown = []

    def back(answer):
        status = answer["channel_statuses"]["test"]
        shown.append(status["last_committed_offset_token"])
        status["last_committed_offset_token"] = shown[0]
        return answer

    account.faults.add("status", times=5, change=back)
    every_row_once(account, run(channel))


@pytest.mark.parametrize("opened", ["again", "before"])
def test_24_a_status_from_the_past_does_not_begin_a_load_again(account, connect, channel, opened):
    """The service answers statuses from before the first load for a while."""
    run(channel)

    def past(answer):
        status = answer["channel_statuses"]["test"]
        status |= {"last_committed_offset_token": None, "rows_inserted": 0, "rows_parsed": 0}
        return answer

    account.faults.add("status", times=5, change=past)
    again = open_channel(connect()) if opened == "again" else channel
    assert run(again).rows == 0
    every_row_once(account)


def test_25_a_channel_missing_from_one_status_answer(account, channel):
    account.faults.add("status", after=1, times=2, change=lambda answer: {"channel_statuses": {}})
    every_row_once(account, run(channel))


def test_25_a_channel_that_stays_missing_is_an_error_after_a_grace(account, patient):
    channel, slept = patient
    account.faults.add("status", after=1, times=1000, change=lambda answer: {"channel_statuses": {}})
    with pytest.raises(ChannelLostError, match="'test' is no longer listed"):
        run(channel)
    assert 10 <= sum(slept) < 60


def test_26_success_is_only_reported_from_a_status_after_the_last_acknowledgement(account, patient):
    channel, _ = patient
    account.faults.add("status", after=1, times=12, status=503, body=b"down")
    every_row_once(account, run(channel))
    kinds = [request.operation for request in account.requests if request.status == 200]
    assert kinds[::-1].index("status") < kinds[::-1].index("append")


@pytest.fixture
def strict(account, connect):
    """A channel of a table that takes no empty NAME."""
    account.sql(
        "CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), NAME VARCHAR NOT NULL) ERROR_LOGGING = TRUE"
    )
    return connect().open_channel("strict", table="DEMO.PUBLIC.STRICT")


def named(rows, bad=()):
    return pd.DataFrame({"ID": range(rows), "NAME": [None if i in bad else f"name {i}" for i in range(rows)]})


def kept(account):
    return account.sql("SELECT ID FROM STRICT")["ID"].tolist()


def test_27_rejected_rows_are_an_error_with_number_reason_and_range(account, strict):
    bad = {120, 121, 130}
    with pytest.raises(RowsRejectedError, match=r"3 rows.*NAME is NOT NULL") as caught:
        named(150, bad).snowpipe.stream(strict, limits=SMALL, load_id="load", progress=False)
    error = caught.value
    assert error.rows_rejected == 3
    assert error.first_row <= 120
    assert 130 < error.end_row <= 150
    assert error.offset_upper_bound.startswith(f"load:{error.end_row}:")
    assert (error.load.rows_in_table, error.load.rows_rejected) == (147, 3)
    assert kept(account) == [row for row in range(150) if row not in bad]


def test_27_rejected_rows_can_be_reported_and_read(account, strict):
    result = named(150, {7, 77}).snowpipe.stream(strict, limits=SMALL, on_error="report", progress=False)
    assert (result.rows_sent, result.rows_acknowledged, result.rows_in_table) == (150, 150, 148)
    assert result.rows_rejected == 2
    rejected = result.rejected()
    assert len(rejected) == 2
    assert rejected["rejected_row"].tolist() == [7, 77]
    assert rejected["ID"].tolist() == [7, 77]


def test_28_only_rejections_of_this_load_count(account, strict):
    named(50, set(range(10))).snowpipe.stream(strict, limits=SMALL, on_error="report", progress=False)
    result = named(50).snowpipe.stream(strict, limits=SMALL, progress=False)
    assert result.rows_rejected == 0
    assert result.rejected().empty
    assert len(account.sql("SELECT * FROM ERROR_TABLE(STRICT)")) == 10


def test_28_counters_that_start_again_at_a_reopen_hide_no_rejection(account, strict):
    named(50, set(range(10))).snowpipe.stream(strict, limits=SMALL, on_error="report", progress=False)
    account.channels.reset_counters_on_reopen = True
    account.faults.add("append", after=1, body=b"{}")
    result = named(150, {3, 140}).snowpipe.stream(strict, limits=SMALL, on_error="report", progress=False)
    assert result.rows_rejected == 2
    assert len(kept(account)) == 40 + 148


def test_29_a_load_whose_rows_are_all_rejected_is_stopped_within_a_poll(account, strict):
    def pieces():
        for start in range(0, 100_000, 50):
            yield named(50, set(range(50))).assign(ID=range(start, start + 50))
            threading.Event().wait(0.01)

    with pytest.raises(RowsRejectedError) as caught:
        sp.stream(pieces(), strict, limits=SMALL, load_id="load", progress=False)
    assert caught.value.load.rows_acknowledged < 5_000
    assert kept(account) == []
    assert caught.value.rows_rejected <= caught.value.load.rows_acknowledged


@pytest.mark.parametrize("at", [0, 3])
def test_30_rows_that_the_service_dropped_and_claims_to_have_committed(account, channel, at):
    account.faults.add("append", after=at, lose_rows=True)
    with pytest.raises(AuditError, match="fewer rows than were sent") as caught:
        run(channel)
    error = caught.value
    assert (error.sent, error.inserted, error.rejected) == (ROWS, len(ids(account)), 0)
    assert error.inserted < ROWS


def test_30_the_audit_waits_for_counters_that_lag_behind(account, channel):
    def lagging(answer):
        answer["channel_statuses"]["test"]["rows_inserted"] //= 2
        return answer

    account.faults.add("status", after=1, times=4, change=lagging)
    every_row_once(account, run(channel))


def test_30_a_service_that_does_not_count_is_not_audited(account, channel):
    def silent(answer):
        for name in ("rows_inserted", "rows_error_count"):
            del answer["channel_statuses"]["test"][name]
        return answer

    account.faults.add("status", times=1000, change=silent)
    every_row_once(account, run(channel))


def test_a_settled_failure_shows_the_exact_number_of_committed_rows(account, connect, channel):
    """A refusal in the middle: what was acknowledged before is waited for, and counted."""
    account.channels.commit_lag_s = 0.5
    account.faults.add("append", after=4, status=400, body=b'{"code": "ERR_INVALID_REQUEST"}')
    with pytest.raises(sp.SnowpipeError) as caught:
        run(channel)
    assert caught.value.load.rows_in_table == caught.value.load.rows_acknowledged > 0
    exact_prefix(account, caught.value)
    resumes(account, open_channel(connect()))
