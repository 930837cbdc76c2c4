"""A statement's way: submitted once, waited for, read by partitions, cancelled; whatever the network does."""

import gzip
import json
import os
import re
import signal
import threading
import time

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    AuthenticationError,
    ClosedError,
    SqlError,
    SqlPrivilegeError,
    SqlResultError,
    SqlTimeoutError,
    SqlUnknownError,
    ThrottledError,
    TransportError,
    UsageError,
    WarehouseError,
)
from tests.support.scripted import Reply, scripted_server

from .conftest import QUICK, SLOW


def count(client):
    return client.sql("SELECT COUNT(*) AS N FROM T")["N"][0]


@pytest.fixture
def table(client):
    client.sql("CREATE TABLE T (ID NUMBER)")
    return client


def test_a_statement_is_submitted_to_run_by_itself_and_waited_for(client, asked):
    assert client.sql("SELECT 1 AS N").to_dict("records") == [{"N": 1}]
    (submitted,) = asked("statement")
    assert submitted.status == 202
    assert submitted.query["async"] == "true"
    assert "retry" not in submitted.query
    assert "retryCount" not in submitted.query
    assert asked("statement_result")[-1].status == 200


def test_a_result_that_comes_at_once_needs_no_wait(client, account, asked):
    ready = Reply(
        body={
            "code": "090001",
            "statementHandle": "h",
            "resultSetMetaData": {"numRows": 1, "rowType": [{"name": "N", "type": "fixed", "scale": 0}]},
            "data": [["7"]],
        }
    )
    with scripted_server() as server, connected(server) as client:
        server.script(ready)
        assert client.sql("SELECT 7 AS N")["N"].tolist() == [7]
        assert [seen.method for seen in server.seen] == ["POST"]


def test_all_partitions_are_read_in_order(client, asked):
    found = client.sql(
        "SELECT range AS ID, REPEAT('x', 100) AS X, NULLIF(range, 3) AS MAYBE FROM range(50000)"
    )
    pd.testing.assert_series_equal(found["ID"], pd.Series(range(50_000), dtype="Int64", name="ID"))
    assert found["MAYBE"].isna().sum() == 1
    asked_for = [request.query.get("partition") for request in asked("statement_result")]
    partitions = [int(number) for number in asked_for if number]
    assert partitions == list(range(1, max(partitions) + 1))
    assert len(partitions) > 4


TWO_PARTITIONS = {
    "code": "090001",
    "statementHandle": "h",
    "resultSetMetaData": {
        "numRows": 3,
        "rowType": [{"name": "N", "type": "fixed", "scale": 0}],
        "partitionInfo": [{"rowCount": 1}, {"rowCount": 2}],
    },
    "data": [["7"]],
}


def test_partitions_after_the_first_may_be_packed():
    packed = Reply(body=gzip.compress(b'{"data":[["8"],["9"]]}'), headers={"Content-Encoding": "gzip"})
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=TWO_PARTITIONS), packed)
        assert client.sql("SELECT N FROM T")["N"].tolist() == [7, 8, 9]
        assert server.seen[1].query["partition"] == "1"


@pytest.mark.parametrize(
    "second",
    [Reply(503), Reply(404, {"message": "gone"}), Reply(body={"data": [["8"]]}), Reply(body=b"{")],
    ids=repr,
)
def test_a_lost_partition_is_not_lost_in_silence(second):
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=TWO_PARTITIONS), second)
        with pytest.raises(SqlResultError, match="was done, but") as caught:
            client.sql("SELECT N FROM T")
        assert caught.value.query_id == "h"


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": True},
        {"truncate": 5},
        {"status": 503, "applied": True},
        {"status": 502, "body": b"<html>bad gateway</html>", "applied": True},
    ],
    ids=str,
)
def test_a_change_whose_answer_is_lost_is_not_done_twice(table, account, asked, fault):
    account.faults.add("statement", times=2, **fault)
    result = table.sql("INSERT INTO T VALUES (1)")
    assert result.iloc[0, 0] == 1
    assert count(table) == 1
    tries = asked("statement")[1:4]
    assert len({request.query["requestId"] for request in tries}) == 1
    assert [request.query.get("retry") for request in tries] == [None, "true", "true"]


@pytest.mark.parametrize("fault", [{"cut_before": True}, {"status": 503}, {"status": 429}], ids=str)
def test_a_change_that_did_not_arrive_is_done_once(table, account, fault):
    account.faults.add("statement", times=2, **fault)
    table.sql("INSERT INTO T VALUES (1)")
    assert count(table) == 1


