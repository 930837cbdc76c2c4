"""The fault desk: each fault, seen by a plain HTTP client on a real connection."""

import json
import socket
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.auth import Identity
from snowpipe_pandas.embedded.faults import FaultDesk
from tests.support.loads import TABLE, ids, make_table, open_channel

PIPE = "/databases/DEMO/schemas/PUBLIC/pipes/NUMBERS-STREAMING"
STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"


def lines(*numbers):
    return b"".join(b'{"ID":%d}\n' % number for number in numbers)


class Raw:
    """The protocol by hand: no retries, no recovery."""

    def __init__(self, account, channel="raw"):
        self.account = account
        self.channel = channel
        self.token = None
        self.sign()

    def sign(self):
        """Get a scoped token for the present ingest host."""
        scope = self.account._operations.host
        token = self.account.door.issue_scoped(Identity("LOCAL", "DEMO_USER"), scope)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.url = f"http://{scope}/v2/streaming"

    def call(self, method, path, **more):
        return requests.request(method, self.url + path, headers=self.headers, **({"timeout": 10} | more))

    def open(self, **body):
        answer = self.call("PUT", f"{PIPE}/channels/{self.channel}", json=body)
        if answer.ok:
            self.token = answer.json()["next_continuation_token"]
        return answer

    def append(self, body, end, token=None, **more):
        query = {"continuationToken": token or self.token, "endOffsetToken": end}
        answer = self.call(
            "POST", f"/data{PIPE}/channels/{self.channel}/rows", params=query, data=body, **more
        )
        if answer.ok:
            self.token = answer.json()["next_continuation_token"]
        return answer

    def statuses(self):
        answer = self.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": [self.channel]})
        return answer.json()["channel_statuses"]

    def status(self):
        return self.statuses()[self.channel]

    def committed(self, token):
        """Wait until a status shows this token, and return that status."""
        return until(lambda: (s := self.status())["last_committed_offset_token"] == token and s)


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.005)
    return found


def code(answer):
    return answer.status_code, answer.json().get("code")


@pytest.fixture
def account():
    with sp.local(commit_lag_s=0.0) as account:
        make_table(account)
        yield account


@pytest.fixture
def raw(account):
    raw = Raw(account)
    raw.open()
    return raw


def last(account):
    return account.requests[-1]


# What becomes of the request


def test_a_cut_before_reads_and_does_nothing(account, raw):
    account.faults.add("append", cut_before=True)
    with pytest.raises(requests.ConnectionError):
        raw.append(lines(1), "1")
    assert (last(account).status, last(account).body_digest) == (None, None)
    raw.append(lines(2), "2")
    raw.committed("2")
    assert ids(account) == [2]


def test_a_cut_in_the_body_does_nothing(account, raw):
    account.faults.add("append", cut_mid_body=True)
    with pytest.raises(requests.ConnectionError):
        raw.append(lines(1) * 100_000, "1")
    assert (last(account).operation, last(account).status, last(account).body_digest) == (
        "append",
        None,
        None,
    )
    assert raw.append(lines(2), "2").ok
    raw.committed("2")
    assert ids(account) == [2]


def test_a_cut_after_does_the_request(account, raw):
    account.faults.add("append", cut_after=True)
    with pytest.raises(requests.ConnectionError):
        raw.append(lines(1), "1")
    raw.committed("1")
    assert ids(account) == [1]
    assert code(raw.append(lines(1), "1")) == (400, STALE)


def test_a_held_request_arrives_though_its_client_has_gone(account, raw):
    account.faults.add("append", hold_s=0.5)
    with pytest.raises(requests.Timeout):
        raw.append(lines(1), "1", timeout=0.1)
    assert raw.status()["last_committed_offset_token"] is None
    raw.committed("1")
    assert ids(account) == [1]


def test_a_held_request_is_fenced_by_an_open(account, raw):
    account.faults.add("append", hold_s=0.5)
    with pytest.raises(requests.Timeout):
        raw.append(lines(1), "1", timeout=0.1)
    raw.open(fail_on_uncommitted_rows=True)
    zombie = until(lambda: [r for r in account.requests if r.operation == "append"])[0]
    assert zombie.status == 400
    assert ids(account) == []


def test_a_server_that_stops_reading_stalls_the_writer(account, raw):
    account.faults.add("append", stop_reading=True, hold_s=1.0)
    address = urlsplit(account.url)
    with socket.create_connection((address.hostname, address.port)) as writer:
        head = f"POST /v2/streaming/data{PIPE}/channels/raw/rows HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n"
        writer.sendall(head.encode())
        writer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            writer.sendall(b" " * 4_000_000)
        writer.settimeout(10)
        with pytest.raises(ConnectionError):
            while True:
                writer.sendall(b" " * 100_000)
    assert (last(account).operation, last(account).body_digest) == ("append", None)


