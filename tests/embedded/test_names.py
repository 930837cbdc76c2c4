"""Names: whose they are, in which case, and that nothing of the account's own is among the users'."""

import duckdb
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.internal import HIDDEN, MARK, shown_name, stored_name
from snowpipe_pandas.embedded.sql.engine_errors import in_our_words
from snowpipe_pandas.errors import UsageError
from tests.embedded.raw import Raw, code


@pytest.fixture
def both(account):
    """An account with the tables T and "t"."""
    account.sql('CREATE TABLE T (UPPER_ONE NUMBER); CREATE TABLE "t" (LOWER_ONE NUMBER) ERROR_LOGGING = TRUE')
    return account


@pytest.mark.parametrize("name", ["T", "t", "Tt", "tT", "FLIGHTS", "ü", "a" * 300, 'odd "name" / %', "ſ"])
def test_a_stored_name_can_be_read_back(name):
    assert shown_name(stored_name(name)) == name


def test_stored_names_differ_however_case_is_folded():
    names = ["T1ab", "t1ab", "T1Ab", "t1AB", "T1AB"]
    assert len({stored_name(name).upper() for name in names}) == len(names)


def test_tables_that_differ_in_case_are_two(both, client):
    for table, column in (("T", "UPPER_ONE"), ('"t"', "LOWER_ONE")):
        channel = client.open_channel("c", table=f"DEMO.PUBLIC.{table}")
        assert [c.name for c in channel.target_columns] == [column]
        pd.DataFrame({column: [1, 2]}).snowpipe.stream(channel, load_id=column, progress=False)
    assert both.sql('SELECT COUNT(*) AS N FROM "t" JOIN T ON "t".LOWER_ONE = T.UPPER_ONE')["N"][0] == 2
    assert client.channel_statuses(["c"], table="DEMO.PUBLIC.T")["c"].last_committed_offset_token.startswith(
        "UPPER"
    )
    found = client.channel_statuses(["c"], table='DEMO.PUBLIC."t"')["c"]
    assert found.last_committed_offset_token.startswith("LOWER")
    assert both.sql("SHOW CHANNELS")["parent_name"].tolist() == ["T-STREAMING", "t-STREAMING"]
    both.sql("DROP TABLE t")  # which means T
    assert both.sql("SHOW TABLES")["name"].tolist() == ["t"]
    assert both.sql('SELECT COUNT(*) AS N FROM "t"')["N"][0] == 2
    with pytest.raises(UsageError, match="table T does not exist"):
        both.sql("SELECT * FROM t")
    assert client.channel_statuses(["c"], table='DEMO.PUBLIC."t"')["c"].rows_inserted == 2


def test_rows_of_the_lower_case_table_can_be_changed_by_sql(both):
    both.sql('INSERT INTO "t" (LOWER_ONE) VALUES (1), (2), (3)')
    both.sql('UPDATE "t" SET LOWER_ONE = 20 WHERE "t".LOWER_ONE = 2; DELETE FROM "t" WHERE "t".LOWER_ONE = 1')
    both.sql(
        'MERGE INTO "t" USING (SELECT 3 AS X) S ON "t".LOWER_ONE = S.X WHEN MATCHED THEN UPDATE SET '
        "LOWER_ONE = 30"
    )
    assert sorted(both.sql('SELECT x.LOWER_ONE FROM "t" AS x')["LOWER_ONE"]) == [20, 30]
    both.sql(
        'ALTER TABLE "t" ADD COLUMN MORE INT; ALTER TABLE "t" RENAME TO "Other"; '
        'CREATE VIEW "v" AS SELECT * FROM "Other"'
    )
    assert list(both.sql('SELECT * FROM "v"')) == ["LOWER_ONE", "MORE"]
    assert len(both.sql('SELECT * FROM ERROR_TABLE("Other")')) == 0
    assert both.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 0


@pytest.mark.parametrize(("url", "column"), [("T", "UPPER_ONE"), ("t", "LOWER_ONE")])
def test_a_url_means_the_exact_spelling_first(both, url, column):
    raw = Raw(both)
    answer = raw.call("PUT", f"/databases/demo/schemas/Public/pipes/{url}-streaming/channels/c", json={})
    assert [entry["name"] for entry in answer.json()["table_columns"]] == [column]
    assert answer.json()["channel_status"]["pipe_name"] == f"{url}-STREAMING"


