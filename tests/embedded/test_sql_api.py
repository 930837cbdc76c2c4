"""The account's side of the SQL API, asked by hand: states, values, partitions, repeats, bounds, the door."""

import gzip
import json
import time
import uuid

import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.protocol import statements

from .raw import until

SLOW = "SELECT SUM(a.range * b.range) AS N FROM range(1000000) AS a, range(1000000) AS b"


class Sql:
    """One user of the SQL API; no retries."""

    def __init__(self, account, user="DEMO_USER"):
        self.url = f"{account.url}/api/v2/statements"
        self.headers = {
            "Authorization": f"Bearer {account.door.issue_access_token(user)}",
            "X-Snowflake-Authorization-Token-Type": "PROGRAMMATIC_ACCESS_TOKEN",
        }

    def post(self, statement, query=None, **body):
        body = {"statement": statement, **body}
        return requests.post(self.url, params=query, json=body, headers=self.headers, timeout=30)

    def get(self, handle, **query):
        return requests.get(f"{self.url}/{handle}", params=query, headers=self.headers, timeout=30)

    def cancel(self, handle):
        return requests.post(f"{self.url}/{handle}/cancel", headers=self.headers, timeout=30)

    def done(self, handle):
        """The answer of a statement that is over."""
        assert until(lambda: self.get(handle).status_code != 202)
        return self.get(handle)


@pytest.fixture
def sql(account):
    return Sql(account)


def test_a_statement_is_answered_with_its_result(sql):
    answer = sql.post("SELECT 1 AS N, 'a' AS T")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == [["1", "a"]]
    assert (body["code"], body["sqlState"]) == ("090001", "00000")
    assert body["statementStatusUrl"] == f"/api/v2/statements/{body['statementHandle']}"
    meta = body["resultSetMetaData"]
    assert (meta["numRows"], meta["format"]) == (1, "jsonv2")
    assert [partition["rowCount"] for partition in meta["partitionInfo"]] == [1]
    assert [(column["name"], column["type"]) for column in meta["rowType"]] == [("N", "fixed"), ("T", "text")]
    assert sql.get(body["statementHandle"]).json()["data"] == [["1", "a"]]


def test_a_statement_that_runs_by_itself_is_reported_by_its_handle(sql):
    answer = sql.post("SELECT 1 AS N", {"async": "true"})
    assert answer.status_code == 202
    assert answer.json()["code"] == "333334"
    assert sql.done(answer.json()["statementHandle"]).json()["data"] == [["1"]]


def test_a_slow_statement_is_reported_by_its_handle(sql, monkeypatch):
    monkeypatch.setattr(statements, "SYNC_WAIT_S", 0.1)
    answer = sql.post(SLOW)
    assert answer.status_code == 202
    sql.cancel(answer.json()["statementHandle"])


VALUES = [
    ("1::TINYINT", "fixed", 0, "1"),
    ("-170141183460469231731687303715884105727::NUMBER(38,0)", None, None, None),
    ("12.5::NUMBER(10,3)", "fixed", 3, "12.500"),
    ("1e-7::NUMBER(20,10)", "fixed", 10, "0.0000001000"),
    ("0.1::FLOAT", "real", None, "0.1"),
    ("'NaN'::FLOAT", "real", None, "NaN"),
    ("'-inf'::FLOAT", "real", None, "-inf"),
    ("TRUE", "boolean", None, "true"),
    ("'1969-12-31'::DATE", "date", None, "-1"),
    ("'00:00:01.5'::TIME", "time", 6, "1.500000000"),
    ("'1970-01-01 00:00:01.000000001'::TIMESTAMP_NTZ(9)", "timestamp_ntz", 9, "1.000000001"),
    ("'1969-12-31 23:59:59.5'::TIMESTAMP_NTZ(6)", "timestamp_ntz", 6, "-0.500000000"),
    ("'1970-01-01 01:00:00+01:00'::TIMESTAMP_TZ", "timestamp_tz", 6, "0.000000000 1440"),
    ("TO_BINARY('00ff', 'HEX')", "binary", None, "00FF"),
    ("PARSE_JSON('{\"a\":null}')", "variant", None, '{"a":null}'),
    ("PARSE_JSON('null')", "variant", None, "null"),
    ("NULL", "text", None, None),
    ("[1, 2]", "array", None, "[1, 2]"),
]


