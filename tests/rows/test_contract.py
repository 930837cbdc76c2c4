"""docs/types.md line by line, from pandas: what each dtype becomes, and what is refused."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import (
    DataError,
    DuplicateColumnError,
    EmptySourceError,
    InvalidValueError,
    UnsupportedColumnError,
)
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.rows.types import create_table_ddl, snowflake_type


def cells(values, **options):
    """The JSON texts of one column's cells."""
    source = values if isinstance(values, pd.DataFrame | pa.Table) else pd.DataFrame({"c": values})
    return [
        line.removeprefix('{"c":').removesuffix("}")
        for line in to_ndjson(source, **options).decode().splitlines()
    ]


def kind(values):
    return snowflake_type(open_source(pd.DataFrame({"c": values})).schema.field(0))


LEFT_OUT = "{"
"""What `cells` gives for a row whose key is left out."""

U = UUID("12345678-1234-5678-1234-567812345678")
CASES = [
    (pd.Series([1, -2], dtype="int8"), ["1", "-2"], "NUMBER(38,0)"),
    (
        pd.Series([2**53 + 1, -(2**63)], dtype="int64"),
        ["9007199254740993", "-9223372036854775808"],
        "NUMBER(38,0)",
    ),
    (pd.Series([2**64 - 1], dtype="uint64"), ["18446744073709551615"], "NUMBER(38,0)"),
    (pd.array([1, None], dtype="Int64"), ["1", "null"], "NUMBER(38,0)"),
    (pd.array([2**63 + 1, None], dtype="UInt64"), ["9223372036854775809", "null"], "NUMBER(38,0)"),
    (pd.Series([0.1, np.nan, 1.5]), ["0.1", "null", "1.5"], "FLOAT"),
    (pd.Series([np.inf, -np.inf, 1.0]), ['"inf"', '"-inf"', "1.0"], "FLOAT"),
    (pd.Series([0.1, np.nan], dtype="float32"), ["0.1", "null"], "FLOAT"),
    (pd.Series([0.1, 65504.0, np.nan], dtype="float16"), ["0.1", "65500.0", "null"], "FLOAT"),
    (pd.array([0.5, None], dtype="Float64"), ["0.5", "null"], "FLOAT"),
    (pd.Series([True, False]), ["true", "false"], "BOOLEAN"),
    (pd.array([True, None], dtype="boolean"), ["true", "null"], "BOOLEAN"),
    (
        pd.Series(["a", "", None, 'say "hi"\\\n\t\x00ü東😀']),
        ['"a"', '""', "null", '"say \\"hi\\"\\\\\\n\\t\\u0000ü東😀"'],
        "VARCHAR",
    ),
    (pd.Series(["a", None], dtype="string[pyarrow]"), ['"a"', "null"], "VARCHAR"),
    (pd.Series(["a", None, "b"], dtype=object), ['"a"', "null", '"b"'], "VARCHAR"),
    (pd.Categorical(["x", None, "y"]), ['"x"', "null", '"y"'], "VARCHAR"),
    (pd.Categorical([3, 1, None]), ["3", "1", "null"], "NUMBER(38,0)"),
    (
        pd.Series(
            np.array(["2026-01-02T03:04:05.000000006", "NaT", "1969-12-31T23:59:59.999999999"], "M8[ns]")
        ),
        ['"2026-01-02T03:04:05.000000006"', "null", '"1969-12-31T23:59:59.999999999"'],
        "TIMESTAMP_NTZ(9)",
    ),
    (
        pd.Series(np.array(["0001-01-01", "9999-12-31T23:59:59"], "M8[s]")),
        ['"0001-01-01T00:00:00.000000"', '"9999-12-31T23:59:59.000000"'],
        "TIMESTAMP_NTZ(9)",
    ),
    (
        pd.Series(np.array(["2026-01-02T03:04:05.006"], "M8[ms]")),
        ['"2026-01-02T03:04:05.006000"'],
        "TIMESTAMP_NTZ(9)",
    ),
    (
        pd.to_datetime(pd.Series(["2026-03-29T02:30:00+01:00", None]), format="ISO8601").astype(
            "datetime64[ns, Europe/Berlin]"
        ),
        ['"2026-03-29T01:30:00.000000Z"', "null"],
        "TIMESTAMP_TZ(9)",
    ),
    (
        pd.Series([datetime(2026, 1, 2, tzinfo=UTC), None], dtype=object),
        ['"2026-01-02T00:00:00.000000Z"', "null"],
        "TIMESTAMP_TZ(9)",
    ),
    (pd.Series([date(2026, 1, 2), None]), ['"2026-01-02"', "null"], "DATE"),
    (pd.Series([time(3, 4, 5, 6), None]), ['"03:04:05.000006"', "null"], "TIME(9)"),
    (
        pd.Series(np.array([86403000000001, -1, "NaT"], "m8[ns]")),
        ['"86403.000000001"', '"-0.000000001"', "null"],
        "NUMBER(38,9)",
    ),
    (
        pd.Series([Decimal("1.10"), Decimal("-0.0000000001"), None]),
        ['"1.10"', '"-0.0000000001"', "null"],
        "NUMBER(11,10)",
    ),
    (pd.Series([Decimal(10**37), None]), [f'"{10**37}"', "null"], "NUMBER(38,0)"),
    (pd.Series([b"ab", b"", None]), ['"YWI="', '""', "null"], "BINARY"),
    (pd.Series([U, None]), [f'"{U}"', "null"], "VARCHAR"),
    (pd.Series([None, None]), ["null", "null"], "VARCHAR"),
    (
        pd.Series([{"a": [1, None, {"b": True}]}, [1.5, "x"], None]),
        ['{"a":[1,null,{"b":true}]}', '[1.5,"x"]', LEFT_OUT],
        "VARIANT",
    ),
    (
        pd.Series(
            [
                {
                    "n": np.int64(1),
                    "t": pd.Timestamp("2026-01-02", tz="UTC"),
                    "d": Decimal("1.0"),
                    "f": float("nan"),
                }
            ]
        ),
        ['{"n":1,"t":"2026-01-02T00:00:00.000000Z","d":"1.0","f":"NaN"}'],
        "VARIANT",
    ),
    (pd.Series([[1, 2], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), ["[1,2]", LEFT_OUT], "ARRAY"),
    (pd.Series(pd.arrays.ArrowExtensionArray(pa.array([float("nan"), None]))), ['"NaN"', "null"], "FLOAT"),
]


@pytest.mark.parametrize(
    ("values", "texts", "column"), CASES, ids=lambda value: str(getattr(value, "dtype", value))[:40]
)
def test_a_column_of_this_dtype_becomes_this_text_and_this_type(values, texts, column):
    if kind(values) == "FLOAT" and str(getattr(values, "dtype", "")) == "float16":
        assert [json.loads(t) for t in cells(values)] == [
            pytest.approx(v, rel=1e-3) if v == v else None for v in values
        ]
    else:
        assert cells(values) == texts
    assert kind(values) == column


def test_the_docs_table_names_every_snowflake_type_that_columns_get():
    page = (Path(__file__).parents[2] / "docs" / "types.md").read_text()
    for _, _, column in CASES:
        assert column.split("(")[0] in page


@pytest.mark.parametrize("form", ["base64", "hex", "utf-8"])
def test_bytes_have_the_form_that_was_asked_for(form):
    assert cells(pd.Series([b"a\xc3\xbc", None]), binary_format=form) == [
        {"base64": '"YcO8"', "hex": '"61c3bc"', "utf-8": '"aü"'}[form],
        "null",
    ]


def test_chunks_of_any_length_are_one_column():
    chunks = pa.chunked_array([[1, None], [], [3], pa.array([7, 8, None, 9]).slice(1, 3)], pa.int64())
    assert cells(pa.table({"c": chunks})) == ["1", "null", "3", "8", "null", "9"]


def test_a_frame_of_two_thousand_columns():
    frame = pd.DataFrame(np.arange(6000).reshape(3, 2000), columns=[f"c{i}" for i in range(2000)])
    rows = [json.loads(line) for line in to_ndjson(frame).splitlines()]
    assert rows == [{f"c{i}": 2000 * row + i for i in range(2000)} for row in range(3)]


def test_frames_of_no_and_one_row():
    assert to_ndjson(pd.DataFrame({"c": pd.Series([], dtype="int64")})) == b""
    assert to_ndjson(pd.DataFrame({"c": [1]})) == b'{"c":1}\n'


@pytest.mark.parametrize("name", ['a"b', "a\\b", "😀", "line\nbreak", "a b", "\x00", "ü"])
def test_any_text_can_be_a_columns_name(name):
    for nulls in ("emit", "omit"):
        line = to_ndjson(pd.DataFrame({name: [1], "other": ["x"]}), nulls=nulls)
        assert json.loads(line) == {name: 1, "other": "x"}


def test_rows_of_nothing_but_nulls_are_empty_objects_when_nulls_are_omitted():
    frame = pd.DataFrame({"a": [None, 1.0], "b": [None, "x"]})
    assert to_ndjson(frame, nulls="omit") == b'{}\n{"a":1.0,"b":"x"}\n'


def test_names_that_collide_after_folding_are_refused():
    with pytest.raises(DuplicateColumnError, match="'A'"):
        open_source(pd.DataFrame({"a": [1], "A": [2]}), column_case="upper")
    with pytest.raises(DuplicateColumnError):
        open_source(pd.DataFrame({"a": [1], "b": [2]}), columns={"a": "b"})


def test_names_that_are_not_text_and_multiindex_columns_are_refused():
    with pytest.raises(DataError, match=r"\[0, 1\].*astype\(str\)"):
        open_source(pd.DataFrame([[1, 2]]))
    with pytest.raises(DataError, match="MultiIndex"):
        open_source(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])))
    with pytest.raises(EmptySourceError):
        open_source(pd.DataFrame(index=[1, 2]))