def test_a_url_in_any_case_means_the_upper_case_next(account):
    account.sql('CREATE TABLE AB (X NUMBER); CREATE TABLE "aB" (Y NUMBER); CREATE TABLE "low" (Z NUMBER)')
    raw = Raw(account)
    for url, column in (("ab", "X"), ("Ab", "X"), ("aB", "Y"), ("LOW", "Z")):
        answer = raw.call("PUT", f"/databases/DEMO/schemas/PUBLIC/pipes/{url}-STREAMING/channels/c", json={})
        assert [entry["name"] for entry in answer.json()["table_columns"]] == [column]
    statuses = raw.call(
        "POST",
        "/databases/DEMO/schemas/PUBLIC/pipes/ab-STREAMING:bulk-channel-status",
        json={"channel_names": ["c", "C"]},
    ).json()["channel_statuses"]
    assert list(statuses) == ["c"]
    elastic = raw.call("POST", "/data/databases/demo/schemas/public/tables/low/rows", data=b'{"z":1}\n')
    assert elastic.ok
    assert account.sql('SELECT Z FROM "low"')["Z"].tolist() == [1]


HIDDEN_PLACES = [
    f"/databases/DEMO/schemas/%01account/pipes/{name}-STREAMING"
    for name in ("CHANNELS", "columns", "PIPES", "evolving")
] + [
    "/databases/SYSTEM/schemas/MAIN/pipes/DUCKDB_TABLES-STREAMING",
    "/databases/MEMORY/schemas/MAIN/pipes/X-STREAMING",
    "/databases/TEMP/schemas/MAIN/pipes/_batch-STREAMING",
    "/databases/DEMO/schemas/INFORMATION_SCHEMA/pipes/TABLES-STREAMING",
    "/databases/DEMO/schemas/_SNOWPIPE/pipes/CHANNELS-STREAMING",
    "/databases/DEMO/schemas/PUBLIC/pipes/A_VIEW-STREAMING",
]


@pytest.mark.parametrize("place", HIDDEN_PLACES)
def test_nothing_of_the_accounts_own_is_there_over_http(account, place):
    account.sql("CREATE VIEW A_VIEW AS SELECT 1 AS X")
    raw = Raw(account)
    for answer in (
        raw.call("PUT", f"{place}/channels/c", json={}),
        raw.call("POST", f"{place}:pipe-info", json={}),
        raw.call("POST", f"/data{place}/channels/ELASTIC/rows", data=b"{}\n"),
        raw.call(
            "POST",
            "/data" + place.replace("pipes/", "tables/").replace("-STREAMING", "") + "/rows",
            data=b"{}\n",
        ),
    ):
        assert code(answer)[0] == 404
        assert "does not exist" in answer.json()["message"]


def test_the_account_is_not_in_the_catalogue_that_users_see(account, client):
    account.sql(
        "CREATE TABLE A (X NUMBER IDENTITY, Y VARCHAR(3) DEFAULT 'd') ERROR_LOGGING = TRUE; "
        "CREATE VIEW V AS SELECT 1 AS Z"
    )
    client.open_channel("c", table="DEMO.PUBLIC.A")
    assert account.sql("SELECT * FROM INFORMATION_SCHEMA.TABLES ORDER BY TABLE_NAME").values.tolist() == [
        ["DEMO", "PUBLIC", "A", "BASE TABLE"],
        ["DEMO", "PUBLIC", "V", "VIEW"],
    ]
    columns = account.sql(
        "SELECT C.COLUMN_NAME, C.DATA_TYPE, C.IS_IDENTITY, C.COLUMN_DEFAULT FROM "
        "DEMO.information_schema.columns C "
        "WHERE TABLE_NAME = 'A' ORDER BY ORDINAL_POSITION"
    )
    assert columns.fillna("").values.tolist() == [
        ["X", "NUMBER(38,0)", "YES", ""],
        ["Y", "VARCHAR(3)", "NO", "'d'"],
    ]
    assert account.sql("SELECT * FROM INFORMATION_SCHEMA.SCHEMATA").values.tolist() == [["DEMO", "PUBLIC"]]
    assert account.sql("SHOW SCHEMAS")["name"].tolist() == ["PUBLIC"]
    assert account.sql("SHOW TABLES LIKE 'a%'")["name"].tolist() == ["A"]
    assert account.sql("SHOW COLUMNS IN TABLE A")["column_name"].tolist() == ["X", "Y"]
    assert account.sql("SHOW CHANNELS")[["name", "parent_name"]].values.tolist() == [["c", "A-STREAMING"]]
    assert len(account.sql("SHOW CHANNELS IN TABLE A")) == 1
    output = "".join(
        account.sql(f"SHOW {what}").to_json(date_format="iso")
        for what in ("TABLES", "COLUMNS", "SCHEMAS", "PIPES", "CHANNELS")
    )
    assert "account" not in output
    for text in ("SELECT * FROM INFORMATION_SCHEMA.VIEWS", "INSERT INTO INFORMATION_SCHEMA.TABLES SELECT 1"):
        with pytest.raises(UsageError, match="INFORMATION_SCHEMA"):
            account.sql(text)


