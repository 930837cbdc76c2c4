"""`check()` names a problem if and only if the local account rejects: every source against every target."""

import json
import string
from datetime import date, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import snowpipe_pandas as sp
from tests.rows.agreement import Json, disagreements

TARGETS = (
    *(
        "NUMBER",
        "NUMBER(4,2)",
        "NUMBER(38,38)",
        "NUMBER(1,1)",
        "NUMBER(20,0)",
        "NUMBER(19,0)",
        "INT",
        "FLOAT",
        "REAL",
        "BOOLEAN",
    ),
    *(
        "VARCHAR",
        "VARCHAR(4)",
        "VARCHAR(11)",
        "CHAR",
        "STRING",
        "BINARY",
        "BINARY(2)",
        "DATE",
        "TIME",
        "TIME(0)",
    ),
    *(
        "TIMESTAMP_NTZ",
        "TIMESTAMP_NTZ(3)",
        "TIMESTAMP_LTZ",
        "TIMESTAMP_LTZ(6)",
        "TIMESTAMP_TZ",
        "TIMESTAMP_TZ(0)",
    ),
    *("DATETIME(6)", "VARIANT", "OBJECT", "ARRAY"),
)
TEXTS = (
    *(
        "1",
        "-1.5",
        " 1 ",
        "\t7\n",
        "+5",
        ".5",
        "5.",
        "1e3",
        "1E-3",
        "1_000",
        "0x10",
        "+-5",
        "",
        " ",
        "$1,200.50",
    ),
    *(
        "99.994",
        "99.995",
        "0.94",
        "0.95",
        "1e400",
        "1e-400",
        "9" * 38,
        "9" * 39,
        "1e37",
        "1e38",
        "٣",
        "1e",
        "e1",
    ),
    *(
        "NaN",
        "nan",
        "inf",
        "-INF",
        "infinity",
        "+inf",
        "true",
        "T",
        "Yes",
        "OFF",
        "2",
        " true",
        "yeſ",
        "0",
        "null",
    ),
    *(
        "YQ==",
        "YQ",
        "YWI=",
        "YWJj",
        "Y Q==",
        "-_8=",
        "====",
        "東京",
        "東京東京😀",
        "abcd",
        'say "hi"\\',
        "\u00a05",
    ),
    *("2026-01-02", " 2026-01-02\n", "2026-1-2", "2026-02-29", "2024-02-29", "2026-02-30", "2026-13-01"),
    *("2026/01/02", "20260102", "01/31/2026", "02/30/2026", "31-Jan-2026", "31-FEB-2026", "31-xyz-2026"),
    *("2026-01-02T03:04:05", "2026-01-02 03:04", "2026-01-02T03", "2026-01-02T03Z", "2026-01-02T24:00:00"),
    *("2026-01-02T03:04:05.1234567891", "2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.", "epoch"),
    *("2026-01-02T03:04:05+02", "2026-01-02T03:04:05 +02:00", "2026-01-02T03:04:05 Z", "2026-01-02T23:59:60"),
    *("2026-01-02T03:04:05+0230", "2026-01-02T03:04:05+24:00", "01/31/2026 10:11:12", "2026-01-02 (BC)"),
    *("0000-01-01", "0001-01-01", "1500-01-01", "1677-09-21T00:12:43", "2262-04-11T23:47:17", "9999-12-31"),
    *("10000-01-01", "2262-04-11T23:47:16.854775806", "2262-04-12T01:00:00+05:00", "1677-09-21T00:12:44"),
    *("03:04", "03:04:05.5", "24:00:00", "3:4:5", "03:04:05+02:00", "03:04:05 +0200", "03", "5.000000"),
    *(
        "1674478926",
        "1674478926123",
        "1674478926123456789",
        "9223372036854775808",
        "-1",
        "31535999999999",
        "9300000000",
    ),
)
JSONS = (
    "{}",
    '{"a":1.5}',
    "[]",
    "[1,2]",
    '"text"',
    '"2026-01-02"',
    "5",
    "-0.25",
    "1e-7",
    "true",
    "false",
    '"1"',
)


def moments(kind, *values):
    return pa.array(values, kind)