def test_the_index_is_sent_when_asked_for_by_its_name():
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert to_ndjson(frame, index=True) == b'{"key":"x","v":1}\n{"key":"y","v":2}\n'
    assert to_ndjson(frame.rename_axis(None), index=True).startswith(b'{"index":"x"')
    assert to_ndjson(frame) == b'{"v":1}\n{"v":2}\n'
    with pytest.raises(DuplicateColumnError, match="'v'"):
        open_source(frame.rename_axis("v"), index=True)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (pd.Series(["ok", "\ud800"], dtype=object), "surrogate"),
        (pa.table({"c": pa.array([b"ok", b"\xff"]).view(pa.string())}), "UTF-8"),
        (pa.table({"c": pa.array([0, 2**40], pa.int64()).view(pa.timestamp("s"))}), "0001 to 9999"),
        (pa.table({"c": pa.array([0, 2**30], pa.int32()).view(pa.date32())}), "0001 to 9999"),
        (pd.Series([{"a": 1}, {"a": object()}]), "no JSON form"),
        (pd.Series([{"a": 1}, {"a": "\ud800"}]), "no JSON form"),
    ],
    ids=["surrogate", "utf-8", "year", "date", "object", "nested surrogate"],
)
def test_a_cell_that_cannot_be_written_is_named_with_column_and_row(values, problem):
    with pytest.raises(InvalidValueError, match=rf"'c', row 1 .*{problem}") as caught:
        cells(values)
    assert (caught.value.column, caught.value.row) == ("c", 1)


