"""Tables of the local account: what ends their channels, and what their columns take."""

import threading

import duckdb
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.ingest.evolution import Evolution
from snowpipe_pandas.embedded.internal import HIDDEN
from snowpipe_pandas.embedded.sql.declared import DeclaredColumn
from snowpipe_pandas.errors import ChannelInvalidError, NotFoundError, UsageError
from snowpipe_pandas.names import ObjectName
from tests.embedded.raw import STALE, Raw, code, lines, until
from tests.embedded.test_durability import NO_SPACE, failing_commit
from tests.support.loads import TABLE, ids

STREAMING = "TABLE(DATA_SOURCE(TYPE => 'STREAMING'))"


def kept(account, database="DEMO"):
    """The channels on disk."""
    with account._store.cursor() as cursor:
        found = cursor.execute(f'SELECT channel FROM "{database}"."{HIDDEN}".channels ORDER BY 1').fetchall()
    return [name for (name,) in found]


ENDS = {
    "drop": f"DROP TABLE {TABLE}",
    "create or replace": f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR)",
    "create or replace as": f"CREATE OR REPLACE TABLE {TABLE} AS SELECT * FROM {TABLE}",
    "rename": f"ALTER TABLE {TABLE} RENAME TO ELSEWHERE",
}


@pytest.mark.parametrize("statement", ENDS.values(), ids=ENDS)
def test_what_makes_a_table_another_one_ends_the_channels_of_its_pipes(account, raw, statement):
    account.channels.commit_lag_s = 30
    before = raw.token
    raw.append(lines(1), "1")
    account.sql(statement)
    assert kept(account) == []
    account.sql(f"CREATE TABLE IF NOT EXISTS {TABLE} (ID NUMBER, TEXT VARCHAR)")
    assert raw.statuses() == {}
    assert code(raw.append(lines(2), "2")) == (404, "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED")
    status = raw.open().json()["channel_status"]
    assert (status["last_committed_offset_token"], status["rows_inserted"]) == (None, 0)
    assert code(raw.append(lines(3), "3", token=before)) == (400, STALE)
    account.channels.commit_lag_s = 0
    raw.append(lines(4), "4")
    raw.committed("4")
    assert ids(account)[-1] == 4
    assert 1 not in ids(account)


KEEPS = {
    "truncate": f"TRUNCATE TABLE {TABLE}",
    "delete": f"DELETE FROM {TABLE}",
    "create if not exists": f"CREATE TABLE IF NOT EXISTS {TABLE} (OTHER NUMBER)",
    "add column": f"ALTER TABLE {TABLE} ADD COLUMN MORE NUMBER(10,2)",
    "drop column": f"ALTER TABLE {TABLE} DROP COLUMN TEXT",
    "another table": "CREATE TABLE NUMBERS2 (A INT); DROP TABLE NUMBERS2",
}


@pytest.mark.parametrize("statement", KEEPS.values(), ids=KEEPS)
def test_what_keeps_the_table_keeps_its_channels(account, raw, statement):
    raw.append(lines(1), "1")
    raw.committed("1")
    account.sql(statement)
    assert raw.status()["last_committed_offset_token"] == "1"
    raw.append(lines(2), "2")
    raw.committed("2")
    assert ids(account)[-1] == 2


