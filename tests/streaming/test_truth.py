"""What a load says is true: rejected rows of its whole life, stale statuses, one set of counts."""

import threading
import time
from dataclasses import fields

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ClosedError,
    CommitTimeoutError,
    DataError,
    LoadCancelledError,
    OtherLoadError,
    RowFormatError,
    RowsRejectedError,
)
from snowpipe_pandas.events import RowsAcknowledged
from snowpipe_pandas.streaming.counts import Counts
from tests.support.loads import SMALL, TABLE, ids, numbers, open_channel

STRICT = "DEMO.PUBLIC.STRICT"


@pytest.fixture
def strict(account, client):
    account.sql(f"CREATE TABLE {STRICT} (ID NUMBER(38,0), TEXT VARCHAR NOT NULL)")
    return client.open_channel("strict", table=STRICT)


def with_bad(rows, bad):
    frame = numbers(rows)
    frame.loc[list(bad), "TEXT"] = None
    return frame


def test_a_load_with_rejected_rows_says_so_however_often_it_is_run(account, client, strict):
    frame = with_bad(150, {3, 4, 5})
    for again in range(3):
        channel = client.open_channel("strict", table=STRICT) if again == 2 else strict
        with pytest.raises(RowsRejectedError, match="rejected 3 rows") as caught:
            frame.snowpipe.stream(channel, load_id="L", progress=False)
        assert (caught.value.load.rows_in_table, caught.value.load.rows_rejected) == (147, 3)
        assert caught.value.load.exact
    result = frame.snowpipe.stream(channel, load_id="L", on_error="report", progress=False)
    assert (result.rows_in_table, result.rows_rejected, result.rows_sent) == (147, 3, 0)
    assert str(result).endswith(
        ": nothing to send: of 150 rows of load 'L' 147 are in the table, 3 were REJECTED"
    )


def test_rejected_rows_that_are_reported_again_lie_where_they_lay(client, strict):
    frame = with_bad(150, {3, 4, 5})
    said = []
    for again in range(2):
        channel = client.open_channel("strict", table=STRICT) if again else strict
        with pytest.raises(RowsRejectedError) as caught:
            frame.snowpipe.stream(channel, load_id="L", limits=SMALL, progress=False)
        error = caught.value
        assert error.first_row <= 3 < 5 < error.end_row
        said.append((error.rows_rejected, error.end_row, error.last_message, error.offset_upper_bound))
    assert said[0] == said[1]


def test_a_load_that_timed_out_learns_its_rejected_rows_when_it_goes_on(account, strict):
    frame = with_bad(150, {3, 4, 5})
    account.channels.pause()
    with pytest.raises(CommitTimeoutError) as caught:
        frame.snowpipe.stream(strict, load_id="L", commit_timeout_s=0.2, progress=False)
    assert (caught.value.load.rows_in_table, caught.value.load.exact) == (0, False)
    account.channels.resume()
    with sp.connect(account.profile) as other:
        channel = other.open_channel("strict", table=STRICT)
        with pytest.raises(RowsRejectedError, match="rejected 3 rows"):
            frame.snowpipe.stream(channel, load_id="L", progress=False)
        result = frame.snowpipe.stream(channel, load_id="L", on_error="report", progress=False)
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (147, 3, True)


def test_a_resumed_load_counts_the_rejected_rows_of_all_its_calls(strict):
    def broken():
        yield with_bad(100, {3})
        raise OSError("the disk is gone")

    options = {"load_id": "L", "on_error": "report", "progress": False}
    with pytest.raises(OSError, match="disk"):
        sp.stream(broken(), strict, **options)
    result = with_bad(200, {3, 150}).snowpipe.stream(strict, **options)
    assert (result.rows_skipped, result.rows_sent) == (100, 100)
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (198, 2, True)


def test_a_stale_status_in_a_load_that_goes_well_changes_nothing(account, channel):
    shown = []

    def past(answer):
        status = answer["channel_statuses"]["test"]
        shown.append(dict(status))
        lower = [old for old in shown if 0 < old["rows_inserted"] < status["rows_inserted"]]
        if len(shown) % 2 and lower:
            answer["channel_statuses"]["test"] = lower[0]
            stale.append(lower[0])
        return answer

    def slowly():
        for start in range(0, 600, 60):
            yield numbers(60, start=start)
            time.sleep(0.05)

    stale = []
    account.faults.add("status", times=1000, change=past)
    limits = SMALL.__class__(
        max_raw_bytes=1000, max_wire_bytes=4000, first_raw_bytes=1000, status_interval_s=0.01
    )
    result = sp.stream(slowly(), channel, limits=limits, progress=False)
    assert stale
    assert (result.rows_in_table, ids(account)) == (600, list(range(600)))


