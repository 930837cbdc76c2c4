"""`result.billed_bytes` is what a reader of the lines that were sent finds as values."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from tests.support.json_values import read_values
from tests.support.loads import SMALL, TABLE, make_table, numbers, open_channel

ROWS = [{"ID": number, **({"TEXT": f'"{number}"'} if number % 3 else {})} for number in range(100)]


@pytest.fixture
def client(account):
    make_table(account)
    with sp.connect(account.profile) as client:
        yield client


@pytest.mark.parametrize("nulls", ["emit", "omit"])
@pytest.mark.parametrize("source", [numbers(300), ROWS], ids=["frame", "dicts"])
def test_it_counts_the_values_of_the_lines_that_were_sent(client, source, nulls):
    result = sp.stream(source, open_channel(client), limits=SMALL, nulls=nulls, progress=False)
    sent = to_ndjson(source, nulls=nulls)
    assert result.requests > 1
    assert (result.billed_bytes, result.raw_bytes) == (read_values(sent), len(sent))
    assert "<th" in result._repr_html_()
    assert "Values, which are billed" in result._repr_html_()


def test_a_load_in_parts_counts_them_all(client):
    result = numbers(300).snowpipe.stream(client.table(TABLE), channels=3, progress=False)
    assert result.billed_bytes == read_values(numbers(300).snowpipe.to_ndjson())
    assert [part.billed_bytes > 0 for part in result.parts] == [True] * 3


def test_rows_at_least_once_count_too_also_in_halves(client, account):
    account.faults.add("append", status=413)
    result = numbers(300).snowpipe.stream(
        client.table(TABLE), delivery="at-least-once", limits=SMALL, progress=False
    )
    assert result.billed_bytes == read_values(numbers(300).snowpipe.to_ndjson())
    assert result.requests > len(numbers(300).snowpipe.to_ndjson()) // 1000 + 1  # one came in halves


def test_of_this_call_alone_as_the_other_sizes(client):
    channel = open_channel(client)
    numbers(100).snowpipe.stream(channel, load_id="mine", progress=False)
    more = numbers(130).snowpipe.stream(channel, load_id="mine", progress=False)
    assert more.billed_bytes == read_values(numbers(30, start=100).snowpipe.to_ndjson())
    again = numbers(130).snowpipe.stream(channel, load_id="mine", progress=False)
    assert (again.raw_bytes, again.billed_bytes) == (0, 0)


def test_a_request_that_is_repeated_is_counted_once(client, account):
    account.faults.add("append", status=503, times=2)
    result = numbers(100).snowpipe.stream(open_channel(client), progress=False)
    assert result.retries
    assert result.billed_bytes == read_values(numbers(100).snowpipe.to_ndjson())