def test_a_later_row_of_a_large_source_is_counted_from_its_beginning():
    texts = pd.Series(["ok"] * 70_000, dtype=object)
    texts[69_999] = "\ud800"
    with pytest.raises(InvalidValueError, match="row 69999"):
        cells(texts)


def test_all_columns_that_cannot_be_sent_are_in_one_message():
    frame = pd.DataFrame({"good": [1, 2], "i": pd.interval_range(0, 2), "z": [1j, 2j], "m": [1, "a"]})
    with pytest.raises(UnsupportedColumnError) as caught:
        open_source(frame)
    assert caught.value.columns == ("i", "z", "m")


def test_ddl_quotes_what_needs_it_and_folds_the_rest():
    schema = pa.schema(
        [
            ("year", pa.int64()),
            ("order", pa.string()),
            ("a b", pa.string()),
            pa.field("x", pa.bool_(), nullable=False),
        ]
    )
    assert create_table_ddl(schema, "demo.public.t", error_logging=True) == (
        "CREATE TABLE DEMO.PUBLIC.T (\n"
        "    YEAR NUMBER(38,0),\n"
        '    "ORDER" VARCHAR,\n'
        '    "a b" VARCHAR,\n'
        "    X BOOLEAN NOT NULL\n"
        ") ERROR_LOGGING = TRUE"
    )
