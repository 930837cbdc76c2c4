"""Texts of the SQL API as columns of pandas: each type, with its odd values, whole or refused by name."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from snowpipe_pandas.sql.frames import UnreadableValueError, frame_of
from snowpipe_pandas.sql.results import Column


def column(kind, *values, scale=0):
    return frame_of([Column("C", kind, scale)], [[value] for value in values])["C"]


def test_whole_numbers_are_nullable_integers():
    found = column("fixed", "1", None, "-9223372036854775808", "9223372036854775807")
    assert str(found.dtype) == "Int64"
    assert found.tolist() == [1, pd.NA, -(2**63), 2**63 - 1]


def test_whole_numbers_beyond_64_bits_stay_whole():
    found = column("fixed", "1", None, "9" * 38)
    assert found.dtype == object
    assert found.tolist() == [1, None, int("9" * 38)]


def test_numbers_with_a_scale_are_decimals():
    digits = "12345678901234567890123456789012345.678"
    assert column("fixed", "1.50", None, digits, scale=3).tolist() == [
        Decimal("1.50"),
        None,
        Decimal(digits),
    ]


def test_floats():
    found = column("real", "1.5", "1e-300", "NaN", "inf", "-inf", None, "0.1")
    assert found.dtype == "float64"
    assert found[[0, 1, 3, 4, 6]].tolist() == [1.5, 1e-300, np.inf, -np.inf, 0.1]
    assert found[[2, 5]].isna().all()


def test_booleans():
    assert column("boolean", "true", "false", None, "1", "0").tolist() == [True, False, pd.NA, True, False]


def test_dates_are_those_of_the_years_1_to_9999():
    found = column("date", "0", "-719162", "2932896", None)
    assert found.tolist() == [dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31), None]


def test_times_of_day():
    assert column("time", "0.000000000", "86399.999999000", None).tolist() == [
        dt.time(0),
        dt.time(23, 59, 59, 999_999),
        None,
    ]


def test_times_of_day_with_nanoseconds_are_texts_with_all_digits():
    found = column("time", "1.000000001", "3600.000000000", None)
    assert found.tolist()[:2] == ["00:00:01.000000001", "01:00:00.000000000"]
    assert pd.isna(found[2])


def test_timestamps_are_of_nanoseconds():
    found = column("timestamp_ntz", "1700000000.123456789", "-0.000000001", None)
    assert str(found.dtype) == "datetime64[ns]"
    assert found[0] == pd.Timestamp("2023-11-14 22:13:20.123456789")
    assert found[1] == pd.Timestamp("1969-12-31 23:59:59.999999999")
    assert found[2] is pd.NaT


def test_timestamps_that_64_bits_do_not_hold_are_objects():
    found = column("timestamp_ntz", "253402300799.999999000", "0.000000001", "-62135596800.000000000", None)
    assert found.dtype == object
    assert found.tolist() == [
        dt.datetime(9999, 12, 31, 23, 59, 59, 999_999),
        pd.Timestamp(1, unit="ns"),
        dt.datetime(1, 1, 1),
        None,
    ]


def test_timestamps_in_local_time_are_instants():
    found = column("timestamp_ltz", "0.000000000", None)
    assert str(found.dtype) == "datetime64[ns, UTC]"
    far = column("timestamp_ltz", "253402300799.000000000")
    assert far[0] == dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


def test_timestamps_with_one_offset_are_of_one_type():
    found = column("timestamp_tz", "1616173619.000000000 960", None)  # 8 hours behind UTC
    assert found[0] == pd.Timestamp("2021-03-19 17:06:59Z")
    assert found[0].utcoffset() == dt.timedelta(hours=-8)
    assert str(column("timestamp_tz", "1.000000000 1440").dtype) == "datetime64[ns, UTC]"


def test_timestamps_with_several_offsets_keep_each_its_own():
    found = column("timestamp_tz", "0.000000000 1500", "0.000000000 1110", None, "253402300799.0 1380")
    assert [value and value.utcoffset() for value in found] == [
        dt.timedelta(hours=1),
        dt.timedelta(hours=-5, minutes=-30),
        None,
        dt.timedelta(hours=-1),
    ]
    assert found[0] == found[1] == pd.Timestamp(0, tz="UTC")


def test_bytes():
    assert column("binary", "00FFab", "", None).tolist() == [b"\x00\xff\xab", b"", None]


@pytest.mark.parametrize("kind", ["text", "variant", "object", "array", "geography", "of_tomorrow"])
def test_all_else_is_text_as_it_came(kind):
    found = column(kind, '{"a": 1}', "ä\U0001f600\n\0'\"", "")
    assert found.tolist() == ['{"a": 1}', "ä\U0001f600\n\0'\"", ""]
    assert column(kind, None).isna().all()


def test_names_may_come_twice_and_a_result_may_be_empty():
    columns = [Column("A", "fixed", 0), Column("A", "text", 0)]
    assert frame_of(columns, [["1", "x"]]).to_numpy().tolist() == [[1, "x"]]
    empty = frame_of(columns, [])
    assert empty.columns.tolist() == ["A", "A"]
    assert str(empty.dtypes.iloc[0]) == "Int64"
    assert frame_of([], []).shape == (0, 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("fixed", value) for value in ("", "1.5", "1_0", " 1", "٣", "1e3", "x", "9" * 5000)),
        *(("real", value) for value in ("", "1_0", "x", "0x1p3")),
        *(("boolean", value) for value in ("", "yes", "2")),
        *(("date", value) for value in ("", "1.5", "2932897", "-719163", "9" * 30)),
        *(("time", value) for value in ("", "86400.000000000", "-0.000000001", "1.0000000001")),
        *(
            ("timestamp_ntz", value)
            for value in ("", "1 1440", "nan", "inf", "253402300799.999999999", "9" * 70)
        ),
        *(("timestamp_tz", value) for value in ("", "1", "1.0 ", "1.0 -1", "1.0 2880", "1.0 0", "1.0 x")),
        *(("binary", value) for value in ("0", "0g", "é")),
    ],
)
def test_what_is_not_of_its_type_is_refused_by_name(kind, value):
    with pytest.raises(UnreadableValueError, match="column 'C'"):
        column(kind, value)


@pytest.mark.parametrize("value", ["1e5", "x", "1e999999999", "inf"])
@pytest.mark.parametrize("kind", ["fixed", "timestamp_ntz"])
def test_what_is_not_a_decimal_is_refused_by_name(value, kind):
    with pytest.raises(UnreadableValueError, match="row 0"):
        column(kind, value, scale=2)
