"""Sources of other libraries: asked for their own types, refused where Arrow would not be the value."""

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import dateutil.tz
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import DataError, DuplicateColumnError, InvalidValueError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson

JSON = pa.json_()


def json_column(*texts):
    return pa.table({"x": pa.ExtensionArray.from_storage(JSON, pa.array(texts, pa.string()))})


def failing_reader():
    def batches():
        yield pa.record_batch({"x": [1]})
        raise OSError("the disk is gone")

    return pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), batches())


TIME_OF_DAY = {
    unit: pa.array([86400 * ticks], pa.int64()).view(pa.time64(unit))
    for unit, ticks in (("us", 10**6), ("ns", 10**9))
}
UNSUPPORTED = {
    "polars objects": (
        lambda: pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)}),
        "Object.*map_elements",
    ),
    "polars integers of 128 bits": (
        lambda: pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}),
        "Int128.*cast",
    ),
    "duckdb bits": (lambda: duckdb.sql("SELECT '101'::BIT x"), "BIT.*VARCHAR"),
    "duckdb times with a zone, inside": (
        lambda: duckdb.sql("SELECT {'b': [TIMETZ '01:02:03+01']} x"),
        "TIMESTAMPTZ",
    ),
    "duckdb unsigned 128 bits": (lambda: duckdb.sql("SELECT 1::UHUGEINT x"), "HUGEINT or text"),
    "duckdb intervals": (lambda: duckdb.sql("SELECT INTERVAL 1 DAY x"), "INTERVAL"),
    "duckdb unions": (lambda: duckdb.sql("SELECT MAP {1: union_value(a := 1)} x"), "one of its types"),
    "duckdb variants": (lambda: duckdb.sql("SELECT 'x'::VARIANT x"), "JSON"),
    "unions": (
        lambda: pa.table(
            {
                "x": pa.UnionArray.from_dense(
                    pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]
                )
            }
        ),
        "cast it to one of its types",
    ),
    "list views": (lambda: pa.table({"x": pa.array([[1]], pa.list_view(pa.int64()))}), r"\.cast\(pa\.list_"),
    "extensions": (
        lambda: pa.table({"x": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8()))}),
        "storage",
    ),
    "fields of one name": (
        lambda: pa.table({"x": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])}),
        "only one would arrive",
    ),
    "long doubles": (lambda: pd.DataFrame({"x": np.array([1], np.longdouble)}), r"float64"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_type_whose_arrow_form_is_not_the_value_is_refused_with_what_to_do(name):
    make, advice = UNSUPPORTED[name]
    with pytest.raises(UnsupportedColumnError, match=f"'x'.*{advice}") as caught:
        to_ndjson(make())
    assert caught.value.columns == ("x",)


def test_names_of_such_types_are_not_such_types():
    assert to_ndjson(pl.DataFrame({"Object": [{"Int128": 1}]})) == b'{"Object":{"Int128":1}}\n'


INVALID = {
    "a map with a key twice": (
        lambda: pa.table(
            {"x": pa.array([None, [("a", 1), ("b", 0), ("a", 2)]], pa.map_(pa.string(), pa.int64()))}
        ),
        "key 'a' twice",
    ),
    "a text that is not JSON": (lambda: json_column('{"a":1}', "not"), "is not JSON"),
    "24 o'clock": (
        lambda: pa.table({"x": pa.concat_arrays([pa.nulls(1, pa.time64("us")), TIME_OF_DAY["us"]])}),
        "one day",
    ),
    "24 o'clock in nanoseconds": (
        lambda: pa.table({"x": pa.concat_arrays([pa.nulls(1, pa.time64("ns")), TIME_OF_DAY["ns"]])}),
        "one day",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_value_that_would_not_arrive_whole_is_refused_with_its_row(name):
    make, problem = INVALID[name]
    with pytest.raises(InvalidValueError, match=f"'x', row 1 .*{problem}") as caught:
        to_ndjson(make())
    assert (caught.value.column, caught.value.row) == ("x", 1)


def test_maps_of_one_row_may_share_keys_with_another_row():
    maps = pa.array([[("a", 1)], [], None, [("a", 2), ("b", 3)]], pa.map_(pa.string(), pa.int64()))
    assert to_ndjson(pa.table({"x": maps})) == b'{"x":{"a":1}}\n{"x":{}}\n{}\n{"x":{"a":2,"b":3}}\n'


def test_json_over_several_lines_stays_one_row():
    assert to_ndjson(json_column('{"a":\n 1,\r\n"b":"\\n"}')) == b'{"x":{"a":  1,  "b":"\\n"}}\n'


NOT_TABULAR = {
    "a series": (pd.Series([1]), r"\.to_frame\(\)"),
    "a polars series": (pl.Series([1]), r"\.to_frame\(\)"),
    "an array": (np.ones((2, 2)), r"ndarray.*pd\.DataFrame\(array, columns=\[\.\.\.\]\)"),
    "a record array": (
        np.array([(1, 2.0)], dtype=[("A", "i4"), ("B", "f8")]),
        r"ndarray.*pd\.DataFrame\(array\)",
    ),
    "a mapping": ({"x": [1]}, r"pd\.DataFrame"),
    "a path of nothing": ("file.csv", "no file matches 'file.csv'"),
    "bytes": (b"PAR1", r"bytes is not tabular: .*pd\.read_parquet\(io\.BytesIO"),
    "tuples": ([(1, 2)], "part 0.*tuple is not tabular"),
}


@pytest.mark.parametrize("name", NOT_TABULAR)
def test_what_is_not_tabular_is_refused_with_what_would_be(name):
    source, advice = NOT_TABULAR[name]
    with pytest.raises(DataError, match=advice):
        to_ndjson(source)


def test_a_reader_that_fails_is_an_error_of_ours():
    with pytest.raises(DataError, match=r"RecordBatchReader can't be read: .*the disk is gone"):
        to_ndjson(failing_reader())


class Geo(pd.DataFrame):
    @property
    def _constructor(self):
        return Geo


class Hostile(pd.DataFrame):
    def __getitem__(self, key):
        raise RuntimeError("own ways")


def test_a_subclass_of_dataframe_is_a_dataframe():
    frame = Geo({"ID": ["p", "q"], "V": ["x", None], "G": [{"x": 1}, {"y": [2]}]}).set_index("ID")
    assert to_ndjson(frame) == to_ndjson(pd.DataFrame(frame))
    assert to_ndjson(frame, index=True) == to_ndjson(pd.DataFrame(frame), index=True)
    assert to_ndjson(iter([frame])) == to_ndjson(frame)
    assert to_ndjson(Hostile({"V": [1]})) == b'{"V":1}\n'
    with pytest.raises(DuplicateColumnError):
        to_ndjson(Geo([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DataError, match="must be strings"):
        to_ndjson(Geo([[1, 2]]))


@pytest.mark.parametrize("kind", [">f8", ">f4", ">i4", ">u2", ">f2", ">i8"])
def test_the_other_byte_order_is_converted(kind):
    values = np.array([1, 2, 300], kind)
    own = values.astype(np.dtype(kind).newbyteorder("="))
    assert to_ndjson(pd.DataFrame({"x": values})) == to_ndjson(pd.DataFrame({"x": own}))


def test_records_of_the_other_byte_order_are_sent_as_a_frame():
    records = np.array([(1, 2.5)], dtype=[("A", ">i4"), ("B", ">f8")])
    assert to_ndjson(pd.DataFrame(records)) == b'{"A":1,"B":2.5}\n'


@pytest.mark.parametrize("zone", [ZoneInfo("America/New_York"), dateutil.tz.tzoffset("X", -18000), "-05:00"])
def test_instants_of_any_zone_are_in_utc(zone):
    frame = pd.DataFrame({"x": pd.to_datetime(["2026-01-01 12:00", None]).tz_localize(zone)})
    assert to_ndjson(frame) == b'{"x":"2026-01-01T17:00:00.000000Z"}\n{"x":null}\n'


def test_instants_of_a_zone_that_arrow_has_no_name_for_are_in_utc_too():
    zone = timezone(-timedelta(hours=5, seconds=30))
    frame = pd.DataFrame({"x": pd.to_datetime(["2026-01-01 12:00"]).tz_localize(zone)})
    assert to_ndjson(frame) == b'{"x":"2026-01-01T17:00:30.000000Z"}\n'


def test_an_extension_dtype_that_arrow_does_not_know_is_refused():
    class Odd(pd.api.extensions.ExtensionDtype):
        name = "odd"
        type = object

        @classmethod
        def construct_array_type(cls):
            return OddArray

    class OddArray(pd.api.extensions.ExtensionArray):
        dtype = Odd()

        def __len__(self):
            return 2

        def __getitem__(self, item):
            return self if isinstance(item, slice) else "odd"

        def copy(self):
            return self

        def isna(self):
            return np.zeros(2, bool)

    with pytest.raises(UnsupportedColumnError, match=r"'x' \(odd\).*astype"):
        to_ndjson(pd.DataFrame({"x": pd.Series(OddArray())}))


def test_a_failure_of_arrow_is_reported_with_the_column():
    part_of_a_day = pa.table({"x": pa.array([0, 1], pa.int64()).view(pa.date64())})
    with pytest.raises(DataError, match="column 'x' can't be read: ArrowInvalid: .*lose data"):
        to_ndjson(part_of_a_day)
