"""What JSON values become in the local account's columns, by Snowflake's documented rules."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pandas as pd
import pytest

import snowpipe_pandas as sp


@pytest.fixture
def put(account, client):
    """Append lines to a new table of these columns; returns what it then holds, and the channel's status."""
    account.channels.commit_lag_s = 0.0
    channels = []

    def put(columns, *lines, together=True):
        table = f"T{len(channels)}"
        account.sql(f"CREATE TABLE {table} ({columns})")
        channel = client.open_channel(table, table=f"DEMO.PUBLIC.{table}")
        channels.append(channel)
        bodies = [b"".join(line + b"\n" for line in lines)] if together else [line + b"\n" for line in lines]
        account.channels.pause()
        for number, body in enumerate(bodies):
            channel.append_rows(body, start_offset_token=str(number), end_offset_token=f"e{number}")
        account.channels.resume()
        status = channel.wait_for_commit(f"e{len(bodies) - 1}")
        return account.sql(f"SELECT * FROM {table}"), status

    return put


def column(found):
    frame, _ = found
    return [None if pd.isna(value) else value for value in frame["X"].tolist()]


def line(value):
    return json.dumps({"X": value}).encode()


TAKEN = [
    ("NUMBER", "1e3", 1000),
    ("NUMBER", " 7\n", 7),
    ("NUMBER", 1.5, 2),
    ("NUMBER", -1.5, -2),
    ("NUMBER", 12345678901234567890123, 12345678901234567890123),
    ("NUMBER(5,2)", "999.994", Decimal("999.99")),
    ("NUMBER(5,2)", "12345e-3", Decimal("12.35")),
    ("NUMBER(38,10)", 1.23456789012e-7, Decimal("0.0000001235")),
    ("NUMBER(38,38)", "9999.9e-39", Decimal("0.0000000000000000000000000000000000100")),
    ("INT", 2**70, 2**70),
    ("FLOAT", "-INF", float("-inf")),
    ("FLOAT", " .5", 0.5),
    ("BOOLEAN", 0, False),
    ("BOOLEAN", -0.5, True),
    ("BOOLEAN", "Off", False),
    ("BOOLEAN", "y", True),
    ("VARCHAR", True, "true"),
    ("VARCHAR", {"a": 1}, '{"a":1}'),
    ("VARCHAR(2)", "東京", "東京"),
    ("CHAR", "😀", "😀"),
    ("BINARY(2)", "YWI=", b"ab"),
    ("DATE", "2026-01-02T23:59:00-08:00", date(2026, 1, 2)),
    ("DATE", "31-Jan-2026", date(2026, 1, 31)),
    ("DATE", "1674478926123", date(2023, 1, 23)),
    ("TIME(6)", "13:02:06.5+09:00", time(13, 2, 6, 500000)),
    ("TIME(6)", "-1", time(23, 59, 59)),
    ("TIMESTAMP_NTZ(6)", "01/31/2026 10:11:12", datetime(2026, 1, 31, 10, 11, 12)),
    ("TIMESTAMP_NTZ(6)", "2026-01-02T03 +05:30", datetime(2026, 1, 2, 3)),
    ("DATETIME(6)", "2026-01-02", datetime(2026, 1, 2)),
    ("TIMESTAMP_TZ(6)", "2026-01-02T03:04+05:30", datetime(2026, 1, 1, 21, 34, tzinfo=UTC)),
    ("TIMESTAMP_NTZ(6)", "1674478926123456789", datetime(2023, 1, 23, 13, 2, 6, 123456)),
]


@pytest.mark.parametrize(("kind", "value", "stored"), TAKEN, ids=lambda value: repr(value)[:40])
def test_a_value_becomes_what_the_documents_say(put, kind, value, stored):
    (back,) = column(put(f"X {kind}", line(value)))
    back = back.to_pydatetime() if hasattr(back, "to_pydatetime") else back
    back = back.date() if kind == "DATE" and isinstance(back, datetime) else back
    assert back == stored