@pytest.mark.parametrize(
    "fault",
    [{"cut_after": True}, {"status": 503}, {"status": 500, "applied": True}, {"truncate": 3}],
    ids=str,
)
def test_without_any_answer_it_is_unknown_whether_it_ran(table, account, fault):
    account.faults.add("statement", times=100_000, **fault)
    with pytest.raises(SqlUnknownError, match="unknown whether the statement ran.*INSERT INTO T") as caught:
        table.sql("INSERT INTO T VALUES (1)")
    assert caught.value.request_id in str(caught.value)
    assert caught.value.statement == "INSERT INTO T VALUES (1)"


def test_the_network_may_be_lost_while_a_statement_runs(table, account):
    account.faults.add("statement_result", times=100_000, cut_before=True)
    with pytest.raises(SqlUnknownError) as caught:
        table.sql("INSERT INTO T VALUES (1)")
    assert caught.value.query_id
    account.faults.clear()
    assert count(table) == 1


def test_looking_goes_on_through_passing_trouble(table, account):
    account.faults.add("statement_result", times=2, status=503)
    account.faults.add("statement_result", times=2, cut_after=True)
    account.faults.add("statement_result", status=429, headers={"Retry-After": "0"})
    assert count(table) == 0


def test_what_was_never_sent_is_reported_as_that():
    with scripted_server() as server:
        url = server.url
    with connected_to(url) as client, pytest.raises(TransportError, match="connection refused") as caught:
        client.sql("DELETE FROM T")
    assert not caught.value.in_doubt


def test_a_throttled_statement_was_not_run(table, account):
    account.faults.add("statement", status=429, times=100_000)
    with pytest.raises(ThrottledError, match="was not run"):
        table.sql("INSERT INTO T VALUES (1)")
    account.faults.clear()
    assert count(table) == 0


def test_throttled_after_a_lost_answer_is_unknown(table, account):
    account.faults.add("statement", cut_after=True)
    account.faults.add("statement", status=429, times=100_000)
    with pytest.raises(SqlUnknownError):
        table.sql("INSERT INTO T VALUES (1)")


def test_a_statement_that_takes_too_long_is_cancelled_by_the_service(client):
    started = time.monotonic()
    with pytest.raises(SqlTimeoutError, match="timeout_s=1 and was cancelled; nothing was changed") as caught:
        client.sql(SLOW, timeout_s=1)
    assert time.monotonic() - started < 10
    assert (caught.value.timeout_s, caught.value.code) == (1, "000630")


def test_a_time_out_of_the_service_is_not_tried_again(client, asked):
    with pytest.raises(SqlTimeoutError):
        client.sql(SLOW, timeout_s=1)
    assert [request.status for request in asked("statement_result")].count(408) == 1


def test_a_service_that_forgets_the_time_is_reminded(client, account, asked):
    """It says forever that the statement runs: the client cancels, and queries how it ended."""
    with scripted_server() as server, connected(server) as client:
        running = Reply(202, {"code": "333334", "statementHandle": "a/b"})
        cancelled = Reply(
            422, {"code": "000604", "sqlState": "57014", "message": "canceled", "statementHandle": "a/b"}
        )
        handed = {"cancelled": False}

        def next_reply():
            if server.seen[-1].path.endswith("/cancel"):
                handed["cancelled"] = True
                return Reply(200, {"statementHandle": "a/b"})
            return cancelled if handed["cancelled"] else running

        server.next_reply = next_reply
        with pytest.raises(SqlTimeoutError) as caught:
            client.sql("CALL P()", timeout_s=1)
        assert caught.value.query_id == "a/b"
        assert server.seen[-2].path == "/api/v2/statements/a%2Fb/cancel"


def test_a_statement_that_no_cancel_ends_is_unknown():
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(202, {"code": "333334", "statementHandle": "h"}))
        with pytest.raises(SqlUnknownError, match="goes on after its cancel"):
            client.sql("CALL P()", timeout_s=1)


