"""Offset tokens: written, read back, refused; and what a channel's token says about who may begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_pandas.errors import UsageError
from snowpipe_pandas.offset_tokens import Mark, PartOf, Position, read_token
from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT
from snowpipe_pandas.streaming.load_ids import check_load_id, forgets, new_load_id

load_ids = st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)
counts = st.integers(0, 10**18 - 1)
positions = st.builds(Position, counts, st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
OURS, OTHER = "day1:10:1-ab:0", "day2:10:1-ab:0"
FRESH, LATER = "20260101T000000Z-00000001", "20260102T000000Z-00000001"


@given(load_ids, positions, counts, st.none() | st.tuples(counts, counts))
def test_a_token_reads_back_as_the_mark_it_was_written_for(load_id, position, rejected, counters):
    errors, counted = counters or (None, None)
    mark = Mark(load_id, position, ROW_FORMAT, rejected, errors, counted)
    assert read_token(str(mark)) == mark


def test_a_token_of_the_first_form_has_no_format_and_no_rejections():
    assert read_token("load:1000:9f3a") == Mark("load", Position(1000, "9f3a"), None)


parts = st.integers(0, 9999)


@given(load_ids, positions, parts, parts, st.none() | st.tuples(counts, st.booleans()))
def test_a_token_of_a_part_shows_how_the_load_was_cut(load_id, position, part, of, total):
    """A partition's leaves out the number of all rows, which nobody knows."""
    rows_total, done = total or (None, False)
    mark = Mark(load_id, position, ROW_FORMAT, part=PartOf(part, of, rows_total, done))
    assert read_token(str(mark)) == mark


def test_a_token_stays_short():
    longest = Mark("x" * 100, Position(10**9, "f" * 16), ROW_FORMAT, 10**6, 10**6, 10**9)
    assert len(str(longest)) < 170


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "load",
        "load:",
        "load:x:ab",
        "load:-1:ab",
        "load:٣:ab",
        "a b:1:a",
        "17",
        "load:1:1-ab:x",
        "load:1:zz",
        "load:1:1-ab:0:2",
        "load:1:1-ab:0:2/8/done",
    ],
)
def test_what_no_load_wrote_is_not_a_mark(token):
    assert read_token(token) is None


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "x" * 101, "a\nb"])
def test_a_load_id_that_a_token_cannot_hold_is_refused(bad):
    with pytest.raises(UsageError, match="load_id"):
        check_load_id(bad)


def test_fresh_load_ids_differ_and_are_valid():
    assert check_load_id(new_load_id()) != new_load_id()


@pytest.mark.parametrize(
    ("load_id", "named", "after", "token", "refused"),
    [
        ("day1", True, None, None, False),
        ("day1", True, None, OURS, False),
        ("day1", True, None, OTHER, True),
        ("day1", True, "day2", OTHER, False),
        ("day1", True, "day3", OTHER, True),
        ("day1", True, None, "1000", False),
        ("day1", True, None, f"{FRESH}:10:1-ab:0", False),
        (FRESH, False, None, OTHER, False),
        (FRESH, True, None, OTHER, True),
        (LATER, True, None, f"{FRESH}:10:1-ab:0", False),
        (FRESH, True, None, f"{LATER}:10:1-ab:0", True),
    ],
)
def test_a_named_load_is_refused_where_the_channel_remembers_another(load_id, named, after, token, refused):
    assert forgets(load_id, named=named, after=after, token=token) is refused