def test_counts_that_an_open_leaves_out_are_read_from_statuses(account, client, strict):
    def silent(answer):
        for name in ("rows_inserted", "rows_error_count"):
            answer["channel_status"].pop(name)
        return answer

    with_bad(20, {1, 2}).snowpipe.stream(strict, on_error="report", progress=False)
    account.faults.add("open", times=100, change=silent)
    channel = client.open_channel("strict", table=STRICT)
    result = with_bad(100, range(5, 31)).snowpipe.stream(channel, on_error="report", progress=False)
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (74, 26, True)


def test_counts_that_nobody_reports_are_called_unknown(account, client, channel):
    def silent(answer):
        status_fields = answer.get("channel_status") or answer["channel_statuses"]["test"]
        for name in ("rows_inserted", "rows_error_count"):
            status_fields.pop(name)
        return answer

    account.faults.add("open", times=100, change=silent)
    account.faults.add("status", times=100, change=silent)
    result = numbers(10).snowpipe.stream(open_channel(client), progress=False)
    assert (result.rows_acknowledged, result.rejected_exact) == (10, False)
    assert "does not report" in str(result)


def test_counters_that_lag_where_a_load_begins_are_no_surplus(account, channel):
    """The load before was not waited for: its rows are counted while this one runs."""

    def lagging(answer):
        answer["channel_statuses"]["test"]["rows_inserted"] //= 2
        return answer

    numbers(100).snowpipe.stream(channel, wait=False, progress=False)
    time.sleep(0.3)
    account.faults.add("status", times=1, change=lagging)
    result = numbers(100, start=100).snowpipe.stream(channel, progress=False)
    assert (result.rows_in_table, result.rows_rejected) == (100, 0)
    assert ids(account) == list(range(200))


def test_result_progress_and_events_show_the_same_counts(account, channel):
    account.faults.add("append", times=2, status=503)
    account.faults.add("append", after=2, body=b"{}")
    account.faults.add("status", times=2, status=503)
    job = numbers(150).snowpipe.stream(channel, limits=SMALL, load_id="O", background=True)
    result, progress = job.result(30), job.progress
    assert result.retries == 2
    assert result.raw_bytes == len(numbers(150).snowpipe.to_ndjson())
    assert [getattr(progress, f.name) for f in fields(Counts)] == [
        getattr(result, f.name) for f in fields(Counts)
    ]
    sent = [request for request in account.requests if request.operation == "append"]
    assert result.requests == len(sent)


def test_two_channels_of_one_name_on_two_tables_show_their_own_loads(account, client):
    for table in ("A", "B"):
        account.sql(numbers(1).snowpipe.ddl(f"DEMO.PUBLIC.{table}"))
    first, second = (client.open_channel("one", table=f"DEMO.PUBLIC.{table}") for table in ("A", "B"))
    other_is_done = threading.Event()

    def slowly():
        yield numbers(50)
        assert other_is_done.wait(20)
        yield numbers(50, start=50)

    received = []
    slow = sp.stream(slowly(), first, load_id="A", background=True, progress=received.append)
    quick = sp.stream(numbers(200), second, load_id="B", background=True)
    assert quick.result(20).rows_in_table == 200
    assert not slow.progress.ended
    other_is_done.set()
    assert (slow.result(20).rows_in_table, slow.progress.rows_sent) == (100, 100)
    assert {event.load_id for event in received} <= {"A", None}


def test_a_bystander_waits_for_the_channel_on_its_own(account, channel):
    account.channels.pause()
    job = numbers(100).snowpipe.stream(channel, load_id="L", background=True)
    while not job.progress.rows_acknowledged:
        time.sleep(0.01)
    ended = []

    def watch():
        try:
            ended.append(channel.wait_for_commit(job.progress.token_sent, timeout_s=20))
        except BaseException as error:  # the outcome is checked below
            ended.append(error)

    bystander = threading.Thread(target=watch)
    bystander.start()
    time.sleep(0.3)
    job.cancel()
    assert isinstance(job.exception(20), LoadCancelledError)
    assert not ended
    account.channels.resume()
    bystander.join(20)
    assert ended[0].rows_inserted == 100


def test_a_cancel_is_obeyed_while_a_token_is_exchanged(account, channel):
    account.door.revoke_scoped()
    account.faults.add("token", status=503, times=10_000)
    job = numbers(100).snowpipe.stream(channel, load_id="M", background=True)
    time.sleep(0.3)
    cancelled_at = time.monotonic()
    job.cancel()
    assert isinstance(job.exception(20), LoadCancelledError)
    assert time.monotonic() - cancelled_at < 1.5


def test_a_closed_client_sends_nothing(account):
    client = sp.connect(account.profile)
    account.sql(numbers(1).snowpipe.ddl(TABLE))
    channel = open_channel(client)
    client.close()
    with pytest.raises(ClosedError):
        numbers(10).snowpipe.stream(channel, progress=False)
    assert ids(account) == []


