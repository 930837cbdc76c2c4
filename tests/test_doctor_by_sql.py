"""What `snowpipe-pandas doctor` reports by SQL: warnings with their statement, and what is unknown."""

import datetime as dt
import io
import json
import re

import pytest
from rich.console import Console

import snowpipe_pandas as sp
from snowpipe_pandas.cli import doctor
from tests.auth.material import pem
from tests.support.answers import NO_WAREHOUSE, WHO, WRONG_ROLE, refusal, service
from tests.support.command import run
from tests.support.loads import TABLE, make_table
from tests.support.scripted import Reply

T = "DEMO.PUBLIC.T"
SESSION = "SELECT CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE"
SHOWN = "SHOW TABLES LIKE 'T' IN SCHEMA DEMO.PUBLIC"
CHANNELS = "SHOW CHANNELS LIKE '%' IN TABLE DEMO.PUBLIC.T"


def granted(*privileges, to="LOADER"):
    return [{"privilege": p, "granted_to": "ROLE", "grantee_name": to} for p in privileges]


def channels(number):
    moment = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    day = dt.timedelta(days=1)
    return [
        {"name": f"c{n}", "offset_token": None, "created_on": moment + (n % 20) * day} for n in range(number)
    ]


WELL = {
    SESSION: [{"ROLE": "LOADER", "WAREHOUSE": "WH"}],
    "SHOW WAREHOUSES LIKE 'WH'": [{"name": "WH", "state": "STARTED", "auto_resume": "true"}],
    SHOWN: [{"name": "T", "error_logging": "Y", "enable_schema_evolution": "N"}],
    f"SHOW GRANTS ON TABLE {T}": granted("INSERT"),
    "SHOW GRANTS ON SCHEMA DEMO.PUBLIC": granted("USAGE"),
    "SHOW GRANTS ON DATABASE DEMO": granted("USAGE"),
    CHANNELS: channels(3),
}


@pytest.fixture
def examined(tmp_path):
    """Run the doctor against a service with these answers; gives the lines after the connection's, and what
    was asked."""

    def examine(changed=None, *, table=T, pipe=None, status=0, **settings):
        answers = {text: answer for text, answer in (WELL | (changed or {})).items() if answer is not None}
        with service(answers) as (server, asked):
            profile = tmp_path / "profile.json"
            given = WHO | {"url": server.url} | settings
            profile.write_text(
                json.dumps({name: value for name, value in given.items() if value is not None})
            )
            console = Console(file=io.StringIO(), width=80)
            named = {"table": table} if pipe is None else {"pipe": pipe}
            code = doctor.run(console, profile=profile, **named)
        printed = console.file.getvalue()
        assert code == status, printed
        lines = re.split(r"^(?:ok  |FAIL) pipe .*\n(?: .*\n)?", printed, flags=re.MULTILINE)[1]
        return lines, asked

    return examine


def test_an_account_where_all_is_well(examined):
    assert examined()[0].splitlines() == [
        "ok   role       LOADER, the user's default, for rows and for SQL",
        "ok   warehouse  WH, started",
        "ok   grants     LOADER holds INSERT on table DEMO.PUBLIC.T, USAGE on schema DEMO.PUBLIC, "
        "USAGE on database DEMO",
        "ok   errors     on: rejected rows are kept in the error table",
        "ok   evolution  off: columns that the table lacks are not added",
        "ok   channels   3 channels, the oldest of 2026-11-01; one that was not used for 30 days is deleted",
    ]


def expected(check, outcome, text, todo=""):
    """One finding as it is printed."""
    lines = f"{outcome:4} {check:10} {text}\n"
    return lines + (f"{'':16}{todo}\n" if todo else "")