def test_a_request_delivered_twice_meets_its_own_used_token(account, raw):
    account.faults.add("append", deliver_twice=True)
    assert code(raw.append(lines(1), "1")) == (400, STALE)
    raw.committed("1")
    assert ids(account) == [1]


# What becomes of the answer


def test_a_truncated_answer_is_cut_after_so_many_bytes(account, raw):
    account.faults.add("append", truncate=5)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        raw.append(lines(1), "1")
    raw.committed("1")


def test_a_trickled_answer_comes_byte_by_byte_and_whole(account, raw):
    account.faults.add("append", trickle_s=0.01)
    started = time.monotonic()
    answer = raw.append(lines(1), "1", timeout=0.25)  # of each read
    assert answer.ok
    assert time.monotonic() - started > 0.25


def test_a_trickle_ends_when_nobody_listens(account, raw):
    account.faults.add("status", trickle_s=1.0)
    with pytest.raises(requests.ConnectionError, match="timed out"):
        raw.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": ["raw"]}, timeout=0.1)
    started = time.monotonic()
    account.stop()
    assert time.monotonic() - started < 1.0


def test_a_delayed_answer_is_applied_at_once(account, raw):
    account.faults.add("append", delay_s=0.5)
    with pytest.raises(requests.Timeout):
        raw.append(lines(1), "1", timeout=0.1)
    raw.committed("1")
    assert not [r for r in account.requests if r.operation == "append"]  # not answered yet


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_an_answer_by_the_desk_does_nothing(account, raw, status):
    account.faults.add("append", status=status, body=b'"NO"', headers={"Retry-After": "7"})
    answer = raw.append(lines(1), "1")
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (status, "NO", "7")
    assert raw.append(lines(2), "2").ok
    raw.committed("2")
    assert ids(account) == [2]


def test_headers_come_with_answers_of_requests_that_were_done(account, raw):
    account.faults.add("append", headers={"X-Snowflake-Session": "s-1"})
    assert raw.append(lines(1), "1").headers["X-Snowflake-Session"] == "s-1"


def test_garbage_answers_an_append_that_was_done(account, raw):
    account.faults.add("append", body=b"<html>")
    answer = raw.call(
        "POST",
        f"/data{PIPE}/channels/raw/rows",
        params={"continuationToken": raw.token, "endOffsetToken": "1"},
        data=lines(1),
    )
    assert (answer.status_code, answer.text) == (200, "<html>")
    raw.committed("1")


@pytest.mark.parametrize("operation", ["open", "append"])
def test_a_stale_token_is_refused_whatever_the_resend_mode_is(account, raw, operation):
    account.channels.resend = "naive"
    account.faults.add(operation, stale_token=True)
    raw.open() if operation == "open" else raw.append(lines(1), "1")
    assert code(raw.append(lines(2), "2")) == (400, STALE)


def test_a_repeated_token_is_the_one_that_the_request_brought(account, raw):
    brought = raw.token
    account.faults.add("append", repeat_token=True)
    raw.append(lines(1), "1")
    assert raw.token == brought
    assert code(raw.append(lines(2), "2")) == (400, STALE)


def test_a_changed_answer_is_what_is_sent(account, raw):
    def without_channels(answer):
        return answer | {"channel_statuses": {}}

    account.faults.add("status", change=without_channels)
    assert raw.statuses() == {}
    assert raw.statuses()["raw"]["channel_status_code"] == "SUCCESS"


def test_lost_rows_are_acknowledged_and_their_token_is_committed(account, raw):
    account.faults.add("append", lose_rows=True)
    raw.append(lines(1, 2), "2")
    raw.append(lines(3), "3")
    status = raw.committed("3")
    assert ids(account) == [3]
    assert (status["rows_inserted"], status["rows_error_count"]) == (1, 0)


def test_rejected_rows_are_the_first_ones_and_bounded_by_their_own_append(account, raw):
    account.channels.pause()
    account.faults.add("append", after=1, reject_rows=2)
    for end, body in (("1", lines(1)), ("4", b"\n" + lines(2, 3, 4)), ("6", lines(5, 6))):
        raw.append(body, end)
    account.channels.resume()
    status = raw.committed("6")
    assert ids(account) == [1, 4, 5, 6]
    assert (status["rows_inserted"], status["rows_error_count"]) == (4, 2)
    assert status["last_error_offset_upper_bound"] == "4"
    assert "fault desk" in status["last_error_message"]


