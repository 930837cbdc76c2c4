"""Pipes of the users' own: the mapping that their COPY says, and what ends them."""

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.sql.pipes import create_pipe
from snowpipe_pandas.embedded.sql.qualify import Session
from snowpipe_pandas.errors import NotFoundError, UsageError
from snowpipe_pandas.names import ObjectName

SOURCE = "TABLE(DATA_SOURCE(TYPE => 'STREAMING'))"
SESSION = Session("DEMO", "PUBLIC")
TABLE = (
    'CREATE TABLE T (ID NUMBER, TEXT VARCHAR(5), N NUMBER(10,2), V VARIANT, "low" FLOAT, AT TIMESTAMP_NTZ(3))'
)


@pytest.fixture
def account(account):
    account.sql(TABLE)
    return account


def mapping(account, name="P"):
    return account._store.pipe(ObjectName("DEMO", "PUBLIC", name)).mapping


# One line for each case.
# ruff: noqa: E501
MAPPINGS = {
    "by position": (f"T FROM (SELECT $1:a::number, $1:b FROM {SOURCE})", {"a": "ID", "b": "TEXT"}),
    "keys as written": (f"T FROM (SELECT $1:Key, $1:\"kEy\", $1['KEY'] FROM {SOURCE})", {"Key": "ID", "kEy": "TEXT", "KEY": "N"}),
    "columns named": (f'T (V, "low", N) FROM (SELECT $1:v::variant AS X, $1:l, $1:n::number(10,2) FROM {SOURCE})', {"v": "V", "l": "low", "n": "N"}),
    "odd keys": (f"T FROM (SELECT $1:\"a b.c\", $1['it''s'] FROM {SOURCE})", {"a b.c": "ID", "it's": "TEXT"}),
    "wider casts": (f"T (AT, TEXT) FROM (SELECT $1:t::timestamp_ntz(9), $1:x::varchar(9) FROM {SOURCE})", {"t": "AT", "x": "TEXT"}),
    "alias of the source": (f"T FROM (SELECT $1:a FROM {SOURCE} AS S) CLUSTER_AT_INGEST_TIME = TRUE", {"a": "ID"}),
    "by name": (f"T FROM {SOURCE} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE", None),
    "whole names": (f"DEMO.PUBLIC.T FROM {SOURCE} ON_ERROR = CONTINUE", None),
}  # fmt: skip


@pytest.mark.parametrize("case", MAPPINGS)
def test_a_pipe_maps_keys_to_columns(account, case):
    copy, wanted = MAPPINGS[case]
    account.sql(f"create or replace pipe p comment = 'copy as it is' as copy into {copy}")
    assert mapping(account) == wanted


UNKNOWN = {
    "a path": f"T FROM (SELECT $1:a.b FROM {SOURCE})",
    "a function": f"T FROM (SELECT UPPER($1:a) FROM {SOURCE})",
    "the row": f"T FROM (SELECT $1 FROM {SOURCE})",
    "a star": f"T FROM (SELECT * FROM {SOURCE})",
    "a constant": f"T FROM (SELECT 1 FROM {SOURCE})",
    "another field": f"T FROM (SELECT $2:a FROM {SOURCE})",
    "a condition": f"T FROM (SELECT $1:a FROM {SOURCE} WHERE $1:a > 1)",
    "distinct": f"T FROM (SELECT DISTINCT $1:a FROM {SOURCE})",
    "try_cast": f"T FROM (SELECT TRY_CAST($1:a AS NUMBER) FROM {SOURCE})",
    "a join": f"T FROM (SELECT $1:a FROM {SOURCE}, X)",
    "a union": f"T FROM (SELECT $1:a FROM {SOURCE} UNION SELECT $1:b FROM {SOURCE})",
}


@pytest.mark.parametrize("copy", UNKNOWN.values(), ids=UNKNOWN)
def test_what_a_pipe_would_compute_is_refused_by_name(copy):
    with pytest.raises(UsageError, match="the local account knows only .1:key and .1:key::type in a pipe"):
        create_pipe(f"CREATE PIPE P AS COPY INTO {copy}", SESSION)


