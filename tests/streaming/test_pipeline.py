"""Payloads ahead of a sender: order, errors at their place, when rows leave, and which threads there are."""

import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import InvalidValueError, LoadMismatchError
from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT, Encoder, to_ndjson
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits
from snowpipe_pandas.streaming.pipeline import Payloads
from snowpipe_pandas.streaming.timings import Watches

WITHIN_S = 20.0
"""For what must come; a test that waits this long fails."""


def payloads(source, *, flush_interval_s=60.0, skip_rows=0, skip_digest="", **limits):
    return Payloads(
        open_source(source, patience_s=flush_interval_s),
        Encoder(),
        load_id="x",
        skip_rows=skip_rows,
        skip_digest=skip_digest,
        skip_format=ROW_FORMAT,
        limits=LoadLimits(**limits),
        flush_interval_s=flush_interval_s,
        workers=2,
        watches=Watches(),
    )


def all_of(ready):
    """Take payloads until there are no more."""
    taken = []
    while not ready.ended:
        payload = ready.take(WITHIN_S)
        if payload is not None:
            taken.append(payload)
    return taken


def unpacked(made):
    return b"".join(
        pa.CompressedInputStream(pa.BufferReader(payload.body), "zstd").read() for payload in made
    )


def frame(rows, start=0):
    return pd.DataFrame({"ID": np.arange(start, start + rows), "F": np.arange(start, start + rows) / 7})


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("rows", [0, 1, 2_000, 200_000])
def test_all_rows_come_in_order(rows):
    with payloads(frame(rows), max_raw_bytes=300_000) as ready:
        made = all_of(ready)
        assert ready.take(0) is None
    assert unpacked(made) == to_ndjson(frame(rows))
    assert [p.first_row for p in made[1:]] == [p.end_row for p in made[:-1]]


def test_the_first_payload_is_small_and_a_small_load_is_one():
    with payloads(frame(200_000), first_raw_bytes=50_000, max_raw_bytes=500_000) as ready:
        sizes = [payload.raw_bytes for payload in all_of(ready)]
    assert 45_000 < sizes[0] <= 50_000
    assert all(size > least for size, least in zip(sizes[1:-1], [95_000, 195_000, 395_000], strict=False))
    assert min(sizes[4:-1]) > 450_000
    with payloads(frame(10_000)) as ready:
        assert len(all_of(ready)) == 1


def test_a_sender_that_waits_gets_what_is_there_before_it_is_full_and_before_the_source_goes_on():
    asked, stopped = threading.Event(), threading.Event()

    def source():
        yield frame(5_000)
        asked.wait(WITHIN_S)
        yield frame(5_000, start=5_000)
        stopped.wait(WITHIN_S)

    with payloads(source(), first_raw_bytes=50_000) as ready:
        assert 45_000 < ready.take(WITHIN_S).raw_bytes <= 50_000
        asker = threading.Timer(0.1, asked.set)  # by then, the sender waits
        asker.start()
        try:
            assert ready.take(WITHIN_S / 4).raw_bytes >= 100_000
        finally:
            asker.join()
            stopped.set()


def test_what_was_given_before_the_users_iterator_failed_is_taken_before_its_error_is_raised():
    def source():
        yield frame(10)
        yield frame(10, start=10)
        raise ZeroDivisionError

    with payloads(source()) as ready:
        assert ready.take(WITHIN_S).rows == 20
        with pytest.raises(ZeroDivisionError):
            ready.take(WITHIN_S)
        assert ready.ended


def test_dicts_that_were_given_before_their_iterator_failed_are_taken_before_its_error_is_raised():
    def source():
        yield {"a": 1}
        yield {"a": 2}
        raise ZeroDivisionError

    with payloads(source()) as ready:
        assert ready.take(WITHIN_S).rows == 2
        with pytest.raises(ZeroDivisionError):
            ready.take(WITHIN_S)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_reaches_the_sender_too(error):
    def source():
        yield frame(10)
        raise error

    with payloads(source()) as ready, pytest.raises(error):
        all_of(ready)


@pytest.mark.parametrize("before", [0, 100_000])
def test_of_the_payload_with_a_value_that_is_refused_nothing_is_taken(before):
    bad = pd.DataFrame({"a": pd.Series(["x"] * before + ["\ud800"] + ["x"] * 10, dtype=object)})
    with (
        payloads(bad, first_raw_bytes=16_000_000) as ready,
        pytest.raises(InvalidValueError, match=f"row {before} "),
    ):
        ready.take(WITHIN_S)


