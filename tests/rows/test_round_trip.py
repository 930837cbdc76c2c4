"""Every supported type into a table of its own DDL, through the local account, and back by SQL."""

import json
from datetime import date, time
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import RowTooLargeError
from snowpipe_pandas.rows.types import create_table_ddl
from snowpipe_pandas.streaming.options import LoadLimits

TABLE = "DEMO.PUBLIC.BACK"
INF, NAN = float("inf"), float("nan")


def text_pair(kind):
    return pa.array(["", None, 'é\n"\\'], kind), ["", None, 'é\n"\\']


def moment(ticks, unit, zone=None):
    return pd.Timestamp(ticks, unit=unit, tz=zone)


WIDE = {
    **{
        f"I{bits}": (
            pa.array([-(2 ** (bits - 1)), None, 2 ** (bits - 1) - 1], f"int{bits}"),
            [-(2 ** (bits - 1)), None, 2 ** (bits - 1) - 1],
        )
        for bits in (8, 16, 32, 64)
    },
    **{
        f"U{bits}": (pa.array([0, None, 2**bits - 1], f"uint{bits}"), [0, None, 2**bits - 1])
        for bits in (8, 16, 32, 64)
    },
    "PAST_2_53": (pa.array([2**53 + 1, None, -(2**53) - 1]), [2**53 + 1, None, -(2**53) - 1]),
    "F16": (pa.array([0.5, None, INF], pa.float16()), [0.5, None, INF]),
    "F32": (pa.array([0.1, None, -INF], pa.float32()), [0.1, None, -INF]),  # the shortest digits of its width
    "F64": (pa.array([0.1, None, 5e-324]), [0.1, None, 5e-324]),
    "F64_NAN": (pa.array([NAN, 1.5, -0.0]), [NAN, 1.5, -0.0]),
    "BOOL": (pa.array([True, None, False]), [True, None, False]),
    "DEC32": (pa.array([Decimal("1.5"), None, Decimal(-1)], pa.decimal32(5, 2)), [Decimal("1.5"), None, -1]),
    "DEC64": (pa.array([Decimal("1.5"), None, Decimal(-1)], pa.decimal64(12, 2)), [Decimal("1.5"), None, -1]),
    "DEC128": (
        pa.array([Decimal("9" * 38), None, Decimal("-" + "9" * 38)], pa.decimal128(38, 0)),
        [Decimal("9" * 38), None, Decimal("-" + "9" * 38)],
    ),
    "DEC_SMALL": (
        pa.array([Decimal("0." + "9" * 38), None, Decimal("-1E-38")], pa.decimal128(38, 38)),
        [Decimal("0." + "9" * 38), None, Decimal("-1E-38")],
    ),
    "DEC256": (
        pa.array([Decimal("1.5"), None, Decimal(-1)], pa.decimal256(40, 2)),
        [Decimal("1.5"), None, -1],
    ),
    "TEXT": text_pair(pa.string()),
    "TEXT_LARGE": text_pair(pa.large_string()),
    "TEXT_VIEW": text_pair(pa.string_view()),
    "DICTIONARY": (pa.array(["a", None, ""]).dictionary_encode(), ["a", None, ""]),
    "RUNS": (
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), pa.array([None, "x"])),
        [None, "x", "x"],
    ),
    "ALL_NULL": (pa.nulls(3), [None, None, None]),
    "UUID": (
        pa.array([b"a" * 16, None, b"b" * 16], pa.uuid()),
        ["61616161-6161-6161-6161-616161616161", None, "62626262-6262-6262-6262-626262626262"],
    ),
    **{
        f"TS_{unit.upper()}": (
            pa.array([1, None, -1], pa.timestamp(unit)),
            [moment(1, unit), None, moment(-1, unit)],
        )
        for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"TZ_{unit.upper()}": (
            pa.array([1, None, -1], pa.timestamp(unit, "Asia/Kolkata")),
            [moment(1, unit, "UTC"), None, moment(-1, unit, "UTC")],
        )
        for unit in ("s", "ms", "us", "ns")
    },
    "DATE32": (pa.array([0, None, 2932896], pa.date32()), [date(1970, 1, 1), None, date(9999, 12, 31)]),
    "DATE64": (pa.array([0, None, -86400000], pa.date64()), [date(1970, 1, 1), None, date(1969, 12, 31)]),
    "TIME_S": (pa.array([1, None, 86399], pa.time32("s")), [time(0, 0, 1), None, time(23, 59, 59)]),
    "TIME_MS": (pa.array([1, None, 0], pa.time32("ms")), [time(0, 0, 0, 1000), None, time(0)]),
    "TIME_US": (pa.array([1, None, 0], pa.time64("us")), [time(0, 0, 0, 1), None, time(0)]),
    "DURATION_S": (pa.array([1, None, -86403], pa.duration("s")), [1, None, -86403]),
    "DURATION_NS": (
        pa.array([1, None, -86403 * 10**9 - 1], pa.duration("ns")),
        [Decimal("1E-9"), None, Decimal("-86403.000000001")],
    ),
    "BYTES": (pa.array([b"", None, b"\xff\x00"]), [b"", None, b"\xff\x00"]),
    "BYTES_LARGE": (pa.array([b"", None, b"\xff"], pa.large_binary()), [b"", None, b"\xff"]),
    "BYTES_VIEW": (pa.array([b"", None, b"\xff"], pa.binary_view()), [b"", None, b"\xff"]),
    "BYTES_FIXED": (pa.array([b"abc", None, b"\x00\xff\x01"], pa.binary(3)), [b"abc", None, b"\x00\xff\x01"]),
}
NESTED = {
    "LIST": pa.array([[1, None], None, []], pa.list_(pa.int64())),
    "LIST_LARGE": pa.array([["é", None], None, []], pa.large_list(pa.string())),
    "LIST_FIXED": pa.array([[1.5, None], None, [0.1, 2.0]], pa.list_(pa.float64(), 2)),
    "STRUCT": pa.array(
        [{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}],
        pa.struct([("a", pa.uint64()), ("b", pa.list_(pa.string()))]),
    ),
}