REFUSED = {
    f"T FROM (SELECT $1:a::number(10,0) FROM {SOURCE})": "only casts in a pipe that change nothing",
    f"T FROM (SELECT $1:a::varchar FROM {SOURCE})": "only casts in a pipe that change nothing",
    f"T (TEXT) FROM (SELECT $1:a::varchar(4) FROM {SOURCE})": "only casts in a pipe that change nothing",
    f"T (N) FROM (SELECT $1:a::number FROM {SOURCE})": "only casts in a pipe that change nothing",
    f"T FROM (SELECT $1:a::geography FROM {SOURCE})": "GEOGRAPHY",
    f"T FROM (SELECT $1:a, $1:a FROM {SOURCE})": "selects .1:a twice",
    f"T (NOPE) FROM (SELECT $1:a FROM {SOURCE})": "no column NOPE",
    f"T (ID, N) FROM (SELECT $1:a FROM {SOURCE})": "values 1, columns 2",
    f"NOWHERE FROM {SOURCE}": "NOWHERE does not exist",
    "T FROM @stage": "STREAMING",
    "T FROM (SELECT $1:a FROM @stage)": "STREAMING",
    f"T FROM {SOURCE} ON_ERROR = ABORT_STATEMENT": "ON_ERROR = ABORT_STATEMENT",
    "T": "can't be read",
}


@pytest.mark.parametrize("copy", REFUSED)
def test_a_pipe_that_can_not_be_is_refused_and_not_kept(account, copy):
    with pytest.raises(UsageError, match=REFUSED[copy]):
        account.sql(f"CREATE PIPE P AS COPY INTO {copy}")
    assert len(account.sql("SHOW PIPES")) == 0


def test_a_pipe_is_made_once_and_dropped_by_its_name(account, client):
    account.sql(
        f'CREATE PIPE "my Pipe" AS COPY INTO T FROM {SOURCE}; CREATE PIPE P AS COPY INTO T FROM {SOURCE}'
    )
    with pytest.raises(UsageError, match="P exists already"):
        account.sql(f"CREATE PIPE P AS COPY INTO T FROM {SOURCE}")
    account.sql(f"CREATE PIPE IF NOT EXISTS P AS COPY INTO T FROM (SELECT $1:a FROM {SOURCE})")
    assert mapping(account) is None
    assert client.open_channel("c", pipe='DEMO.PUBLIC."my Pipe"').target_columns
    assert account.sql("SHOW CHANNELS")["parent_name"].tolist() == ["my Pipe"]
    account.sql('DROP PIPE "my Pipe"; DROP PIPE IF EXISTS NOWHERE')
    assert account.sql("SHOW PIPES")["name"].tolist() == ["P"]
    with pytest.raises(UsageError, match="NOWHERE does not exist"):
        account.sql("DROP PIPE NOWHERE")


ENDS = {
    "pipe made again": f"CREATE OR REPLACE PIPE P AS COPY INTO T FROM {SOURCE}",
    "pipe dropped": "DROP PIPE P",
    "table dropped": "DROP TABLE T",
    "table made again": "CREATE OR REPLACE TABLE T (ID NUMBER)",
    "table renamed": "ALTER TABLE T RENAME TO U",
    "column dropped": "ALTER TABLE T DROP COLUMN ID",
    "column renamed": "ALTER TABLE T RENAME COLUMN ID TO KEY",
}


