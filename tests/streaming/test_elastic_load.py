"""Loads through elastic channels: each row at least once, and what may be there twice is reported."""

import contextlib
import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.api.jobs import Job
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.display.choose import displayed
from snowpipe_pandas.errors import (
    AuthenticationError,
    LoadCancelledError,
    NotFoundError,
    RowsRejectedError,
    RowTooLargeError,
    ServiceError,
    ThrottledError,
    UsageError,
)
from snowpipe_pandas.events import LoadStarted, PhaseChanged, RowsAcknowledged, RowsCommitted
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.streaming.duplicates import doubled
from snowpipe_pandas.streaming.elastic_load import ElasticLoad
from tests.auth import material
from tests.support.elastic import ROWS, at_least_once, copies, elastic, load_of, rows_of
from tests.support.loads import SMALL, ids, make_table, numbers
from tests.support.threads import Background, eventually

ROOT = Path(__file__).parents[2]
QUICK = sp.RetryPolicy(base_s=0.01, cap_s=0.1, budget_s=20.0)


@pytest.fixture
def connect(account):
    """Make clients; they are closed at the end."""
    with contextlib.ExitStack() as made:

        def connect(**parts):
            return made.enter_context(Client(load_settings(account.profile), **{"retry": QUICK} | parts))

        yield connect


@pytest.fixture
def channel(account, connect):
    make_table(account)
    return elastic(connect())


def operations(account, kind):
    return [request for request in account.requests if request.operation == kind]


@pytest.fixture
def listen():
    """Passes the events of a load to a function until the end of the test, by default a list that grows."""
    with contextlib.ExitStack() as listeners:

        def listen(load, listener=None):
            reported = []
            listeners.enter_context(load.events.heard_by(listener or reported.append))
            return reported

        yield listen


# All is well.


def test_every_row_is_durable_once_and_the_result_counts_what_it_says(account, channel, listen):
    load = load_of(channel, load_id="flights")
    reported = listen(load)
    result = load.run()
    assert sorted(ids(account)) == list(range(ROWS))
    assert (result.rows_in_table, result.rows_acknowledged, result.rows_sent) == (ROWS, ROWS, ROWS)
    assert (result.rows_rejected, result.rejected_exact, result.rows_waiting) == (0, True, 0)
    appends = operations(account, "append")
    assert (result.requests, result.retries, result.throttles) == (len(appends), 0, 0)
    assert len(appends) > 5
    assert (result.committed, result.offset_token) == (True, None)
    assert (result.load_id, result.channel) == ("flights", "ELASTIC")
    assert load.possible_duplicates == ()
    phases = [event.phase for event in reported if isinstance(event, PhaseChanged)]
    assert phases == ["sending", "committing", "done"]
    assert [type(event) for event in reported].count(LoadStarted) == 1
    assert sum(e.end_row - e.first_row for e in reported if isinstance(e, RowsAcknowledged)) == ROWS
    borders = [event.end_row for event in reported if isinstance(event, RowsCommitted)]
    assert borders == sorted(set(borders))
    assert borders[-1] == ROWS
    assert {(event.load_id, event.channel) for event in reported} == {("flights", "ELASTIC")}
    state = load.tracker.snapshot()
    assert (state.phase, state.rows_in_table, state.rows_total) == ("done", ROWS, ROWS)
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("in_flight", [1, 4, 9])
def test_that_many_requests_are_under_way_at_once_and_no_more(account, channel, in_flight, listen):
    account.faults.add("append", times=100, delay_s=0.1)
    load = load_of(channel, in_flight=in_flight, wait=False)
    most = []
    listen(load, lambda event: most.append(len(load._senders.under_way)))
    load.run()
    assert max(most) <= in_flight
    assert max(most) >= min(in_flight, 4) - 1
    assert sorted(ids(account)) == list(range(ROWS))


def test_bytes_under_way_are_bounded_but_one_request_always_goes(account, channel, listen):
    account.faults.add("append", times=5, delay_s=0.1)
    load = load_of(channel, max_in_flight_bytes=1, wait=False)
    most = []
    listen(load, lambda event: most.append(len(load._senders.under_way)))
    load.run()
    assert max(most) <= 1
    assert sorted(ids(account)) == list(range(ROWS))