# The script


def test_faults_happen_as_often_and_as_late_as_they_say(account, raw):
    account.faults.add("status", after=1, times=2, status=503)
    seen = [
        raw.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": []}).status_code
        for _ in range(4)
    ]
    assert seen == [200, 503, 503, 200]


def test_any_means_every_kind_of_request(account, raw):
    account.faults.add("any", times=2, status=503)
    assert raw.open().status_code == 503
    assert raw.append(lines(1), "1").status_code == 503
    assert raw.open().ok


def drawn(seed, operation="append", count=300):
    desk = FaultDesk()
    desk.random(0.3, seed=seed, operations=["append", "status"])
    return [desk.next_for(operation) for _ in range(count)]


def test_random_faults_are_the_same_for_one_seed_and_as_many_as_the_rate_says():
    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < sum(fault is not None for fault in drawn(1)) < 120
    assert not any(drawn(1, "open"))
    kinds = {(f.cut_before, f.cut_after, f.truncate, f.status, f.body) for f in drawn(1) if f}
    assert len(kinds) == 9


def test_a_random_401_never_comes_twice_in_a_row():
    refused = [fault is not None and fault.status == 401 for fault in drawn(3, count=3000)]
    assert any(refused)
    assert not any(one and next_one for one, next_one in zip(refused, refused[1:], strict=False))


def test_clear_ends_all_trouble(account, raw):
    account.faults.add("any", times=100, status=503)
    account.faults.random(1.0, seed=1)
    account.faults.clear()
    assert raw.open().ok


def test_every_request_is_recorded_with_its_fault_and_without_credentials(account, raw):
    before = len(account.requests)
    account.faults.add("append", cut_before=True)
    account.faults.add("append", delay_s=0.001)
    with pytest.raises(requests.ConnectionError):
        raw.append(lines(1), "1")
    raw.append(lines(1), "1")
    raw.append(lines(1), "1")
    cut, delayed, third = account.requests[before:]
    assert (cut.fault.cut_before, cut.status, cut.operation) == (True, None, "append")
    assert (delayed.fault.delay_s, delayed.status) == (0.001, 200)
    assert third.fault is None
    assert delayed.body_digest == third.body_digest != cut.body_digest
    assert raw.headers["Authorization"].split()[1] not in repr([r.headers for r in account.requests])


# Channels


RESENT = {
    "stale": ((400, STALE), [1, 2]),
    "rowseq": ((409, "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER"), [1, 2]),
    "dedup": ((200, None), [1, 2]),
    "naive": ((200, None), [1, 1, 2]),
}


@pytest.mark.parametrize("mode", RESENT)
def test_an_append_sent_again_is_answered_as_the_mode_says(account, raw, mode):
    account.channels.resend = mode
    first = raw.token
    following = raw.append(lines(1), "1").json()["next_continuation_token"]
    again = raw.append(lines(1), "1", token=first)
    assert code(again) == RESENT[mode][0]
    if again.ok:
        assert again.json()["next_continuation_token"] == following
    raw.append(lines(2), "2", token=following)
    raw.committed("2")
    assert ids(account) == RESENT[mode][1]


@pytest.mark.parametrize("mode", RESENT)
def test_a_token_from_before_an_open_is_stale_in_every_mode(account, raw, mode):
    account.channels.resend = mode
    first = raw.token
    raw.append(lines(1), "1")
    raw.committed("1")
    raw.open()
    assert code(raw.append(lines(1), "1", token=first)) == (400, STALE)


def test_a_failed_commit_loses_rows_while_appends_go_on_until_the_channel_is_reopened(account, raw):
    account.channels.fail_commits()
    assert raw.append(lines(1), "1").ok
    gap = "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP"
    until(lambda: raw.status()["channel_status_code"] == gap)
    assert raw.append(lines(2), "2").ok
    raw.open(fail_on_uncommitted_rows=True)
    assert raw.status()["last_committed_offset_token"] is None
    raw.append(lines(3), "3")
    assert raw.committed("3")["channel_status_code"] == "SUCCESS"
    assert ids(account) == [3]


def test_a_commit_that_the_table_refuses_spares_the_committer(account, raw):
    account.sql("CREATE OR REPLACE TABLE NUMBERS (ID NUMBER PRIMARY KEY)")
    raw.append(lines(1, 1), "2")
    assert until(lambda: raw.status()["channel_status_code"] != "SUCCESS")
    raw.open()
    raw.append(lines(1), "1")
    assert raw.committed("1")["rows_inserted"] == 1