def test_a_dropped_schema_or_database_takes_its_channels_with_it(account, client):
    account.sql(
        "CREATE SCHEMA S; CREATE TABLE S.A (ID NUMBER AUTOINCREMENT, X NUMBER); "
        "CREATE VIEW S.V AS SELECT 1 AS X"
    )
    account.sql("CREATE DATABASE OTHER; CREATE TABLE OTHER.PUBLIC.B (X NUMBER)")
    account.sql(f"CREATE PIPE P AS COPY INTO S.A FROM {STREAMING}")
    account.sql(f"CREATE PIPE S.Q AS COPY INTO S.A FROM {STREAMING}")
    for target in (
        {"table": "DEMO.S.A"},
        {"pipe": "DEMO.PUBLIC.P"},
        {"pipe": "DEMO.S.Q"},
        {"table": "OTHER.PUBLIC.B"},
    ):
        client.open_channel("c", **target)
    account.sql("DROP DATABASE OTHER")
    assert kept(account) == ["c"] * 3
    account.sql("DROP SCHEMA S")
    assert kept(account) == []
    assert not account.channels._channels
    account.sql(
        "CREATE SCHEMA S; CREATE TABLE S.A (X NUMBER); CREATE DATABASE OTHER; "
        "CREATE TABLE OTHER.PUBLIC.B (X INT)"
    )
    assert client.channel_statuses(["c"], table="DEMO.S.A") == {}
    assert client.channel_statuses(["c"], table="OTHER.PUBLIC.B") == {}
    with pytest.raises(sp.SnowpipeError, match="does not exist"):
        client.open_channel("c", pipe="DEMO.S.Q")


def test_a_load_into_a_recreated_table_is_not_reported_as_there(account, client):
    frame = pd.DataFrame({"ID": [1, 2, 3]})
    account.sql("CREATE TABLE R (ID NUMBER)")
    channel = client.open_channel("r", table="DEMO.PUBLIC.R")
    assert frame.snowpipe.stream(channel, load_id="daily", progress=False).rows == 3
    account.sql("CREATE OR REPLACE TABLE R (ID NUMBER)")
    assert frame.snowpipe.stream(channel, load_id="daily", progress=False).rows == 3
    assert account.sql("SELECT COUNT(*) AS N FROM R")["N"][0] == 3
    account.sql("DROP TABLE R")
    with pytest.raises(NotFoundError, match="DEMO.PUBLIC.R does not exist"):
        frame.snowpipe.stream(channel, load_id="daily", progress=False)


@pytest.mark.parametrize("statement", ENDS.values(), ids=ENDS)
def test_a_statement_whose_commit_fails_changes_nothing(monkeypatch, account, raw, statement):
    raw.append(lines(1), "1")
    raw.committed("1")
    with failing_commit(monkeypatch, 1) as seen, pytest.raises(UsageError, match="No space left"):
        account.sql(statement)
    assert seen
    assert kept(account) == ["raw"]
    raw.append(lines(2), "2")
    assert raw.committed("2")["rows_inserted"] == 2
    assert ids(account) == [1, 2]


def test_appends_that_race_with_a_recreated_table_bring_no_channel_back(account, raw):
    """Rows are being committed all the time; none of them, and no token, gets into the new table."""
    stop = threading.Event()

    def write():
        other = Raw(account, "busy")
        while not stop.is_set():
            if not other.token or not other.append(lines(*range(500)), "1").ok:
                other.open()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(15):
            until(lambda: "busy" in kept(account))
            account.channels.pause()
            account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR)")
            known = {key[-1] for key in account.channels._channels}
            assert set(kept(account)) <= known | {"busy"}
            assert ids(account) == []
            account.channels.resume()
    finally:
        stop.set()
        writer.join()
        account.channels.resume()


CONSTRAINTS = {
    "inline": "ID NUMBER PRIMARY KEY NOT ENFORCED RELY, V VARCHAR",
    "two columns": "ID NUMBER, V VARCHAR, PRIMARY KEY (ID, V)",
    "named": "ID NUMBER, V VARCHAR, CONSTRAINT PK PRIMARY KEY (ID) NOT ENFORCED",
    "unique": "ID NUMBER UNIQUE, V VARCHAR CONSTRAINT U UNIQUE, UNIQUE (ID, V)",
    "foreign key": "ID NUMBER REFERENCES OTHER (X), V VARCHAR, FOREIGN KEY (ID) REFERENCES OTHER (X)",
}