@pytest.mark.parametrize(
    "text",
    [
        f'SELECT * FROM "{HIDDEN}".channels',
        f'DROP SCHEMA "{HIDDEN}"',
        f'CREATE TABLE "{HIDDEN}".X (A INT)',
        f'ALTER TABLE T RENAME TO "T{MARK}1"',
        f'CREATE TABLE "t{MARK}1" (A INT)',
        f"CREATE PIPE \"{MARK}\" AS COPY INTO T FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING'))",
        f"CREATE PIPE P AS COPY INTO \"{HIDDEN}\".channels FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING'))",
        f'CREATE DATABASE "{MARK}"',
        f'SHOW TABLES IN SCHEMA "{HIDDEN}"',
        f'DESCRIBE TABLE "{HIDDEN}".channels',
    ],
)
def test_the_accounts_own_names_can_not_be_written(account, text):
    account.sql("CREATE TABLE T (A INT)")
    with pytest.raises(UsageError, match="takes no names with the control character"):
        account.sql(text)


def test_error_tables_of_names_with_dots_are_two(account):
    account.sql('CREATE SCHEMA A; CREATE SCHEMA "A.B"; CREATE TABLE "A.B".C (X NUMBER) ERROR_LOGGING = TRUE')
    account.sql('CREATE TABLE A."B.C" (X NUMBER)')
    with pytest.raises(UsageError, match="does not exist"):
        account.sql('SELECT * FROM ERROR_TABLE(A."B.C")')
    account.sql('DROP TABLE A."B.C"')
    assert len(account.sql('SELECT * FROM ERROR_TABLE("A.B".C)')) == 0


def test_a_text_may_hold_the_mark(account):
    assert account.sql(f"SELECT 'a{MARK}b' AS X")["X"].tolist() == [f"a{MARK}b"]


def test_a_message_of_the_engine_shows_nothing_of_the_accounts_own(account):
    for name in ("channels", "columns", "pipes", "CHANNEL"):
        with pytest.raises(UsageError, match="does not exist") as caught:
            account.sql(f"SELECT * FROM {name}")
        assert "account" not in str(caught.value)
        assert MARK not in str(caught.value)


def test_what_the_engine_adds_to_a_message_is_left_out():
    error = duckdb.BinderException(
        f'Binder Error: odd "{HIDDEN}.x"\nDid you mean "{HIDDEN}.channels"?\n\nLINE 1: X'
    )
    assert in_our_words(error) == 'the SQL failed: odd ".x"'


def test_a_user_may_have_a_schema_that_is_called_as_ours_was(account, client):
    account.sql('CREATE SCHEMA "_SNOWPIPE"; CREATE TABLE "_SNOWPIPE".CHANNELS (CHANNEL VARCHAR)')
    channel = client.open_channel("c", table='DEMO."_SNOWPIPE".CHANNELS')
    pd.DataFrame({"CHANNEL": ["mine"]}).snowpipe.stream(channel, progress=False)
    assert account.sql('SELECT * FROM "_SNOWPIPE".CHANNELS')["CHANNEL"].tolist() == ["mine"]
    account.sql('DROP SCHEMA "_SNOWPIPE"')


