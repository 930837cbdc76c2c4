"""Where a load's seconds went: each number is there, and measures what its name says."""

import dataclasses
import pickle
import time

import numpy as np
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.events import RowsAcknowledged, RowsCommitted
from snowpipe_pandas.streaming.timings import CommitWatch, Stopwatch, Timings
from tests.support.loads import SMALL, numbers

SLOW_S = 0.2
SLACK_S = 0.02
"""Allowed for what a load does between two of its steps."""


def parts(timings):
    return dataclasses.asdict(timings)


def noise(rows):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"ID": range(rows), "TEXT": rng.random(rows).astype(str)})


def test_every_part_took_its_time_and_those_of_the_sender_fit_into_the_whole(channel):
    result = noise(200_000).snowpipe.stream(channel, progress=False)
    took = parts(result.timings)
    assert list(took) == ["encode", "compress", "wait", "send", "commit"]
    assert all(isinstance(seconds, float) and seconds > 0 for seconds in took.values())
    assert took["wait"] + took["send"] + took["commit"] <= result.seconds + SLACK_S


def test_a_source_of_one_batch_is_prepared_in_the_senders_own_wait(channel):
    timings = noise(1_000).snowpipe.stream(channel, progress=False).timings  # more rows are several batches
    assert 0 < timings.encode + timings.compress <= timings.wait


def test_a_slow_service_shows_in_send(account, channel):
    account.faults.add("append", times=2, delay_s=SLOW_S)
    timings = numbers(100).snowpipe.stream(channel, limits=SMALL, progress=False).timings
    assert timings.send >= 2 * SLOW_S
    assert timings.wait < SLOW_S


def test_a_slow_source_shows_in_wait(channel):
    def slow():
        yield numbers(10)  # shows the columns, before the load begins
        for start in (10, 20, 30):
            time.sleep(SLOW_S)
            yield numbers(10, start=start)

    timings = sp.stream(slow(), channel, progress=False).timings
    assert timings.wait >= 3 * SLOW_S
    assert timings.encode + timings.compress < SLOW_S
    assert timings.send < SLOW_S


def test_a_slow_commit_shows_in_commit_and_only_where_it_is_waited_for(account, channel):
    account.channels.commit_lag_s = SLOW_S
    frame = numbers(10)
    assert frame.snowpipe.stream(channel, progress=False).timings.commit >= SLOW_S
    assert frame.snowpipe.stream(channel, progress=False, wait=False).timings.commit == 0.0


def test_a_load_that_sends_nothing_has_no_seconds_of_sending_and_committing(channel):
    numbers(10).snowpipe.stream(channel, load_id="once", progress=False)
    timings = numbers(10).snowpipe.stream(channel, load_id="once", progress=False).timings
    assert (timings.send, timings.commit) == (0.0, 0.0)


def test_a_running_view_sees_the_timings_grow_to_those_of_the_result(account, channel):
    job = numbers(500).snowpipe.stream(channel, limits=SMALL, progress=False, background=True)
    result = job.result()
    assert job.progress.timings == result.timings
    assert job.progress.timings.send > 0


def test_they_travel_with_the_result_and_cannot_be_changed(channel):
    result = numbers(10).snowpipe.stream(channel, progress=False)
    assert pickle.loads(pickle.dumps(result)).timings == result.timings
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.timings.send = 0.0
    assert parts(Timings()) == dict.fromkeys(parts(result.timings), 0.0)


def test_a_stopwatch_counts_how_long_items_take_to_come_and_not_what_is_done_with_them():
    def items():
        time.sleep(SLOW_S)
        yield 1
        raise OSError("the disk is gone")

    def consume(watched):
        for _ in watched:
            time.sleep(SLOW_S)

    watch = Stopwatch()
    with pytest.raises(OSError, match="disk"):
        consume(watch.over(items()))
    assert SLOW_S <= watch.seconds < 2 * SLOW_S


def test_a_commit_is_timed_once_the_last_acknowledged_row_is_in_it():
    def acknowledged(end_row):
        return RowsAcknowledged(
            first_row=0, end_row=end_row, raw_bytes=1, sent_bytes=1, tries=1, offset_token="x"
        )

    def committed(end_row):
        return RowsCommitted(end_row=end_row, rows_in_table=end_row, rows_rejected=0, offset_token="x")

    watch = CommitWatch()
    watch.receive(committed(5))  # of an earlier call
    watch.receive(acknowledged(10))
    watch.receive(acknowledged(20))
    watch.receive(committed(10))
    assert watch.seconds == 0.0
    time.sleep(SLACK_S)
    watch.receive(committed(20))
    assert watch.seconds >= SLACK_S
    watch.receive(acknowledged(30))
    assert watch.seconds == 0.0