@pytest.mark.parametrize("columns", CONSTRAINTS.values(), ids=CONSTRAINTS)
def test_keys_are_taken_and_not_enforced(account, client, columns):
    account.sql(f"CREATE TABLE K ({columns})")
    account.sql("ALTER TABLE K ADD CONSTRAINT MORE UNIQUE (V); ALTER TABLE K DROP CONSTRAINT MORE")
    account.sql("ALTER TABLE K DROP PRIMARY KEY")
    frame = pd.DataFrame({"ID": [1, 1, 1], "V": ["a", "a", "a"]})
    frame.snowpipe.stream(client.open_channel("k", table="DEMO.PUBLIC.K"), progress=False)
    account.sql("INSERT INTO K VALUES (1, 'a')")
    assert account.sql("SELECT COUNT(*) AS N FROM K")["N"][0] == 4


def test_a_primary_key_takes_no_null(account, client):
    account.sql("CREATE TABLE K (A NUMBER PRIMARY KEY, B NUMBER, C NUMBER, PRIMARY KEY (B))")
    columns = client.open_channel("k", table="DEMO.PUBLIC.K").target_columns
    assert [column.nullable for column in columns] == [False, False, True]


TYPES = {
    "INT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "BIGINT": "NUMBER(38,0)",
    "SMALLINT": "NUMBER(38,0)",
    "TINYINT": "NUMBER(38,0)",
    "BYTEINT": "NUMBER(38,0)",
    "NUMBER": "NUMBER(38,0)",
    "NUMERIC(5)": "NUMBER(5,0)",
    "DECIMAL(5, 2)": "NUMBER(5,2)",
    "DEC(5,5)": "NUMBER(5,5)",
    "FLOAT": "FLOAT",
    "FLOAT4": "FLOAT",
    "FLOAT8": "FLOAT",
    "DOUBLE": "FLOAT",
    "DOUBLE PRECISION": "FLOAT",
    "REAL": "FLOAT",
    "VARCHAR": "VARCHAR",
    "STRING(7)": "VARCHAR(7)",
    "TEXT": "VARCHAR",
    "NVARCHAR(7)": "VARCHAR(7)",
    "NVARCHAR2": "VARCHAR",
    "CHAR": "VARCHAR(1)",
    "CHARACTER": "VARCHAR(1)",
    "NCHAR": "VARCHAR(1)",
    "CHAR(7)": "VARCHAR(7)",
    "CHAR VARYING(7)": "VARCHAR(7)",
    "NCHAR VARYING(7)": "VARCHAR(7)",
    "CHARACTER VARYING": "VARCHAR",
    "BINARY(7)": "BINARY(7)",
    "VARBINARY": "BINARY",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME(9)",
    "TIME(0)": "TIME(0)",
    "DATETIME": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP(3)": "TIMESTAMP_NTZ(3)",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ(9)",
    "TIMESTAMP_TZ(6)": "TIMESTAMP_TZ(6)",
    "TIMESTAMP WITH LOCAL TIME ZONE": "TIMESTAMP_LTZ(9)",
    "TIMESTAMPLTZ(6)": "TIMESTAMP_LTZ(6)",
    "VARIANT": "VARIANT",
    "OBJECT": "OBJECT",
    "ARRAY": "ARRAY",
}


def test_every_name_of_a_type_is_reported_as_one(account, client):
    columns = ", ".join(f"C{number} {name}" for number, name in enumerate(TYPES))
    account.sql(f"CREATE TABLE TY ({columns})")
    reported = [column.type for column in client.open_channel("ty", table="DEMO.PUBLIC.TY").target_columns]
    assert dict(zip(TYPES, reported, strict=True)) == TYPES
    account.sql("CREATE TABLE AGAIN LIKE TY; CREATE TABLE CLONED CLONE TY")
    account.sql("CREATE TABLE ADDED (C NUMBER); ALTER TABLE ADDED DROP COLUMN IF EXISTS NONE")
    for number, name in enumerate(TYPES):
        account.sql(f"ALTER TABLE ADDED ADD COLUMN C{number} {name}")
    for table in ("AGAIN", "CLONED", "ADDED"):
        columns = client.open_channel("ty", table=f"DEMO.PUBLIC.{table}").target_columns
        assert [column.type for column in columns][-len(TYPES) :] == reported


