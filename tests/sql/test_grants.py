"""Privileges of a role: its own, inherited ones, and those that nobody lets it see; on a scripted service."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import SqlUnknownError
from snowpipe_pandas.names import ObjectName
from snowpipe_pandas.sql import grants
from snowpipe_pandas.sql.grants import needed, standing
from snowpipe_pandas.sql.session import Session, Warehouse, current_session, find_warehouse
from snowpipe_pandas.sql.table_settings import TableSettings, read_table_settings
from tests.support.answers import answering
from tests.support.scripted import Reply

T = ObjectName("DEMO", "PUBLIC", "T")
INSERT, SCHEMA, DATABASE = needed(T)


def on(kind, name, *holders):
    """The answer to SHOW GRANTS ON: who holds what, as `privilege grantee`."""
    rows = [
        {
            "privilege": privilege,
            "granted_on": kind,
            "name": name,
            "granted_to": "DATABASE_ROLE" if grantee.startswith("db:") else "ROLE",
            "grantee_name": grantee.removeprefix("db:"),
        }
        for privilege, grantee in holders
    ]
    return {f"SHOW GRANTS ON {kind} {name}": rows}


def to(role, *granted, kind="ROLE"):
    """The answer to SHOW GRANTS TO ROLE: the roles that are granted to it, and an object."""
    rows = [{"privilege": "USAGE", "granted_on": name_kind, "name": name} for name_kind, name in granted]
    rows.append({"privilege": "SELECT", "granted_on": "TABLE", "name": "DEMO.PUBLIC.OTHER"})
    return {f"SHOW GRANTS TO {kind} {role}": rows}


USAGES = on("SCHEMA", "DEMO.PUBLIC", ("USAGE", "LOADER")) | on("DATABASE", "DEMO", ("USAGE", "LOADER"))


def found(answers, role="LOADER", privileges=None):
    with answering(answers) as (client, asked):
        checked = standing(client, role, privileges or needed(T))
    return checked, asked


@pytest.mark.parametrize("privilege", ["INSERT", "OWNERSHIP", "ALL"])
def test_what_a_role_holds_itself_needs_no_look_at_other_roles(privilege):
    checked, asked = found(on("TABLE", str(T), ("SELECT", "X"), (privilege, "LOADER")) | USAGES)
    assert (checked.held, checked.missing, checked.unknown) == (needed(T), (), ())
    assert len(asked) == 3


def test_what_everybody_holds_a_role_holds():
    checked, _ = found(on("TABLE", str(T), ("INSERT", "PUBLIC")) | USAGES)
    assert checked.held == needed(T)


def test_what_comes_by_way_of_other_roles_counts():
    answers = on("TABLE", str(T), ("INSERT", "WRITERS")) | USAGES
    answers |= to("LOADER", ("ROLE", "STAFF")) | to("PUBLIC")
    answers |= to("STAFF", ("ROLE", "LOADER"), ("ROLE", "WRITERS")) | to("WRITERS")
    checked, _ = found(answers)
    assert checked.held == needed(T)


def test_database_roles_count_too():
    answers = on("TABLE", str(T), ("INSERT", "db:WRITERS")) | USAGES
    answers |= to("LOADER", ("DATABASE_ROLE", "DEMO.STAFF")) | to("PUBLIC")
    answers |= to("DEMO.STAFF", ("DATABASE_ROLE", 'DEMO."WRITERS"'), kind="DATABASE ROLE")
    checked, _ = found(answers)
    assert checked.held == needed(T)


def test_what_nobody_of_its_roles_holds_is_missing_with_the_statement_that_gives_it():
    answers = on("TABLE", str(T), ("SELECT", "my role"), ("INSERT", "OTHER"), ("INSERT", "MY ROLE"))
    answers |= on("SCHEMA", "DEMO.PUBLIC", ("USAGE", "my role")) | on("DATABASE", "DEMO")
    answers |= to('"my role"') | to("PUBLIC")
    checked, _ = found(answers, role="my role")
    assert (checked.held, checked.missing, checked.unknown) == ((SCHEMA,), (INSERT, DATABASE), ())
    assert [p.grant("my role") for p in checked.missing] == [
        'GRANT INSERT ON TABLE DEMO.PUBLIC.T TO ROLE "my role";',
        'GRANT USAGE ON DATABASE DEMO TO ROLE "my role";',
    ]


def test_what_may_not_be_seen_is_unknown_and_not_missing():
    checked, _ = found(USAGES)
    assert (checked.held, checked.missing, checked.unknown) == ((SCHEMA, DATABASE), (), (INSERT,))


def test_roles_that_may_not_be_seen_leave_it_unknown():
    answers = on("TABLE", str(T), ("INSERT", "WRITERS")) | USAGES
    checked, _ = found(answers | to("LOADER", ("ROLE", "STAFF")) | to("PUBLIC"))
    assert checked.unknown == (INSERT,)
    checked, _ = found(answers | to("LOADER"))  # PUBLIC's may stay hidden: what all hold is no secret
    assert checked.missing == (INSERT,)


def test_a_service_that_stops_answering_does_not_count_as_a_hidden_role():
    lost = Reply(202, {"code": "333334"})
    for answers in (
        {f"SHOW GRANTS ON TABLE {T}": lost},
        on("TABLE", str(T)) | {"SHOW GRANTS TO ROLE LOADER": lost},
    ):
        with pytest.raises(SqlUnknownError):
            found(answers)


def test_more_roles_than_are_looked_through_leave_it_unknown(monkeypatch):
    monkeypatch.setattr(grants, "MOST_ROLES", 4)
    answers = on("TABLE", str(T), ("INSERT", "R9")) | USAGES | to("PUBLIC")
    answers |= to("LOADER", *(("ROLE", f"R{number}") for number in range(9)))
    checked, asked = found(answers)
    assert checked.unknown == (INSERT,)
    assert len(asked) < 8


def test_pipes_and_evolution_ask_for_more():
    pipe = needed(ObjectName("DEMO", "my schema", "P"), pipe=True)
    assert [str(p) for p in pipe] == [
        'OPERATE on pipe DEMO."my schema".P',
        'USAGE on schema DEMO."my schema"',
        "USAGE on database DEMO",
    ]
    assert "EVOLVE SCHEMA on table DEMO.PUBLIC.T" in [str(p) for p in needed(T, evolves=True)]


@pytest.mark.parametrize("sql_row", [{"ROLE": "R", "WAREHOUSE": None}, {"ROLE": None, "WAREHOUSE": "W"}])
def test_the_session_is_reported_unchanged(sql_row):
    with answering({"SELECT CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE": [sql_row]}) as (
        client,
        _,
    ):
        assert current_session(client) == Session(sql_row["ROLE"], sql_row["WAREHOUSE"])


def test_a_warehouse_is_found_by_its_whole_name():
    row = {"name": "WH", "state": "SUSPENDED", "auto_resume": "false"}
    rows = [row | {"name": "wh", "state": "STARTED"}, row]
    with answering({"SHOW WAREHOUSES LIKE 'WH'": rows, "SHOW WAREHOUSES LIKE 'Wh'": rows}) as (client, _):
        assert find_warehouse(client, "WH") == Warehouse("WH", "SUSPENDED", resumes=False)
        assert find_warehouse(client, "Wh") is None


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        ({"error_logging": "Y", "enable_schema_evolution": "N"}, TableSettings(True, False)),
        ({"error_logging": "OFF", "enable_schema_evolution": "Y"}, TableSettings(False, True)),
        ({"error_logging": "true"}, TableSettings(True, None)),
        ({"error_logging": None, "enable_schema_evolution": "perhaps"}, TableSettings(None, None)),
        ({}, TableSettings(None, None)),
    ],
    ids=repr,
)
def test_settings_that_are_not_reported_are_unknown(row, settings):
    rows = [{"name": "t", "error_logging": "Y"}, {"name": "T"} | row]
    with answering({"SHOW TABLES LIKE 'T' IN SCHEMA DEMO.PUBLIC": rows}) as (client, _):
        assert read_table_settings(client, T) == settings
        with pytest.raises(sp.SnowpipeError):
            read_table_settings(client, ObjectName("DEMO", "PUBLIC", "U"))


def test_a_table_that_is_not_shown_is_none(account):
    account.sql('CREATE TABLE "T_X" (A NUMBER) ERROR_LOGGING = TRUE; CREATE TABLE TAX (A NUMBER)')
    assert read_table_settings(account, ObjectName("DEMO", "PUBLIC", "T_X")) == TableSettings(True, False)
    assert read_table_settings(account, ObjectName("DEMO", "PUBLIC", "t_x")) is None