SUSPENDED = {"name": "WH", "state": "SUSPENDED", "auto_resume": "false"}


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        (
            {SESSION: [{"ROLE": None, "WAREHOUSE": "WH"}]},
            expected(
                "role",
                "warn",
                "the user has no default role, which rows are streamed with",
                "ALTER USER LOADER_USER SET DEFAULT_ROLE = 'ROLE';",
            )
            + expected("warehouse", "ok", "WH, started")
            + expected("grants", "?", "not known: the role of loads is not"),
        ),
        (
            {SESSION: [{"ROLE": "LOADER", "WAREHOUSE": None}]},
            expected(
                "warehouse",
                "warn",
                "none is set: loads, SHOW, DESCRIBE and CREATE need none, SELECT does",
                "ALTER USER LOADER_USER SET DEFAULT_WAREHOUSE = 'WAREHOUSE';",
            ),
        ),
        (
            {"SHOW WAREHOUSES LIKE 'WH'": []},
            expected(
                "warehouse",
                "warn",
                "WH is not there, or LOADER may not use it: SELECT needs one",
                "GRANT USAGE ON WAREHOUSE WH TO ROLE LOADER;",
            ),
        ),
        (
            {"SHOW WAREHOUSES LIKE 'WH'": [SUSPENDED]},
            expected(
                "warehouse",
                "warn",
                "WH is suspended and no statement starts it: SELECT needs it",
                "ALTER WAREHOUSE WH RESUME;",
            ),
        ),
        (
            {"SHOW WAREHOUSES LIKE 'WH'": [SUSPENDED | {"auto_resume": "true"}]},
            expected("warehouse", "ok", "WH, suspended; a statement starts it"),
        ),
        (
            {
                f"SHOW GRANTS ON TABLE {T}": granted("SELECT"),
                "SHOW GRANTS ON DATABASE DEMO": granted("USAGE", to="OTHER"),
                "SHOW GRANTS TO ROLE LOADER": [],
            },
            expected(
                "grants",
                "warn",
                f"LOADER lacks INSERT on table {T}, USAGE on database DEMO",
                f"GRANT INSERT ON TABLE {T} TO ROLE LOADER; GRANT USAGE ON DATABASE DEMO TO ROLE LOADER;",
            ),
        ),
        (
            {
                f"SHOW GRANTS ON TABLE {T}": granted("SELECT"),
                "SHOW GRANTS ON DATABASE DEMO": None,
                "SHOW GRANTS TO ROLE LOADER": [],
            },
            expected(
                "grants",
                "warn",
                f"LOADER lacks INSERT on table {T}; "
                "whether LOADER holds USAGE on database DEMO can't be seen",
                f"GRANT INSERT ON TABLE {T} TO ROLE LOADER;",
            ),
        ),
        (
            {f"SHOW GRANTS ON TABLE {T}": refusal("003001", "42501")},
            expected("grants", "?", f"not known: whether LOADER holds INSERT on table {T} can't be seen"),
        ),
        (
            {SHOWN: [{"name": "T", "error_logging": "N", "enable_schema_evolution": "N"}]},
            expected(
                "errors",
                "warn",
                "off: rejected rows are counted, and not kept",
                f"ALTER TABLE {T} SET ERROR_LOGGING = TRUE;",
            ),
        ),
        (
            {SHOWN: [{"name": "T", "enable_schema_evolution": "N"}]},
            expected("errors", "?", "not known: SHOW TABLES does not show it in this account"),
        ),
        (
            {SHOWN: [{"name": "T", "enable_schema_evolution": "Y"}], "SHOW GRANTS TO ROLE LOADER": []},
            expected(
                "grants",
                "warn",
                f"LOADER lacks EVOLVE SCHEMA on table {T}",
                f"GRANT EVOLVE SCHEMA ON TABLE {T} TO ROLE LOADER;",
            ),
        ),
        (
            {
                SHOWN: [{"name": "T", "enable_schema_evolution": "Y"}],
                f"SHOW GRANTS ON TABLE {T}": granted("OWNERSHIP"),
            },
            expected("evolution", "ok", "on: columns that the table lacks are added to it"),
        ),
        (
            {SHOWN: []},
            expected("errors", "?", f"not known: the role of SQL does not see {T}")
            + expected("evolution", "?", f"not known: the role of SQL does not see {T}"),
        ),
        (
            {CHANNELS: refusal("003001", "42501", "Insufficient privileges")},
            "?    channels   not known: the statement failed (HTTP 422, 003001: Insufficient privileges)",
        ),
        ({CHANNELS: []}, expected("channels", "ok", "none")),
        (
            {CHANNELS: channels(1900)},
            expected(
                "channels",
                "warn",
                "1,900 channels, the oldest of 2026-11-01; one that was not used for 30 days is deleted",
                "drop those of loads that are done, as drop_when_done=True does: a pipe has at most 2,000",
            ),
        ),
        (
            {SESSION: NO_WAREHOUSE},
            "?    role       not known: the statement failed (HTTP 422, 000606: No active warehouse",
        ),
    ],
    ids=lambda value: value.split("\n")[0][:40] if isinstance(value, str) else "",
)
def test_what_is_not_as_it_could_be_is_reported_with_its_statement_and_fails_nothing(
    examined, changed, finding
):
    lines, _ = examined(changed)
    assert finding in lines
    assert len(re.findall(r"^\S", lines, re.MULTILINE)) == 6


KEY = {"private_key": pem().decode(), "token": None, "authenticator": None}
"""Instead of a token, which has its role already."""


