"""Roles, warehouses and grants of the local account: in their form alone, as SHOW lists them."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import SqlPrivilegeError, UsageError


@pytest.fixture
def client(account):
    with sp.connect(account.profile, role="loader", warehouse='"my wh"') as client:
        yield client


def test_a_session_has_the_role_and_the_warehouse_that_it_was_given(account, client):
    asked = "SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE() AS W, LENGTH(CURRENT_ROLE()) AS N"
    assert client.sql(asked).to_dict("records") == [{"CURRENT_ROLE()": "LOADER", "W": "my wh", "N": 6}]
    assert account.sql(asked).to_dict("records") == [
        {"CURRENT_ROLE()": "ACCOUNTADMIN", "W": "COMPUTE_WH", "N": 12}
    ]
    (warehouse,) = client.sql("SHOW WAREHOUSES LIKE 'MY%'").to_dict("records")
    assert (warehouse["name"], warehouse["state"], warehouse["auto_resume"]) == ("my wh", "STARTED", "true")
    assert len(client.sql("SHOW WAREHOUSES LIKE 'COMPUTE%'")) == 0


def test_a_role_that_tries_to_be_sql_is_a_name(account):
    with sp.connect(account.profile, role='"x\' AS Y, 1 AS Z --"') as client:
        assert client.sql("SELECT CURRENT_ROLE() AS R")["R"].tolist() == ["x' AS Y, 1 AS Z --"]
        account.sql("CREATE TABLE T (A NUMBER)")
        assert client.sql("SHOW GRANTS ON TABLE T")["grantee_name"].tolist() == ["x' AS Y, 1 AS Z --"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TABLE T", "DEMO.PUBLIC.T"),
        ('table demo . public . "t"', "DEMO.PUBLIC.t"),
        ("SCHEMA PUBLIC", "DEMO.PUBLIC"),
        ("SCHEMA DEMO.PUBLIC", "DEMO.PUBLIC"),
        ("DATABASE demo", "DEMO"),
        ("PIPE P", "DEMO.PUBLIC.P"),
    ],
)
def test_the_sessions_role_owns_what_is_there(account, client, name, shown):
    account.sql('CREATE TABLE T (A NUMBER) ERROR_LOGGING = TRUE; CREATE TABLE "t" (A NUMBER)')
    account.sql(
        "CREATE PIPE P AS COPY INTO T FROM (SELECT $1:A FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    (grant,) = client.sql(f"SHOW GRANTS ON {name}").to_dict("records")
    assert list(grant) == [
        *("created_on", "privilege", "granted_on", "name"),
        *("granted_to", "grantee_name", "grant_option", "granted_by"),
    ]
    assert (grant["privilege"], grant["granted_on"]) == ("OWNERSHIP", name.split()[0].upper())
    assert (grant["name"], grant["granted_to"], grant["grantee_name"]) == (shown, "ROLE", "LOADER")
    held = client.sql("SHOW GRANTS TO ROLE LOADER")
    assert shown in held["name"].tolist()
    assert not held["name"].str.contains("account").any()


@pytest.mark.parametrize(
    "name",
    [
        *("ON TABLE NOWHERE", "ON SCHEMA NOWHERE", "ON SCHEMA NO.PUBLIC", "ON DATABASE NOWHERE", "ON PIPE P"),
        *("TO ROLE OTHER", 'ON TABLE "T-STREAMING"', 'ON TABLE "errors of 6 PUBLIC.T"'),
    ],
)
def test_what_is_not_there_has_no_grants(account, client, name):
    account.sql("CREATE TABLE T (A NUMBER) ERROR_LOGGING = TRUE")
    with pytest.raises(SqlPrivilegeError, match="does not exist") as caught:
        client.sql(f"SHOW GRANTS {name}")
    assert caught.value.code == "002003"


@pytest.mark.parametrize("text", ["SHOW GRANTS", "SHOW GRANTS OF ROLE X", "SHOW GRANTS ON ACCOUNT"])
def test_other_forms_are_refused(account, text):
    with pytest.raises(UsageError, match="local account"):
        account.sql(text)


def test_show_tables_shows_evolution_and_error_logging(account):
    account.sql('CREATE SCHEMA "é s"')
    account.sql("CREATE TABLE A (X NUMBER) ERROR_LOGGING = TRUE")
    account.sql('CREATE TABLE "a" (X NUMBER) ENABLE_SCHEMA_EVOLUTION = TRUE')
    account.sql('CREATE TABLE "é s"."q ü" (X NUMBER) ERROR_LOGGING = TRUE')
    account.sql('CREATE TABLE "é s".PLAIN (X NUMBER)')

    def reported():
        found = account.sql("SHOW TABLES")
        return dict(
            zip(found["name"], found["enable_schema_evolution"] + found["error_logging"], strict=True)
        )

    assert reported() == {"A": "NY", "a": "YN", "q ü": "NY", "PLAIN": "NN"}
    account.sql("ALTER TABLE A SET ERROR_LOGGING = FALSE, ENABLE_SCHEMA_EVOLUTION = TRUE")
    account.sql('ALTER TABLE "é s"."q ü" RENAME TO "é s"."r"')
    assert reported() == {"A": "YN", "a": "YN", "r": "NY", "PLAIN": "NN"}
