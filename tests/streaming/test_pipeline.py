import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from snowpipe_pandas.streaming.pipeline import Prefetch, map_ordered


def test_results_keep_the_order_of_the_items_though_later_ones_finish_first():
    first_may_end = threading.Event()

    def render(item):
        if item == 0:
            assert first_may_end.wait(10)
        if item == 2:
            first_may_end.set()
        return item * 10

    with ThreadPoolExecutor(3) as pool:
        assert list(map_ordered(pool, render, range(6), ahead=3)) == [0, 10, 20, 30, 40, 50]


def test_no_more_items_are_taken_than_the_bound_allows():
    taken = []

    def source():
        for item in range(100):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(2) as pool:
        results = map_ordered(pool, lambda item: item, source(), ahead=4)
        assert next(results) == 0
        assert len(taken) <= 4
        results.close()


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


def test_results_before_an_error_of_the_source_are_not_lost():
    def source():
        yield from (1, 2)
        raise ZeroDivisionError

    with ThreadPoolExecutor(2) as pool:
        results = map_ordered(pool, lambda item: item, source(), ahead=10)
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(ZeroDivisionError):
            next(results)


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