REFUSED = [
    *(("NUMBER", value) for value in ("1_000", "0x10", "+-5", "", "NaN", True, [1], "1e", "9" * 39, "1\v")),
    *(("FLOAT", value) for value in ("1e400", "infinity", "+inf", "1_0", True, "+-1")),
    *(("BOOLEAN", value) for value in ("2", "1.0", " true", "NaN", [], "yeſ")),
    *(("BINARY", value) for value in ("YQ", 1234, True, "Y Q==", {"a": 1})),
    *(("DATE", value) for value in (20260102, "2026/01/02", "2026-1-2", "2026-02-30", "0000-01-01", "epoch")),
    *(("TIME", value) for value in ("24:00:00", "3:4:5", "2026-01-02T03:04:05", "5.000000", 5)),
    *(("TIMESTAMP_NTZ", value) for value in (5, "2026-01-02T24:00:00", "2026-01-02T03:04:05.1234567891")),
    *(("TIMESTAMP_TZ(3)", value) for value in ("2026-01-02T03:04:05+15:00", "infinity", "9" * 20, [])),
    *(("ARRAY", value) for value in ({"a": 1}, "[1]", 1)),
    *(("OBJECT", value) for value in ([1], "{}")),
    *(("VARCHAR(3)", value) for value in ("abcd", 12345, False, [1, 2])),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_the_documents_do_not_name_is_refused_and_reported(put, kind, value):
    frame, status = put(f"X {kind}", line(value), line(None))
    assert (len(frame), status.rows_error_count) == (1, 1)
    assert "column X: " in status.last_error_message


def test_a_written_null_is_a_variant_null_and_an_absent_key_is_none(account, put):
    frame, status = put("X VARIANT, N NUMBER", b'{"X":null}', b'{"N":1}', b'{"X":0}')
    assert column((frame, status)) == [None, None, "0"]  # a frame shows both as missing
    assert account.sql("SELECT X IS NULL AS NOTHING FROM T0")["NOTHING"].tolist() == [False, True, False]
    assert column(put("X OBJECT", b'{"X":null}')) == [None]
    assert column(put("X ARRAY", b'{"X":null}')) == [None]


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        ("X VARIANT NOT NULL, N NUMBER", [True, False]),
        ("X OBJECT NOT NULL, N NUMBER", [False, False]),
        ("X NUMBER NOT NULL, N NUMBER", [False, False]),
        ("X NUMBER NOT NULL DEFAULT 5, N NUMBER", [False, True]),
        ("X VARIANT NOT NULL DEFAULT '{}', N NUMBER", [True, True]),
        ("X NUMBER DEFAULT 5, N NUMBER", [True, True]),
        ("X NUMBER NULL, N NUMBER", [True, True]),
        ("X NUMBER NOT NULL DEFAULT NULL, N NUMBER", [False, False]),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "apart"])
def test_not_null_asks_for_a_value_or_a_default(put, columns, taken, together):
    """First a written null, then a row without the key."""
    found = []
    for lines in ([b'{"N":1,"X":null}', b'{"N":2}'],) if together else ([b'{"N":1,"X":null}'], [b'{"N":2}']):
        frame, _ = put(columns, *lines)
        found += frame["N"].tolist()
    assert [number in found for number in (1, 2)] == taken


def test_an_absent_key_gets_the_default_and_a_written_null_stays_null(put):
    default = "X VARCHAR DEFAULT 'it''s', N NUMBER"
    assert column(put(default, b'{"N":1}', b'{"X":"a"}', b'{"X":null}')) == ["it's", "a", None]
    assert column(put(default, b'{"N":1}')) == ["it's"]
    assert column(put("X NUMBER DEFAULT 7", b"{}", b"{}")) == [7, 7]
    (now,) = column(put("N NUMBER, X TIMESTAMP_NTZ(6) DEFAULT CURRENT_TIMESTAMP()", b'{"N":1}'))
    assert abs((datetime.now(UTC).replace(tzinfo=None) - now).total_seconds()) < 60