def sent_and_back(account, client, table, select="*"):
    account.sql(create_table_ddl(table.schema, TABLE))
    result = sp.stream(table, client.open_channel("back", table=TABLE), progress=False)
    assert (result.rows, result.rows_rejected) == (table.num_rows, 0)
    return account.sql(f"SELECT {select} FROM {TABLE}")


def same(found, wanted):
    if wanted is None:
        return pd.isna(found)
    return found != found if wanted != wanted else found == wanted


def test_every_type_comes_back_as_it_was(account, client):
    back = sent_and_back(account, client, pa.table({name: array for name, (array, _) in WIDE.items()}))
    for name, (_, wanted) in WIDE.items():
        found = back[name].tolist()
        assert [same(f, w) for f, w in zip(found, wanted, strict=True)] == [True] * 3, (name, found)


def test_every_nested_type_comes_back_as_it_was(account, client):
    keyed = pa.array([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int64()))
    documents = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":[1,"x"]}', None, "7"]))
    back = sent_and_back(account, client, pa.table(NESTED | {"MAP": keyed, "JSON": documents}))
    found = {name: [None if pd.isna(v) else json.loads(v) for v in back[name]] for name in back.columns}
    assert found == {name: array.to_pylist() for name, array in NESTED.items()} | {
        "MAP": [{"k": 1, "l": None}, None, {}],
        "JSON": [{"a": [1, "x"]}, None, 7],
    }


def test_times_of_day_keep_their_nanoseconds(account, client):
    """Compared as text: Python's `time` has only microseconds."""
    array = pa.array([1, None, 86400 * 10**9 - 1], pa.time64("ns"))
    back = sent_and_back(account, client, pa.table({"C": array}), "C::VARCHAR AS C")
    assert [None if pd.isna(v) else v for v in back["C"]] == [
        "00:00:00.000000001",
        None,
        "23:59:59.999999999",
    ]


def test_columns_of_python_objects_come_back_as_they_were(account, client):
    values = [{"a": [1, None, {"b": True}]}, [1.5, "x", "null"], None, {"n": 2**53 + 1}]
    frame = pd.DataFrame({"C": pd.Series(values, dtype=object)})
    account.sql(frame.snowpipe.ddl(TABLE))
    frame.snowpipe.stream(client.open_channel("back", table=TABLE), progress=False)
    back = account.sql(f"SELECT C FROM {TABLE}")["C"]
    assert [None if pd.isna(v) else json.loads(v) for v in back] == values


@pytest.mark.parametrize("letter", ["x", "é", "\n"])
def test_the_longest_text_that_a_request_holds_comes_back_and_a_longer_one_is_refused(
    account, client, letter
):
    """Snowflake's VARCHAR ends at 16,777,216 bytes, one append at 16 MB of NDJSON: the append binds."""
    room = LoadLimits().max_raw_bytes - len('{"C":""}\n')
    longest = letter * (room // len(json.dumps(letter, ensure_ascii=False).strip('"').encode()))
    back = sent_and_back(account, client, pa.table({"C": ["before", longest, "behind"]}))
    assert back["C"].tolist() == ["before", longest, "behind"]
    with pytest.raises(RowTooLargeError, match="row 1 "):
        sp.stream(
            pa.table({"C": ["before", longest + letter]}),
            client.open_channel("2", table=TABLE),
            progress=False,
        )