REFUSED = {
    "A GEOGRAPHY": "local account .* GEOGRAPHY of column A",
    "A GEOMETRY": "local account .* GEOMETRY of column A",
    "A VECTOR(FLOAT, 3)": r"local account .* VECTOR\(FLOAT, 3\) of column A",
    "A MAP(VARCHAR, INT)": "local account .* MAP.* of column A",
    "A ARRAY(NUMBER)": "local account .* ARRAY.* of column A",
    "A OBJECT(X NUMBER)": "local account .* OBJECT.* of column A",
    "A DECFLOAT": "local account .* DECFLOAT of column A",
    "A UUID": "local account .* UUID of column A",
    "A VARCHAR COLLATE 'en-ci'": "local account .* COLLATE 'en-ci' of column A",
    "A NOSUCH": "local account .* 'CREATE TABLE B .A NOSUCH'",
    "A INT CHECK (A > 1)": "local account .* CHECK .* of column A",
    "A INT, CHECK (A > 1)": "local account .* CHECK",
    "A INT AS (1 + 1)": "local account .* of column A",
    "A NUMBER(39,0)": r"column A: NUMBER\(39, 0\) is not a type of Snowflake",
    "A NUMBER(3,5)": r"column A: NUMBER\(3, 5\) is not a type",
    "A VARCHAR(0)": r"column A: VARCHAR\(0\) is not a type .* 1 to 134217728",
    "A VARCHAR(999999999999)": "column A: VARCHAR.* is not a type",
    "A BINARY(99999999)": "column A: BINARY.* is not a type .* 1 to 67108864",
    "A TIME(10)": r"column A: TIME\(10\) is not a type .* 0 to 9",
    'A INT, "a" INT': "columns A and a: .* differ in case only",
    "A INT, A INT": "column A is declared twice",
    "A VARCHAR AUTOINCREMENT": "column A: AUTOINCREMENT",
    "A INT DEFAULT B, B INT": "local account does not know the DEFAULT B",
    "A INT DEFAULT (SELECT 1)": "local account does not know the DEFAULT",
}


@pytest.mark.parametrize("columns", REFUSED)
def test_what_a_table_can_not_keep_is_refused_by_name(account, columns):
    with pytest.raises(UsageError, match=REFUSED[columns]):
        account.sql(f"CREATE TABLE B ({columns})")
    assert len(account.sql("SHOW TABLES")) == 0


def test_properties_that_change_nothing_here_are_taken_and_others_refused(account):
    account.sql(
        "CREATE TRANSIENT TABLE P (A INT) CLUSTER BY (A) COMMENT = 'x' DATA_RETENTION_TIME_IN_DAYS = 1 "
        "CHANGE_TRACKING = TRUE COPY GRANTS"
    )
    account.sql(
        "ALTER TABLE P CLUSTER BY (A); ALTER TABLE P DROP CLUSTERING KEY; ALTER TABLE P SET COMMENT = 'y'"
    )
    for refused in (
        "TEMPORARY TABLE Q (A INT)",
        "TABLE Q (A INT) DEFAULT_DDL_COLLATION = 'en'",
        "HYBRID TABLE Q (A INT)",
    ):
        with pytest.raises(
            UsageError, match=f"local account does not know.*{refused.split()[0][:5]}|DEFAULT_DDL"
        ):
            account.sql(f"CREATE {refused}")


