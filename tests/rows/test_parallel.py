"""Encoding in worker threads: order, bounds, errors, and the numbers of the rows."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import InvalidValueError
from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.encode.parallel import encode_ordered, map_ordered
from snowpipe_pandas.rows.sources.source import open_source


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


def test_results_before_an_error_of_the_source_are_not_lost():
    def source():
        yield from (1, 2)
        raise ZeroDivisionError

    with ThreadPoolExecutor(2) as pool:
        results = map_ordered(pool, lambda item: item, source(), ahead=10)
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(ZeroDivisionError):
            next(results)


def table(rows):
    return pa.table({"n": np.arange(rows), "x": np.arange(rows) / 7})


@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.parametrize("rows", [0, 5, 300_000])
def test_rows_are_numbered_and_equal_to_those_of_one_thread(rows, workers):
    encoded = list(encode_ordered(open_source(table(rows)), Encoder().encode, workers=workers))
    assert [piece.first_row for piece in encoded[1:]] == [piece.end_row for piece in encoded[:-1]]
    assert sum(piece.rows for piece in encoded) == rows
    alone = b"".join(Encoder().encode(batch).data for batch in open_source(table(rows)).batches())
    assert b"".join(piece.data for piece in encoded) == alone == to_ndjson(table(rows))


def test_a_single_batch_needs_no_thread():
    def encode(batch, first_row):
        return threading.current_thread()

    assert list(encode_ordered(open_source(table(5)), encode)) == [threading.current_thread()]
    several = set(encode_ordered(open_source(table(300_000)), encode, workers=2))
    assert threading.current_thread() not in several


def test_a_bad_cell_far_behind_is_told_with_its_row():
    texts = pa.array(["good"] * 200_000 + [None]).cast(pa.binary())
    bad = pa.chunked_array([texts, pa.array([b"\xff"])]).cast(pa.binary())
    source = pa.table({"c": bad.combine_chunks().view(pa.string())})
    with pytest.raises(InvalidValueError, match=r"row 200001 "):
        to_ndjson(source)
