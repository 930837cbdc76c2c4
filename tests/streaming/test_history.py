"""Samples of a run in bounded memory, and what the snapshot makes of them."""

import time
from dataclasses import replace

import pytest

from snowpipe_pandas.streaming.counts import Counts
from snowpipe_pandas.streaming.history import MAX_SAMPLES, RECENT_S, History, Sample
from snowpipe_pandas.streaming.progress import Progress, Tracker
from snowpipe_pandas.streaming.timings import Timings


def test_a_long_run_keeps_few_samples_with_its_first_and_its_latest():
    history = History()
    for second in range(100_000):
        history.add(Sample(float(second), second * 10, 0))
    samples = history.samples
    assert 2 <= len(samples) <= MAX_SAMPLES
    assert (samples[0].seconds, samples[-1].seconds) == (0.0, 99_999.0)
    assert [s.seconds for s in samples] == sorted(s.seconds for s in samples)


def test_the_present_speed_forgets_what_is_long_past():
    history = History()
    for second in range(1, 11):
        history.add(Sample(float(second), second * 1000, 0))
    for second in range(11, 20):
        history.add(Sample(float(second), 10_000 + (second - 10) * 100, 0))
    assert history.bytes_per_s(10.0 + RECENT_S + 4) == pytest.approx(100)


def test_a_request_under_way_slows_the_speed_down_only_once_it_takes_longer_than_the_one_before():
    history = History()
    assert history.bytes_per_s(1.0) == 0
    history.add(Sample(1.0, 1000, 0))
    history.add(Sample(1.5, 1000, 0))  # a commit is not a request
    assert history.bytes_per_s(2.0) == 1000
    history.add(Sample(3.0, 3000, 0))
    assert [history.bytes_per_s(now) for now in (3.0, 4.0, 5.0)] == [1000] * 3
    assert history.bytes_per_s(8.0) == 400
    assert 0 < history.bytes_per_s(100.0) < 40


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def a_tracker(clock=time.monotonic):
    return Tracker(
        Progress(load_id="a", target="T", channel="c", account="ACCOUNT", user="USER", fingerprint=""),
        tokens=dict,
        timings=Timings,
        clock=clock,
    )


def test_a_snapshot_shows_speed_ratio_and_the_time_that_is_left():
    clock = Clock()
    tracker = a_tracker(clock)
    assert tracker.snapshot().seconds_left is None
    assert tracker.snapshot().wire_ratio is None
    tracker.take(Counts(), rows_total=40)
    clock.now = 1.0
    counts = Counts(rows_acknowledged=10, rows_sent=10, raw_bytes=1_000_000, sent_bytes=100_000)
    tracker.take(counts)
    clock.now = 2.0
    tracker.take(replace(counts, rows_in_table=10))
    now = tracker.snapshot()
    assert (now.seconds_left, now.wire_ratio, now.recent_bytes_per_s) == (6.0, 10.0, 1_000_000.0)
    assert now.samples == (Sample(0.0, 0, 0), Sample(1.0, 1_000_000, 10), Sample(2.0, 1_000_000, 0))
    tracker.take(counts, phase="done")
    clock.now = 9.0
    assert tracker.snapshot().seconds == 2.0
    assert tracker.snapshot().seconds_left is None


def test_nothing_changes_after_the_end():
    tracker = a_tracker()
    tracker.take(Counts(), phase="failed", message="no")
    tracker.take(Counts(rows_sent=3), phase="sending")
    assert (tracker.snapshot().phase, tracker.snapshot().rows_sent) == ("failed", 0)