def test_an_error_of_the_data_says_what_was_sent_before_it(account, client):
    account.sql("CREATE TABLE DEMO.PUBLIC.TIMES (ID NUMBER(38,0), T TIMESTAMP_NTZ)")
    channel = client.open_channel("times", table="DEMO.PUBLIC.TIMES")

    def parts():
        yield pd.DataFrame({"ID": range(50), "T": pd.Timestamp("2026-01-01")})
        yield pd.DataFrame({"ID": [50], "T": [object()]})

    with pytest.raises(DataError) as caught:
        sp.stream(parts(), channel, limits=SMALL, load_id="L", progress=False)
    in_table = account.sql("SELECT COUNT(*) AS N FROM TIMES")["N"][0]
    assert (caught.value.load.rows_in_table, caught.value.load.exact) == (in_table, True)


def test_two_named_loads_on_one_channel_are_not_doubled_by_running_them_again(account, channel):
    numbers(50).snowpipe.stream(channel, load_id="day1", progress=False)
    with pytest.raises(OtherLoadError, match="after='day1'") as caught:
        numbers(50, start=50).snowpipe.stream(channel, load_id="day2", progress=False)
    assert (caught.value.load_id, caught.value.other, caught.value.load) == ("day2", "day1", None)
    options = {"load_id": "day2", "after": "day1", "progress": False}
    numbers(50, start=50).snowpipe.stream(channel, **options)
    assert numbers(50, start=50).snowpipe.stream(channel, **options).rows_sent == 0
    with pytest.raises(OtherLoadError, match="'day2'"):
        numbers(50).snowpipe.stream(channel, load_id="day1", progress=False)
    numbers(3, start=100).snowpipe.stream(channel, progress=False)  # unnamed loads go on as before
    assert ids(account) == list(range(103))


@pytest.mark.parametrize(
    ("token", "written", "words"),
    [
        ("L:3:feedfeedfeedfeed", None, "before row formats had numbers"),
        ("L:3:99-feedfeedfeedfeed:0", 99, "a newer version, in row format 99"),
        ("L:3:0-feedfeedfeedfeed:0", 0, "an older version, in row format 0"),
    ],
)
def test_rows_of_another_version_are_reported_as_that_and_not_as_changed_rows(
    account, client, channel, token, written, words
):
    channel.append_rows(numbers(3).snowpipe.to_ndjson(), start_offset_token="L:0", end_offset_token=token)
    channel.wait_for_commit(token)
    with pytest.raises(RowFormatError, match=words) as caught:
        numbers(5).snowpipe.stream(open_channel(client), load_id="L", progress=False)
    assert "load_id unchanged" in str(caught.value)
    assert caught.value.written == written
    assert ids(account) == [0, 1, 2]


def test_rows_of_the_first_form_that_are_the_same_go_on(account, client, channel):
    from xxhash import xxh3_64_hexdigest

    body = numbers(3).snowpipe.to_ndjson()
    token = f"L:3:{xxh3_64_hexdigest(body)}"
    channel.append_rows(body, start_offset_token="L:0", end_offset_token=token)
    channel.wait_for_commit(token)
    result = numbers(5).snowpipe.stream(open_channel(client), load_id="L", progress=False)
    assert (result.rows_skipped, result.rows_in_table, result.rejected_exact) == (3, 5, False)
    assert ids(account) == list(range(5))


def test_what_a_slow_source_yields_leaves_within_the_interval(channel):
    began, seen = time.monotonic(), []

    def slowly():
        for start in range(0, 40, 10):
            yield numbers(10, start=start)
            time.sleep(0.4)

    def watch(event):
        if isinstance(event, RowsAcknowledged):
            seen.append(time.monotonic() - began)

    sp.stream(slowly(), channel, progress=watch, flush_interval_s=0.2)
    assert len(seen) >= 3
    assert seen[0] < 1.0


def test_a_window_that_stays_full_is_a_time_out(account, channel):
    account.channels.pause()
    with pytest.raises(CommitTimeoutError, match="did not commit within") as caught:
        numbers(300).snowpipe.stream(
            channel, limits=SMALL, commit_timeout_s=0.5, max_in_flight_bytes=500, progress=False
        )
    assert 0 < caught.value.load.rows_acknowledged < 300
    account.channels.resume()


def test_a_view_never_says_that_waiting_rows_are_done(account, channel):
    from snowpipe_pandas.display import texts

    account.channels.pause()
    job = numbers(100).snowpipe.stream(channel, load_id="L", background=True)
    while job.progress.phase != "committing":
        time.sleep(0.01)
    assert texts.percent(job.progress) == "0%"
    account.channels.resume()
    assert job.result(20).rows_in_table == 100
    assert texts.percent(job.progress) == "100%"


def test_a_load_that_the_same_call_cannot_help_does_not_advise_it(strict):
    seen = []
    with pytest.raises(RowsRejectedError) as caught:
        with_bad(10, {3}).snowpipe.stream(strict, load_id="L", progress=seen.append)
    assert not caught.value.load.goes_on
    assert "run the same call" not in str(caught.value.load)
    assert (seen[-1].phase, seen[-1].goes_on) == ("failed", False)
    assert seen[-1].message.startswith("the service rejected 1 row among rows 0 to 9 of the source")
