import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowpipe_pandas.streaming.offsets import (
    Position,
    check_load_id,
    format_token,
    new_load_id,
    parse_token,
)

from snowpipe_pandas.errors import UsageError

load_ids = st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)


@given(load_ids, st.integers(0, 2**63), st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
def test_a_token_reads_back_as_the_position_it_was_written_for(load_id, rows, digest):
    position = Position(rows, digest)
    assert parse_token(load_id, format_token(load_id, position)) == position


@given(load_ids, load_ids)
def test_another_load_never_reads_our_token_as_its_own(ours, theirs):
    token = format_token(ours, Position(10, "ab"))
    assert (parse_token(theirs, token) is not None) == (ours == theirs)


@pytest.mark.parametrize(
    "token", [None, "", "load", "load:", "load:x:ab", "load:-1:ab", "load:٣:ab", "x:1:a"]
)
def test_what_is_no_token_of_the_load_is_no_position(token):
    assert parse_token("load", token) is None


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "x" * 101, "a\nb"])
def test_a_load_id_that_a_token_cannot_hold_is_refused(bad):
    with pytest.raises(UsageError, match="load_id"):
        check_load_id(bad)


def test_fresh_load_ids_differ_and_are_valid():
    assert check_load_id(new_load_id()) != new_load_id()
