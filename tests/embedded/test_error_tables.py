"""Error tables: what becomes of rejected rows where the table has ERROR_LOGGING = TRUE."""

import json

import pytest

import snowpipe_pandas as sp
from tests.embedded.raw import Raw, lines
from tests.support.loads import TABLE, ids


@pytest.fixture
def logged(account):
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER NOT NULL, TEXT VARCHAR) ERROR_LOGGING = TRUE")
    raw = Raw(account)
    raw.open()
    return raw


def test_an_error_table_keeps_rejected_rows_with_the_reason_and_their_place(account, logged):
    logged.append(lines(1) + b'{"ID":"x"}\nnonsense\r\n', "3", start="1")
    logged.append(lines(4) + b'{"TEXT":"no id"}\n', "5", start="4")
    logged.committed("5")
    kept = account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")
    assert list(kept) == ["TIMESTAMP", "QUERY_ID", "ERROR_CODE", "ERROR_METADATA", "ERROR_DATA"]
    texts = [json.loads(data) for data in kept["ERROR_DATA"]]
    assert texts == [{"$1": '{"ID":"x"}'}, {"$1": "nonsense"}, {"$1": '{"TEXT":"no id"}'}]
    entries = [json.loads(data) for data in kept["ERROR_METADATA"]]
    assert {t["service"] for t in entries} == {"snowpipe_streaming"}
    details = [t["details"] for t in entries]
    assert [(d["offset_token_lower_bound"], d["offset_token_upper_bound"]) for d in details] == [
        ("1", "3"),
        ("1", "3"),
        ("4", "5"),
    ]
    assert [d["error_data_content_type"] for d in details] == ["json", "json-invalid", "json"]
    assert {(d["channel_name"], d["pipe_name"]) for d in details} == {("raw", "NUMBERS-STREAMING")}
    assert "is not a valid NUMBER" in entries[0]["error_message"]
    assert ids(account) == [1, 4]


def test_a_table_without_an_error_table_says_so(account, raw):
    with pytest.raises(sp.SnowpipeError, match="does not exist"):
        account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")


def test_error_logging_is_switched_by_alter_table_and_ends_with_the_table(account, raw):
    account.sql(f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE")
    raw.append(b"bad\n", "1")
    raw.committed("1")
    account.sql(f"CREATE TABLE IF NOT EXISTS {TABLE} (OTHER NUMBER)")
    assert len(account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")) == 1
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER)")
    with pytest.raises(sp.SnowpipeError, match="does not exist"):
        account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")
    with pytest.raises(sp.SnowpipeError, match="NOWHERE does not exist"):
        account.sql("ALTER TABLE NOWHERE SET ERROR_LOGGING = TRUE")