def test_lengths_and_digits_hold_for_sql_too(account):
    account.sql(
        "CREATE TABLE L (V VARCHAR(3), B BINARY(2), N NUMBER(4,1), T TIME(0), M TIMESTAMP_NTZ(3), Z "
        "TIMESTAMP_TZ(8))"
    )
    for values in ("'abcd', NULL, NULL", "NULL, 'abc'::BINARY, NULL", "NULL, NULL, 12345"):
        with pytest.raises(UsageError, match="too long|NUMBER|DECIMAL"):
            account.sql(f"INSERT INTO L (V, B, N) SELECT {values}")
    account.sql(
        "INSERT INTO L SELECT 'éàü', NULL, 999.94, '12:34:56.9', '1960-01-01 00:00:00.9876', "
        "'2020-01-01 00:00:00.123456789+00:00'"
    )
    row = account.sql("SELECT N::VARCHAR N, T::VARCHAR T, M::VARCHAR M, Z::VARCHAR Z FROM L").iloc[0].tolist()
    assert row == ["999.9", "12:34:56", "1960-01-01 00:00:00.987", "2020-01-01 00:00:00.12345678+00"]


DEFAULTS = (
    "ID NUMBER AUTOINCREMENT, V VARCHAR, K NUMBER IDENTITY(10, -5), Q NUMBER NOT NULL DEFAULT S.NEXTVAL, "
    "AT TIMESTAMP_NTZ NOT NULL DEFAULT CURRENT_TIMESTAMP(), U VARCHAR DEFAULT UUID_STRING()"
)


def test_defaults_fill_absent_keys_only(account, client):
    account.sql(f"CREATE SEQUENCE S START 5 INCREMENT 2; CREATE TABLE D ({DEFAULTS})")
    channel = client.open_channel("d", table="DEMO.PUBLIC.D")
    assert pd.DataFrame({"V": ["a"]}).snowpipe.check(channel) == []
    body = b'{"V":"a"}\n{"V":"b","ID":null,"U":null}\n{"V":"c","Q":null}\n{"V":"d","id":77}\n{}\n'
    channel.append_rows(body, start_offset_token="0", end_offset_token="5")
    status = channel.wait_for_commit("5")
    assert (status.rows_inserted, status.rows_error_count) == (4, 1)
    assert "Q is NOT NULL" in status.last_error_message
    found = account.sql("SELECT * FROM D").set_index(account.sql("SELECT COALESCE(V, 'e') AS V FROM D")["V"])
    assert found["ID"].isna().tolist() == [False, True, False, False]
    assert found["ID"]["d"] == 77
    assert found["U"].isna().tolist() == [False, True, False, False]
    assert found["AT"].notna().all()
    assert found["Q"].is_unique
    assert found["K"].is_unique
    assert set(found["K"] % 5) == {0}


def test_rows_without_any_key_of_an_identity_are_numbered_in_their_order(account, client):
    account.sql("CREATE TABLE D (ID NUMBER IDENTITY START 100 INCREMENT 10, V NUMBER)")
    pd.DataFrame({"V": range(50)}).snowpipe.stream(
        client.open_channel("d", table="DEMO.PUBLIC.D"), progress=False
    )
    account.sql("INSERT INTO D (V) VALUES (50)")
    found = account.sql("SELECT ID, V FROM D ORDER BY V")
    assert found["ID"].tolist() == [100 + 10 * number for number in range(51)]


def test_numbers_go_with_their_table_and_its_column(account):
    def sequences():
        with account._store.cursor() as cursor:
            return len(cursor.execute("SELECT * FROM duckdb_sequences()").fetchall())

    account.sql(
        "CREATE TABLE A (ID INT IDENTITY, K INT IDENTITY); CREATE TABLE B CLONE A; CREATE TABLE C LIKE A"
    )
    assert sequences() == 6
    account.sql("ALTER TABLE A DROP COLUMN K; CREATE OR REPLACE TABLE B (ID INT); DROP TABLE C")
    assert sequences() == 1
    account.sql(
        "ALTER TABLE A RENAME TO Z; INSERT INTO Z SELECT 5; ALTER TABLE Z ADD COLUMN N INT IDENTITY(7,7)"
    )
    assert account.sql("SELECT N FROM Z")["N"].tolist() == [7]
    account.sql("DROP TABLE Z")
    assert sequences() == 0


