import os
import signal
import threading

import polars as pl
import pytest

from snowpipe_pandas.streaming.pipeline import Prefetch


def test_prefetch_holds_at_most_its_depth_ready():
    taken = []
    produced = threading.Semaphore(0)

    def source():
        for item in range(100):
            taken.append(item)
            produced.release()
            yield item

    with Prefetch(source(), depth=2) as ready:
        for _ in range(3):
            assert produced.acquire(timeout=10)
        assert len(taken) == 3  # two ready, one made and waiting for its place
        assert next(iter(ready)) == 0


def test_an_error_of_the_source_arrives_behind_the_items_before_it():
    def source():
        yield 1
        raise ZeroDivisionError

    with Prefetch(source(), depth=2) as ready:
        items = iter(ready)
        assert next(items) == 1
        with pytest.raises(ZeroDivisionError):
            next(items)


def test_leaving_early_closes_the_source():
    closed = threading.Event()

    def source():
        try:
            yield from range(100)
        finally:
            closed.set()

    with Prefetch(source(), depth=1) as ready:
        next(iter(ready))
    assert closed.wait(10)


def test_a_ctrl_c_is_heard_while_the_source_is_waited_for():
    # polars changes how signals are delivered to a process: a wait without a timeout would not hear them.
    pl.DataFrame({"a": [1]}).with_columns(pl.col("a") + 1)
    released = threading.Event()

    def slow():
        released.wait(5)
        yield 1

    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with Prefetch(slow(), depth=1) as items:
        late = threading.Timer(3, released.set)
        late.start()
        with pytest.raises(KeyboardInterrupt):
            next(iter(items))
        assert not released.is_set()
        late.cancel()
        released.set()
