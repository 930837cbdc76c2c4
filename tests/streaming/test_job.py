"""Loads in the background: steered, waited for, interrupted, resumed."""

import logging
import os
import signal
import threading
import time
from dataclasses import replace

import polars as pl
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import LoadCancelledError, UsageError
from snowpipe_pandas.events import PhaseChanged, RowsAcknowledged, RowsCommitted
from tests.support.loads import SMALL, ids, make_table, numbers, open_channel, operations


class Gate:
    """A listener that lets a test wait for the second event of a kind, and the load wait for the test.

    With the second one, the snapshot has taken in the first.
    """

    def __init__(self, kind):
        self._kind = kind
        self._passed = 0
        self.met = threading.Event()
        self.opened = threading.Event()

    def __call__(self, event):
        if isinstance(event, self._kind):
            self._passed += 1
            if self._passed == 2:
                self.met.set()
                assert self.opened.wait(20)


class Phase:
    """A listener that lets a test wait for a phase."""

    def __init__(self, phase):
        self._phase = phase
        self.met = threading.Event()

    def __call__(self, event):
        if isinstance(event, PhaseChanged) and event.phase == self._phase:
            self.met.set()


@pytest.fixture
def held(channel):
    """A job that stops after its second acknowledged request, and what lets it go on."""
    gate = Gate(RowsAcknowledged)
    job = numbers(500).snowpipe.stream(channel, limits=SMALL, load_id="held", background=True, progress=gate)
    assert gate.met.wait(20)
    yield job, gate.opened
    gate.opened.set()
    job.cancel()
    assert job.wait(20)


def test_a_job_returns_at_once_and_its_result_is_the_loads(account, held):
    job, go_on = held
    assert not job.done
    assert 0 < job.progress.rows_sent < 500
    assert (job.load_id, job.channel) == ("held", "test")
    assert job.wait(0.01) is False
    with pytest.raises(TimeoutError, match="load 'held' is not over after 0.01 s; it goes on"):
        job.result(timeout=0.01)
    go_on.set()
    result = job.result(timeout=20)
    assert (result.rows, result.committed, result.load_id) == (500, True, "held")
    assert job.done
    assert job.exception() is None
    assert job.progress.phase == "done"
    assert ids(account) == list(range(500))


def test_its_repr_is_one_line_that_shows_how_far_it_is(held):
    job, _ = held
    assert repr(job).startswith("<Job -> DEMO.PUBLIC.NUMBERS  sending ")
    assert len(repr(job)) <= 110
    assert "/500 rows" in repr(job)


def test_a_cancelled_job_says_how_far_it_came_and_the_same_call_goes_on(account, channel, held):
    job, go_on = held
    job.cancel()
    go_on.set()
    with pytest.raises(LoadCancelledError) as caught:
        job.result(timeout=20)
    assert isinstance(job.exception(), LoadCancelledError)
    assert 0 < caught.value.load.rows_acknowledged < 500
    assert "load_id='held'" in str(caught.value.load)
    assert job.progress.phase == "cancelled"
    sent = len(operations(account, "rows"))
    result = numbers(500).snowpipe.stream(channel, load_id="held", progress=False)
    assert result.rows_skipped > 0
    assert sent < len(operations(account, "rows"))
    assert ids(account) == list(range(500))


def test_a_paused_job_sends_nothing_until_it_is_resumed(account, channel):
    paused = Phase("paused")
    first = Gate(RowsAcknowledged)

    def listen(event):
        first(event)
        paused(event)

    job = numbers(500).snowpipe.stream(channel, limits=SMALL, background=True, progress=listen)
    assert first.met.wait(20)
    job.pause()
    first.opened.set()
    assert paused.met.wait(20)
    sent = len(operations(account, "rows"))
    assert job.wait(0.2) is False
    assert len(operations(account, "rows")) == sent
    job.resume()
    assert job.result(timeout=20).rows == 500
    assert ids(account) == list(range(500))


def test_a_paused_job_still_learns_what_is_committed(channel):
    gate, paused, caught_up = Gate(RowsAcknowledged), Phase("paused"), threading.Event()
    sent = []

    def listen(event):
        gate(event)
        paused(event)
        if isinstance(event, RowsAcknowledged):
            sent.append(event.end_row)
        if isinstance(event, RowsCommitted) and paused.met.is_set() and event.end_row == sent[-1]:
            caught_up.set()

    job = numbers(500).snowpipe.stream(
        channel, limits=replace(SMALL, status_interval_s=0.01), background=True, progress=listen
    )
    assert gate.met.wait(20)
    job.pause()
    gate.opened.set()
    assert caught_up.wait(20)
    assert sent[-1] < 500
    job.cancel()
    assert isinstance(job.exception(timeout=20), LoadCancelledError)