FORMER = """
CREATE SCHEMA D.PUBLIC; CREATE SCHEMA D._SNOWPIPE;
CREATE TABLE D._SNOWPIPE.columns (
    table_schema VARCHAR, table_name VARCHAR, column_name VARCHAR, declared VARCHAR);
CREATE TABLE D._SNOWPIPE.pipes (
    pipe_schema VARCHAR, pipe_name VARCHAR, table_schema VARCHAR, table_name VARCHAR);
CREATE TABLE D._SNOWPIPE.channels (
    pipe_schema VARCHAR, pipe_name VARCHAR, channel VARCHAR, client_sequencer BIGINT, committed_token VARCHAR,
    rows_inserted BIGINT, rows_errors BIGINT, last_error VARCHAR, last_error_token VARCHAR,
    created_on_ms BIGINT, PRIMARY KEY (pipe_schema, pipe_name, channel));
CREATE TABLE D.PUBLIC.A (X DECIMAL(38, 0), Y VARCHAR); INSERT INTO D.PUBLIC.A VALUES (1, 'a');
CREATE TABLE D.PUBLIC."low" (X DECIMAL(38, 0));
INSERT INTO D._SNOWPIPE.columns VALUES
    ('PUBLIC', 'A', 'X', 'NUMBER(38,0)'), ('PUBLIC', 'A', 'Y', 'VARCHAR(2)'),
    ('PUBLIC', 'low', 'X', 'NUMBER(38,0)');
INSERT INTO D._SNOWPIPE.pipes VALUES ('PUBLIC', 'P', 'PUBLIC', 'A');
INSERT INTO D._SNOWPIPE.channels VALUES
    ('PUBLIC', 'a-streaming', 'c', 7, 'token', 1, 2, 'bad', '1', 5),
    ('PUBLIC', 'P', 'c', 1, 'of P', 1, 0, NULL, NULL, 5),
    ('PUBLIC', 'LOW-STREAMING', 'c', 1, 'of low', 1, 0, NULL, NULL, 5),
    ('PUBLIC', 'GONE-STREAMING', 'c', 1, 'gone', 1, 0, NULL, NULL, 5);
CREATE TABLE D._SNOWPIPE."ERRORS OF PUBLIC.A" (
    "TIMESTAMP" TIMESTAMPTZ, "QUERY_ID" VARCHAR, "ERROR_CODE" INTEGER, "ERROR_METADATA" JSON,
    "ERROR_DATA" JSON);
INSERT INTO D._SNOWPIPE."ERRORS OF PUBLIC.A" VALUES (now(), 'q', 1, '{}', '{}');
CREATE TABLE D._SNOWPIPE."ERRORS OF PUBLIC.LOW" AS SELECT * REPLACE ('of low' AS QUERY_ID)
    FROM D._SNOWPIPE."ERRORS OF PUBLIC.A";
"""


def test_a_file_of_before_is_moved_with_all_that_it_keeps(tmp_path):
    path = tmp_path / "former.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS D; {FORMER}")
    for _ in range(2):
        with sp.local(path, commit_lag_s=0.0) as account, sp.connect(account.profile) as client:
            found = client.channel_statuses(["c"], table="DEMO.PUBLIC.A")["c"]
            assert (found.last_committed_offset_token, found.rows_error_count) == ("token", 2)
            assert (
                client.channel_statuses(["c"], pipe="DEMO.PUBLIC.P")["c"].last_committed_offset_token
                == "of P"
            )
            low = client.channel_statuses(["c"], table='DEMO.PUBLIC."low"')["c"]
            assert low.last_committed_offset_token == "of low"
            assert set(account.sql("SHOW CHANNELS")["parent_name"]) == {"A-STREAMING", "P", "low-STREAMING"}
            assert account.sql('SELECT COUNT(*) AS N FROM "low"')["N"][0] == 0
            assert account.sql("SELECT * FROM ERROR_TABLE(A)")["QUERY_ID"].tolist() == ["q"]
            assert account.sql('SELECT * FROM ERROR_TABLE("low")')["QUERY_ID"].tolist() == ["of low"]
            assert account.sql("DESCRIBE TABLE A")["type"].tolist() == ["NUMBER(38,0)", "VARCHAR(2)"]
            assert account.sql("SHOW SCHEMAS")["name"].tolist() == ["PUBLIC"]
