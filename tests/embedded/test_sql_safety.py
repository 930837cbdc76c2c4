"""What SQL of the local account can't reach: files, the network, the engine; and how failures are shown."""

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import UsageError

FILES = [
    "SELECT * FROM read_csv('{path}')",
    "SELECT * FROM READ_TEXT('{path}')",
    "SELECT * FROM read_parquet('{path}')",
    "SELECT * FROM '{path}'",
    "SELECT \"read_text\"('{path}')",
    "SELECT main.read_blob('{path}')",
    "SELECT '{path}'.read_text()",
    "SELECT struct_pack(a := read_text('{path}'))",
    "SELECT * FROM TABLE(read_text('{path}'))",
    "SELECT * FROM LATERAL (SELECT * FROM read_text('{path}'))",
    "SELECT * FROM sniff_csv('{path}')",
    "SELECT * FROM parquet_schema('{path}')",
    "CREATE TABLE X AS SELECT * FROM read_csv('{path}')",
    "CREATE VIEW X AS SELECT * FROM read_csv('{path}')",
    "CREATE TABLE X (A VARCHAR DEFAULT read_text('{path}'))",
    "INSERT INTO T SELECT * FROM read_csv('{path}')",
    "COPY T TO '{path}'",
]


@pytest.mark.parametrize("text", FILES)
def test_sql_reaches_no_file(account, tmp_path, text):
    path = tmp_path / "secret.csv"
    path.write_text("A\n42\n")
    account.sql("CREATE TABLE T (A INT)")
    with pytest.raises(
        UsageError, match=r"reaches files: start the account with sp.local\(allow_files=True\)"
    ):
        account.sql(text.format(path=path))
    assert path.read_text() == "A\n42\n"