@pytest.mark.parametrize(("value", "kind", "scale", "text"), [row for row in VALUES if row[1]])
def test_values_are_texts_of_their_type(sql, value, kind, scale, text):
    body = sql.post(f"SELECT {value} AS V").json()
    (column,) = body["resultSetMetaData"]["rowType"]
    assert (column["type"], column["scale"]) == (kind, scale)
    assert body["data"] == [[text]]


def test_what_snowflake_has_no_type_for_is_refused(sql):
    answer = sql.post("SELECT INTERVAL '1 day' AS V")
    assert answer.status_code == 422
    assert "cast it" in answer.json()["message"]


def test_partitions_are_of_bounded_size_and_packed_after_the_first(sql):
    body = sql.post("SELECT range AS ID, REPEAT('x', 200) AS X FROM range(20000)").json()
    counts = [partition["rowCount"] for partition in body["resultSetMetaData"]["partitionInfo"]]
    assert sum(counts) == body["resultSetMetaData"]["numRows"] == 20_000
    assert len(counts) > 3
    assert len(body["data"]) == counts[0]
    ids = [int(row[0]) for row in body["data"]]
    for number in range(1, len(counts)):
        answer = sql.get(body["statementHandle"], partition=number)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert set(answer.json()) == {"data"}
        ids += [int(row[0]) for row in answer.json()["data"]]
    assert ids == list(range(20_000))
    assert sql.get(body["statementHandle"], partition=len(counts)).status_code == 400


@pytest.mark.parametrize("partition", ["-1", "x", "1.0", "٣", "9" * 20])
def test_a_partition_is_a_number(sql, partition):
    handle = sql.post("SELECT 1").json()["statementHandle"]
    assert sql.get(handle, partition=partition).status_code == 400


def test_a_result_that_is_too_large_is_not_handed_out(sql, monkeypatch):
    monkeypatch.setattr(statements, "MAX_RESULT_BYTES", 1000)
    body = sql.post("SELECT range AS ID FROM range(1000)").json()
    assert (body["code"], body["data"]) == ("391908", [])
    assert body["resultSetMetaData"]["numRows"] == 1000


def test_the_same_request_again_runs_once(sql, account):
    account.sql("CREATE TABLE T (ID NUMBER)")
    request = {"requestId": str(uuid.uuid4())}
    first = sql.post("INSERT INTO T VALUES (1)", request).json()
    again = sql.post("INSERT INTO T VALUES (1)", request | {"retry": "true"}).json()
    assert again == first
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 1
    # Without retry=true the service takes it for another one.
    assert sql.post("INSERT INTO T VALUES (1)", request).json()["statementHandle"] != first["statementHandle"]
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 2


def test_the_same_request_again_finds_one_that_still_runs(sql):
    request = {"requestId": str(uuid.uuid4()), "async": "true"}
    first = sql.post(SLOW, request).json()["statementHandle"]
    assert sql.post(SLOW, request | {"retry": "true"}).json()["statementHandle"] == first
    sql.cancel(first)


def test_a_request_that_failed_runs_again(sql, account):
    request = {"requestId": str(uuid.uuid4())}
    assert sql.post("INSERT INTO T VALUES (1)", request).status_code == 422
    account.sql("CREATE TABLE T (ID NUMBER)")
    assert sql.post("INSERT INTO T VALUES (1)", request | {"retry": "true"}).status_code == 200


def test_a_request_id_is_that_of_one_statement(sql):
    request = {"requestId": str(uuid.uuid4())}
    sql.post("SELECT ? AS N", request, bindings={"1": {"type": "TEXT", "value": "a"}})
    request["retry"] = "true"
    other = {"1": {"type": "TEXT", "value": "b"}}
    assert sql.post("SELECT ? AS N", request, bindings=other).status_code == 400
    assert sql.post("SELECT 2 AS N", request).status_code == 400


def test_a_request_id_is_that_of_one_user(sql, account):
    request = {"requestId": str(uuid.uuid4()), "retry": "true"}
    first = sql.post("SELECT 1 AS N", request).json()["statementHandle"]
    other = Sql(account, "OTHER")
    assert other.post("SELECT 1 AS N", request).json()["statementHandle"] != first
    assert other.get(first).status_code == 404
    assert other.cancel(first).status_code == 404


def test_a_cancel_ends_a_statement(sql):
    handle = sql.post(SLOW, {"async": "true"}).json()["statementHandle"]
    time.sleep(0.2)
    assert sql.cancel(handle).status_code == 200
    answer = sql.done(handle)
    assert (answer.status_code, answer.json()["code"]) == (422, "000604")


