"""Dicts and lists: a value's text depends on the value alone, and its leaves are written as columns are."""

import collections
import dataclasses
import enum
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import reduce
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_pandas.errors import InvalidValueError
from snowpipe_pandas.rows.encode.encoder import to_ndjson


class Level(enum.Enum):
    HIGH = 3
    BOTH = (1, "x")


class Name(enum.StrEnum):
    A = "a"


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Record:
    x: int = 1


def column(*values, **options):
    """The texts of an object column of these values."""
    cells = np.empty(len(values), object)
    for number, value in enumerate(values):
        cells[number] = value
    lines = to_ndjson(pd.DataFrame({"D": cells}), **options).decode().split("\n")[:-1]
    return [line[5:-1] for line in lines]


NS = np.datetime64("2021-01-01", "ns")
LEAVES = [
    (None, "null"),
    (pd.NA, "null"),
    (pd.NaT, "null"),
    (np.datetime64("NaT"), "null"),
    (np.timedelta64("NaT"), "null"),
    (Decimal("NaN"), "null"),
    (float("nan"), '"NaN"'),
    (np.float32("inf"), '"inf"'),
    (1e16, "1e16"),
    (1e-7, "1e-7"),
    (1.5e300, "1.5e300"),
    (np.float64(1e22), "1e22"),
    (np.float32(0.1), "0.1"),
    (np.float32(1e16), "1e16"),
    (np.float16(0.1), "0.1"),
    (2**70, str(2**70)),
    (np.uint64(2**64 - 1), str(2**64 - 1)),
    (np.bool_(True), "true"),
    (np.str_("a"), '"a"'),
    (Name.A, '"a"'),
    (Level.HIGH, "3"),
    (Level.BOTH, '[1,"x"]'),
    (Point(1, 2), "[1,2]"),
    (collections.OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (collections.Counter("aab"), '{"a":2,"b":1}'),
    (Decimal("1.10"), '"1.10"'),
    (Decimal("1E+5"), '"100000"'),
    (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (b"ab", '"YWI="'),
    (bytearray(b"ab"), '"YWI="'),
    (NS, '"2021-01-01T00:00:00.000000"'),
    (NS + 7, '"2021-01-01T00:00:00.000000007"'),
    (np.datetime64("2021-01-01"), '"2021-01-01"'),
    (datetime(2021, 1, 1), '"2021-01-01T00:00:00.000000"'),
    (pd.Timestamp("2021-01-01", tz="Asia/Kolkata"), '"2020-12-31T18:30:00.000000Z"'),
    (date(2021, 1, 1), '"2021-01-01"'),
    (time(1, 2, 3), '"01:02:03.000000"'),
    (timedelta(days=1), '"86400.000000"'),
    (np.timedelta64(5, "s"), '"5.000000"'),
    (pd.Timedelta(1, "ns"), '"0.000000001"'),
    (np.array([1, 2], ">i4"), "[1,2]"),
    (np.array([0.1, 0.2], np.float32), "[0.1,0.2]"),
    (np.array([0.1, np.nan], np.float32), '[0.1,"NaN"]'),
    (np.array([1e16, 1.0]), "[1e16,1.0]"),
    (np.array(["2021-01-01", "NaT"], "M8[ns]"), '["2021-01-01T00:00:00.000000",null]'),
    (np.array([5], "m8[s]"), '["5.000000"]'),
    (np.arange(6.0)[::2], "[0.0,2.0,4.0]"),
    (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
    (np.array(["x", None, 1], object), '["x",null,1]'),
    (np.ma.array([1, 2], mask=[0, 1]), "[1,null]"),
    ("1e+16 null", '"1e+16 null"'),
]
NEIGHBOURS = [
    {},
    {1: 2},
    {"x": float("nan")},
    {"s": "1e+16 null"},
    [2**70],
    {"w": np.float32(0.1)},
    None,
    "text",
]


@pytest.mark.parametrize(("leaf", "text"), LEAVES, ids=lambda value: repr(value)[:40])
def test_a_leaf_has_one_text_whatever_is_beside_it_or_around_it(leaf, text):
    for around, wanted in (
        ({"a": leaf}, f'{{"a":{text}}}'),
        ([leaf, 1], f"[{text},1]"),
        ({"a": [{"b": leaf}], "n": float("nan")}, f'{{"a":[{{"b":{text}}}],"n":"NaN"}}'),
        ({"a": leaf, 7: None}, f'{{"a":{text},"7":null}}'),
    ):
        assert column(around) == [wanted]
        for neighbour in NEIGHBOURS:
            assert column(around, neighbour)[0] == wanted
            assert column(neighbour, around)[1] == wanted


@pytest.mark.parametrize(("leaf", "text"), LEAVES, ids=lambda value: repr(value)[:40])
def test_a_leaf_among_dicts_and_lists_is_written_as_inside_of_them(leaf, text):
    missing = pd.isna(leaf)
    if missing is not True:
        assert column({}, leaf)[1] == text


@pytest.mark.parametrize("form", ["base64", "hex", "utf-8"])
def test_bytes_inside_have_the_form_that_was_asked_for(form):
    wanted = {"base64": "YWI=", "hex": "6162", "utf-8": "ab"}[form]
    assert column({"b": b"ab"}, [b"ab"], binary_format=form) == [f'{{"b":"{wanted}"}}', f'["{wanted}"]']


LOOP = [1]
LOOP.append(LOOP)
REFUSED = {
    "two keys of one text": {1: "a", "1": "b"},
    "two keys of one text, deep": [[{"x": ({True: 1, "true": 2},)}]],
    "a missing key": {None: 1},
    "a key that is a list": {(1, 2): 3},
    "a lone surrogate": ["\udce9"],
    "a lone surrogate as key": {"\ud800": 1},
    "a set": {"a": {1}},
    "a dataclass": {"a": Record()},
    "complex": [1j],
    "a decimal of a billion digits": {"a": Decimal("1E+1000000000")},
    "an infinite decimal": {"a": Decimal("Infinity")},
    "a long double": [np.longdouble(1) / 3],
    "a time with a zone": {"a": time(1, tzinfo=timezone(timedelta(hours=1)))},
    "a datetime before the year 1 in UTC": [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))],
    "a record of NumPy": [np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])],
    "a series": {"a": pd.Series([1])},
    "a list that contains itself": LOOP,
    "three thousand levels": reduce(lambda inner, _: [inner], range(3000), 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_json_can_not_hold_whole_is_refused_with_column_and_row(name):
    with pytest.raises(InvalidValueError, match="'D', row 1 .*no JSON form") as caught:
        column({"fine": 1}, REFUSED[name])
    assert (caught.value.column, caught.value.row) == ("D", 1)


def test_arrays_of_one_type_are_written_as_they_are_beside_others():
    rows = [np.array([1.5, np.nan]), None, np.array([]), np.array([1e16])]
    alone = column(*rows)
    assert alone == ['[1.5,"NaN"]', "", "[]", "[1e16]"]
    assert column(*rows, {"a": 1})[:-1] == alone


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=4), st.decimals(),
    st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.times(), st.timedeltas(), st.uuids(),
    st.floats(width=32).map(np.float32), st.integers(-(2**62), 2**62).map(lambda n: np.datetime64(n, "ns")),
    st.sampled_from([pd.NaT, pd.NA, Level.HIGH, np.bool_(False)]),
)  # fmt: skip
keys = st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.floats(), st.none(), st.dates())
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3) | st.tuples(inner),
    max_leaves=8,
)


def text_or_refusal(*rows):
    try:
        return column(*rows)
    except InvalidValueError as error:
        return error.row


@settings(max_examples=600, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(values.map(lambda value: [value]), min_size=2, max_size=5))
def test_each_row_is_what_it_is_alone(rows):
    alone = [text_or_refusal(row) for row in rows]
    refused = [number for number, text in enumerate(alone) if text == 0]
    together = text_or_refusal(*rows)
    if refused:
        assert together == refused[0]
        return
    assert together == [text for (text,) in alone]
    for text in together:
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