def test_without_waiting_the_counters_are_not_asked_for_and_the_result_says_at_most(account, channel):
    result = load_of(channel, wait=False).run()
    assert operations(account, "status") == []
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, False)
    assert "at most 300 rows in the table" in str(result)
    assert "the service does not report how many rows it rejected" in str(result)


def test_a_frame_without_rows_sends_nothing_and_nothing_is_unknown(account, channel):
    result = load_of(channel, numbers(0)).run()
    assert operations(account, "append") == []
    assert (result.rows_in_table, result.rejected_exact) == (0, True)


def test_an_iterator_is_sent_as_it_comes(account, channel):
    source = (numbers(50, start=start) for start in range(0, ROWS, 50))
    load = load_of(channel, source)
    load.run()
    at_least_once(account, load)
    assert load.possible_duplicates == ()


def test_two_loads_share_one_channel(account, channel):
    loads = [load_of(channel, numbers(ROWS, start=ROWS * number)) for number in range(2)]
    running = [Background(load.run) for load in loads]
    for load in running:
        assert load.outcome().rows_sent == ROWS
    assert sorted(ids(account)) == list(range(2 * ROWS))


@pytest.mark.parametrize("threads", [1, 0])
def test_a_system_that_has_no_more_threads_makes_it_slower_and_not_wait_forever(
    account, channel, monkeypatch, threads
):
    start, started = threading.Thread.start, []

    def scarce(thread):
        if thread.name.startswith("snowpipe-elastic"):
            if len(started) == threads:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    load = load_of(channel, wait=False)
    if threads:
        load.run()
        at_least_once(account, load)
    else:
        with pytest.raises(RuntimeError, match="thread"):
            load.run()


def test_a_job_and_its_views_take_it_as_any_load(account, channel):
    load = load_of(channel, load_id="job", wait=False)
    reported = []
    with displayed(load.tracker, load.events, channel.events, reported.append):
        job = Job(load, load.run, contextlib.nullcontext())
        assert job.result().rows_sent == ROWS
    assert "at most 300/300 in table" in repr(job)
    assert [event.phase for event in reported if isinstance(event, PhaseChanged)] == ["sending", "done"]


def test_options_that_need_a_memory_are_refused(channel):
    with pytest.raises(UsageError, match="after='x' means nothing to an elastic channel"):
        load_of(channel, after="x")


# Trouble that passes.


def test_lost_answers_are_reported_and_nothing_else_is_doubled(account, channel):
    account.faults.add("append", after=2, times=2, cut_after=True)
    load = load_of(channel)
    result = load.run()
    at_least_once(account, load)
    found = copies(account)
    reported = rows_of((request.first_row, request.end_row) for request in load.possible_duplicates)
    assert len(load.possible_duplicates) in (1, 2)  # one request may meet both
    assert {row for row, count in found.items() if count > 1} == reported
    assert result.retries == 2
    asked = {request.query["requestId"] for request in operations(account, "append")}
    assert {request.request_id for request in load.possible_duplicates} <= asked
    assert "may have been applied" in doubled(load.possible_duplicates)
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, True)


def test_refusals_that_applied_nothing_are_no_duplicates(account, channel):
    for fault in (
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 401, "body": b'{"code": "390303"}'},
        {"status": 409, "body": b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}'},
        {"status": 410},
    ):
        account.faults.add("append", after=1, **fault)
    load = load_of(channel)
    started = time.monotonic()
    result = load.run()
    assert time.monotonic() - started >= 1.0  # what the service asked for
    assert sorted(ids(account)) == list(range(ROWS))
    assert load.possible_duplicates == ()
    assert (result.retries, result.throttles) == (4, 1)


@pytest.mark.parametrize("seed", range(4))
def test_with_a_fifth_of_all_requests_in_trouble_every_row_is_there(account, connect, seed):
    make_table(account)
    account.faults.random(0.2, seed=seed, operations=["append", "status", "token", "discover"])
    load = load_of(elastic(connect()), numbers(1000))
    result = load.run()
    account.faults.clear()
    at_least_once(account, load, 1000)
    assert result.rows_sent == 1000
    assert result.retries > 0


