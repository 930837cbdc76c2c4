"""What an elastic load is made of, without a service: ranges of rows, what counters prove, and the words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_pandas.errors import UnorderedLoadFacts
from snowpipe_pandas.rest.status import ChannelStatus
from snowpipe_pandas.shown import row_ranges
from snowpipe_pandas.streaming.duplicates import PossibleDuplicate, doubled
from snowpipe_pandas.streaming.elastic_counters import Growth
from snowpipe_pandas.streaming.row_ranges import RowRanges

BEFORE = ChannelStatus(
    channel_name="ELASTIC",
    channel_status_code="SUCCESS",
    last_committed_offset_token=None,
    rows_inserted=1000,
    rows_parsed=1010,
    rows_error_count=10,
    last_error_message=None,
    last_error_offset_upper_bound=None,
    created_on_ms=1,
)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10))))
def test_ranges_are_the_set_of_their_rows_in_as_few_as_can_be(spans):
    found, rows = RowRanges(), set()
    for first, count in spans:
        found.add(first, first + count)
        rows |= set(range(first, first + count))
    assert {row for first, end in found.ranges for row in range(first, end)} == rows
    assert found.rows == len(rows)
    assert all(end < first for (_, end), (first, _) in zip(found.ranges, found.ranges[1:], strict=False))
    assert found.prefix == min(set(range(100)) - rows)


def after(inserted, rejected, **other):
    return replace(BEFORE, rows_inserted=1000 + inserted, rows_error_count=10 + rejected, **other)


@pytest.mark.parametrize(
    ("inserted", "rejected", "proved"),
    [
        (100, 0, 0),
        (97, 3, 3),
        (0, 100, 100),
        (150, 0, 0),  # others wrote, and nobody's row was rejected
        (150, 3, None),  # others wrote: whose are the errors?
        (90, 0, None),  # 10 rows are not counted yet
        (90, 3, None),
        (0, 0, None),
    ],
)
def test_what_counters_prove_of_a_hundred_rows(inserted, rejected, proved):
    assert Growth.between(BEFORE, after(inserted, rejected)).rejected_of(100) == proved


def test_only_errors_beside_the_rows_of_others_are_hopeless_at_once():
    assert Growth(150, 3).is_hopeless(100)
    for growth in (Growth(150, 0), Growth(97, 3), Growth(90, 3), Growth(0, 0)):
        assert not growth.is_hopeless(100)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, BEFORE),
        (BEFORE, None),
        (BEFORE, replace(BEFORE, created_on_ms=2)),
        (BEFORE, after(-1, 0)),
        (BEFORE, after(5, -1)),
        (BEFORE, replace(BEFORE, rows_inserted=None)),
        (replace(BEFORE, rows_error_count=None), BEFORE),
    ],
)
def test_counters_of_another_life_or_none_prove_nothing(before, now):
    assert Growth.between(before, now) is None


def duplicate(first, end, tries=2):
    return PossibleDuplicate("5f0c", first, end, tries)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], ""),
        ([duplicate(1000, 2000)], "1 request may have been applied twice (rows 1,000 to 1,999)"),
        (
            [duplicate(5000, 5001), duplicate(0, 10)],
            "2 requests may have been applied twice (rows 0 to 9, 5,000)",
        ),
        ([duplicate(7, 8, tries=3)], "1 request may have been applied more than once (row 7)"),
        (
            [duplicate(10 * i, 10 * i + 5) for i in range(5)],
            "5 requests may have been applied twice (rows 0 to 4, 10 to 14, 20 to 24, ...)",
        ),
    ],
)
def test_the_words_for_possible_duplicates(found, words):
    assert doubled(found) == words


def test_ranges_in_words():
    assert row_ranges([(0, 1)]) == "row 0"
    assert row_ranges([(0, 1), (2, 3)]) == "rows 0, 2"


def test_the_facts_of_an_interrupted_load_in_words():
    facts = UnorderedLoadFacts(
        target="T",
        load_id="x",
        channel="ELASTIC",
        rows_acknowledged=300,
        rows_in_table=300,
        failed_rows=(300, 400),
        durable_rows=((0, 100), (400, 600)),
        unknown_rows=((300, 400),),
        doubled_rows=((0, 50),),
    )
    assert not facts.goes_on
    assert str(facts) == (
        "-> T, load 'x', channel 'ELASTIC': the request of rows 300 to 399 failed; at most 300 rows in the "
        "table, dealt with for good: rows 0 to 99, 400 to 599; rows 0 to 49 may be there more than once; "
        "it is unknown whether the table has rows 300 to 399; a second run would send every row again, so "
        "send only what is missing"
    )