def test_a_set_status_is_shown_until_the_channel_is_reopened(account, raw):
    account.channels.set_status("raw", "ERR_ANY")
    assert raw.status()["channel_status_code"] == "ERR_ANY"
    assert raw.open().json()["channel_status"]["channel_status_code"] == "SUCCESS"
    with pytest.raises(sp.SnowpipeError, match="no channel 'nobody'"):
        account.channels.set_status("nobody", "ERR_ANY")


@pytest.mark.parametrize("discard", [False, True])
def test_a_take_over_fences_the_writer_and_discards_if_it_is_told_to(account, raw, discard):
    account.channels.pause()
    raw.append(lines(1), "1")
    account.channels.take_over("raw", discard=discard)
    account.channels.resume()
    assert code(raw.append(lines(2), "2")) == (400, STALE)
    raw.open(fail_on_uncommitted_rows=True)
    until(lambda: raw.open(fail_on_uncommitted_rows=True).ok)
    assert ids(account) == ([] if discard else [1])


def test_a_dropped_channel_comes_back_as_another_one(account, raw):
    raw.append(lines(1), "1")
    raw.committed("1")
    before, old = raw.status(), raw.token
    account.channels.drop("raw")
    assert raw.statuses() == {}
    assert raw.append(lines(2), "2").status_code == 404
    raw.open()
    assert raw.status()["created_on_ms"] > before["created_on_ms"]
    assert raw.status()["last_committed_offset_token"] is None
    assert code(raw.append(lines(2), "2", token=old)) == (400, STALE)


def test_counters_start_anew_at_a_reopen_if_they_are_told_to(account, raw):
    account.channels.reset_counters_on_reopen = True
    raw.append(lines(1) + b"bad\n", "1")
    raw.committed("1")
    raw.open()
    status = raw.status()
    assert (status["rows_inserted"], status["rows_error_count"]) == (0, 0)
    assert status["last_committed_offset_token"] == "1"


def test_the_commit_lag_changes_while_the_account_runs(account, raw):
    account.channels.commit_lag_s = 100.0
    raw.append(lines(1), "1")
    assert raw.open(fail_on_uncommitted_rows=True).status_code == 409
    raw.open()
    account.channels.commit_lag_s = 0.0
    raw.append(lines(2), "2")
    raw.committed("2")
    assert ids(account) == [2]


def test_tokens_stay_right_when_appends_are_committed_together(account, raw):
    account.channels.pause()
    raw.append(lines(1), "1")
    raw.append(lines(2), "2")
    raw.append(lines(3), None)  # as from a client that sends no token
    account.channels.resume()
    assert raw.committed("2")["rows_inserted"] == 3


# The account as a whole


def test_the_clock_moves_the_date_the_lives_and_the_checks(account, raw):
    def date():
        answer = raw.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": []})
        return answer.status_code, parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()

    status, offset = date()
    assert status == 200
    assert abs(offset) < 2
    account.clock.move(7200)
    status, offset = date()
    assert status == 401  # the token lived for an hour
    assert abs(offset - 7200) < 2
    with sp.connect(account.profile) as client, pytest.warns(UserWarning, match="behind the server's"):
        assert open_channel(client)
    account.clock.move(-7200)
    assert date()[0] == 200


def test_a_stopped_server_refuses_connections_and_starts_on_its_port(account, raw):
    raw.append(lines(1), "1")
    raw.committed("1")
    account.faults.add("append", hold_s=30)
    waiting = threading.Thread(target=lambda: pytest.raises(requests.ConnectionError, raw.append, b"", "2"))
    waiting.start()
    until(lambda: not account.faults._scripted)
    started = time.monotonic()
    account.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    assert time.monotonic() - started < 2  # connections are cut, not waited for
    with pytest.raises(requests.ConnectionError):
        raw.status()
    account.start()
    assert raw.open().status_code == 401
    raw.sign()
    assert raw.append(lines(2), "2").ok
    raw.committed("2")
    assert ids(account) == [1, 2]


def test_a_crashed_server_lost_what_was_accepted_and_wants_channels_reopened(account, raw):
    account.channels.pause()
    raw.append(lines(1), "1")
    account.stop(lose_uncommitted=True)
    account.channels.resume()
    account.start()
    raw.sign()
    assert raw.status()["channel_status_code"] == "ERR_CHANNEL_MUST_BE_REOPENED"
    assert raw.append(lines(2), "2").status_code == 409
    raw.open(fail_on_uncommitted_rows=True)
    raw.append(lines(2), "2")
    raw.committed("2")
    assert ids(account) == [2]


