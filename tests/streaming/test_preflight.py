"""Before the first row: a missing table is made, and rows that the table surely rejects are not sent."""

import threading

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ColumnMismatchError,
    CreateTableError,
    RowsRejectedError,
    SnowpipeError,
    SqlPrivilegeError,
    UnknownColumnError,
    UsageError,
)

T = "DEMO.PUBLIC.T"
FRAME = pd.DataFrame({"ID": [1, 2], "NOTE": ["x", "y"]})


def asked(account, operation="statement"):
    return [request for request in account.requests if request.operation == operation]


def count(account, table=T):
    return int(account.sql(f"SELECT COUNT(*) AS N FROM {table}")["N"][0])


def silent_opens(account):
    """Let opens report no columns, as a real account's do."""
    account.faults.add("open", times=100, change=lambda answer: answer | {"table_columns": []})


@pytest.fixture(params=["exactly-once", "at-least-once", "channel"])
def send(request, client):
    """Loads a frame into the table T in each way there is, on an account whose opens report no columns."""

    def send(frame, **options):
        limits = sp.LoadLimits(audit_grace_s=0.2)
        if request.param == "channel":
            target = client.open_channel("c", table=T)
        else:
            target, options["delivery"] = client.table(T), request.param
        return sp.stream(frame, target, progress=False, limits=limits, **options)

    return send


# What it costs.