def test_a_cancelled_change_has_changed_nothing(sql, account):
    account.sql("CREATE TABLE T (ID NUMBER)")
    handle = sql.post(f"INSERT INTO T {SLOW}", {"async": "true"}).json()["statementHandle"]
    time.sleep(0.2)
    sql.cancel(handle)
    assert sql.done(handle).json()["code"] == "000604"
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 0


def test_a_cancel_of_what_is_done_changes_nothing(sql):
    handle = sql.post("SELECT 1 AS N").json()["statementHandle"]
    assert sql.cancel(handle).status_code == 200
    assert sql.get(handle).json()["data"] == [["1"]]


def test_a_time_out_ends_a_statement(sql):
    answer = sql.post(SLOW, timeout=1)
    assert (answer.status_code, answer.json()["code"]) == (408, "000630")


def test_an_account_that_closes_waits_for_no_statement():
    with sp.local() as account:
        sql = Sql(account)
        for _ in range(statements.WORKERS + 2):
            sql.post(SLOW, {"async": "true"})
        started = time.monotonic()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("statement", "code", "state"),
    [
        ("SELECT * FROM NOPE", "002003", "42S02"),
        ("SELEC 1", None, None),
        ("SELECT 'a", "001003", "42000"),
        ("SELECT 'x'::NUMBER", "100037", "22018"),
        ("SELECT 1; SELECT 2", "000002", "0A000"),
        ("-- nothing", "000002", "0A000"),
        ("SELECT * FROM read_csv('/etc/hosts')", None, None),
        ("SELECT * FROM duckdb_settings()", None, None),
    ],
)
def test_a_failed_statement_says_why(sql, statement, code, state):
    answer = sql.post(statement)
    assert answer.status_code == 422
    body = answer.json()
    assert body["statementHandle"]
    if code:
        assert (body["code"], body["sqlState"]) == (code, state)
    assert sql.get(body["statementHandle"]).json() == body


ODD_BODIES = [
    *(b"", b"null", b"[]", b"{", b"\xff", b'{"statement":"SELECT 1","statement":5}'),
    *(json.dumps({"statement": odd}).encode() for odd in (None, 5, "", "  ", ["SELECT 1"], "\ud800")),
    *(
        json.dumps({"statement": "SELECT 1", name: odd}).encode()
        for name, odd in [
            *(("timeout", odd) for odd in (-1, 1.5, "1", True, 10**9)),
            *((name, odd) for name in ("database", "schema", "warehouse", "role") for odd in (5, [], "\0")),
            *(("bindings", odd) for odd in (5, [], "x")),
        ]
    ),
]


@pytest.mark.parametrize("body", ODD_BODIES, ids=lambda body: repr(body)[:60])
def test_a_request_that_can_not_be_read_is_refused(sql, body):
    assert requests.post(sql.url, data=body, headers=sql.headers, timeout=10).status_code == 400


ODD_BINDINGS = [
    *(
        {"1": odd}
        for odd in (None, 5, {}, {"type": "TEXT"} | {"value": 5}, {"type": "OBJECT", "value": "{}"})
    ),
    *(
        {"1": {"type": kind, "value": value}}
        for kind, value in [
            *(("FIXED", odd) for odd in ("", "1;DROP TABLE T", "1e5", "0x1", "9" * 39, "٣")),
            *(("REAL", odd) for odd in ("", "x", "1'", "Infinity")),
            *(("BOOLEAN", odd) for odd in ("", "yes")),
            *(("BINARY", odd) for odd in ("0", "zz", "');--")),
            *(("DATE", odd) for odd in ("", "1", "2020-01-01", "9" * 30)),
            *(("TIME", odd) for odd in ("-1", "86400000000000")),
            *(("TIMESTAMP_NTZ", odd) for odd in ("x", "9" * 30, "1 1440")),
            *(("TIMESTAMP_TZ", odd) for odd in ("1", "1 2880", "1 0", "1 -1")),
            ("TEXT", "a\0b"),
        ]
    ),
    {},
    {"2": {"type": "TEXT", "value": "x"}},
    {"1": {"type": "TEXT", "value": "x"}, "2": {"type": "TEXT", "value": "x"}},
]