def test_other_rows_than_those_committed_are_refused():
    with payloads(frame(10), skip_rows=5, skip_digest="?") as ready, pytest.raises(LoadMismatchError):
        ready.take(WITHIN_S)


def test_committed_rows_are_skipped():
    with payloads(frame(10)) as ready:
        digest = ready.take(WITHIN_S).digest
    more = [frame(10), frame(10, start=10)]
    with payloads(iter(more), skip_rows=10, skip_digest=digest) as ready:
        assert [(p.first_row, p.rows) for p in all_of(ready)] == [(10, 10)]
    with payloads(frame(10), skip_rows=10, skip_digest=digest) as ready:
        assert all_of(ready) == []


@pytest.mark.parametrize("part", [lambda n: frame(10, start=10 * n), lambda n: {"ID": n}])
def test_rows_of_a_slow_source_leave_after_the_flush_interval(part):
    """Not before, so that those which come within it go together; and not only once the source goes on."""
    may_go_on, given = threading.Event(), []

    def source():
        for number in range(3):
            given.append(time.monotonic())
            yield part(number)
        assert may_go_on.wait(WITHIN_S)
        yield part(3)

    with payloads(source(), flush_interval_s=1.0) as ready:
        first = ready.take(WITHIN_S)
        waited = time.monotonic() - given[0]
        assert first.end_row == 3 * len(pd.DataFrame([part(0)]) if isinstance(part(0), dict) else part(0))
        assert 1.0 <= waited < 1.9
        assert ready.take(0.1) is None
        may_go_on.set()
        assert [p.first_row for p in all_of(ready)] == [first.end_row]


def test_rows_that_are_committed_do_not_make_others_leave_early():
    with payloads(frame(10)) as ready:
        digest = ready.take(WITHIN_S).digest
    may_go_on = threading.Event()

    def source():
        yield frame(10)
        assert may_go_on.wait(WITHIN_S)
        yield frame(5, start=10)
        yield frame(5, start=15)

    with payloads(source(), flush_interval_s=0.2, skip_rows=10, skip_digest=digest) as ready:
        assert ready.take(0.5) is None
        may_go_on.set()
        assert [p.rows for p in all_of(ready)] == [10]


def test_payloads_fill_up_while_the_sender_is_busy():
    """The rows come within 1.5 s, the interval is 0.1 s: a sender that always asks gets some 15 payloads."""

    def source():
        for number in range(15):
            yield frame(10, start=10 * number)
            time.sleep(0.1)

    with payloads(source(), flush_interval_s=0.1) as ready:
        asked = len(all_of(ready))
    assert asked >= 5
    with payloads(source(), flush_interval_s=0.1) as ready:
        first = ready.take(WITHIN_S)
        time.sleep(2)  # busy with it
        rest = all_of(ready)
    assert [first.end_row, *(p.rows for p in rest)] == [rest[0].first_row, 150 - first.end_row]


def test_a_fast_source_is_never_flushed_early():
    with payloads(frame(300_000), flush_interval_s=0.5, max_raw_bytes=1_000_000) as ready:
        sizes = [payload.raw_bytes for payload in all_of(ready)]
    assert len(sizes) > 5
    assert min(sizes[:-1]) > 950_000


def test_dicts_that_come_fast_are_judged_together_and_text_does_not_depend_on_cuts():
    def source(pause):
        yield {"a": 1}
        pause()
        yield {"a": 2.0}

    with payloads(source(lambda: None), flush_interval_s=0.5) as ready:
        assert unpacked(all_of(ready)) == b'{"a":1.0}\n{"a":2.0}\n'
    may_go_on = threading.Event()
    with payloads(source(lambda: may_go_on.wait(WITHIN_S)), flush_interval_s=0.1) as ready:
        assert unpacked([ready.take(WITHIN_S)]) == b'{"a":1}\n'
        may_go_on.set()
        with pytest.raises(
            Exception, match=r"rows 1 to 1 .*column 'a' is double in it, int64 in the parts before"
        ):
            ready.take(WITHIN_S)