@pytest.mark.parametrize("case", ENDS)
def test_channels_end_with_their_pipe_and_a_pipe_with_its_table(account, client, case):
    account.sql(f"CREATE PIPE P AS COPY INTO T FROM (SELECT $1:id FROM {SOURCE})")
    account.sql(f"CREATE PIPE Q AS COPY INTO T (TEXT) FROM (SELECT $1:text FROM {SOURCE})")
    client.open_channel("c", pipe="DEMO.PUBLIC.P", offset_token="token")
    client.open_channel("c", pipe="DEMO.PUBLIC.Q", offset_token="other")
    account.sql(ENDS[case])
    if case == "pipe made again":
        assert client.channel_statuses(["c"], pipe="DEMO.PUBLIC.P") == {}
        assert (
            client.open_channel("c", pipe="DEMO.PUBLIC.P").opened_status.last_committed_offset_token is None
        )
    else:
        with pytest.raises(NotFoundError, match="ERR_PIPE_DOES_NOT_EXIST"):
            client.open_channel("c", pipe="DEMO.PUBLIC.P")
    if not case.startswith("table"):
        found = client.channel_statuses(["c"], pipe="DEMO.PUBLIC.Q")
        assert found["c"].last_committed_offset_token == "other"


def test_a_pipe_of_before_goes_on_once_it_is_recreated(account, client):
    account.sql(f"CREATE PIPE P AS COPY INTO T FROM (SELECT $1:id FROM {SOURCE}); DROP TABLE T; {TABLE}")
    assert account.sql("SHOW PIPES")["invalid_reason"][0] == "the table was dropped, made again or renamed"
    account.sql(f"CREATE OR REPLACE PIPE P AS COPY INTO T FROM {SOURCE}")
    assert client.open_channel("c", pipe="DEMO.PUBLIC.P").target_columns


def test_pipes_are_kept_over_a_restart(tmp_path):
    with sp.local(tmp_path / "a.duckdb") as account:
        account.sql(f'{TABLE}; CREATE PIPE "p" AS COPY INTO T FROM (SELECT $1:a FROM {SOURCE})')
    with sp.local(tmp_path / "a.duckdb") as account:
        assert mapping(account, "p") == {"a": "ID"}


def test_rows_of_a_pipe_of_ones_own_go_by_its_keys(account, client):
    """The keys of the SELECT, as they are written; keys that it does not name are ignored."""
    account.sql(
        "CREATE TABLE MAPPED (ID NUMBER, NOTE VARCHAR, AT TIMESTAMP_NTZ(3)); "
        "CREATE PIPE MINE AS COPY INTO MAPPED (NOTE, ID) FROM "
        "(SELECT $1:text, $1:\"Number\"::number FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    channel = client.open_channel("c", pipe="DEMO.PUBLIC.MINE")
    rows = b'{"text":"a","Number":"1","other":1}\n{"text":"b","number":2}\n{"TEXT":"c","Number":3}\n'
    channel.append_rows(rows, start_offset_token="0", end_offset_token="3")
    channel.wait_for_commit("3", timeout_s=10)
    assert channel.status().rows_error_count == 0
    found = account.sql("SELECT ID, NOTE FROM MAPPED ORDER BY ID NULLS LAST")
    assert found["NOTE"].fillna("-").tolist() == ["a", "-", "b"]
    assert found["ID"].fillna(0).astype(int).tolist() == [1, 3, 0]
    frame = pd.DataFrame({"text": ["d"], "Number": [4]})  # a client has no columns to hold its names against
    assert frame.snowpipe.stream(channel, progress=False).rows_in_table == 1
    assert account.sql("SELECT NOTE FROM MAPPED WHERE ID = 4")["NOTE"].tolist() == ["d"]


def test_digits_of_times_beyond_those_of_the_column_are_cut(account, client):
    account.sql("CREATE TABLE CUT (A TIMESTAMP_NTZ(3), B TIME(0), C TIMESTAMP_TZ(7))")
    channel = client.open_channel("cut", table="DEMO.PUBLIC.CUT")
    moment = "2026-01-02T03:04:05.987654321"
    row = f'{{"A":"{moment}","B":"03:04:05.987","C":"{moment}Z"}}\n'.encode()
    channel.append_rows(row, start_offset_token="0", end_offset_token="1")
    channel.wait_for_commit("1", timeout_s=10)
    found = account.sql("SELECT A::VARCHAR AS A, B::VARCHAR AS B, C::VARCHAR AS C FROM CUT").iloc[0].tolist()
    assert [text.partition(".")[2].rstrip("0").partition("+")[0] for text in found] == ["987", "", "9876543"]