@pytest.mark.parametrize("together", [True, False])
def test_names_match_row_by_row_without_regard_to_case(put, together):
    frame, status = put(
        "X NUMBER, L VARCHAR",
        b'{"X":1,"L":"a"}',
        b'{"x":2,"l":"b"}',
        b'{"x":null,"L":"c"}',
        together=together,
    )
    assert status.rows_error_count == 0
    assert frame["L"].tolist() == ["a", "b", "c"]
    assert column((frame, status)) == [1, 2, None]


@pytest.mark.parametrize("row", [b'{"X":1,"X":2}', b'{"X":1,"x":1}', b'{"X":null,"x":3}'])
def test_a_column_that_a_row_names_twice_rejects_that_row_only(put, row):
    frame, status = put("X NUMBER", b'{"X":5}', row, b'{"x":6}')
    assert column((frame, status)) == [5, 6]
    assert status.last_error_message == "column X is there twice"


@pytest.mark.parametrize(
    "row",
    [b'{"X":nan}', b'{"X":[1,-inf]}', b'{"X":{"a": Infinity}}', b'{"X":NAN}', b'{"X":[1,]}', b'{"X":"\x01"}'],
)
def test_json_is_strict(put, row):
    frame, status = put("X VARIANT", row, b'{"X":"see: info, nanny, [inf"}')
    assert len(frame) == 1
    assert "not a valid JSON" in status.last_error_message


def test_odd_values_are_found_in_every_batch_and_in_several_columns(put):
    lines = (b'{"X":1,"Y":1.5,"D":"2026-01-02"}', b'{"X":"2","Y":"inf","D":"31-Jan-2026"}', b'{"X":"bad"}')
    frame, status = put("X NUMBER, Y FLOAT, D DATE", *lines, *lines[1:], together=False)
    assert column((frame, status)) == [1, 2, 2]
    assert frame["Y"].tolist() == [1.5, float("inf"), float("inf")]
    assert status.rows_error_count == 2
    assert 'column X: "bad" is not a valid NUMBER(38,0)' in status.last_error_message


def test_an_open_shows_names_types_nulls_defaults_and_limits(account, client):
    account.sql(
        "CREATE TABLE D (A INT NOT NULL DEFAULT 1, B CHAR, C TIMESTAMP_TZ, E DECIMAL(9), F DOUBLE NULL)"
    )
    account.sql("CREATE TABLE COPY AS SELECT CAST(1.5 AS NUMBER(9,2)) AS N, A FROM D")
    columns = client.open_channel("d", table="DEMO.PUBLIC.D").target_columns
    assert [(c.name, c.type, c.nullable, c.has_default) for c in columns] == [
        ("A", "NUMBER(38,0)", False, True),
        ("B", "VARCHAR(1)", True, False),
        ("C", "TIMESTAMP_TZ(9)", True, False),
        ("E", "NUMBER(9,0)", True, False),
        ("F", "FLOAT", True, False),
    ]
    assert [c.name for c in columns if c.earliest and c.latest] == ["C"]
    copied = client.open_channel("c", table="DEMO.PUBLIC.COPY").target_columns
    assert [c.type for c in copied] == ["NUMBER(9,2)", "NUMBER(38,0)"]


def test_a_table_of_two_thousand_columns_takes_rows():
    with sp.local(commit_lag_s=0.0) as account, sp.connect(account.profile) as client:
        frame = pd.DataFrame([[1.5] * 2000, [None] * 2000], columns=[f"C{number}" for number in range(2000)])
        account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.WIDE").replace("FLOAT", "NUMBER(10,1)"))
        channel = client.open_channel("wide", table="DEMO.PUBLIC.WIDE")
        assert frame.snowpipe.stream(channel, progress=False).rows_rejected == 0
        assert account.sql("SELECT COUNT(*) AS N, SUM(C1999) AS S FROM WIDE").values.tolist() == [[2, 1.5]]