@pytest.mark.parametrize("how", ["to the end", "left early"])
@pytest.mark.parametrize("part", [frame(10), {"ID": 1}])
def test_the_users_iterator_runs_in_one_thread_from_beginning_to_end(part, how):
    threads = set()
    over = threading.Event()

    def source():
        try:
            for _ in range(30_000 if isinstance(part, dict) else 30):
                threads.add(threading.current_thread())
                yield part
        finally:
            threads.add(threading.current_thread())
            over.set()

    with payloads(source(), first_raw_bytes=100) as ready:
        ready.take(WITHIN_S)
        if how == "to the end":
            all_of(ready)
    assert over.wait(WITHIN_S)
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_a_small_frame_is_made_without_any_thread(monkeypatch):
    def start(thread):
        raise AssertionError(f"{thread.name} was started")

    monkeypatch.setattr(threading.Thread, "start", start)
    for source in (
        frame(1),
        frame(2_000),
        pa.table({"a": range(60_000)}),
        [{"a": 1}],
        pl.DataFrame({"a": [1]}),
    ):
        with payloads(source) as ready:
            assert len(all_of(ready)) == 1
    with pytest.raises(AssertionError, match="snowpipe-prepare"), payloads(frame(100_000)) as ready:
        ready.take(WITHIN_S)


@pytest.mark.parametrize("name", ["snowpipe-prepare", "snowpipe-read", "snowpipe-render"])
def test_a_system_that_starts_no_more_threads_is_reported(monkeypatch, name):
    start = threading.Thread.start

    def start_others(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    with pytest.raises(RuntimeError, match="can't start"), payloads(frame(100_000)) as ready:
        ready.take(WITHIN_S)


def test_at_most_one_payload_is_made_ahead():
    taken = []

    def source():
        for number in range(100):
            taken.append(number)
            yield frame(1_000, start=1_000 * number)

    with payloads(source(), max_raw_bytes=20_000, first_raw_bytes=20_000) as ready:
        ready.take(WITHIN_S)
        time.sleep(0.3)  # in which all would be read
        assert len(taken) < 12


def test_waking_lets_a_take_that_waits_return_at_once_and_the_next_one_wait():
    may_go_on = threading.Event()

    def source():
        yield frame(1)
        assert may_go_on.wait(WITHIN_S)

    with payloads(source()) as ready:
        threading.Timer(0.2, ready.wake).start()
        started = time.monotonic()
        assert ready.take(WITHIN_S) is None
        assert 0.1 < time.monotonic() - started < 2
        started = time.monotonic()
        assert ready.take(0.3) is None
        assert time.monotonic() - started >= 0.3
        assert not ready.ended
        ready.wake()  # between two takes: not lost
        started = time.monotonic()
        assert ready.take(WITHIN_S) is None
        assert time.monotonic() - started < 2
        may_go_on.set()
        assert [p.rows for p in all_of(ready)] == [1]


def test_leaving_early_closes_the_source():
    closed = threading.Event()

    def source():
        try:
            for number in range(100):
                yield frame(1_000, start=1_000 * number)
        finally:
            closed.set()

    with payloads(source(), first_raw_bytes=10_000) as ready:
        ready.take(WITHIN_S)
    assert closed.wait(WITHIN_S)


def test_a_source_that_blocks_is_left_to_its_own_end_after_a_grace():
    may_go_on = threading.Event()
    closed = threading.Event()

    def source():
        try:
            yield frame(1)
            assert may_go_on.wait(WITHIN_S)
            yield frame(1)
        finally:
            closed.set()

    with payloads(source()) as ready:
        assert ready.take(0.1) is None
        left = time.monotonic()
    assert time.monotonic() - left < 3
    assert not closed.is_set()
    may_go_on.set()
    assert closed.wait(WITHIN_S)


def test_a_source_that_is_opened_and_never_read_keeps_no_thread():
    opened = open_source(iter([frame(1), frame(1)]))
    assert any(thread.name == "snowpipe-source" for thread in threading.enumerate())
    del opened  # and the fixture sees that the thread ends


def test_a_ctrl_c_is_obeyed_while_the_source_is_waited_for():
    # polars changes how signals are delivered to a process: a wait without a timeout would not notice them.
    pl.DataFrame({"a": [1]}).with_columns(pl.col("a") + 1)
    released = threading.Event()

    def slow():
        yield frame(1)
        released.wait(5)

    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with payloads(slow()) as ready:
        late = threading.Timer(3, released.set)
        late.start()
        with pytest.raises(KeyboardInterrupt):
            ready.take(WITHIN_S)
        assert not released.is_set()
        late.cancel()
        released.set()
