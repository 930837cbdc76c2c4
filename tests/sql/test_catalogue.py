"""What loads ask by SQL, of a client and of an account: a missing table, its columns, its channels."""

import pytest

from snowpipe_pandas.errors import SqlError, SqlPrivilegeError, UsageError
from snowpipe_pandas.names import ObjectName
from snowpipe_pandas.sql.catalogue import create_table_if_missing, describe_table, list_channels
from snowpipe_pandas.target_column import TargetColumn
from tests.support.loads import numbers

T = ObjectName("DEMO", "PUBLIC", "T")


@pytest.mark.parametrize("ddl", ["CREATE TABLE T (ID NUMBER)", "create  table if  not exists T (ID NUMBER);"])
def test_a_missing_table_is_made_and_one_that_is_there_stays(client, account, ddl):
    assert create_table_if_missing(client, ddl) == "Table T successfully created."
    account.sql("INSERT INTO T VALUES (1)")
    assert (
        create_table_if_missing(client, ddl.replace("ID", "OTHER"))
        == "T already exists, statement succeeded."
    )
    assert account.sql("SELECT ID FROM T")["ID"].tolist() == [1]


@pytest.mark.parametrize(
    "ddl",
    ["CREATE OR REPLACE TABLE T (ID NUMBER)", "DROP TABLE T", "", "CREATE VIEW V AS SELECT 1", "SELECT 1"],
)
def test_what_would_do_more_is_refused(client, account, ddl):
    with pytest.raises(UsageError, match="without OR REPLACE"):
        create_table_if_missing(client, ddl)
    assert not [request for request in account.requests if request.operation == "statement"]


def test_a_ddl_that_fails_says_why(client):
    with pytest.raises(SqlError, match="NOPE"):
        create_table_if_missing(client, "CREATE TABLE T (ID NOPE)")


def test_columns_are_reported_as_an_open_reports_them(client, account):
    account.sql(
        "CREATE TABLE T (A NUMBER(10,2) NOT NULL, \"b c\" VARCHAR(20) DEFAULT 'x', "
        "ID NUMBER AUTOINCREMENT START 5 INCREMENT 2, V VARIANT, TS TIMESTAMP_TZ(3))"
    )
    assert describe_table(client, T) == (
        TargetColumn("A", "NUMBER(10,2)", False),
        TargetColumn("b c", "VARCHAR(20)", True, True),
        TargetColumn("ID", "NUMBER(38,0)", True, True),
        TargetColumn("V", "VARIANT", True),
        TargetColumn("TS", "TIMESTAMP_TZ(3)", True),
    )


def test_names_are_quoted_as_they_must(client, account):
    account.sql('CREATE TABLE "odd ""name" (ID NUMBER)')
    assert [c.name for c in describe_table(client, ObjectName("DEMO", "PUBLIC", 'odd "name'))] == ["ID"]


def test_a_missing_table_is_reported(client):
    with pytest.raises(SqlPrivilegeError):
        describe_table(client, T)


def test_channels_are_listed_with_their_tokens(client, account):
    account.sql("CREATE TABLE T (ID NUMBER, TEXT VARCHAR)")
    for name in ("load_1", "load_2", "LOAD_3", "loadx1", "it's", "a%b"):
        client.open_channel(name, table=str(T))
    channel = client.open_channel("load_2", table=str(T))
    numbers(10).snowpipe.stream(channel, load_id="mine", progress=False)
    everyone = list_channels(client, "table", T)
    assert [c.name for c in everyone] == sorted(["load_1", "load_2", "LOAD_3", "loadx1", "it's", "a%b"])
    found = list_channels(client, "pipe", T.default_pipe(), starting_with="load_")
    assert [c.name for c in found] == ["load_1", "load_2"]
    assert found[0].offset_token is None
    assert found[1].offset_token.startswith("mine:10:")
    assert found[0].created_on <= found[1].created_on
    assert [c.name for c in list_channels(client, "table", T, starting_with="it's")] == ["it's"]
    assert [c.name for c in list_channels(client, "table", T, starting_with="a%")] == ["a%b"]
    assert list_channels(client, "table", T, starting_with="\\") == []
