"""Samples of a run in bounded memory, and what the snapshot makes of them."""

import pytest

from snowpipe_pandas.events import LoadStarted, PhaseChanged, RowsAcknowledged, RowsCommitted
from snowpipe_pandas.streaming.history import MAX_SAMPLES, RECENT_S, History, Sample
from snowpipe_pandas.streaming.progress import Progress, Tracker


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
    history.add(Sample(1.0, 1000, 0))
    assert history.bytes_per_s(2.0) == 500
    history.add(Sample(100.0, 1500, 0))
    assert history.bytes_per_s(100.0) == pytest.approx(500 / RECENT_S)
    assert history.bytes_per_s(200.0) == 0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def acknowledged(end_row):
    return RowsAcknowledged(
        channel="c",
        first_row=end_row - 10,
        end_row=end_row,
        raw_bytes=1_000_000,
        sent_bytes=100_000,
        tries=1,
        offset_token=f"a:{end_row}:",
    )


def test_a_snapshot_tells_speed_ratio_and_the_time_that_is_left():
    clock = Clock()
    tracker = Tracker(Progress("a", "c", "ACCOUNT", "USER", ""), tokens=dict, clock=clock)
    assert tracker.snapshot().seconds_left is None
    assert tracker.snapshot().wire_ratio is None
    tracker(LoadStarted(channel="c", load_id="a", rows_total=40, rows_skipped=0))
    clock.now = 1.0
    tracker(acknowledged(10))
    clock.now = 2.0
    tracker(RowsCommitted(channel="c", end_row=10, offset_token="a:10:"))
    now = tracker.snapshot()
    assert (now.seconds_left, now.wire_ratio, now.recent_bytes_per_s) == (6.0, 10.0, 500_000.0)
    assert now.samples == (Sample(0.0, 0, 0), Sample(1.0, 1_000_000, 10), Sample(2.0, 1_000_000, 0))
    tracker(PhaseChanged(channel="c", phase="done"))
    clock.now = 9.0
    assert tracker.snapshot().seconds == 2.0
    assert tracker.snapshot().seconds_left is None


def test_events_of_another_channel_change_nothing():
    tracker = Tracker(Progress("a", "c", "ACCOUNT", "USER", ""), tokens=dict)
    before = tracker.snapshot()
    tracker(RowsCommitted(channel="other", end_row=10, offset_token="b:10:"))
    assert tracker.snapshot().rows_committed == before.rows_committed