@pytest.mark.parametrize("before", [None, {"cut_after": True}], ids=["at once", "after a lost answer"])
def test_a_payload_above_the_services_limit_is_halved_and_the_limit_remembered(account, channel, before):
    if before is not None:
        account.faults.add("append", **before)
    account.faults.add("append", status=413, body=b'{"code": "ERR_PAYLOAD_TOO_LARGE"}')
    load = load_of(channel, in_flight=1)
    result = load.run()
    at_least_once(account, load)
    appends = operations(account, "append")
    assert len([request for request in appends if request.status == 413]) == 1
    sizes = [int(request.headers["content-length"]) for request in appends]
    refused = 1 if before is None else 2
    assert max(sizes[refused:]) <= 0.75 * sizes[0]
    assert result.rows_in_table == ROWS
    reported = load.possible_duplicates
    if before is None:
        assert reported == ()
    else:  # its parts were sent by the lost request, by the refused one, and alone
        assert len(reported) >= 2
        assert {request.tries for request in reported} == {3}
        assert {row for row, count in copies(account).items() if count == 2} == rows_of(
            (request.first_row, request.end_row) for request in reported
        )


def test_rows_that_are_too_large_one_by_one_end_the_load(account, channel):
    account.faults.add("append", after=2, times=1000, status=413)
    with pytest.raises(RowTooLargeError) as caught:
        load_of(channel, in_flight=1).run()
    facts = caught.value.load
    assert caught.value.row == facts.rows_acknowledged == facts.failed_rows[0]
    assert facts.unknown_rows == ()
    assert sorted(ids(account)) == sorted(rows_of(facts.durable_rows))


# Rejected rows: what the counters prove.


def test_rejected_rows_are_an_error_that_counts_them(account, channel):
    account.faults.add("append", after=1, reject_rows=3)
    load = load_of(channel)
    with pytest.raises(RowsRejectedError, match="ELASTIC.*': the service rejected 3 of 300 rows") as caught:
        load.run()
    error = caught.value
    assert (error.rows_rejected, error.first_row, error.end_row, error.goes_on) == (3, 0, ROWS, False)
    assert (error.load.rows_in_table, error.load.rows_rejected, error.load.exact) == (ROWS - 3, 3, True)
    assert len(ids(account)) == ROWS - 3
    assert load.tracker.snapshot().phase == "failed"


def test_rejected_rows_are_counted_where_that_is_wanted(account, channel):
    account.faults.add("append", after=1, reject_rows=3)
    result = load_of(channel, on_error="report").run()
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (ROWS - 3, 3, True)
    assert str(result).startswith("-> DEMO.PUBLIC.NUMBERS: 3 of 300 rows REJECTED, 297 in the table")


class Meanwhile:
    """Lets another writer append to the same channel, once the load has sent something."""

    def __init__(self, connect, rows=5):
        self.channel, self.rows, self.done = elastic(connect()), rows, False

    def __call__(self, event):
        if isinstance(event, RowsAcknowledged) and not self.done:
            self.done = True
            load_of(self.channel, numbers(self.rows, start=1000), wait=False).run()


def test_errors_belong_to_no_load_where_others_wrote_too(account, connect, channel, listen):
    account.faults.add("append", after=1, reject_rows=3)
    load = load_of(channel)
    listen(load, Meanwhile(connect))
    result = load.run()
    assert (result.rows_in_table, result.rows_rejected, result.rejected_exact) == (ROWS, 0, False)
    assert "at most 300 rows in the table" in str(result)


def test_no_errors_at_all_prove_that_none_are_ours_whoever_wrote(account, connect, channel, listen):
    load = load_of(channel)
    listen(load, Meanwhile(connect))
    result = load.run()
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, True)
    assert len(ids(account)) == ROWS + 5


def counters(inserted, errors):
    """A status with these counters instead of its own."""

    def change(answer):
        state = answer["channel_statuses"]["ELASTIC"]
        state |= {"rows_inserted": inserted, "rows_error_count": errors, "rows_parsed": None}
        return answer

    return change