@pytest.mark.parametrize("bindings", ODD_BINDINGS, ids=lambda bound: json.dumps(bound)[:60])
def test_a_binding_that_can_not_be_read_is_refused(sql, account, bindings):
    account.sql("CREATE TABLE T (ID NUMBER)")
    answer = sql.post("SELECT ? AS V", bindings=bindings)
    assert answer.status_code == 422
    assert len(account.sql("SHOW TABLES")) == 1


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE T; --", "\\'; DROP TABLE T; --", "\\", "''", "$$x$$", "?", "{{x}}"]
)
def test_a_bound_text_is_nothing_but_a_text(sql, account, text):
    account.sql("CREATE TABLE T (ID NUMBER)")
    body = sql.post("SELECT ? AS V", bindings={"1": {"type": "TEXT", "value": text}}).json()
    assert body["data"] == [[text]]
    assert len(account.sql("SHOW TABLES")) == 1


def test_names_are_read_against_the_request(sql, account):
    account.sql("CREATE SCHEMA DEMO.S2")
    account.sql("CREATE TABLE DEMO.S2.ONLY_THERE AS SELECT 7 AS N")
    assert sql.post("SELECT N FROM ONLY_THERE").status_code == 422
    assert sql.post("SELECT N FROM ONLY_THERE", schema="S2").json()["data"] == [["7"]]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic eA=="}])
def test_nobody_gets_in_without_a_credential(sql, headers):
    handle = sql.post("SELECT 1").json()["statementHandle"]
    for method, url in [
        ("POST", sql.url),
        ("GET", f"{sql.url}/{handle}"),
        ("POST", f"{sql.url}/{handle}/cancel"),
    ]:
        body = {"statement": "SELECT 1"}
        assert requests.request(method, url, json=body, headers=headers, timeout=10).status_code == 401


def test_a_scoped_token_is_none_for_statements(sql, account):
    from snowpipe_pandas.embedded.protocol.auth import Identity

    token = account.door.issue_scoped(Identity("LOCAL", "DEMO_USER"), account._operations.host)
    headers = {"Authorization": f"Bearer {token}", "X-Snowflake-Authorization-Token-Type": "OAUTH"}
    assert (
        requests.post(sql.url, json={"statement": "SELECT 1"}, headers=headers, timeout=10).status_code == 401
    )


def test_a_statement_above_the_limit_is_refused(sql):
    assert sql.post("SELECT '" + "x" * 1_100_000 + "'").status_code == 413


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("PUT", ""), ("DELETE", "/h"), ("GET", "/h/cancel"), ("POST", "/h")]
)
def test_other_methods_are_none(sql, method, path):
    assert requests.request(method, sql.url + path, headers=sql.headers, timeout=10).status_code in (404, 405)


def test_unknown_handles_are_reported(sql):
    assert sql.get(str(uuid.uuid4())).status_code == 404
    assert sql.cancel("x").status_code == 404


def test_the_oldest_results_are_forgotten(sql, monkeypatch):
    monkeypatch.setattr(statements, "KEPT_STATEMENTS", 5)
    handles = [sql.post(f"SELECT {n} AS N").json()["statementHandle"] for n in range(10)]
    assert [sql.get(handle).status_code for handle in handles] == [404] * 5 + [200] * 5


def test_an_account_with_too_many_running_statements_asks_to_wait(sql, monkeypatch):
    monkeypatch.setattr(statements, "KEPT_STATEMENTS", 2)
    handles = [sql.post(SLOW, {"async": "true"}).json()["statementHandle"] for _ in range(2)]
    answer = sql.post("SELECT 1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    for handle in handles:
        sql.cancel(handle)


def test_a_create_says_whether_the_table_was_there(sql):
    assert sql.post("CREATE TABLE IF NOT EXISTS T (ID NUMBER)").json()["data"] == [
        ["Table T successfully created."]
    ]
    again = sql.post("CREATE TABLE IF NOT EXISTS T (ID NUMBER)").json()["data"]
    assert again == [["T already exists, statement succeeded."]]
    assert sql.post("CREATE TABLE T (ID NUMBER)").json()["code"] == "002002"


def test_packed_answers_are_what_they_say(sql):
    body = sql.post("SELECT REPEAT('x', 600000) AS X FROM range(3)").json()
    answer = requests.get(
        f"{sql.url}/{body['statementHandle']}?partition=1", headers=sql.headers, stream=True, timeout=10
    )
    assert json.loads(gzip.decompress(answer.raw.read(decode_content=False))) == {"data": [["x" * 600_000]]}