def interrupted(client, statement, seconds=0.5):
    """Run a statement, press Ctrl-C meanwhile, and return the notes of what came out."""
    timer = threading.Timer(seconds, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            client.sql(statement)
    finally:
        timer.join()
    return " ".join(getattr(caught.value, "__notes__", []))


def test_a_ctrl_c_cancels_the_statement(client, asked):
    notes = interrupted(client, SLOW)
    assert "was cancelled and has changed nothing" in notes
    assert len(asked("statement_cancel")) == 1
    assert client.sql("SELECT 1 AS N")["N"][0] == 1


def test_a_ctrl_c_says_where_the_statement_was_done_already(table, account):
    account.faults.add("statement_result", times=1, delay_s=1.0)
    notes = interrupted(table, "INSERT INTO T VALUES (1)")
    assert "was done before it could be cancelled" in notes
    assert count(table) == 1


def test_a_ctrl_c_without_a_network_says_that_it_is_unknown(table, account):
    account.faults.add("statement_cancel", times=1000, cut_before=True)
    account.faults.add("statement_result", times=1, delay_s=1.0)
    account.faults.add("statement_result", times=1000, cut_before=True)
    assert "may still run" in interrupted(table, "INSERT INTO T VALUES (1)")


def test_a_ctrl_c_while_a_statement_is_submitted_says_that_it_may_have_run(table, account):
    account.faults.add("statement", delay_s=1.5)
    notes = interrupted(table, "INSERT INTO T VALUES (1)")
    assert "it is unknown whether the statement ran (it was interrupted while it was submitted)" in notes
    assert re.search(r"look it up in the query history \(request id [0-9a-f-]{36}\)", notes)
    assert count(table) == 1  # it did


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "20"}},
        {"cut_before": True, "delay_s": 0.0},
    ],
    ids=["throttled", "cut"],
)
def test_a_ctrl_c_between_two_tries_distinguishes_refused_ones_from_lost_ones(account, fault):
    with sp.connect(account.profile, retry=sp.RetryPolicy(base_s=20, jitter=0, budget_s=60)) as client:
        client.sql("CREATE TABLE T (ID NUMBER)")
        account.faults.add("statement", times=100, **fault)
        notes = interrupted(client, "INSERT INTO T VALUES (1)")
        account.faults.clear()
        assert count(client) == 0
    if "status" in fault:
        assert notes == "the statement was not run: INSERT INTO T VALUES (1)"
    else:
        assert "it is unknown whether the statement ran" in notes


def test_a_ctrl_c_before_the_service_was_reached_says_that_it_was_not_run():
    with scripted_server() as server:
        url = server.url
    who = {"account": "LOCAL", "user": "U", "token": "t" * 20, "authenticator": "PAT"}
    with sp.connect(url=url, retry=sp.RetryPolicy(base_s=20, jitter=0, budget_s=60), **who) as client:
        assert interrupted(client, "DELETE FROM T") == "the statement was not run: DELETE FROM T"


def test_a_client_that_is_closed_while_it_submits_does_not_know(account):
    with sp.connect(account.profile, retry=sp.RetryPolicy(base_s=1.5, jitter=0, budget_s=60)) as client:
        client.sql("CREATE TABLE T (ID NUMBER)")
        account.faults.add("statement", cut_after=True)
        timer = threading.Timer(0.5, client.close)
        timer.start()
        with pytest.raises(SqlUnknownError, match="closed"):
            client.sql("INSERT INTO T VALUES (1)")
        timer.join()
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 1


def test_a_warehouse_that_stays_suspended_is_distinguished_from_a_missing_one(account):
    with sp.connect(account.profile, warehouse="wh", retry=QUICK) as client:
        refused(account, "000606", "57P03")
        with pytest.raises(WarehouseError, match="or is suspended and no statement starts it"):
            client.sql("SELECT 1")


def refused(account, code, state="42000", status=422, message="by the desk"):
    body = f'{{"code":"{code}","sqlState":"{state}","message":"{message}","statementHandle":"h-1"}}'
    account.faults.add("statement_result", status=status, body=body.encode())