def test_statuses_from_the_past_prove_nothing(account, channel, listen):
    """The load before left equally many rows, 10 of them rejected. For a while statuses are from the past
    and show its rows as if they were ours. After the grace they show the truth."""
    account.faults.add("append", reject_rows=10)
    load_of(channel, on_error="report", wait=False).run()
    load = load_of(channel)
    acknowledged = []
    listen(load, lambda event: isinstance(event, RowsAcknowledged) and acknowledged.append(time.monotonic()))

    def late(answer):
        if acknowledged and time.monotonic() > acknowledged[-1] + 0.9 * SMALL.audit_grace_s:
            return answer
        return counters(ROWS - 10 if acknowledged else 0, 10 if acknowledged else 0)(answer)

    account.faults.add("status", times=10, change=late)
    result = load.run()
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, False)


def test_a_pause_does_not_shorten_the_wait_for_counters(account, channel):
    load = load_of(channel, limits=sp.LoadLimits(audit_grace_s=1.0))
    running = Background(load.run)
    eventually(lambda: len(operations(account, "status")) == 2)
    load.control.pause()
    time.sleep(0.1)
    load.control.resume()
    assert running.outcome().rejected_exact
    assert running.seconds > 1.0
    assert len(operations(account, "status")) == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda answer: {"channel_statuses": {}}, id="not listed"),
        pytest.param(counters(None, None), id="not reported"),
        pytest.param(counters(10**6, 0), id="set back"),
    ],
)
def test_counters_that_are_not_reported_leave_it_open(account, channel, change):
    account.faults.add("status", change=change)
    result = load_of(channel).run()
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, False)


def test_counters_that_lack_rows_leave_it_open(account, channel):
    """Durable rows are not taken back for counters that lag, or that lack rows: the result says "at most"."""
    account.faults.add("append", after=1, lose_rows=True)
    result = load_of(channel).run()
    assert len(ids(account)) < ROWS
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, False)


def test_a_status_that_fails_at_the_end_costs_no_load(account, channel):
    account.faults.add("status", after=1, status=400, times=5)
    result = load_of(channel).run()
    assert (result.rows_in_table, result.rejected_exact) == (ROWS, False)


def test_the_last_answer_may_come_at_any_moment(channel, monkeypatch):
    """It comes after the check whether something is under way, and before the check for news."""
    take_news = ElasticLoad._take_news

    def late(load, timeout_s):
        if timeout_s == 0:
            eventually(lambda: load._senders._news or not load._senders.under_way)
        take_news(load, timeout_s)

    monkeypatch.setattr(ElasticLoad, "_take_news", late)
    assert Background(load_of(channel, wait=False).run).outcome().rows_sent == ROWS


# Trouble that stays.


def exactly_the_durable_rows(account, facts):
    assert set(ids(account)) - rows_of(facts.unknown_rows) == rows_of(facts.durable_rows)
    assert facts.rows_acknowledged == len(rows_of(facts.durable_rows))
    assert not facts.goes_on


def test_a_refused_request_stops_the_load_after_the_others(account, channel):
    account.faults.add("append", after=3, status=400, body=b'{"code": "ERR_X", "message": "no"}')
    account.faults.add("append", times=50, delay_s=0.2)
    load = load_of(channel)
    with pytest.raises(ServiceError, match="ERR_X: no") as caught:
        load.run()
    facts = caught.value.load
    assert len(operations(account, "append")) < 9
    assert facts.unknown_rows == ()
    assert facts.failed_rows is not None
    assert rows_of([facts.failed_rows]) & rows_of(facts.durable_rows) == set()
    exactly_the_durable_rows(account, facts)
    text = caught.value.__notes__[0]
    assert f"{facts.place}: {text}" == str(facts)
    assert str(caught.value).startswith(f"{facts.place}: could not ")
    assert "a second run would send every row again" in text
    assert "to go on" not in text
    assert not caught.value.goes_on
    assert not load.tracker.snapshot().goes_on
    assert pickle.loads(pickle.dumps(caught.value)).load == facts


