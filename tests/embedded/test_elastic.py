"""Elastic channels and the bounds of named ones, by hand."""

import json

import pytest

from snowpipe_pandas.embedded.protocol import channels
from tests.embedded.raw import PIPE, Raw, code, lines
from tests.support.loads import TABLE, ids, make_table

RESERVED = 400, "ERR_CHANNEL_NAME_IS_RESERVED"
TO_TABLE = "/data/databases/DEMO/schemas/PUBLIC/tables/NUMBERS/rows"
TO_CHANNEL = f"/data{PIPE}/channels/ELASTIC/rows"


def status(raw, name="ELASTIC", pipe=PIPE):
    answer = raw.call("POST", f"{pipe}:bulk-channel-status", json={"channel_names": [name]})
    return answer.json()["channel_statuses"].get(name)


@pytest.mark.parametrize("path", [TO_TABLE, TO_CHANNEL, TO_CHANNEL.replace("ELASTIC", "elastic")])
def test_rows_are_durable_counted_and_bad_ones_kept(account, path):
    make_table(account)
    account.sql(f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE")
    raw = Raw(account)
    assert (status(raw)["channel_status_code"], status(raw)["rows_inserted"]) == ("SUCCESS", 0)
    answer = raw.call(
        "POST", path, data=lines(1) + b'{"ID":"x"}\n' + lines(2), params={"continuationToken": ""}
    )
    assert answer.json() == {"message": "OK", "next_continuation_token": ""}
    assert ids(account) == [1, 2]
    now = status(raw)
    assert (now["rows_inserted"], now["rows_parsed"], now["rows_error_count"]) == (2, 3, 1)
    assert "is not a valid NUMBER" in now["last_error_message"]
    assert now["last_error_timestamp"] == now["last_error_timestamp_ms"] > 0
    assert now["last_committed_offset_token"] is None
    (kept,) = account.sql(f"SELECT ERROR_METADATA FROM ERROR_TABLE({TABLE})")["ERROR_METADATA"]
    assert json.loads(kept)["details"]["channel_name"] == "ELASTIC"


@pytest.mark.parametrize("name", ["continuationToken", "startOffsetToken", "endOffsetToken", "offsetToken"])
def test_tokens_are_refused(account, raw, name):
    answer = raw.call("POST", TO_CHANNEL, data=lines(1), params={name: "1"})
    assert code(answer) == (400, "ERR_INVALID_REQUEST")
    assert ids(account) == []


@pytest.mark.parametrize("name", ["ELASTIC", "elastic", "Elastic"])
def test_the_elastic_channel_is_neither_opened_nor_dropped(raw, name):
    for method in ("PUT", "DELETE"):
        assert code(raw.call(method, f"{PIPE}/channels/{name}", json={})) == RESERVED


def test_counts_survive_a_restart_and_names_of_statuses_are_as_they_are_asked_for(tmp_path):
    import snowpipe_pandas as sp

    with sp.local(tmp_path / "a.duckdb") as account:
        make_table(account)
        assert Raw(account).call("POST", TO_TABLE, data=lines(1)).ok
    with sp.local(tmp_path / "a.duckdb") as account:
        raw = Raw(account)
        assert status(raw)["rows_inserted"] == 1
        assert status(raw, "elastic") is None


def test_missing_tables_and_pipes_are_refused(raw):
    assert code(raw.call("POST", TO_TABLE.replace("NUMBERS", "NONE"), data=lines(1))) == (
        404,
        "ERR_TABLE_DOES_NOT_EXIST_NOT_AUTHORIZED",
    )
    assert code(raw.call("POST", TO_CHANNEL.replace("NUMBERS-STREAMING", "NONE"), data=lines(1))) == (
        404,
        "ERR_PIPE_DOES_NOT_EXIST_OR_NOT_AUTHORIZED",
    )


def test_a_pipe_has_so_many_named_channels_and_not_one_more(account, raw, monkeypatch):
    monkeypatch.setattr(channels, "MAX_CHANNELS", 2)
    assert raw.call("POST", TO_CHANNEL, data=lines(1)).ok  # does not count
    assert Raw(account, "second").open().ok
    third = Raw(account, "third")
    assert code(third.open()) == (409, "ERR_CHANNEL_LIMIT_EXCEEDED_FOR_PIPE")
    assert raw.open().ok
    assert raw.call("DELETE", f"{PIPE}/channels/second").json() == {"last_committed_offset_token": None}
    assert third.open().ok


def test_a_drop_reports_the_committed_token(raw):
    raw.append(lines(1), "1")
    raw.committed("1")
    assert raw.call("DELETE", f"{PIPE}/channels/raw").json() == {"last_committed_offset_token": "1"}
    assert code(raw.call("DELETE", f"{PIPE}/channels/raw")) == (
        404,
        "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED",
    )


def test_too_many_statuses_are_refused_and_our_client_asks_for_fewer_at_a_time(account, client, raw):
    names = ["raw", *(f"c{i}" for i in range(2000))]
    answer = raw.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": names})
    assert code(answer) == (400, "ERR_GET_CHANNEL_STATUS_BATCH_TOO_MANY_CHANNELS")
    assert list(client.channel_statuses(names, table=TABLE)) == ["raw"]


BODIES = {
    "open: token is a number": ("PUT", f"{PIPE}/channels/raw", b'{"offset_token": 1}'),
    "open: token is NaN": ("PUT", f"{PIPE}/channels/raw", b'{"offset_token": NaN}'),
    "open: token has half a character": ("PUT", f"{PIPE}/channels/raw", b'{"offset_token": "\\ud800"}'),
    "open: flag is a text": ("PUT", f"{PIPE}/channels/raw", b'{"fail_on_uncommitted_rows": "no"}'),
    "open: nested without end": ("PUT", f"{PIPE}/channels/raw", b"[" * 100_000),
    "status: names are a text": ("POST", f"{PIPE}:bulk-channel-status", b'{"channel_names": "raw"}'),
    "status: a name is null": ("POST", f"{PIPE}:bulk-channel-status", b'{"channel_names": [null]}'),
    "status: half a character": ("POST", f"{PIPE}:bulk-channel-status", b'{"channel_names": ["\\ud800"]}'),
    "drop: flag is a number": ("DELETE", f"{PIPE}/channels/raw", b'{"fail_on_uncommitted_rows": 1}'),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_not_what_it_should_be_is_refused(raw, case):
    method, path, body = BODIES[case]
    assert code(raw.call(method, path, data=body)) == (400, "ERR_INVALID_REQUEST")
    assert raw.append(lines(1), "1").ok


def test_who_asks_is_checked_before_what_is_asked(account, raw):
    raw.headers = {}
    for path, body in (
        (TO_CHANNEL, b"\xff"),
        (f"{PIPE}:bulk-channel-status", b"["),
        (TO_TABLE, b"x" * 5_000_000),
    ):
        assert raw.call("POST", path, data=body).status_code == 401


def test_a_table_that_is_recreated_has_an_elastic_channel_without_a_past(account, raw):
    bad = raw.call("POST", f"/data{PIPE}/channels/ELASTIC/rows", data=b'{"ID":"no number"}\n')
    assert bad.status_code == 200
    assert status(raw)["last_error_timestamp_ms"]
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR)")
    now = status(raw)
    assert (now["rows_parsed"], now["last_error_message"], now["last_error_timestamp_ms"]) == (0, None, None)