def test_alter_table_keeps_types_true_while_a_channel_is_open(account, client):
    account.sql("CREATE TABLE E (A NUMBER)")
    channel = client.open_channel("e", table="DEMO.PUBLIC.E")
    account.sql(
        "ALTER TABLE E ADD COLUMN B NUMBER(10,2) NOT NULL DEFAULT 1, C INT; "
        "ALTER TABLE E ADD COLUMN D VARCHAR(2)"
    )
    account.sql("ALTER TABLE E ALTER COLUMN D SET DATA TYPE VARCHAR(4); ALTER TABLE E RENAME COLUMN D TO F")
    account.sql("ALTER TABLE E ADD COLUMN IF NOT EXISTS A INT; ALTER TABLE E ALTER COLUMN A SET NOT NULL")
    body = b'{"A":1,"B":"1.005","C":12345678901234567890,"F":"abcd"}\n{"A":2}\n{"A":3,"F":"abcde"}\n{"B":1}\n'
    channel.append_rows(body, start_offset_token="0", end_offset_token="4")
    assert channel.wait_for_commit("4").rows_error_count == 2
    assert account.sql("SELECT A, B::VARCHAR B, C::VARCHAR C, F FROM E ORDER BY A").values.tolist()[0] == [
        1,
        "1.01",
        "12345678901234567890",
        "abcd",
    ]
    reported = [
        (c.name, c.type, c.nullable, c.has_default)
        for c in client.open_channel("x", table="DEMO.PUBLIC.E").target_columns
    ]
    assert reported == [
        ("A", "NUMBER(38,0)", False, False),
        ("B", "NUMBER(10,2)", False, True),
        ("C", "NUMBER(38,0)", True, False),
        ("F", "VARCHAR(4)", True, False),
    ]


NO_CHANGE = {
    "ALTER COLUMN B SET DATA TYPE VARCHAR(2)": "only made wider",
    "ALTER COLUMN B SET DATA TYPE NUMBER": "only made wider",
    "ALTER COLUMN A SET DATA TYPE NUMBER(30,0)": "only made wider",
    "ADD COLUMN B INT": "has a column B already",
    'ADD COLUMN "b" INT': "has a column B already",
    "RENAME COLUMN A TO B": "has a column B already",
    "DROP COLUMN Z": "no column Z",
    "ADD COLUMN N INT NOT NULL": "N is NOT NULL",
    "SWAP WITH X": "does not exist",
    "RENAME TO OTHER": "exists already",
    "ADD COLUMN Q INT, ADD COLUMN B INT": "B",
}


@pytest.mark.parametrize("change", NO_CHANGE)
def test_a_change_that_can_not_be_is_refused_and_changes_nothing(account, change):
    account.sql(
        "CREATE TABLE T (A INT, B VARCHAR(3)); INSERT INTO T VALUES (1, 'x'); CREATE TABLE OTHER (A INT)"
    )
    before = account.sql("DESCRIBE TABLE T")
    with pytest.raises(UsageError, match=NO_CHANGE[change]):
        account.sql(f"ALTER TABLE T {change}")
    pd.testing.assert_frame_equal(account.sql("DESCRIBE TABLE T"), before)


def test_a_column_that_was_added_after_the_open_is_seen(account, client):
    account.sql("CREATE TABLE E (ID NUMBER)")
    channel = client.open_channel("e", table="DEMO.PUBLIC.E")
    account.sql("ALTER TABLE E ADD COLUMN NOTE VARCHAR")
    frame = pd.DataFrame({"ID": [1], "NOTE": ["x"]})
    assert frame.snowpipe.check(channel) == []
    assert frame.snowpipe.stream(channel, progress=False).rows_in_table == 1