def test_rows_of_a_request_without_an_answer_are_unknown(account, connect):
    make_table(account)
    channel = elastic(connect(retry=sp.RetryPolicy(base_s=0.01, attempts=2, budget_s=5)))
    account.faults.add("append", after=2, times=1000, status=503, applied=True)
    with pytest.raises(ServiceError) as caught:
        load_of(channel).run()
    facts = caught.value.load
    assert rows_of([facts.failed_rows]) <= rows_of(facts.unknown_rows)
    exactly_the_durable_rows(account, facts)
    assert set(ids(account)) >= rows_of(facts.unknown_rows)
    assert "it is unknown whether the table has" in str(facts)


def test_a_service_that_wants_a_day_of_silence_ends_the_load(account, channel):
    account.faults.add("append", after=2, times=1000, status=429, headers={"Retry-After": "86400"})
    with pytest.raises(ThrottledError, match="86400 s") as caught:
        load_of(channel).run()
    exactly_the_durable_rows(account, caught.value.load)
    assert caught.value.load.unknown_rows == ()


def test_refused_credentials_end_the_load(account, channel):
    account.faults.add("append", after=2, times=1000, status=403, body=b'{"code": "390303"}')
    with pytest.raises(AuthenticationError) as caught:
        load_of(channel).run()
    exactly_the_durable_rows(account, caught.value.load)


@pytest.mark.parametrize("wait", [True, False])
def test_a_missing_table_is_reported_before_anything_is_sent(account, connect, wait):
    with pytest.raises(NotFoundError) as caught:
        load_of(elastic(connect()), wait=wait).run()
    if not wait:
        assert "no row is in the table, so the same call can be run again" in str(caught.value.load)


def test_what_a_source_raises_is_raised_after_the_rows_before_it(account, channel):
    def rows():
        yield numbers(100)
        raise ZeroDivisionError("of the source")

    with pytest.raises(ZeroDivisionError, match="of the source") as caught:
        load_of(channel, rows()).run()
    assert "dealt with for good: rows 0 to 99" in caught.value.__notes__[0]
    assert sorted(ids(account)) == list(range(100))


# Pause, cancel, Ctrl-C, kill.


def test_a_paused_load_sends_nothing_and_goes_on(account, channel, listen):
    account.faults.add("append", times=1000, delay_s=0.02)
    load = load_of(channel, numbers(1000), wait=False)
    reported = listen(load)
    running = Background(load.run)
    eventually(lambda: any(isinstance(event, RowsAcknowledged) for event in reported))
    load.control.pause()
    eventually(lambda: load.tracker.snapshot().phase == "paused" and not load._senders.under_way)
    before = len(operations(account, "append"))
    assert load.tracker.snapshot().rows_acknowledged == len(ids(account)) < 1000
    time.sleep(0.3)
    assert len(operations(account, "append")) == before
    load.control.resume()
    assert running.outcome().rows_sent == 1000
    assert sorted(ids(account)) == list(range(1000))
    phases = [event.phase for event in reported if isinstance(event, PhaseChanged)]
    assert phases == ["sending", "paused", "sending", "done"]


@pytest.mark.parametrize("where", ["append", "back-off", "paused", "source", "grace"])
def test_a_cancel_stops_after_the_requests_under_way(account, connect, where):
    make_table(account)
    retry = sp.RetryPolicy(base_s=20.0, cap_s=20.0, jitter=0.0) if where == "back-off" else QUICK
    channel = elastic(connect(retry=retry))
    blocked = threading.Event()
    options, source = {}, numbers(1000)
    if where == "back-off":
        account.faults.add("append", after=4, times=1000, status=503)
    elif where == "source":

        def rows():
            yield numbers(200)
            blocked.wait(60)
            yield numbers(800, start=200)

        source = rows()
    elif where == "grace":
        options = {"limits": sp.LoadLimits(max_raw_bytes=1000, audit_grace_s=60)}
    else:
        account.faults.add("append", times=1000, delay_s=0.1)
    load = load_of(channel, source, **options)
    running = Background(load.run)
    if where == "grace":
        eventually(lambda: load.tracker.snapshot().phase == "committing")
    else:
        eventually(lambda: len(operations(account, "append")) >= 4)
    if where == "source":  # nothing but the source is waited for
        eventually(lambda: load.tracker.snapshot().rows_acknowledged == 200)
        time.sleep(0.1)
    if where == "paused":
        load.control.pause()
        eventually(lambda: not load._senders.under_way)
    load.control.cancel()
    error = running.outcome()
    blocked.set()
    assert isinstance(error, LoadCancelledError)
    exactly_the_durable_rows(account, error.load)
    assert bool(error.load.unknown_rows) is (where == "back-off")
    assert load.tracker.snapshot().phase == "cancelled"
    if where == "grace":
        assert error.load.rows_acknowledged == 1000