def test_where_an_open_shows_the_columns_nothing_is_asked_by_sql(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    FRAME.snowpipe.stream(client.table(T), channels=2, progress=False)
    FRAME.snowpipe.stream(client.open_channel("c", table=T), progress=False)
    assert not asked(account)


def test_where_it_does_not_they_are_read_once_for_the_load_before_anything_is_sent(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    silent_opens(account)
    FRAME.snowpipe.stream(client.table(T), channels=2, progress=False)
    assert len(asked(account)) == 1
    kinds = [request.operation for request in account.requests]
    assert kinds.index("statement") < kinds.index("append")


def test_loads_on_one_channel_read_them_once_a_minute(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    silent_opens(account)
    channel = client.open_channel("c", table=T)
    for _ in range(3):
        FRAME.snowpipe.stream(channel, progress=False)
    assert len(asked(account)) == 1
    channel.seen_columns._until -= 61
    FRAME.snowpipe.stream(channel, progress=False)
    assert len(asked(account)) == 2
    channel.reopen()  # which the service may ask for since the table was changed
    FRAME.snowpipe.stream(channel, progress=False)
    assert len(asked(account)) == 3


def test_columns_that_can_not_be_read_are_not_asked_for_before_each_row(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    silent_opens(account)
    account.faults.add("statement", times=100, status=404, body=b"{}")
    channel = client.open_channel("c", table=T)
    for _ in range(3):
        assert FRAME.snowpipe.stream(channel, progress=False).rows_sent == 2
    assert len(asked(account)) == 1


def test_what_was_seen_is_read_again_before_it_counts_against_a_load(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER)")
    silent_opens(account)
    channel = client.open_channel("c", table=T)
    FRAME[["ID"]].snowpipe.stream(channel, progress=False)
    account.faults.add("statement", times=100, status=404, body=b"{}")
    for _ in range(2):  # what was seen is used where it can't be read again
        with pytest.raises(UnknownColumnError):
            FRAME.snowpipe.stream(channel, progress=False)
    account.faults.clear()
    account.sql(f"ALTER TABLE {T} ADD COLUMN NOTE VARCHAR")
    assert FRAME.snowpipe.stream(channel, progress=False).rows_sent == 2


def test_a_pipe_of_ones_own_is_not_asked_about(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, WORDS VARCHAR)")
    account.sql(
        f"CREATE PIPE P AS COPY INTO {T} "
        "FROM (SELECT $1:ID, $1:NOTE FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    assert FRAME.snowpipe.stream(client.pipe("DEMO.PUBLIC.P"), progress=False).rows_in_table == 2
    assert not asked(account)


# What is refused.


def test_a_column_that_the_table_lacks_is_refused_before_anything_is_sent(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTES VARCHAR)")
    silent_opens(account)
    with pytest.raises(UnknownColumnError, match="no column 'NOTE'; did you mean 'NOTES'") as caught:
        send(FRAME)
    assert (caught.value.columns, caught.value.target) == (("NOTE",), T)
    assert not asked(account, "append")


@pytest.mark.parametrize(
    "fault",
    [
        {
            "status": 422,
            "body": b'{"code":"002003","sqlState":"02000","message":"not authorized","statementHandle":"h"}',
        },
        {"status": 404, "body": b"{}"},
        {"status": 403, "body": b"{}"},
        {"status": 200, "body": b"<html>"},
    ],
)
def test_columns_that_can_not_be_read_stop_no_load(account, send, fault):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    silent_opens(account)
    account.faults.add("statement", times=100, **fault)
    assert send(FRAME).rows_acknowledged == 2
    assert count(account) == 2
    assert asked(account)


def test_an_answer_of_odd_columns_stops_no_load(account, client):
    """A service whose DESCRIBE has other columns than documented."""
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    silent_opens(account)
    account.faults.add("statement_result", times=100, change=_renamed)
    assert FRAME.snowpipe.stream(client.table(T), progress=False).rows_in_table == 2


def _renamed(answer):
    for column in answer.get("resultSetMetaData", {}).get("rowType", []):
        column["name"] = f"other {column['name']}"
    return answer


def test_a_column_that_was_added_after_the_open_is_seen(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER)")
    channel = client.open_channel("c", table=T)
    with pytest.raises(UnknownColumnError, match="NOTE"):
        FRAME.snowpipe.stream(channel, progress=False)
    account.sql(f"ALTER TABLE {T} ADD COLUMN NOTE VARCHAR")
    assert FRAME.snowpipe.check(channel) == []
    assert FRAME.snowpipe.stream(channel, progress=False).rows_in_table == 2


def test_without_sql_the_opens_columns_are_used_and_the_error_says_how_old_it_may_be(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER)")
    channel = client.open_channel("c", table=T)
    account.faults.add("statement", times=100, status=404, body=b"{}")
    with pytest.raises(UnknownColumnError, match="open the channel again"):
        FRAME.snowpipe.stream(channel, progress=False)


def test_a_column_without_a_value_that_fits_is_refused(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, FLAG DATE)")
    with pytest.raises(ColumnMismatchError, match="'FLAG' is BOOLEAN, the table's is DATE") as caught:
        send(pd.DataFrame({"ID": [1, 2], "FLAG": [None, True]}))
    assert caught.value.columns == ("FLAG",)
    assert not asked(account, "append")


def test_a_column_without_values_goes_anywhere(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, FLAG DATE)")
    flags = pd.array([None, None], dtype="boolean")
    assert send(pd.DataFrame({"ID": [1, 2], "FLAG": flags})).rows_acknowledged == 2
    assert count(account) == 2


def test_values_that_fit_in_part_are_left_to_the_service(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER)")
    with pytest.raises(RowsRejectedError):
        pd.DataFrame({"ID": ["1", "x"]}).snowpipe.stream(client.table(T), progress=False)
    assert count(account) == 1


def test_a_column_that_the_table_needs_is_missed(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR, KEY NUMBER NOT NULL)")
    with pytest.raises(ColumnMismatchError, match="'KEY' is NOT NULL in the table and not in the data"):
        send(FRAME)
    assert not asked(account, "append")
    send(FRAME.head(0))  # no row, nothing rejected


@pytest.mark.parametrize("filled", ["DEFAULT 7", "AUTOINCREMENT"])
def test_a_column_that_fills_itself_is_not_missed(account, send, filled):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR, KEY NUMBER NOT NULL {filled})")
    silent_opens(account)
    send(FRAME)
    assert count(account) == 2


# Tables that evolve.


def test_a_table_that_evolves_gets_no_new_column_unless_it_is_wanted(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER) ENABLE_SCHEMA_EVOLUTION = TRUE")
    with pytest.raises(UnknownColumnError, match='on_new_columns="evolve"'):
        send(FRAME)
    assert account.sql(f"DESCRIBE TABLE {T}")["name"].tolist() == ["ID"]
    send(FRAME, on_new_columns="evolve")
    assert account.sql(f"DESCRIBE TABLE {T}")["name"].tolist() == ["ID", "NOTE"]
    assert count(account) == 2


def test_what_it_needs_it_needs_no_longer(account, send):
    account.sql(
        f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR, KEY NUMBER NOT NULL) ENABLE_SCHEMA_EVOLUTION = TRUE"
    )
    send(FRAME)
    assert count(account) == 2


def test_a_table_that_does_not_evolve_is_reported_with_the_statement_that_lets_it(account, send):
    account.sql(f"CREATE TABLE {T} (ID NUMBER)")
    with pytest.raises(UnknownColumnError) as caught:
        send(FRAME, on_new_columns="evolve")
    statement = str(caught.value).partition("evolves: ")[2].partition(" = TRUE")[0] + " = TRUE"
    account.sql(statement)
    send(FRAME, on_new_columns="evolve")
    assert count(account) == 2


def test_a_channel_that_an_evolution_invalidates_is_reopened_and_reported_as_that(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER) ENABLE_SCHEMA_EVOLUTION = TRUE")
    account.channels.fail_commits(code="ERR_CHANNEL_MUST_BE_REOPENED")
    received = []
    result = sp.stream(FRAME, client.table(T), on_new_columns="evolve", progress=received.append)
    assert (result.reopens, result.rows_in_table, count(account)) == (1, 2, 2)
    assert any("ERR_CHANNEL_MUST_BE_REOPENED" in str(event) for event in received)


def test_an_evolution_that_always_fails_ends_the_load_with_its_cause(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER) ENABLE_SCHEMA_EVOLUTION = TRUE")
    wide = pd.DataFrame({f"K{number}": [1] for number in range(101)})
    with pytest.raises(SnowpipeError, match="101 new keys"):
        sp.stream(wide, client.table(T), on_new_columns="evolve", progress=False)
    assert count(account) == 0


# check().


def test_check_takes_every_target(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTES VARCHAR)")
    table = client.table(T)
    for target in (table, table.elastic(), client.open_channel("c", table=T)):
        assert [str(problem) for problem in FRAME.snowpipe.check(target)] == [
            "no column 'NOTE'; did you mean 'NOTES'?"
        ]
    assert FRAME.snowpipe.check(T, client=client)
    assert FRAME.snowpipe.check(table, columns={"NOTE": "NOTES"}) == []
    with pytest.raises(SqlPrivilegeError):
        FRAME.snowpipe.check(client.table("DEMO.PUBLIC.NOPE"))
    with pytest.raises(UsageError, match="which columns pipe DEMO.PUBLIC.P fills"):
        FRAME.snowpipe.check(client.pipe("DEMO.PUBLIC.P"))


# create=True.


def _parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.to_parquet(path)
    return path


@pytest.mark.parametrize(
    "source",
    [
        lambda tmp_path: FRAME,
        lambda tmp_path: FRAME.to_dict("records"),
        lambda tmp_path: iter([FRAME.head(1), FRAME.tail(1)]),
        lambda tmp_path: (row for row in FRAME.to_dict("records")),
        _parquet,
    ],
)
@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_missing_table_is_made_for_the_rows_of_any_source(account, client, tmp_path, source, delivery):
    options = {"delivery": delivery, "limits": sp.LoadLimits(audit_grace_s=0.2), "progress": False}
    sp.stream(source(tmp_path), client.table(T), create=True, **options)
    described = account.sql(f"DESCRIBE TABLE {T}")
    assert list(zip(described["name"], described["type"], strict=True)) == [
        ("ID", "NUMBER(38,0)"),
        ("NOTE", "VARCHAR"),
    ]
    assert account.sql(f"SELECT * FROM ERROR_TABLE({T})").empty
    assert count(account) == 2


def test_a_table_that_is_there_is_never_changed_nor_recreated(account, client):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR, MORE NUMBER); INSERT INTO {T} (ID) VALUES (0)")
    silent_opens(account)
    FRAME.snowpipe.stream(client.table(T), create=True, progress=False)
    assert (count(account), len(account.sql(f"DESCRIBE TABLE {T}"))) == (3, 3)
    assert len(asked(account)) == 1  # a look, for both: nobody needs the privilege to make what is there
    with pytest.raises(UnknownColumnError):
        FRAME.assign(OTHER=1).snowpipe.stream(client.table(T), create=True, progress=False)


def test_the_made_table_has_the_columns_as_they_are_sent(account, client):
    frame = pd.DataFrame({"some id": [1], "note": ["x"]})
    options = {"create": True, "column_case": "upper", "columns": {"some id": "key"}, "progress": False}
    assert frame.snowpipe.stream(T, client=client, **options).rows_in_table == 1
    assert account.sql(f"DESCRIBE TABLE {T}")["name"].tolist() == ["KEY", "NOTE"]


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_table_that_can_not_be_made_is_reported_with_its_statement(account, client, delivery):
    body = b'{"code":"003001","sqlState":"42501","message":"Insufficient privileges","statementHandle":"h"}'
    account.faults.add("statement", times=2, status=422, body=body)
    with pytest.raises(CreateTableError) as caught:
        FRAME.snowpipe.stream(client.table(T), create=True, delivery=delivery, progress=False)
    assert caught.value.ddl in str(caught.value)
    assert isinstance(caught.value.__cause__, SqlPrivilegeError)
    account.sql(caught.value.ddl)
    FRAME.snowpipe.stream(client.table(T), create=True, progress=False)
    assert count(account) == 2


def test_a_target_may_say_that_its_loads_make_the_table(account, client):
    FRAME.snowpipe.stream(client.table(T, create=True), progress=False)
    FRAME.snowpipe.stream(client.table(T, create=True), delivery="at-least-once", progress=False)
    assert count(account) == 4
    with pytest.raises(UsageError, match="create=1"):
        client.table(T, create=1)


@pytest.mark.parametrize("option", [{"create": True}, {"if_exists": "replace"}])
def test_open_channels_and_pipes_have_their_tables(account, client, option):
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    for target in (client.open_channel("c", table=T), client.pipe("DEMO.PUBLIC.P")):
        with pytest.raises(UsageError, match="does not go with this target"):
            FRAME.snowpipe.stream(target, progress=False, **option)
    assert count(account) == 0


@pytest.mark.parametrize("case", ["no such column", "no channel", "no such option", "no such name"])
def test_a_load_that_ends_before_its_rows_were_read_lets_go_of_the_iterator(account, client, case):
    """Its error is kept, as notebooks keep the last one, and with it all that its frames hold."""
    account.sql(f"CREATE TABLE {T} (ID NUMBER, NOTE VARCHAR)")
    options = {"no such option": {"after": "x"}, "no such name": {"columns": {"NOPE": "X"}}}.get(case, {})
    if case == "no channel":
        account.faults.add("open", status=400, body=b'{"code": "ERR_X"}')
    closed = threading.Event()

    def frames():
        try:
            for _ in range(1000):
                yield FRAME.assign(OTHER=1) if case == "no such column" else FRAME
        finally:
            closed.set()

    with pytest.raises(sp.SnowpipeError) as caught:
        sp.stream(frames(), client.table(T), progress=False, **options)
    assert closed.wait(10)
    assert caught.value is not None
