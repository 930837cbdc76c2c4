"""Answers that no good service gives: each ends in a whole result or in one error, and costs little."""

import json
import time
import tracemalloc

import pytest

from snowpipe_pandas.errors import ServiceError, SqlError, SqlResultError, SqlUnknownError
from snowpipe_pandas.sql import statements
from snowpipe_pandas.sql.results import MAX_COLUMNS
from tests.support.scripted import Reply, scripted_server

from .test_statements import connected

COLUMN = {"name": "N", "type": "fixed", "scale": 0}
GOOD = {
    "code": "090001",
    "statementHandle": "h",
    "resultSetMetaData": {"numRows": 1, "rowType": [COLUMN], "partitionInfo": [{"rowCount": 1}]},
    "data": [["7"]],
}
ODD = [None, 0, -1, 1.5, True, "x", "", [], {}, [1], {"a": 1}, "9" * 5000, 10**30, [[]], [None]]


def changed(path, value):
    """The good answer with one member changed."""
    answer = json.loads(json.dumps(GOOD))
    place = answer
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return answer


PATHS = [
    ("code",),
    ("data",),
    ("data", 0),
    ("data", 0, 0),
    ("resultSetMetaData",),
    *(("resultSetMetaData", name) for name in ("numRows", "rowType", "partitionInfo")),
    ("resultSetMetaData", "rowType", 0),
    *(("resultSetMetaData", "rowType", 0, name) for name in ("name", "type", "scale")),
    ("resultSetMetaData", "partitionInfo", 0),
    *(("resultSetMetaData", "partitionInfo", 0, name) for name in ("rowCount", "uncompressedSize")),
]


def outcome(client):
    """What a statement gives: its one value, or an error that says that it was done."""
    try:
        return client.sql("SELECT 7 AS N").iloc[0, 0]
    except SqlResultError as error:
        return str(error)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_odd_members_of_a_result_end_in_it_or_in_one_error(path):
    with scripted_server() as server, connected(server) as client:
        for value in ODD:
            server.replies.clear()
            server.script(Reply(body=changed(path, value)))
            found = outcome(client)
            explained = str(found).startswith("the statement was done, but") and len(found) < 600
            assert explained or str(found) in ("7", "7.0", "x", "", "<NA>", "nan", str(value)), (value, found)


@pytest.mark.parametrize(
    "handle", [value for value in ODD if not value or type(value) is not str] + ["a\ud800b", "h" * 100_000]
)
def test_without_a_handle_nothing_is_known(handle):
    with scripted_server() as server, connected(server) as client:
        body = json.dumps({"code": "333334", "statementHandle": handle}).encode()
        server.script(Reply(202, body))
        with pytest.raises(SqlUnknownError, match="no statement handle|can't be"):
            client.sql("SELECT 7 AS N")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b"<html>sign in</html>", b"{", b"[" * 100_000, b"\xff"]
)
@pytest.mark.parametrize("status", [200, 202, 400, 403, 404, 408, 422, 500, 302])
def test_odd_bodies_end_in_one_error(status, body):
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(status, body))
        with pytest.raises(ServiceError):
            client.sql("SELECT 7 AS N")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"code":5,"message":[1],"sqlState":{}}', b'{"code":"\\u001b[2J"}']
)
@pytest.mark.parametrize("status", [404, 408, 422, 500])
def test_odd_bodies_of_a_look_end_in_one_error(status, body):
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(202, {"statementHandle": "h"}), Reply(status, body))
        with pytest.raises(SqlError) as caught:
            client.sql("SELECT 7 AS N")
        assert str(caught.value).isprintable()


def test_rows_of_other_widths_are_refused():
    for row in (["1", "2"], []):
        with scripted_server() as server, connected(server) as client:
            server.script(Reply(body=changed(("data",), [row])))
            with pytest.raises(SqlResultError, match="does not have 1 value"):
                client.sql("SELECT 7 AS N")


def test_more_columns_than_a_table_can_have_are_refused():
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=changed(("resultSetMetaData", "rowType"), [COLUMN] * (MAX_COLUMNS + 1))))
        with pytest.raises(SqlResultError, match="rowType is not a list of at most"):
            client.sql("SELECT 7 AS N")


def test_a_result_that_is_reported_as_too_large_is_not_fetched():
    info = [
        {"rowCount": 1, "uncompressedSize": statements.MAX_RESULT_BYTES},
        {"rowCount": 0, "uncompressedSize": 1},
    ]
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=changed(("resultSetMetaData", "partitionInfo"), info)))
        with pytest.raises(SqlResultError, match="250,000,001 bytes or more in 1 row,.*select less"):
            client.sql("SELECT 7 AS N")
        assert len(server.seen) == 1


def test_a_result_that_the_service_does_not_return_is_reported():
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=changed(("code",), "391908")))
        with pytest.raises(SqlResultError, match="larger than the service returns"):
            client.sql("SELECT 7 AS N")


def test_a_body_without_an_end_costs_no_more_than_its_bound(monkeypatch):
    monkeypatch.setattr(statements, "PARTITION_BYTES", 1_000_000)
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(body=b'{"data":[' + b'["7"],' * 3_000_000))
        tracemalloc.start()
        try:
            with pytest.raises(SqlUnknownError):
                client.sql("SELECT 7 AS N")
            assert tracemalloc.get_traced_memory()[1] < 50_000_000
        finally:
            tracemalloc.stop()


def test_partitions_that_say_less_than_they_hold_end_at_the_bound(monkeypatch):
    """A service that reports no sizes, or wrong ones, is believed no further than its bytes."""
    monkeypatch.setattr(statements, "MAX_RESULT_BYTES", 100_000)
    rows = [["7" * 30]] * 1000
    info = [{"rowCount": 1000}] * 50
    with scripted_server() as server, connected(server) as client:
        first = changed(
            ("resultSetMetaData",), {"numRows": 50_000, "rowType": [COLUMN], "partitionInfo": info}
        )
        server.script(Reply(body=first | {"data": rows}), Reply(body={"data": rows}))
        with pytest.raises(SqlResultError, match="select less"):
            client.sql("SELECT 7 AS N")
        assert len(server.seen) < 10


def test_an_endless_202_ends():
    with scripted_server() as server, connected(server) as client:
        server.script(Reply(202, {"statementHandle": "h"}))
        started = time.monotonic()
        with pytest.raises(SqlUnknownError):
            client.sql("SELECT 7 AS N", timeout_s=1)
        assert time.monotonic() - started < 15
        assert len(server.seen) < 40
