"""Rows of a source are found by their text, in their ranges, and each once."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_pandas.offset_tokens import rows_between
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.find import Sought, find_rows
from snowpipe_pandas.rows.sources.source import open_source


def line(value):
    return b'{"A":%d}' % value


def found(source, sought):
    hits = list(find_rows(open_source(source), Encoder(), sought))
    for hit in hits:
        assert [line(value) for value in hit.batch.column("A").to_pylist()] == [
            sought[place].line for place in hit.sought
        ]
    return {place: number for hit in hits for place, number in zip(hit.sought, hit.numbers, strict=True)}


ranges = st.lists(st.integers(0, 30), min_size=2, max_size=2).map(sorted)


@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=25),
    wanted=st.lists(st.tuples(st.integers(0, 3), ranges), max_size=12),
    in_ranges=st.booleans(),
)
def test_what_is_found_is_that_row_in_its_range_and_nothing_is_found_twice(values, wanted, in_ranges):
    frame = pd.DataFrame({"A": values})
    source = frame if in_ranges else iter([frame.iloc[:3], frame.iloc[3:]])
    sought = [Sought(line(value), first, end) for value, (first, end) in wanted]
    places = found(source, sought)
    assert len(set(places.values())) == len(places)
    for place, number in places.items():
        assert line(values[number]) == sought[place].line
        assert sought[place].first_row <= number < sought[place].end_row
    assert len(places) == most_pairs(values, sought)


def most_pairs(values, sought):
    """How many of the sought rows can be found at most, by augmenting paths."""
    taken = {}

    def place(at, seen):
        for number, value in enumerate(values):
            row = sought[at]
            if line(value) == row.line and row.first_row <= number < row.end_row and number not in seen:
                seen.add(number)
                if number not in taken or place(taken[number], seen):
                    taken[number] = at
                    return True
        return False

    return sum(place(at, set()) for at in range(len(sought)))


def test_only_the_ranges_are_read_and_no_further_than_needed():
    frame = pd.DataFrame({"A": range(200_000)})
    source = open_source(frame)
    read = []

    class Watched(Encoder):
        def encode(self, batch, first_row=0):
            read.append((first_row, first_row + batch.num_rows))
            return super().encode(batch, first_row)

    sought = [Sought(line(150_000), 149_990, 150_010), Sought(line(7), 0, 10), Sought(line(8), 5, 12)]
    numbers = [number for hit in find_rows(source, Watched(), sought) for number in hit.numbers]
    assert numbers == [7, 8, 150_000]
    assert read == [(0, 12), (149_990, 150_010)]


@pytest.mark.parametrize(
    ("lower", "upper", "rows"),
    [
        ("x:10", "x:20:1-ab:0/0/20", (10, 20)),
        ("x:10:1-cd:0/0/10", "x:20:1-ab:0/0/20", (10, 20)),
        ("x:10", "x:20:1-ab:0/0/20:2/4/400", (110, 120)),
        (None, "x:20:1-ab", (0, 20)),
        ("", "x:20:1-ab", (0, 20)),
        ("y:10", "x:20:1-ab", (0, 20)),
        ("x:30", "x:20:1-ab", (20, 20)),
        ("x:10.5", "x:20:1-ab", (0, 20)),
        ("x:10", None, None),
        ("x:10", "x:20", None),
        ("x:10", "y:20:1-ab", None),
        ("x:10", "xx:20:1-ab", None),
    ],
)
def test_the_bounds_of_a_request_give_its_rows(lower, upper, rows):
    assert rows_between("x", lower, upper) == rows
