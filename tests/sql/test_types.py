"""Every type by a column of its own: written by a bound value, and read back, over a real connection."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from snowpipe_pandas.errors import SqlError, SqlResultError, UsageError

TEXTS = [
    "",
    "it's",
    "a\\b",
    "\\'",
    '"',
    "?",
    "-- no comment",
    "a\nb\tc",
    "ä\U0001f600\u2028",
    "NULL",
    "x" * 10_000,
]
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))

WRITTEN = [
    *(("VARCHAR", text, text) for text in TEXTS),
    *(("NUMBER(38,0)", number, number) for number in (0, -1, 2**63 - 1, -(10**37), 10**38 - 1)),
    ("NUMBER(38,0)", np.int64(7), 7),
    ("NUMBER(38,0)", np.uint64(2**64 - 1), 2**64 - 1),
    ("NUMBER(38,9)", Decimal("-12345678901234567890123456789.123456789"), None),
    ("NUMBER(10,2)", Decimal("1.5"), Decimal("1.50")),
    ("NUMBER(10,2)", 3, Decimal("3.00")),
    *(("FLOAT", number, number) for number in (0.1, -1.5e300, 5e-324, float("inf"), float("-inf"))),
    ("FLOAT", np.float32(0.5), 0.5),
    ("BOOLEAN", True, True),
    ("BOOLEAN", np.bool_(False), False),
    *(("DATE", date, date) for date in (dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31))),
    ("TIME(6)", dt.time(23, 59, 59, 999_999), dt.time(23, 59, 59, 999_999)),
    ("TIME(9)", dt.time(1, 2, 3, 4), dt.time(1, 2, 3, 4)),
    ("TIMESTAMP_NTZ(6)", dt.datetime(1, 1, 1), dt.datetime(1, 1, 1)),
    ("TIMESTAMP_NTZ(6)", dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), None),
    ("TIMESTAMP_NTZ", pd.Timestamp("1969-12-31 23:59:59.999999999"), None),
    ("TIMESTAMP_TZ(6)", dt.datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=INDIA), None),
    ("TIMESTAMP_TZ", pd.Timestamp("2020-02-29 01:02:03.123456789+05:30"), None),
    ("TIMESTAMP_LTZ", pd.Timestamp("2020-02-29 01:02:03.123456789Z"), None),
    ("BINARY", b"\x00\xff'", b"\x00\xff'"),
    ("BINARY", bytearray(b""), b""),
]


@pytest.mark.parametrize(("kind", "value", "read"), WRITTEN, ids=lambda value: str(value)[:30])
def test_a_bound_value_comes_back_whole(client, kind, value, read):
    client.sql(f"CREATE TABLE T (V {kind})")
    counts = client.sql("INSERT INTO T VALUES (?)", params=[value])
    assert counts.columns.tolist() == ["number of rows inserted"]
    assert counts.iloc[0, 0] == 1
    found = client.sql("SELECT V FROM T WHERE V = ?", params=[value])["V"]
    assert len(found) == 1
    assert found[0] == (value if read is None else read)


@pytest.mark.parametrize("kind", sorted({kind for kind, *_ in WRITTEN} | {"VARIANT", "OBJECT", "ARRAY"}))
@pytest.mark.parametrize("nothing", [None, pd.NA, pd.NaT])
def test_a_null_is_bound_and_comes_back_missing(client, kind, nothing):
    client.sql(f"CREATE TABLE T (V {kind})")
    client.sql("INSERT INTO T SELECT ?", params=[nothing])
    assert client.sql("SELECT V FROM T")["V"].isna().tolist() == [True]


def test_a_float_that_is_not_a_number_stays_one(client):
    found = client.sql("SELECT ? AS N", params=[float("nan")])["N"]
    assert found.dtype == "float64"
    assert np.isnan(found[0])


def test_semi_structured_values_come_as_their_json(client):
    client.sql("CREATE TABLE T (V VARIANT)")
    client.sql("INSERT INTO T SELECT PARSE_JSON(?)", params=['{"a": [1, null, "it\'s"]}'])
    client.sql("INSERT INTO T SELECT PARSE_JSON(?)", params=["null"])
    found = client.sql("SELECT V FROM T")["V"]
    assert found.tolist() == ['{"a":[1,null,"it\'s"]}', "null"]  # a JSON null is not a SQL NULL


@pytest.mark.parametrize(
    "value",
    [
        10**38,
        Decimal("NaN"),
        Decimal("1e39"),
        Decimal("1e-39"),
        "\ud800",
        {"a": 1},
        [1],
        1j,
        object(),
        dt.timedelta(1),
        np.datetime64("2020-01-01"),
        dt.time(1, tzinfo=dt.UTC),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_not_be_bound_is_refused_by_its_place(client, value):
    with pytest.raises(UsageError, match=r"params\[1\]"):
        client.sql("SELECT ?, ?", params=[1, value])


@pytest.mark.parametrize("params", ["ab", {"1": 2}, 7, object()])
def test_parameters_are_a_list(client, params):
    with pytest.raises(UsageError, match="params"):
        client.sql("SELECT ?", params=params)


def test_a_question_mark_in_a_text_is_none_of_the_parameters(client):
    found = client.sql("SELECT '?' AS \"a?\", ? AS B /* ? */ -- ?", params=["x"])
    assert found.to_dict("records") == [{"a?": "?", "B": "x"}]
    with pytest.raises(SqlError, match="parameters of the statement: 1, bound values: 2"):
        client.sql("SELECT ?", params=[1, 2])


def test_a_statement_without_rows_has_the_reported_columns(client):
    client.sql("CREATE TABLE T (A NUMBER, B FLOAT, C VARCHAR)")
    found = client.sql("SELECT A, B, C FROM T")
    assert found.shape == (0, 3)
    assert list(map(str, found.dtypes))[:2] == ["Int64", "float64"]
    assert client.sql("DROP TABLE T")["status"].tolist() == ["T successfully dropped."]


@pytest.mark.parametrize(
    ("statement", "verb", "rows"),
    [
        ("INSERT INTO T SELECT * FROM range(7)", "inserted", 7),
        ("UPDATE T SET ID = 2", "updated", 3),
        ("DELETE FROM T WHERE ID > 1", "deleted", 2),
    ],
)
def test_a_change_reports_how_many_rows(client, statement, verb, rows):
    client.sql("CREATE TABLE T (ID NUMBER)")
    client.sql("INSERT INTO T VALUES (1), (2), (3)")
    assert client.sql(statement).to_dict("records") == [{f"number of rows {verb}": rows}]


def test_a_time_that_nothing_holds_whole_is_refused_by_name(client, account):
    def of_the_year_9999(answer):
        if "data" in answer:  # on a slow machine the statement may still run when it is first asked for
            answer["data"] = [["253402300799.999999999"]]
        return answer

    account.faults.add("statement_result", times=100, change=of_the_year_9999)
    with pytest.raises(SqlResultError, match=r"column 'T' .* TO_VARCHAR"):
        client.sql("SELECT CAST('2020-01-01' AS TIMESTAMP_NTZ) AS T")
