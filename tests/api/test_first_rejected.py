"""The first rejected rows on the error that says that there are some."""

import pickle
import threading

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.api import first_rejected
from snowpipe_pandas.errors import RowsRejectedError
from tests.support.loads import SMALL

NAME = "DEMO.PUBLIC.STRICT"


@pytest.fixture
def strict(account, client):
    """A table that refuses some rows, and keeps them."""
    account.sql(f'CREATE TABLE {NAME} (ID NUMBER(9,0), "col umn" VARCHAR(3) NOT NULL) ERROR_LOGGING = TRUE')
    return client.table(NAME)


def frame(rows, bad):
    texts = [None if row in bad else "ok" for row in range(rows)]
    return pd.DataFrame({"ID": range(rows), "col umn": texts})


def refused(source, target, **options):
    with pytest.raises(RowsRejectedError) as caught:
        sp.stream(source, target, progress=False, **options)
    return caught.value


def numbers_of(error):
    return [(row.first_row, row.end_row) for row in error.first_rejected]


def test_they_have_number_column_value_and_reason(strict):
    error = refused(frame(10, {3, 7}), strict)
    assert numbers_of(error) == [(3, 4), (7, 8)]
    row = error.first_rejected[0]
    assert (row.column, row.value) == ("col umn", "None")
    assert "NOT NULL" in row.reason
    assert error.__notes__[-1].splitlines() == [
        "the first rejected rows:",
        *(f"  row {number}, col umn = None: {row.reason}" for number in (3, 7)),
    ]
    assert pickle.loads(pickle.dumps(error)).first_rejected == error.first_rejected


def test_they_are_five_at_most_in_the_order_of_the_source(strict):
    bad = set(range(40, 1000, 3))
    error = refused(frame(1000, bad), strict, limits=SMALL)
    assert error.rows_rejected > 5
    assert numbers_of(error) == [(row, row + 1) for row in sorted(bad)[:5]]


def test_equal_rows_have_a_number_each(strict):
    same = pd.DataFrame({"ID": [1, 1, 1], "col umn": ["ok", None, None]})
    assert numbers_of(refused(same, strict)) == [(1, 2), (2, 3)]


def test_rows_of_a_part_are_numbered_in_the_whole_source(strict):
    error = refused(frame(300, {290}), strict, channels=3)
    assert numbers_of(error) == [(290, 291)]


def test_rows_of_a_load_that_went_on_are_numbered_from_its_beginning(account, strict):
    account.faults.add("append", after=2, status=400, body=b'{"code": "ERR_X"}')
    source = frame(200, {150})
    with pytest.raises(sp.SnowpipeError, match="ERR_X"):
        sp.stream(source, strict, load_id="l", limits=SMALL, progress=False)
    account.faults.clear()
    assert numbers_of(refused(source, strict, load_id="l", limits=SMALL)) == [(150, 151)]


def test_a_source_that_is_read_once_has_the_range_of_the_request(strict):
    error = refused(iter([frame(10, {3})]), strict)
    (row,) = error.first_rejected
    assert (row.first_row, row.end_row) == (0, 10)
    assert str(row).startswith("one of rows 0 to 9, col umn = None: ")


def test_a_long_value_and_what_a_terminal_would_obey_are_shortened_and_escaped(strict):
    value = "\x1b[2J\u202e\x9b" + 500 * "x"
    error = refused(pd.DataFrame({"ID": [1], "col umn": [value]}), strict)
    (row,) = error.first_rejected
    assert len(row.value) <= 60
    assert all(line.isprintable() for note in error.__notes__ for line in note.split("\n"))


# Nothing hides the load's own error.


def test_without_an_error_table_there_are_none(account, client):
    account.sql(f'CREATE TABLE {NAME} (ID NUMBER(9,0), "col umn" VARCHAR NOT NULL)')
    error = refused(frame(10, {3}), client.table(NAME))
    assert error.first_rejected == ()
    assert error.__notes__ == [error.load.outcome]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 422, "body": b'{"code": "003001", "sqlState": "42501", "message": "no"}'},
        {"status": 200, "body": b"{}"},
        {"status": 200, "body": b"<html>"},
    ],
)
def test_a_look_up_that_fails_leaves_the_error_as_it_is(account, strict, answer):
    account.faults.add("statement", times=1000, **answer)
    assert refused(frame(10, {3}), strict).first_rejected == ()


def test_a_look_up_that_takes_too_long_is_not_waited_for(account, strict, monkeypatch):
    monkeypatch.setattr(first_rejected, "LOOK_UP_S", 0.1)
    account.faults.add("statement", delay_s=1.0)
    error = refused(frame(10, {3}), strict)
    assert (error.first_rejected, error.rows_rejected) == ((), 1)


@pytest.mark.parametrize(
    ("reason", "column"),
    [
        ('column ID: "x" is not a valid NUMBER', "ID"),
        ("column IDS is NOT NULL", "IDS"),
        ('Column "a b" can\'t be null', "a b"),
        ("Numeric value 'ID' is not recognized", None),
        ("column OTHER is NOT NULL", None),
        ("", None),
    ],
)
def test_a_column_is_named_only_where_the_reason_says_that_it_is_one(reason, column):
    assert first_rejected._named(reason, {"ID": 1, "IDS": 2, "a b": 3, "value": 4}) == column


def test_no_thread_can_be_started(strict, monkeypatch):
    start = threading.Thread.start

    def refusing(thread):
        if thread.name == "snowpipe-rejected-rows":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    assert refused(frame(10, {3}), strict).first_rejected == ()