SOURCES = {
    "int": pa.array([0, 1, -7, 99, 100, 2**63 - 1, -(2**63), None]),
    "uint": pa.array([0, 2**64 - 1], pa.uint64()),
    "float": pa.array([0.0, 1.0, -0.5, 99.994, 99.995, 1e16, 1e-7, 1e37, 1e38, 5e-324, None, 123456789.125]),
    "float32": pa.array([0.1, 99.995, 3e38], pa.float32()),
    "special": pa.array([float("nan"), float("inf"), float("-inf"), 0.5]),
    "bool": pa.array([True, False, None]),
    "decimal": pa.array([Decimal("1.10"), Decimal("99.99"), Decimal("0.00"), Decimal("-999.00")]),
    "whole decimal": pa.array([Decimal(0), Decimal(1), Decimal(12345)]),
    "wide decimal": pa.array([Decimal("9" * 60 + ".5"), Decimal(1)], pa.decimal256(76, 10)),
    "text": pa.array([*TEXTS, None]),
    "large text": pa.array(["a", "12"], pa.large_string()),
    "view": pa.array(["a", "12"], pa.string_view()),
    "category": pa.array(["a", "12", "12", None]).dictionary_encode(),
    "numbers in runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3]), pa.array([1, 1000])),
    "date": pa.array([date(1, 1, 1), date(1500, 1, 1), date(2026, 2, 28), date(9999, 12, 31)]),
    "time": pa.array([time(0), time(23, 59, 59, 999999)]),
    "whole time": pa.array([0, 86399], pa.time32("s")),
    "timestamp": pa.array([0, 10**9, 1674478926, -(10**10)], pa.timestamp("s")),
    "nanoseconds": pa.array([0, 1, 2**63 - 2, -(2**63) + 808], pa.timestamp("ns")),
    "zoned": pa.array([0, 10**9, -(10**10)], pa.timestamp("ms", "Europe/Berlin")),
    "duration": pa.array([timedelta(0), timedelta(hours=5), timedelta(microseconds=-1)]),
    "whole duration": pa.array([0, 1, 100, -(2**62)], pa.duration("s")),
    "bytes": pa.array([b"", b"a", b"\x00\xff", b"long enough"]),
    "fixed bytes": pa.array([b"abc"], pa.binary(3)),
    "list": pa.array([[1, 2], [], None]),
    "list of floats": pa.array([[1e16, 1e-7]]),
    "struct": pa.array([{"a": 1}, {"a": None}, None]),
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "json": Json([*JSONS, None]),
    "nulls": pa.nulls(2),
}


@pytest.fixture(scope="module")
def module_account():
    with sp.local(commit_lag_s=0.0) as account:
        yield account


@pytest.fixture(scope="module")
def module_client(module_account):
    with sp.connect(module_account.profile) as client:
        yield client


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_against_every_target(module_account, module_client, name):
    pairs = [(SOURCES[name], target) for target in TARGETS]
    assert disagreements(module_account, module_client, pairs) == {}


NUMBERS = st.from_regex(r"[+-]?[0-9]{0,4}\.?[0-9]{0,4}([eE][+-]?[0-9]{1,2})?", fullmatch=True)
DAYS = st.dates().map(str) | st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]", fullmatch=True)
CLOCKS = st.from_regex(r"[0-2][0-9](:[0-6][0-9](:[0-6][0-9](\.[0-9]{0,10})?)?)?", fullmatch=True)
ZONES = st.sampled_from(["", "Z", "+02", "-0930", " +05:30", "+15:00", " Z"])
SOME_TEXT = (
    NUMBERS
    | DAYS
    | CLOCKS
    | st.builds(
        lambda day, mark, clock, zone: day + mark + clock + zone, DAYS, st.sampled_from("T t"), CLOCKS, ZONES
    )
    | st.integers(-(2**64), 2**64).map(str)
    | st.sampled_from(TEXTS)
    | st.text(string.ascii_letters + string.digits + "+/=", max_size=8)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.builds(lambda a, text, b: a + text + b, *[st.sampled_from(["", " ", "\n", "\t ", "\v"])] * 3)
)
SOME_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(-1e15, 1e15)
    | st.text('ab"é😀', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
).filter(lambda value: value is not None)
VALUES = {
    pa.string(): SOME_TEXT,
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.decimal128(38, 4): st.decimals(-(10**9), 10**9, places=4),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "Asia/Tokyo"): st.integers(-6 * 10**16, 25 * 10**16),
    pa.duration("us"): st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)),
    pa.binary(): st.binary(max_size=4),
    pa.list_(pa.int64()): st.lists(st.integers(-9, 9), max_size=3),
    "json": SOME_JSON,
}
SCALES = st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, min(p, 37))))
SOME_TARGET = st.sampled_from(TARGETS) | SCALES.map(lambda digits: f"NUMBER({digits[0]},{digits[1]})")


@st.composite
def columns_and_types(draw):
    kind = draw(st.sampled_from(list(VALUES)))
    cells = draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=8))
    if kind == "json":
        texts = (
            None if c is None else json.dumps(c, separators=(",", ":"), ensure_ascii=False) for c in cells
        )
        return Json(texts), draw(SOME_TARGET)
    return pa.array(cells, kind), draw(SOME_TARGET)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(pairs=st.lists(columns_and_types(), min_size=8, max_size=24))
def test_any_values_against_any_target(module_account, module_client, pairs):
    assert disagreements(module_account, module_client, pairs) == {}