def test_a_failed_job_raises_where_its_result_is_asked_for_and_is_reported_in_the_log(channel, caplog):
    def broken():
        yield numbers(10)
        raise OSError("the disk is gone")

    with caplog.at_level(logging.WARNING, "snowpipe_pandas.jobs"):
        job = sp.stream(broken(), channel, load_id="broken", background=True)
        with pytest.raises(OSError, match="the disk is gone") as caught:
            job.result(timeout=20)
    assert "load_id='broken'" in " ".join(caught.value.__notes__)
    place = "-> DEMO.PUBLIC.NUMBERS, load 'broken', channel 'test'"
    assert f"failed in the background: {place}: OSError: the disk is gone" in caplog.text


def test_a_call_that_cannot_work_fails_where_it_is_written(channel):
    with pytest.raises(UsageError, match="on_error"):
        numbers(3).snowpipe.stream(channel, on_error="ignore", background=True)


def test_a_second_job_on_a_busy_channel_fails_and_the_first_is_not_disturbed(channel, held):
    job, go_on = held
    second = numbers(3).snowpipe.stream(channel, load_id="second", background=True)
    with pytest.raises(UsageError, match="busy with load 'held'"):
        second.result(timeout=20)
    assert second.progress.phase == "failed"
    assert job.progress.phase == "sending"
    go_on.set()
    assert job.result(timeout=20).rows == 500


def open_once_cancelled(job, go_on):
    """Let a job go on as soon as it is asked to stop."""
    for _ in range(2000):
        if job._load.control.cancelled:
            break
        time.sleep(0.01)
    go_on.set()


def interrupt_once_waiting():
    """Send this process Ctrl-C as soon as the main thread waits."""
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.parametrize(
    "wait", [lambda job: job.result(), lambda job: job.wait(), lambda job: sp.Jobs([job]).wait()]
)
def test_an_interrupt_while_waiting_cancels_the_job_and_is_raised_again(held, wait):
    # polars changes how signals are delivered to a process: a wait without a timeout would not notice them.
    pl.DataFrame({"a": [1]}).with_columns(pl.col("a") + 1)
    job, _ = held
    interrupt_once_waiting()
    threading.Thread(target=open_once_cancelled, args=held).start()
    with pytest.raises(KeyboardInterrupt):
        wait(job)
    assert job.done
    assert isinstance(job.exception(), LoadCancelledError)


def test_the_jobs_thread_bears_the_loads_name(held):
    assert "snowpipe-job-held" in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def channels(account, client):
    make_table(account)
    return [open_channel(client, f"part-{n}") for n in range(3)]


def test_several_jobs_are_waited_for_together(account, channels):
    parts = [numbers(100, start=100 * n) for n in range(3)]
    jobs = sp.Jobs(p.snowpipe.stream(c, background=True) for p, c in zip(parts, channels, strict=True))
    assert [result.rows for result in jobs.results(timeout=20)] == [100] * 3
    assert repr(jobs) == "<Jobs: 3 of 3 done>"
    assert (len(jobs), jobs[1].channel, len(jobs[:2])) == (3, "part-1", 2)
    assert sorted(ids(account)) == list(range(300))


def test_several_jobs_are_cancelled_together(account, channels):
    account.channels.pause()
    jobs = sp.Jobs(numbers(10).snowpipe.stream(c, background=True) for c in channels)
    assert jobs.wait(0.01) is False
    with pytest.raises(TimeoutError, match="0 of 3 done"):
        jobs.results(timeout=0.01)
    jobs.cancel()
    with pytest.raises(LoadCancelledError):
        jobs.results(timeout=20)
    assert all(job.done for job in jobs)
    account.channels.resume()


def test_a_job_that_is_asked_to_shows_itself_outside_of_a_notebook_too(channel, capsys):
    quiet = numbers(5).snowpipe.stream(channel, load_id="quiet", background=True)
    quiet.result(timeout=20)
    assert capsys.readouterr().err == ""
    loud = numbers(5).snowpipe.stream(channel, load_id="loud", after="quiet", background=True, progress=True)
    loud.result(timeout=20)
    assert "5/5 rows" in capsys.readouterr().err
