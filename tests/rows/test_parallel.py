"""Encoding in worker threads: order, bounds, errors, and the numbers of the rows."""

import threading
import time
import weakref

import numpy as np
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import InvalidValueError
from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.encode.parallel import EncodedAhead, Numbered, encode_ordered
from snowpipe_pandas.rows.sources.source import open_source


def batches(count, taken=None):
    """Batches of one row each; what is taken of them is noted."""
    for row in range(count):
        if taken is not None:
            taken.append(row)
        yield Numbered(pa.record_batch({"n": [row]}), row, 0.0)


def number(batch, first_row):
    return first_row * 10


def test_results_keep_the_order_of_the_batches_though_later_ones_finish_first():
    first_may_end = threading.Event()

    def render(batch, first_row):
        if first_row == 0:
            assert first_may_end.wait(10)
        if first_row == 2:
            first_may_end.set()
        return first_row * 10

    with EncodedAhead(batches(6), render, workers=2) as encoded:
        assert list(encoded) == [0, 10, 20, 30, 40, 50]


def test_no_more_batches_are_taken_than_the_bound_allows():
    taken = []
    with EncodedAhead(batches(100, taken), number, workers=2) as encoded:
        results = iter(encoded)
        assert [next(results), next(results)] == [0, 10]
        time.sleep(0.2)  # in which all would be taken
        assert len(taken) == 4  # one given, one in use, and two ahead: three in memory


def test_results_before_an_error_of_the_source_are_not_lost():
    def source():
        yield from batches(2)
        raise ZeroDivisionError

    with EncodedAhead(source(), number, workers=2) as encoded:
        results = iter(encoded)
        assert [next(results), next(results)] == [0, 10]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_result_is_there_while_the_source_takes_its_time():
    may_go_on = threading.Event()

    def source():
        yield from batches(1)
        assert may_go_on.wait(10)

    with EncodedAhead(source(), number, workers=2) as encoded:
        results = iter(encoded)
        assert next(results) == 0
        assert not may_go_on.is_set()
        may_go_on.set()
        assert list(results) == []


def test_leaving_early_closes_the_source_in_the_thread_that_read_it_and_ends_all_threads():
    threads = []

    def source():
        threads.append(threading.current_thread())
        try:
            yield from batches(10**9)
        finally:
            threads.append(threading.current_thread())

    before = set(threading.enumerate())
    with EncodedAhead(source(), number, workers=2) as encoded:
        assert next(iter(encoded)) == 0
    assert threads[0] is threads[1]
    assert set(threading.enumerate()) <= before


def test_results_that_were_returned_are_no_longer_held():
    """A worker remembers the last batch it had until it has another one."""

    class Result:
        pass

    with EncodedAhead(batches(4), lambda batch, first_row: Result(), workers=2) as encoded:
        given = [weakref.ref(result) for result in encoded]
        assert [result for result in given if result() is not None] == []


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
    assert set(encode_ordered(open_source(table(300_000)), encode, workers=1)) == {threading.current_thread()}
    several = set(encode_ordered(open_source(table(300_000)), encode, workers=2))
    assert threading.current_thread() not in several


def test_a_bad_cell_far_on_is_reported_with_its_row():
    texts = pa.array(["good"] * 200_000 + [None]).cast(pa.binary())
    bad = pa.chunked_array([texts, pa.array([b"\xff"])]).cast(pa.binary())
    source = pa.table({"c": bad.combine_chunks().view(pa.string())})
    with pytest.raises(InvalidValueError, match=r"row 200001 "):
        to_ndjson(source)
