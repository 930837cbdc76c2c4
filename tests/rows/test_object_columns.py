"""Columns of Python objects: the type that holds every value whole, or the row that is odd, by name."""

import enum
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from snowpipe_pandas.errors import InvalidValueError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson

IST = timezone(timedelta(hours=5, minutes=30))


class Color(enum.Enum):
    RED = "red"


def series(*values):
    return pd.Series(list(values), dtype=object)


def texts(*values):
    """The JSON values of an object column's rows; a key that is left out is "left out"."""
    lines = to_ndjson(pd.DataFrame({"X": series(*values)})).decode().splitlines()
    return [json.loads(line).get("X", "left out") for line in lines]


def as_dicts(*values):
    return [json.loads(line).get("X") for line in to_ndjson([{"X": value} for value in values]).splitlines()]


NINE = pd.Timestamp("2026-01-01 00:00:00.000000007")
WHOLE = {
    "date, datetime": (
        [date(2026, 3, 1), datetime(2026, 3, 1, 17, 45)],
        ["2026-03-01T00:00:00.000000", "2026-03-01T17:45:00.000000"],
    ),
    "datetime, date": (
        [datetime(2026, 3, 1, 17), date(2026, 3, 1)],
        ["2026-03-01T17:00:00.000000", "2026-03-01T00:00:00.000000"],
    ),
    "date, nanoseconds": (
        [date(2026, 1, 1), NINE],
        ["2026-01-01T00:00:00.000000", "2026-01-01T00:00:00.000000007"],
    ),
    "two zones": (
        [datetime(2026, 1, 1, 9, tzinfo=IST), datetime(2026, 1, 1, 3, 30, tzinfo=UTC)],
        ["2026-01-01T03:30:00.000000Z"] * 2,
    ),
    "zoned nanoseconds": ([NINE.tz_localize("Asia/Kolkata")], ["2025-12-31T18:30:00.000000007Z"]),
    "years 1 and 9999": (
        [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)],
        ["0001-01-01T00:00:00.000000", "9999-12-31T23:59:59.999999"],
    ),
    "NumPy days": (
        [np.datetime64("2026-01-01"), np.datetime64("2026-02"), None],
        ["2026-01-01", "2026-02-01", None],
    ),
    "NumPy hours and picoseconds": (
        [np.datetime64("2026-01-01T05", "h"), np.datetime64(7000, "ps")],
        ["2026-01-01T05:00:00.000000", "1970-01-01T00:00:00.000000007"],
    ),
    "durations of three libraries": (
        [timedelta(days=1), pd.Timedelta(1, "ns"), np.timedelta64(-3, "s")],
        ["86400.000000", "0.000000001", "-3.000000"],
    ),
    "integers and decimals": ([Decimal("1.5"), 2], ["1.5", "2"]),
    "decimals of several scales": (
        [Decimal("1.50"), Decimal("-0.001"), Decimal("1E+3")],
        ["1.50", "-0.001", "1000"],
    ),
    "integers and floats": ([1, 2.5], [1.0, 2.5]),
    "integers of 38 digits": ([10**38 - 1, -5], [str(10**38 - 1), "-5"]),
    "unsigned": ([np.uint64(2**64 - 1), 0], [2**64 - 1, 0]),
    "narrow floats": ([np.float32(0.1), None], [0.1, None]),
    "bytes of three kinds": ([b"a", bytearray(b"b"), memoryview(b"c")], ["YQ==", "Yg==", "Yw=="]),
    "texts of two kinds": ([np.str_("a"), "b"], ["a", "b"]),
    "UUID": ([UUID(int=7), None], [str(UUID(int=7)), None]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_value_arrives_whole(name):
    values, wanted = WHOLE[name]
    assert texts(*values) == wanted
    assert as_dicts(*values) == wanted


ODD = {
    "naive among zoned": (
        [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)],
        1,
        "no time zone",
    ),
    "zoned among naive": (
        [datetime(2026, 1, 1), pd.NaT, datetime(2026, 1, 1, tzinfo=IST)],
        2,
        "has a time zone",
    ),
    "zoned beside a date": ([date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=IST)], 1, "has a time zone"),
    "time with a zone": ([time(9), None, time(9, tzinfo=IST)], 2, "zone"),
    "year 1 among nanoseconds": ([NINE, datetime(1, 1, 1)], 1, "range of nanoseconds"),
    "finer than nanoseconds": ([np.datetime64(1, "ps")], 0, "finer than nanoseconds"),
    "year 20000": ([np.datetime64("20000-01-01T00", "s")], 0, "0001 to 9999"),
    "months are not a duration": ([timedelta(1), np.timedelta64(1, "M")], 1, "fixed length"),
    "the longest timedelta": ([timedelta(1), timedelta.max], 1, "64 bits"),
    "integer that no float holds": ([0.5, 2**53 + 1], 1, "more digits than the floats"),
    "39 digits": ([1, 10**38], 1, "38 digits"),
    "infinite decimal": ([Decimal("1.10"), Decimal("Infinity")], 1, "not a number"),
    "decimal of 77 digits": ([Decimal(1), Decimal("1E-77")], 1, "76 digits"),
    "decimal and float": ([Decimal("1.5"), Decimal(2), 2.0], 2, "float"),
    "bool among integers": ([1, 2, True], 2, "bool"),
    "the rarer kind is odd": (["a", 1, 2, 3], 0, "str"),
    "text and bytes": (["a", b"a"], 1, "bytes"),
    "long double": ([np.longdouble(1) / 3], 0, r"astype\('float64'\)"),
    "complex": ([1j], 0, "real"),
    "interval": ([pd.Interval(0, 1)], 0, "left"),
    "period": ([pd.Period("2026-01")], 0, "to_timestamp"),
    "enum": ([Color.RED], 0, r"v\.value"),
    "set": ([{1}], 0, "sorted"),
    "series": ([pd.Series([1])], 0, "tolist"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_column_that_no_type_holds_is_refused_with_the_row_that_is_odd(name):
    values, row, problem = ODD[name]
    for source in (pd.DataFrame({"X": series(*values)}), [{"X": value} for value in values]):
        with pytest.raises(
            UnsupportedColumnError, match=rf"'X' \(object\).* row {row} .*{problem}"
        ) as caught:
            to_ndjson(source)
        assert caught.value.columns == ("X",)


MISSING = [
    None,
    pd.NaT,
    pd.NA,
    float("nan"),
    np.float32("nan"),
    Decimal("NaN"),
    Decimal("sNaN"),
    np.datetime64("NaT"),
    np.timedelta64("NaT", "s"),
]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
@pytest.mark.parametrize(
    "value",
    [
        "text",
        4,
        True,
        1.5,
        Decimal("1.50"),
        time(9, 30),
        b"x",
        date(2026, 1, 1),
        datetime(2026, 1, 1),
        NINE,
        timedelta(1),
        UUID(int=1),
        2**70,
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_missing_is_null_beside_any_value(missing, value):
    alone = texts(value)
    for rows in ((value, missing), (missing, value)):
        found = texts(*rows)
        assert [v for v in found if v is not None] == alone
        assert found.count(None) == 1
        assert as_dicts(*rows) == found


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_missing_dict_or_list_leaves_its_key_out(missing):
    assert texts({"a": 1}, missing) == [{"a": 1}, "left out"]
    assert texts(missing, [1]) == ["left out", [1]]


@pytest.mark.parametrize("nulls", ["emit", "omit"])
def test_other_columns_keep_their_nulls_beside_keys_that_are_left_out(nulls):
    frame = pd.DataFrame({"P": [{"k": 1}, None, None], "S": ["a", None, "b"], "Q": [None, [1], None]})
    rows = [json.loads(line) for line in to_ndjson(frame, nulls=nulls).splitlines()]
    null = {"S": None} if nulls == "emit" else {}
    assert rows == [{"P": {"k": 1}, "S": "a"}, null | {"Q": [1]}, {"S": "b"}]


CATEGORIES = {
    "UUID": [UUID(int=1), UUID(int=2)],
    "tuples": [(1, 2), (3, "x")],
    "dates": [date(2026, 1, 1), date(2026, 1, 2)],
    "dates and datetimes": [date(2026, 1, 1), datetime(2026, 1, 2, 3)],
    "nanoseconds": [NINE, pd.Timestamp("2026-01-02")],
    "zoned": [NINE.tz_localize("UTC"), pd.Timestamp("2026-01-02", tz="UTC")],
    "decimals": [Decimal("1.5"), Decimal("2.25")],
    "bytes": [b"a", b"b"],
    "floats": [0.1, 1e16],
    "texts": ["a", 'q"'],
    "times": [time(1), time(2, 3, 4, 5)],
}


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_are_written_as_the_plain_column_is(name):
    values = [CATEGORIES[name][0], None, CATEGORIES[name][1], CATEGORIES[name][0]]
    plain = pd.DataFrame({"X": series(*values)})
    categories = pd.Index(CATEGORIES[name], dtype=object, tupleize_cols=False)
    categorical = pd.DataFrame({"X": pd.Categorical.from_codes([0, -1, 1, 0], categories=categories)})
    assert to_ndjson(categorical) == to_ndjson(plain)
    assert categorical.snowpipe.ddl("D.S.T") == plain.snowpipe.ddl("D.S.T")


def test_a_bad_category_is_named_with_the_row_that_has_it_and_one_that_no_row_has_is_ignored():
    categories = pd.Index(["a", "\ud800"], dtype=object)
    bad = pd.Categorical.from_codes([0, 0, 1], categories=categories)
    with pytest.raises(InvalidValueError, match=r"'X', row 2 .*surrogate") as caught:
        to_ndjson(pd.DataFrame({"X": bad}))
    assert caught.value.row == 2
    unused = pd.Categorical.from_codes([0, 0], categories=categories)
    assert to_ndjson(pd.DataFrame({"X": unused})) == b'{"X":"a"}\n{"X":"a"}\n'


def test_categories_that_no_row_shows_have_no_say_in_the_type():
    categories = pd.Index([date(2026, 1, 1), datetime(2026, 1, 1, 5), "text"], dtype=object)
    shown = pd.Categorical.from_codes([0, -1], categories=categories)
    assert to_ndjson(pd.DataFrame({"X": shown})) == b'{"X":"2026-01-01"}\n{"X":null}\n'
    odd = pd.Categorical.from_codes([0, 0, 2], categories=categories)
    with pytest.raises(UnsupportedColumnError, match=r"row 2 \('text'\)"):
        to_ndjson(pd.DataFrame({"X": odd}))


def test_values_that_break_when_they_are_read_are_reported_by_their_column():
    class Bad:
        def __repr__(self):
            raise RuntimeError("no")

    class BadFloat(float):
        def __ne__(self, other):
            raise RuntimeError("no")

    for value, problem in ((Bad(), "type Bad"), (BadFloat(1), "'X' can't be read: RuntimeError: no")):
        with pytest.raises(Exception, match=problem) as caught:
            texts(value)
        assert type(caught.value).__module__ == "snowpipe_pandas.errors"