def test_tables_from_queries_take_what_their_types_say(account, client):
    account.sql("CREATE TABLE Q AS SELECT 1 AS A, 1.5 AS B, 'x' AS C, PARSE_JSON('{}') AS D")
    account.sql("CREATE TABLE R (X INT NOT NULL, Y VARCHAR(3) DEFAULT 'd') AS SELECT 1, 'abc'")
    reported = [(c.name, c.type) for c in client.open_channel("q", table="DEMO.PUBLIC.Q").target_columns]
    assert reported == [("A", "NUMBER(38,0)"), ("B", "NUMBER(2,1)"), ("C", "VARCHAR"), ("D", "VARIANT")]
    frame = pd.DataFrame({"A": [2**60], "C": ["y"]})  # the engine's own type of 1 would not take it
    assert frame.snowpipe.stream(client.open_channel("q", table="DEMO.PUBLIC.Q"), progress=False).committed
    account.sql("INSERT INTO R (X) VALUES (2)")
    assert account.sql("SELECT Y FROM R WHERE X = 2")["Y"].tolist() == ["d"]
    with pytest.raises(UsageError, match=r"does not know the type INTEGER\[\] of column L; cast it"):
        account.sql("CREATE TABLE S AS SELECT [1, 2] AS L")
    with pytest.raises(UsageError, match=r"column B: a value is too long for VARCHAR\(3\)"):
        account.sql("CREATE TABLE S (A INT, B VARCHAR(3)) AS SELECT 1, 'abcd'")
    assert "S" not in account.sql("SHOW TABLES")["name"].tolist()


def _evolve_and_fail(store, cursor, table):
    with store.transaction(cursor):
        added = (DeclaredColumn("B", "NUMBER(10,2)", nullable=True),)
        store.evolve(cursor, table, Evolution(added, frozenset({"A"})))
        assert [column.name for column in store.columns(table)] == ["A"]  # as others see it
        raise duckdb.Error(NO_SPACE)


def test_schema_evolution_is_kept_and_done_in_one_transaction(account, client):
    account.sql(
        "CREATE TABLE V (A NUMBER NOT NULL) ENABLE_SCHEMA_EVOLUTION = TRUE; CREATE TABLE W (A NUMBER)"
    )
    store, table = account._store, account._store.pipe(ObjectName("demo", "public", "v-streaming")).table
    assert store.evolves(table)
    assert not store.evolves(ObjectName("DEMO", "PUBLIC", "W"))
    account.sql(
        "ALTER TABLE V SET ENABLE_SCHEMA_EVOLUTION = FALSE; ALTER TABLE W SET ENABLE_SCHEMA_EVOLUTION = TRUE"
    )
    assert not store.evolves(table)
    assert store.evolves(ObjectName("DEMO", "PUBLIC", "W"))
    with pytest.raises(duckdb.Error, match=NO_SPACE), store.cursor() as cursor:
        _evolve_and_fail(store, cursor, table)
    assert [column.name for column in store.columns(table)] == ["A"]
    with store.cursor() as cursor, store.transaction(cursor):
        added = (
            DeclaredColumn("B", "NUMBER(10,2)", nullable=True),
            DeclaredColumn("c d", "VARCHAR", nullable=True),
        )
        store.evolve(cursor, table, Evolution(added, frozenset({"A"})))
        assert [column.name for column in store.columns(table)] == ["A"]  # as others see it
    assert [(c.name, c.type, c.nullable) for c in store.columns(table)] == [
        ("A", "NUMBER(38,0)", True),
        ("B", "NUMBER(10,2)", True),
        ("c d", "VARCHAR", True),
    ]


def test_what_a_file_keeps_of_its_tables_is_there_after_a_restart(tmp_path):
    path = tmp_path / "kept.duckdb"
    with sp.local(path) as account:
        account.sql("CREATE TABLE A (ID NUMBER AUTOINCREMENT, V VARCHAR(3)) ENABLE_SCHEMA_EVOLUTION = TRUE")
        account.sql("INSERT INTO A (V) VALUES ('a'), ('b')")
    with sp.local(path, commit_lag_s=0.0) as account, sp.connect(account.profile) as client:
        pd.DataFrame({"V": ["c"]}).snowpipe.stream(
            client.open_channel("a", table="DEMO.PUBLIC.A"), progress=False
        )
        assert account.sql("SELECT ID FROM A ORDER BY 1")["ID"].tolist() == [1, 2, 3]
        assert account._store.evolves(ObjectName("DEMO", "PUBLIC", "A"))
        assert account.sql("DESCRIBE TABLE A")["type"].tolist() == ["NUMBER(38,0)", "VARCHAR(3)"]


