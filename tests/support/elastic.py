"""Elastic channels and loads of tests, and what must hold of rows that come at least once."""

from collections import Counter

import pyarrow as pa

from snowpipe_pandas.rest.elastic import ElasticChannel
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.elastic_load import ElasticLoad
from snowpipe_pandas.streaming.options import LoadOptions
from tests.support.loads import QUICK_POLLING, SMALL, TABLE, ids, numbers

ROWS = 300


def elastic(client, pipe=None):
    """The elastic channel of a pipe, by default of the default pipe of the table of numbers."""
    target = client.table(TABLE) if pipe is None else client.pipe(pipe)
    return ElasticChannel(client._planes, target.name, door=client, polling=QUICK_POLLING)


def frame_of(first, rows):
    """Rows of the table of numbers as an append takes them, and their size before compression."""
    raw = b"".join(b'{"ID":%d,"TEXT":"row"}\n' % i for i in range(first, first + rows))
    return pa.Codec("zstd").compress(raw, asbytes=True), len(raw)


def load_of(channel, source=None, *, in_flight=4, **options):
    """A load that is ready to run, by default of the numbers from 0 on, in requests of 1,000 bytes."""
    rows = open_source(numbers(ROWS) if source is None else source)
    return ElasticLoad(
        rows, Encoder(), channel, LoadOptions(**{"limits": SMALL} | options), in_flight=in_flight
    )


def rows_of(ranges):
    """The rows of ranges, as a set."""
    return {row for first, end in ranges for row in range(first, end)}


def copies(account):
    """How often each ID is in the table."""
    return Counter(ids(account))


def at_least_once(account, load, rows=ROWS):
    """Each row is there, and those that are there more than once are reported."""
    found = copies(account)
    assert set(found) == set(range(rows))
    reported = rows_of((request.first_row, request.end_row) for request in load.possible_duplicates)
    assert {row for row, count in found.items() if count > 1} <= reported
    for request in load.possible_duplicates:
        assert all(found[row] <= request.tries for row in range(request.first_row, request.end_row))
