"""One iterator, one schema: parts match by name and are written in the load's types, or refused by name."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from time import sleep

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from snowpipe_pandas.errors import DataError, DuplicateColumnError, InvalidValueError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.dicts import CHUNK_ROWS


def lines(parts):
    return [line[5:-1] for line in to_ndjson(parts).decode().splitlines()]


def frames(*columns):
    return [pd.DataFrame({"a": column}) for column in columns]


DAY = pd.to_datetime(["2026-01-01"])
WHOLE = {
    "an int part after a float part": (frames([1.5], [2]), ["1.5", "2.0"]),
    "whole floats after integers": (frames([1], [2.0, np.nan]), ["1", "2", "null"]),
    "an all-missing part": (frames(["x"], [None], [np.nan]), ['"x"', "null", "null"]),
    "an all-missing first part, read as floats": (frames([np.nan], ["x"], ["y"]), ["null", '"x"', '"y"']),
    "whole floats above a narrow load": (frames(np.array([1], "i1"), [300.0]), ["1", "300"]),
    "integers of several widths": (frames(np.array([1], "i1"), np.array([2**40])), ["1", str(2**40)]),
    "narrow floats after floats": (
        frames([0.1], np.array([0.1], "f4")),
        ["0.1", "0.10000000149011612"],
    ),
    "times of several units": (
        frames(DAY.as_unit("s"), DAY.as_unit("ns") + pd.Timedelta(7, "ns")),
        ['"2026-01-01T00:00:00.000000"', '"2026-01-01T00:00:00.000000007"'],
    ),
    "days after times": (
        frames(DAY, [date(2026, 1, 2)]),
        ['"2026-01-01T00:00:00.000000"', '"2026-01-02T00:00:00.000000"'],
    ),
    "zones": (
        frames(DAY.tz_localize("UTC"), DAY.tz_localize("Asia/Tokyo")),
        ['"2026-01-01T00:00:00.000000Z"', '"2025-12-31T15:00:00.000000Z"'],
    ),
    "categories and text": (
        frames(pd.Categorical(["x"]), ["y"], pd.Categorical(["z"])),
        ['"x"', '"y"', '"z"'],
    ),
    "integers after decimals": (frames([Decimal("1.25")], [3]), ['"1.25"', '"3"']),
    "decimals of any scale": (
        frames([Decimal("1.5")], [Decimal("1.25"), Decimal(123456789)], pd.Categorical([Decimal("0.125")])),
        ['"1.5"', '"1.25"', '"123456789"', '"0.125"'],
    ),
    "decimal objects after decimals of Arrow": (
        [pa.table({"a": pa.array([Decimal("1.50")])}), *frames([Decimal("2.5")])],
        ['"1.50"', '"2.5"'],
    ),
    "whole decimals after integers": (frames([1], [Decimal("2.00")]), ["1", "2"]),
    "anything among dicts": (frames([{"k": 1}], ["s", None], [2]), ['{"k":1}', '"s"', "", "2"]),
    "bools with a gap": (frames([True, False], [None, True]), ["true", "false", "null", "true"]),
    "parts of polars": (
        [pl.DataFrame({"a": [{"x": 1}]}), pl.DataFrame({"a": [{"x": None}]}), pl.DataFrame({"a": [None]})],
        ['{"x":1}', '{"x":null}', ""],
    ),
    "layouts of text": (
        [
            pa.table({"a": pa.array(["x"], kind)})
            for kind in (pa.string(), pa.large_string(), pa.string_view())
        ],
        ['"x"', '"x"', '"x"'],
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_part_is_written_in_the_type_of_the_load(name):
    parts, wanted = WHOLE[name]
    assert lines(parts) == wanted


LOSSES = {
    "fractions after integers": (frames([1], [2.5]), "double", "int64"),
    "an integer that no float holds": (frames([1.5], [2**53 + 1]), "int64", "double"),
    "NaN that is a value, after integers": (
        [pa.table({"a": [1]}), pa.table({"a": [float("nan")]})],
        "double",
        "int64",
    ),
    "more digits than narrow floats hold": (frames(np.array([0.1], "f4"), [0.1]), "double", "float"),
    "more digits than the scale": (
        [pa.table({"a": pa.array([Decimal(value)])}) for value in ("1.5", "1.25")],
        r"decimal128\(3, 2\)",
        r"decimal128\(2, 1\)",
    ),
    "decimals with a fraction after integers": (frames([1], [Decimal("2.5")]), "Decimal", "int64"),
    "decimals after text": (frames(["1"], [Decimal("2.5")]), "Decimal", "string"),
    "text after decimals": (frames([Decimal("2.5")], ["1"]), "string", "Decimal"),
    "numbers after text": (frames(["y"], [7]), "int64", "string"),
    "text after numbers": (frames([7], ["y"]), "string", "int64"),
    "numbers after bools": (frames([True], [1]), "int64", "bool"),
    "times after days": (frames([date(2026, 1, 2)], DAY), r"timestamp\[\w+\]", "date32"),
    "zoned after naive": (frames(DAY, DAY.tz_localize("UTC")), "tz=UTC", r"timestamp\[\w+\]"),
    "dicts after text": (frames(["x"], [{"k": 1}]), "dicts and lists", "string"),
    "decimals after floats": (frames([1.5], [Decimal("1.5")]), "Decimal", "double"),
    "other fields of a struct": (
        [pl.DataFrame({"a": [{"x": 1}]}), pl.DataFrame({"a": [{"y": 1}]})],
        "struct",
        "struct",
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_part_that_would_lose_something_is_refused_with_part_column_and_both_types(name):
    parts, found, wanted = LOSSES[name]
    with pytest.raises(DataError, match=rf"part 1 .*column 'a' is .*{found}.* in it, .*{wanted}") as caught:
        lines(parts)
    assert caught.value.columns == ("a",)


def test_columns_match_by_name_in_any_order():
    parts = [pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [4], "a": [3]})]
    assert to_ndjson(parts) == b'{"a":1,"b":2}\n{"a":3,"b":4}\n'
    assert to_ndjson(parts, columns={"b": "B"}) == b'{"a":1,"B":2}\n{"a":3,"B":4}\n'


def test_columns_too_many_and_too_few_are_named():
    one, two = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1], "b": [2]})
    with pytest.raises(DataError, match=r"part 1 .*has columns that the first part lacks: \['b'\]"):
        to_ndjson([one, two])
    with pytest.raises(DataError, match=r"part 1 .*lacks columns of the first part: \['b'\]"):
        to_ndjson([two, one])
    with pytest.raises(DuplicateColumnError, match="'a'"):
        to_ndjson([one, pd.DataFrame([[1, 2]], columns=["a", "a"])])


def test_the_same_file_read_in_any_chunks_gives_the_same_bytes():
    csv = "ID,QTY,NAME\n" + "".join(
        f"{i},{'' if i == 70 else i},{'' if i < 30 else 'x'}\n" for i in range(100)
    )
    found = {to_ndjson(pd.read_csv(io.StringIO(csv), chunksize=size)) for size in (10, 25, 50)}
    assert len(found) == 1
    assert b'{"ID":70,"QTY":null,"NAME":"x"}\n' in found.pop()


def test_a_bad_cell_of_a_later_part_is_counted_from_the_sources_beginning():
    with pytest.raises(InvalidValueError, match="row 4 ") as caught:
        lines(frames(["x"] * 3, pd.Series(["y", "\ud800"], dtype=object)))
    assert caught.value.row == 4


def test_a_generator_of_dicts_is_read_in_chunks():
    taken = []

    def rows():
        for number in range(2 * CHUNK_ROWS + 1):
            taken.append(number)
            yield {"a": number} if number % 2 == 0 else {"a": number, "b": None}

    written = to_ndjson(rows()).splitlines()
    assert len(written) == 2 * CHUNK_ROWS + 1
    assert written[-1] == b'{"a":%d,"b":null}' % (2 * CHUNK_ROWS)
    taken.clear()
    from snowpipe_pandas.rows.sources.source import open_source

    next(open_source(rows()).batches())
    assert len(taken) == CHUNK_ROWS


def test_a_generator_of_dicts_whose_keys_or_types_change_is_refused_by_row():
    start = [{"a": 1}] * CHUNK_ROWS
    with pytest.raises(DataError, match=r"rows 10,000 to 10,000 .*lacks: \['b'\]"):
        to_ndjson(iter([*start, {"b": 2}]))
    with pytest.raises(DataError, match=r"rows 10,000 to 10,000 .*column 'a' is double .*int64"):
        to_ndjson(iter([*start, {"a": 1.5}]))
    with pytest.raises(UnsupportedColumnError, match=r"\(object\) mixes types: row 10001 \('x'\)"):
        to_ndjson(iter([*start, {"a": 1}, {"a": "x"}]))
    with pytest.raises(DataError, match="row 10000 is of type NoneType"):
        to_ndjson(iter([*start, None]))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"a": 1}, None], "row 1 is of type NoneType"),
        ([{"a": 1}, [2]], "row 1 is of type list"),
        ([{1: 2}], "must be strings"),
        ([{"id": 1, "ID": 2}], "differ only in case"),
        ([{"": 1}], "is empty"),
        ([{}], "no columns"),
    ],
)
def test_rows_that_are_not_rows_are_refused(rows, problem):
    for source in (rows, iter(rows)):
        with pytest.raises(DataError, match=problem):
            to_ndjson(source)


def test_a_failure_of_the_users_own_iterator_leaves_as_it_is():
    def parts():
        yield pd.DataFrame({"a": [1]})
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        to_ndjson(parts())


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**65),
    st.integers(0, 3),
    st.floats(width=32),
    st.sampled_from([1.0, 2.0, np.float32(0.1), np.float16(0.1), np.int8(1), True, "x", "1", b"x"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-9, max_value=9),
    st.dates(date(2000, 1, 1), date(2001, 1, 1)),
    st.datetimes(datetime(2000, 1, 1), datetime(2001, 1, 1)),
    st.sampled_from([time(1), timedelta(1), {"b": 1}, [1, 2.0], []]),
)


def slowly(rows):
    for row in rows:
        yield row
        sleep(0.002)


def test_a_chunk_of_dicts_that_is_refused_says_that_it_is_a_chunk():
    def rows():
        yield {"a": []}
        sleep(0.8)
        yield {"a": time(1)}
        yield {"a": 0.5}

    assert to_ndjson(list(rows())) == b'{"a":[]}\n{"a":"01:00:00.000000"}\n{"a":0.5}\n'
    with pytest.raises(
        UnsupportedColumnError, match=r"rows 1 to 2 of .* mixes types: row 2 .* pass list\(rows\)"
    ):
        to_ndjson(rows(), patience_s=0.2)
    with pytest.raises(UnsupportedColumnError, match=r"^columns can't be sent: 'a' \(object\) mixes types"):
        to_ndjson(iter([{"a": time(1)}, {"a": 0.5}]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(lambda value: {"n": 0, "a": value}, VALUES), min_size=2, max_size=4))
@example([{"n": 0, "a": 1}, {"n": 0, "a": 2.0}])
@example([{"n": 0, "a": None}, {"n": 0, "a": {"b": 1}}])
@example([{"n": 0, "a": {"b": 1}}, {"n": 0, "a": 1}, {"n": 0, "a": 2.5}])
def test_where_time_cuts_an_iterator_of_dicts_shows_in_no_text(rows):
    """Here it cuts after each row. What would be written otherwise is refused."""
    try:
        whole = to_ndjson(iter(rows))
    except DataError:
        return
    written, refusal = None, ""
    try:
        written = to_ndjson(slowly(rows), patience_s=0)
    except DataError as error:
        refusal = str(error)
    assert written == whole or "rows " in refusal