def test_a_role_of_the_settings_is_that_of_loads_where_the_token_asks_for_it(examined):
    session = {(SESSION, "ANALYST"): [{"ROLE": "ANALYST", "WAREHOUSE": "WH"}]}
    grants = {"SHOW GRANTS TO ROLE ANALYST": []}
    lines, asked = examined(session | grants, role="analyst", **KEY)
    assert expected("role", "ok", "ANALYST of the settings, for rows and for SQL") in lines
    assert {role for text, role in asked if text.startswith("SHOW GRANTS")} == {"ANALYST"}


def test_a_role_of_the_settings_is_reported_beside_that_of_loads(examined):
    asked_as = {
        (SESSION, "ANALYST"): [{"ROLE": "ANALYST", "WAREHOUSE": "WH"}],
        (SHOWN, None): None,  # the tables are looked at as the settings say, grants as loads run
    }
    lines, asked = examined(asked_as, role="analyst")
    assert (
        expected("role", "ok", "LOADER, the user's default, for rows; ANALYST of the settings for SQL")
        in lines
    )
    assert "ok   grants     LOADER holds INSERT" in lines
    assert {role for text, role in asked if text.startswith("SHOW GRANTS")} == {None}
    assert {role for text, role in asked if text == SHOWN} == {"ANALYST"}


def test_a_role_that_is_none_of_the_users_is_reported_and_the_default_one_asks(examined):
    lines, asked = examined({(SESSION, "my role"): WRONG_ROLE}, role='"my role"')
    assert lines.startswith(
        expected(
            "role",
            "warn",
            "my role of the settings is not a role of this user; what follows was asked as LOADER",
            'GRANT ROLE "my role" TO USER LOADER_USER;',
        )
    )
    assert {role for text, role in asked if text.startswith("SHOW")} == {None}


def test_a_pipe_of_ones_own_needs_operate(examined):
    pipe = {"SHOW GRANTS ON PIPE DEMO.PUBLIC.P": granted("MONITOR"), "SHOW GRANTS TO ROLE LOADER": []}
    pipe |= {"SHOW CHANNELS LIKE '%' IN PIPE DEMO.PUBLIC.P": channels(1)}
    lines, _ = examined(pipe, pipe="DEMO.PUBLIC.P")
    todo = "GRANT OPERATE ON PIPE DEMO.PUBLIC.P TO ROLE LOADER;"
    assert expected("grants", "warn", "LOADER lacks OPERATE on pipe DEMO.PUBLIC.P", todo) in lines
    assert "skip errors     name the table with --table\n" in lines
    assert "ok   channels   1 channel, " in lines


def test_a_missing_pipe_does_not_hide_the_grants_that_may_be_its_cause(examined):
    missing = Reply(404, {"code": "ERR_TABLE_DOES_NOT_EXIST_NOT_AUTHORIZED", "message": "no"})
    changed = {"pipe": missing, f"SHOW GRANTS ON TABLE {T}": [], "SHOW GRANTS TO ROLE LOADER": []}
    lines, _ = examined(changed, status=1)
    assert f"GRANT INSERT ON TABLE {T} TO ROLE LOADER;" in lines


@pytest.mark.parametrize(
    "rows", [[], [{}], [{"name": None}], [{"other": "x"}], [{"name": "T", "privilege": "INSERT"}]]
)
def test_answers_without_the_columns_that_are_documented_show_nothing(examined, rows):
    odd = {text: rows for text in WELL if text != CHANNELS} | {"SHOW GRANTS TO ROLE LOADER": rows}
    lines, _ = examined(odd)
    assert "ok   grants" not in lines
    assert "ok   errors" not in lines
    lines, _ = examined(odd | {SESSION: WELL[SESSION]})
    assert "ok   grants" not in lines


@pytest.mark.parametrize(
    "answer",
    [
        Reply(404, b"<html>not here</html>"),
        Reply(401, {"code": "390144", "message": "JWT token is invalid"}),
        Reply(503),
        Reply(200, b"{", cut=0),
    ],
    ids=["no such path", "not let in", "unavailable", "cut off"],
)
def test_without_sql_one_line_says_so_and_nothing_fails(examined, answer):
    lines, _ = examined({SESSION: answer})
    assert len(lines.splitlines()) == 1
    assert lines.startswith("?    sql        no more is known, since SQL gives no answer here: ")


def test_a_name_that_can_not_be_one_is_reported_by_the_pipe(examined):
    lines, asked = examined(table="T", status=1)
    assert lines.startswith("?    sql        not asked: ")
    assert asked == []


def test_the_statements_of_the_doctor_are_good_sql():
    with sp.local() as account:
        make_table(account)
        result = run("doctor", account.profile, "--table", TABLE)
        (todo,) = re.findall(r"ALTER TABLE .*;", result.stdout)
        account.sql(todo)
        again = run("doctor", account.profile, "--table", TABLE)
    assert result.returncode == again.returncode == 0
    assert "warn errors" in result.stdout
    assert "ok   errors" in again.stdout