def test_stopping_and_starting_twice_changes_nothing(account, raw):
    account.stop()
    account.stop()
    account.start()
    account.start()
    raw.sign()
    assert raw.open().ok


def test_a_stopped_account_keeps_its_port_to_itself(account):
    port = urlsplit(account.url).port
    account.stop()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


@pytest.mark.parametrize("tls", [False, True])
def test_a_failed_over_host_is_gone_and_the_new_one_is_discovered(tls):
    with sp.local(commit_lag_s=0.0, tls=tls) as account:
        make_table(account)
        with sp.connect(account.profile) as client:
            channel = open_channel(client)
            account.fail_over()
            with pytest.raises(sp.SnowpipeError, match="410"):
                channel.append_rows(lines(1), start_offset_token="0", end_offset_token="1")
        with sp.connect(account.profile) as client:
            channel = open_channel(client)
            channel.append_rows(lines(1), start_offset_token="0", end_offset_token="1")
            channel.wait_for_commit()
        host = f"localhost:{urlsplit(account.url).port}"
        assert {
            r.headers["host"] for r in account.requests if r.operation == "append" and r.status == 200
        } == {host}
        account.fail_over()
        with sp.connect(account.profile) as client:
            assert open_channel(client)
        assert ids(account) == [1]


# Error tables


@pytest.fixture
def logged(account):
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER NOT NULL, TEXT VARCHAR) ERROR_LOGGING = TRUE")
    raw = Raw(account)
    raw.open()
    return raw


def test_an_error_table_keeps_rejected_rows_with_the_reason_and_their_place(account, logged):
    logged.append(lines(1) + b'{"ID":"x"}\nnonsense\r\n', "3")
    logged.append(lines(4) + b'{"TEXT":"no id"}\n', "5")
    logged.committed("5")
    kept = account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")
    assert list(kept) == ["TIMESTAMP", "QUERY_ID", "ERROR_CODE", "ERROR_METADATA", "ERROR_DATA"]
    assert [json.loads(data) for data in kept["ERROR_DATA"]] == [{"ID": "x"}, "nonsense", {"TEXT": "no id"}]
    told = [json.loads(data) for data in kept["ERROR_METADATA"]]
    assert [t["offset_token_upper_bound"] for t in told] == ["3", "3", "5"]
    assert {(t["service"], t["channel_name"], t["pipe_name"]) for t in told} == {
        ("snowpipe_streaming", "raw", "NUMBERS-STREAMING")
    }
    assert "is no NUMBER" in told[0]["error_message"]
    assert ids(account) == [1, 4]


def rejected(raw):
    return raw.call("POST", f"{PIPE}/channels/{raw.channel}:rejected-rows")


def test_the_rejected_rows_of_one_channel_are_told_over_http(account, logged):
    other = Raw(account, "other")
    other.open()
    other.append(b'{"ID":"of another channel"}\n', "1")
    other.committed("1")
    logged.append(b'{"ID":"x"}\n', "1")
    logged.committed("1")
    answer = rejected(logged).json()
    assert answer["columns"] == ["TIMESTAMP", "QUERY_ID", "ERROR_CODE", "ERROR_METADATA", "ERROR_DATA"]
    assert [row[4] for row in answer["rows"]] == [{"ID": "x"}]
    assert last(account).operation == "rejected"
    logged.headers = {}
    assert rejected(logged).status_code == 401


def test_a_table_without_an_error_table_says_so(account, raw):
    assert code(rejected(raw)) == (404, "ERR_NO_ERROR_TABLE")
    with pytest.raises(sp.SnowpipeError, match="does not exist"):
        account.sql(f"SELECT * FROM ERROR_TABLE({TABLE})")


def test_error_logging_is_switched_by_alter_table_and_ends_with_the_table(account, raw):
    account.sql(f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE")
    raw.append(b"bad\n", "1")
    raw.committed("1")
    account.sql(f"CREATE TABLE IF NOT EXISTS {TABLE} (OTHER NUMBER)")
    assert len(rejected(raw).json()["rows"]) == 1
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER)")
    assert rejected(raw).status_code == 404
    with pytest.raises(sp.SnowpipeError, match="NOWHERE does not exist"):
        account.sql("ALTER TABLE NOWHERE SET ERROR_LOGGING = TRUE")