def test_the_engine_itself_reaches_no_file(account, tmp_path):
    """The second wall: what the first one may overlook."""
    path = tmp_path / "secret.csv"
    path.write_text("A\n42\n")
    with account._store.cursor() as cursor:
        for text in (
            f"SELECT * FROM read_csv('{path}')",
            f"ATTACH '{tmp_path / 'x'}' AS X",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
        ):
            with pytest.raises(Exception, match="disabled|external access|Permission"):
                cursor.execute(text)
        found = dict(cursor.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert found["autoinstall_known_extensions"] == found["autoload_known_extensions"] == "false"


def test_files_can_be_allowed(tmp_path):
    path = tmp_path / "rows.csv"
    with sp.local(allow_files=True) as account:
        account.sql("CREATE TABLE T (A INT, B VARCHAR); INSERT INTO T VALUES (1, 'x'), (2, 'y')")
        account.sql(
            f"COPY T TO '{path}'; COPY (SELECT A FROM T) TO '{tmp_path / 'rows.parquet'}' (FORMAT parquet)"
        )
        assert pd.read_csv(path)["A"].tolist() == [1, 2]
        assert account.sql(f"SELECT * FROM read_csv('{path}')")["B"].tolist() == ["x", "y"]
        assert account.sql(f"SELECT * FROM '{tmp_path / 'rows.parquet'}'")["A"].tolist() == [1, 2]
        account.sql(f"CREATE TABLE U AS SELECT * FROM read_csv('{path}')")
        assert account.sql("DESCRIBE TABLE U")["type"].tolist() == ["NUMBER(38,0)", "VARCHAR"]
        with pytest.raises(UsageError, match="ATTACH|INSTALL"):
            account.sql(f"ATTACH '{path}' AS X")


def test_allow_files_is_a_flag():
    with pytest.raises(UsageError, match="allow_files"):
        sp.local(allow_files="yes")


ENGINE = [
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM main.duckdb_tables",
    "SELECT * FROM system.main.duckdb_tables",
    "SELECT * FROM system.information_schema.tables",
    "SELECT * FROM temp.main.x",
    "SELECT * FROM memory.main.x",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('x')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('threads')",
    "SELECT nextval('x')",
    "SELECT (SELECT 1 FROM duckdb_settings())",
    "WITH X AS (SELECT * FROM duckdb_settings()) SELECT * FROM X",
    "DELETE FROM T WHERE A IN (SELECT 1 FROM duckdb_settings())",
    "PRAGMA database_list",
    "SET threads = 1",
    "ATTACH 'x' AS Y",
    "DETACH DEMO",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CHECKPOINT",
    "VACUUM",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "SUMMARIZE T",
    "account",
]


@pytest.mark.parametrize("text", ENGINE)
def test_the_engine_itself_is_out_of_reach(account, text):
    account.sql("CREATE TABLE T (A INT)")
    with pytest.raises(UsageError, match="local account|does not exist"):
        account.sql(text)


UNKNOWN = {
    "USE SCHEMA X": "USE SCHEMA X",
    "BEGIN": "BEGIN",
    "GRANT SELECT ON T TO ROLE X": "GRANT",
    "COMMENT ON TABLE T IS 'x'": "COMMENT",
    "EXECUTE IMMEDIATE 'x'": "EXECUTE",
    "UNDROP TABLE T": "UNDROP",
    "CREATE STAGE X": "CREATE STAGE",
    "CREATE FUNCTION F() RETURNS INT AS '1'": "CREATE FUNCTION",
    "CREATE SECURE VIEW V AS SELECT 1 AS X": "SECURE",
    "COPY INTO T FROM @stage": "no stages",
    "ALTER SESSION SET X = 1": "ALTER SESSION",
    "SHOW USERS": "SHOW USERS",
    "INSERT OVERWRITE INTO T SELECT 1": "INSERT OVERWRITE",
    "SELECT * FROM T AT (OFFSET => -60)": "time travel",
    "SELECT NOFUNC(1)": "nofunc",
    "SELECT NOPE FROM T": "no column NOPE",
    "SELECT * FROM NOWHERE": "table NOWHERE does not exist",
    "INSERT INTO T SELECT 'x'": "can't convert string",
    "INSERT INTO N VALUES (NULL)": "column A is NOT NULL",
    "SELECT": "does not know this SQL",
    "SELECT FROM WHERE": "local account",
    "SELEC 1": "SELEC statement",
    "DROP SCHEMA PUBLIC": "keeps the schema",
    "DROP DATABASE DEMO": "keeps its database",
    "CREATE DATABASE MEMORY": "MEMORY",
    "CREATE TABLE NOWHERE.T (A INT)": "schema .*NOWHERE.* does not exist",
    'CREATE TABLE "public".T2 (A INT)': "schema .*public.* does not exist",
    'INSERT INTO "public".T VALUES (1)': "does not exist",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_known_is_refused_by_its_name(account, text):
    account.sql("CREATE TABLE T (A INT); CREATE TABLE N (A INT NOT NULL)")
    with pytest.raises(UsageError, match=UNKNOWN[text]) as caught:
        account.sql(text)
    message = str(caught.value)
    assert "\n" not in message
    for foreign in ("Error:", "LINE 1", "DuckDB", "sqlglot", "Expecting", "Did you mean"):
        assert foreign not in message


def test_of_several_statements_the_failed_one_is_reported_and_those_before_stay(account):
    with pytest.raises(UsageError, match="statement 3 of 4 failed, after 2 that were done: .*convert"):
        account.sql(
            "CREATE TABLE M (A INT); INSERT INTO M VALUES (1); INSERT INTO M VALUES ('x'); DROP TABLE M"
        )
    assert account.sql("SELECT A FROM M")["A"].tolist() == [1]
    with pytest.raises(UsageError, match="statement 2 of 2 failed, after 1 that was done: .*FOO BAR"):
        account.sql("-- first; not a statement\nINSERT INTO M VALUES (2); FOO BAR")
    with pytest.raises(UsageError, match="statement 1 of 2 failed: "):
        account.sql("CREATE TABLE X (A GEOGRAPHY); INSERT INTO M VALUES (3)")
    assert sorted(account.sql("SELECT A FROM M;;")["A"]) == [1, 2]


def test_one_statement_of_many_rows_is_done_whole_or_not(account):
    account.sql("CREATE TABLE M (A VARCHAR(2)); INSERT INTO M VALUES ('a')")
    with pytest.raises(UsageError, match="too long"):
        account.sql("INSERT INTO M VALUES ('b'), ('ccc')")
    with pytest.raises(UsageError, match="too long"):
        account.sql("UPDATE M SET A = 'ddd'")
    assert account.sql("SELECT A FROM M")["A"].tolist() == ["a"]


def test_names_of_a_with_are_no_tables(account):
    account.sql("CREATE TABLE T (A INT); INSERT INTO T VALUES (1), (2)")
    assert account.sql("WITH T AS (SELECT * FROM T WHERE A = 1) SELECT COUNT(*) AS N FROM T")["N"][0] == 1
    recursive = (
        "WITH RECURSIVE R AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM R WHERE N < 3) SELECT * FROM R"
    )
    assert account.sql(recursive)["N"].tolist() == [1, 2, 3]
    assert account.sql("SELECT (SELECT MAX(T.A) FROM T) AS M, X.A FROM PUBLIC.T X ORDER BY 2")[
        "M"
    ].tolist() == [2, 2]
    assert account.sql("SELECT DEMO.PUBLIC.T.A FROM DEMO.PUBLIC.T, T AS Y")["A"].count() == 4


def test_columns_of_one_name_are_all_in_a_result(account):
    assert list(account.sql("SELECT 1 AS A, 2 AS B, 3 AS A")) == ["A", "B", "A"]
