"""`ddl` and `check`: the table that takes a frame, and what a given table would reject."""

from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

TABLE = "DEMO.PUBLIC.T"
FRAME = pd.DataFrame(
    {
        "id": [1, 2],
        "order": ["a", None],
        'say "hi"': [0.5, 1.5],
        "when": pd.to_datetime(["2026-01-02", "2026-01-03"]),
        "zoned": pd.to_datetime(["2026-01-02", None]).tz_localize("Europe/Berlin"),
        "day": [date(2026, 1, 2), None],
        "at": [time(1, 2), time(3, 4)],
        "price": [Decimal("1.10"), Decimal("22.5")],
        "took": pd.to_timedelta([1, 2], unit="s"),
        "raw": [b"a", b"b"],
        "kind": pd.Categorical(["x", None]),
        "tags": [["a"], {"b": 1}],
        "ok": [True, False],
    }
)


def stream(frame, client):
    result = frame.snowpipe.stream(client.open_channel("c", table=TABLE), progress=False, on_error="report")
    return result.rows - result.rows_rejected


def test_the_tables_text_runs_unchanged_and_the_table_takes_the_frame(account, client):
    text = FRAME.snowpipe.ddl(TABLE, not_null=True, error_logging=True)
    assert text.endswith("ERROR_LOGGING = TRUE")
    required = [line.split()[0] for line in text.splitlines() if "NOT NULL" in line]
    assert required == ["ID", '"say', '"WHEN"', "AT", "PRICE", "TOOK", "RAW", "TAGS", "OK"]
    account.sql(text)
    assert FRAME.snowpipe.check(client.open_channel("c", table=TABLE)) == []
    assert stream(FRAME, client) == 2
    assert account.sql(f"SELECT count(*) AS N FROM {TABLE}")["N"][0] == 2


def test_a_missing_value_anywhere_leaves_a_column_nullable():
    late = pd.DataFrame({"C": np.append(np.zeros(200_000), np.nan), "D": np.zeros(200_001)})
    assert "C FLOAT,\n    D FLOAT NOT NULL" in late.snowpipe.ddl(TABLE, not_null=True)


def test_renamed_and_folded_columns_and_the_index_are_in_the_table():
    frame = pd.DataFrame({"a b": [1]}, index=pd.Index(["x"], name="key"))
    text = frame.snowpipe.ddl(TABLE, index=True, columns={"a b": "ab"}, column_case="upper")
    assert "KEY VARCHAR,\n    AB NUMBER(38,0)" in text


def test_check_lists_what_the_open_channels_table_would_reject(account, client):
    account.sql(
        f"CREATE TABLE {TABLE} (ID NUMBER(38,0) NOT NULL, NAME VARCHAR, DAY DATE, NEEDED VARCHAR NOT NULL)"
    )
    channel = client.open_channel("c", table=TABLE)
    frame = pd.DataFrame({"id": pd.array([1, None], "Int64"), "NAMES": ["a", "b"], "day": [True, False]})
    found = [(problem.column, problem.kind) for problem in frame.snowpipe.check(channel)]
    assert found == [("id", "null"), ("NAMES", "unknown"), ("day", "type"), ("NEEDED", "missing")]
    told = "; ".join(map(str, frame.snowpipe.check(channel)))
    for part in (
        "'id' has missing values",
        "did you mean 'NAME'",
        "'day' is BOOLEAN",
        "'NEEDED' is NOT NULL",
    ):
        assert part in told
    mended = pd.DataFrame({"id": [1], "name": ["a"], "day": [date(2026, 1, 2)], "needed": ["x"]})
    assert mended.snowpipe.check(channel) == []
    assert stream(mended, client) == 1


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ({"ID": "NUMBER(38,0)", "T": "VARCHAR"}, []),
        ({"ID": "VARIANT", "T": "VARIANT"}, []),
        ({"id": "NUMBER(38,0)"}, ["unknown"]),
        ({"ID": "DATE", "T": "BINARY"}, ["type"]),
    ],
)
def test_check_takes_a_mapping_of_names_to_types(target, kinds):
    frame = pd.DataFrame({"id": [1], "t": ["x"]})
    assert [problem.kind for problem in frame.snowpipe.check(target)] == kinds