def test_two_tables_swap_all_that_they_are(account, client):
    account.sql("CREATE TABLE A (ID NUMBER, N NUMBER AUTOINCREMENT) ERROR_LOGGING = TRUE COMMENT = 'it''s a'")
    account.sql("ALTER TABLE A SET ENABLE_SCHEMA_EVOLUTION = TRUE; INSERT INTO A (ID) VALUES (1)")
    account.sql("CREATE TABLE B LIKE A COPY GRANTS COMMENT = 'b'; INSERT INTO B (ID) VALUES (2), (3)")
    account.sql("ALTER TABLE A SWAP WITH B")
    shown = account.sql("SHOW TABLES IN SCHEMA DEMO.PUBLIC")[["name", "comment", "enable_schema_evolution"]]
    assert shown.to_numpy().tolist() == [["A", "b", "N"], ["B", "it's a", "Y"]]
    assert account.sql("SELECT ID FROM A ORDER BY ID")["ID"].tolist() == [2, 3]
    assert account.sql("SELECT * FROM ERROR_TABLE(B)").empty
    with pytest.raises(UsageError):
        account.sql("SELECT * FROM ERROR_TABLE(A)")
    account.sql("DROP TABLE B; INSERT INTO A (ID) VALUES (4)")  # its numbers are its own
    assert account.sql("SELECT N FROM A WHERE ID = 4")["N"].tolist() == [3]


def test_a_swap_ends_the_channels_of_both_tables(account, client):
    account.sql("CREATE TABLE A (ID NUMBER); CREATE TABLE B (ID NUMBER)")
    channels = [client.open_channel("c", table=f"DEMO.PUBLIC.{name}") for name in "AB"]
    for channel in channels:
        channel.append_rows(b'{"ID":1}\n', start_offset_token="0", end_offset_token="1")
        channel.wait_for_commit("1")
    account.sql("ALTER TABLE A SWAP WITH B")
    for name, channel in zip("AB", channels, strict=True):
        with pytest.raises(ChannelInvalidError):
            channel.append_rows(b'{"ID":2}\n', start_offset_token="1", end_offset_token="2")
        again = client.open_channel("c", table=f"DEMO.PUBLIC.{name}")
        assert again.opened_status.last_committed_offset_token is None


@pytest.mark.parametrize("other", ["NOPE", "A", "OTHERS.B"])
def test_what_can_not_be_swapped_is_refused(account, other):
    account.sql("CREATE TABLE A (ID NUMBER); CREATE SCHEMA OTHERS; CREATE TABLE OTHERS.B (ID NUMBER)")
    with pytest.raises(UsageError, match="does not exist|itself|one schema"):
        account.sql(f"ALTER TABLE A SWAP WITH {other}")


def test_a_comment_stays_with_its_table_until_it_is_unset(account):
    def reported():
        return account.sql("SHOW TABLES")["comment"].tolist()

    account.sql("CREATE TABLE A (ID NUMBER) COMMENT = 'one'")
    account.sql("ALTER TABLE A ADD COLUMN X NUMBER; ALTER TABLE A RENAME TO B")
    assert reported() == ["one"]
    account.sql("ALTER TABLE B SET COMMENT = 'two' ERROR_LOGGING = TRUE")
    assert reported() == ["two"]
    account.sql("ALTER TABLE B UNSET COMMENT")
    assert reported() == [""]
    account.sql("CREATE OR REPLACE TABLE B (ID NUMBER)")
    assert reported() == [""]