@pytest.fixture
def collected():
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*<socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("where", ["append", "back-off", "paused", "source"])
def test_ctrl_c_is_out_soon_and_says_what_is_durable(account, connect, collected, where):
    make_table(account)
    retry = sp.RetryPolicy(base_s=20.0, cap_s=20.0, jitter=0.0) if where == "back-off" else QUICK
    channel = elastic(connect(retry=retry))
    source = numbers(1000)
    if where == "append":
        account.faults.add("append", after=4, times=1000, delay_s=3.0)
    elif where == "back-off":
        account.faults.add("append", after=4, times=1000, status=503)
    elif where == "paused":
        account.faults.add("append", times=1000, delay_s=0.05)
    else:

        def rows():
            yield numbers(200)
            time.sleep(2)

        source = rows()
    load = load_of(channel, source)
    interrupted = []

    def interrupt():
        reached = 6 if where in ("append", "back-off") else 2
        eventually(lambda: len(operations(account, "append")) >= reached)
        if where == "paused":
            load.control.pause()
            eventually(lambda: load.tracker.snapshot().phase == "paused" and not load._senders.under_way)
        time.sleep(0.2)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        load.run()
    assert time.monotonic() - interrupted[0] < 2.5
    thread.join()
    facts = load._delivery.facts("T", "load", "ELASTIC")
    assert "load_id" not in caught.value.__notes__[0]
    state = load.tracker.snapshot()
    assert (state.phase, state.message, state.goes_on) == ("cancelled", "interrupted", False)
    assert bool(facts.unknown_rows) is (where in ("append", "back-off"))
    eventually(lambda: not any(t.name.startswith("snowpipe-elastic") for t in threading.enumerate()))
    sent = len(operations(account, "append"))
    exactly_the_durable_rows(account, facts)
    time.sleep(0.1)
    assert len(operations(account, "append")) == sent


def test_a_killed_load_that_is_run_again_has_each_row_at_least_once(account, connect):
    make_table(account)
    account.faults.add("append", after=3, times=4, delay_s=5.0)
    command = [sys.executable, "-m", "tests.support.elastic_child", str(account.profile), "1000"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: process.poll() is not None or len(operations(account, "append")) >= 3)
    time.sleep(random.random() * 0.3)
    process.kill()
    process.communicate()
    account.faults.clear()
    first = set(ids(account))
    load_of(elastic(connect()), numbers(1000), wait=False).run()
    found = copies(account)
    assert set(found) == set(range(1000))
    assert max(found.values()) <= 2
    assert first <= {row for row, count in found.items() if count == 2}


# Secrets.


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 401, "body": b"{}", "times": 1000},
        {"cut_before": True, "times": 1000},
        {"status": 400, "body": b'{"code":"ERR","message":"no"}'},
        {"body": b"<html></html>", "times": 1000},
    ],
    ids=lambda fault: "-".join(map(str, fault)),
)
def test_no_secret_shows_in_what_a_failed_load_leaves(account, connect, caplog, fault, listen):
    caplog.set_level("DEBUG")
    make_table(account)
    client = connect(retry=sp.RetryPolicy(base_s=0.01, budget_s=0.3))
    account.faults.add("append", **fault)
    load = load_of(elastic(client))
    reported = listen(load)
    with pytest.raises(sp.SnowpipeError) as caught:
        load.run()
    token = client.token()
    secrets = [token, *token.split(".")[1:], *account.door._scoped]
    shown = [material.shown(caught.value), material.shown(pickle.loads(pickle.dumps(caught.value)))]
    shown += [caplog.text, repr(reported), repr(load), repr(load.channel), repr(load.tracker.snapshot())]
    assert len(secrets) > 3
    assert "append" in shown[0]
    assert material.leaks("\n".join(shown), secrets) == []