@pytest.mark.parametrize(
    ("code", "state", "kind", "words"),
    [
        (
            "000606",
            "57P03",
            WarehouseError,
            "needs a warehouse, and none is set.*connect.warehouse=.*default role",
        ),
        ("090073", "22000", WarehouseError, "suspended and can't be resumed"),
        ("003001", "42501", SqlPrivilegeError, "default role may not do this"),
        ("999999", "42501", SqlPrivilegeError, "may not do this"),
        ("002003", "42S02", SqlPrivilegeError, "check the name, and that the user's default role may use it"),
        ("390189", "08001", SqlPrivilegeError, "default role is none of this user's"),
        ("001003", "42000", SqlError, "HTTP 422, 001003: by the desk"),
    ],
)
def test_refusals_say_what_is_missing(client, account, code, state, kind, words):
    refused(account, code, state)
    with pytest.raises(kind, match=f"(?s){words}") as caught:
        client.sql("SELECT *\n  FROM T")
    error = caught.value
    assert type(error) is kind
    assert "SELECT * FROM T" in str(error)
    assert (error.code, error.sql_state, error.query_id) == (code, state, "h-1")
    assert error.statement == "SELECT *\n  FROM T"


def test_refusals_name_the_warehouse_and_the_role_that_were_set(account):
    with sp.connect(account.profile, warehouse="wh", role='"my role"', retry=QUICK) as client:
        refused(account, "000606", "57P03")
        with pytest.raises(
            WarehouseError, match="warehouse WH is not there for this role.*role my role"
        ) as caught:
            client.sql("SELECT 1")
        assert caught.value.warehouse == "WH"
        refused(account, "390189", "08001")
        with pytest.raises(SqlPrivilegeError, match="role my role is none of this user's") as caught:
            client.sql("SELECT 1")
        assert caught.value.role == "my role"


def test_a_statement_runs_with_what_the_settings_say():
    with scripted_server() as server:
        server.script(Reply(422, {"code": "1", "sqlState": "42000", "message": "no"}))
        given = {"database": "D", "schema": "s", "warehouse": "compute_wh", "role": "loader"}
        with connected(server, **given) as client, pytest.raises(SqlError):
            client.sql("SELECT ?", params=["x"], timeout_s=7.5)
        assert json.loads(server.seen[0].body) == {
            "statement": "SELECT ?",
            "timeout": 8,
            "database": "D",
            "schema": "s",
            "warehouse": "COMPUTE_WH",
            "role": "LOADER",
            "bindings": {"1": {"type": "TEXT", "value": "x"}},
            "parameters": {"BINARY_OUTPUT_FORMAT": "HEX"},
        }
        kind = server.seen[0].headers["X-Snowflake-Authorization-Token-Type"]
        assert kind == "PROGRAMMATIC_ACCESS_TOKEN"


def test_refused_credentials_are_reported_as_that(account):
    account.sql("ALTER USER DEMO_USER UNSET RSA_PUBLIC_KEY")
    with sp.connect(account.profile, retry=QUICK) as client, pytest.raises(AuthenticationError):
        client.sql("SELECT 1")


@pytest.mark.parametrize("authenticator", ["PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"])
def test_every_kind_of_credential_is_taken(account, authenticator):
    token = account.door.issue_access_token("DEMO_USER")
    who = {"url": account.url, "account": "LOCAL", "user": "DEMO_USER"}
    with sp.connect(**who, authenticator=authenticator, token=token) as client:
        assert client.sql("SELECT 1 AS N")["N"][0] == 1


@pytest.mark.parametrize("text", ["", "  \n", None, 7, b"SELECT 1", "SELECT '\ud800'"])
def test_a_text_that_is_not_a_statement_is_refused(client, asked, text):
    with pytest.raises(UsageError, match="text"):
        client.sql(text)
    assert not asked("statement")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", None, 604_801])
def test_a_time_that_is_none_is_refused(client, seconds):
    with pytest.raises(UsageError, match="timeout_s"):
        client.sql("SELECT 1", timeout_s=seconds)


def test_a_closed_client_runs_nothing(client):
    client.close()
    with pytest.raises(ClosedError):
        client.sql("SELECT 1")


def test_a_client_that_is_closed_meanwhile_ends_its_wait(client):
    timer = threading.Timer(0.3, client.close)
    timer.start()
    with pytest.raises(SqlUnknownError, match="closed"):
        client.sql(SLOW)
    timer.join()


def test_threads_run_statements_at_once(client):
    found = {}

    def run(number):
        found[number] = client.sql("SELECT ? AS N", params=[number])["N"][0]

    threads = [threading.Thread(target=run, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(12)}


def connected_to(url, **settings):
    """A client of a scripted server; its token goes to loopback only."""
    who = {"account": "LOCAL", "user": "U", "token": "t" * 20, "authenticator": "PAT"}
    return sp.connect(url=url, retry=QUICK, **who, **settings)


def connected(server, **settings):
    return connected_to(server.url, **settings)
