"""Faults: each one, seen by a plain HTTP client on a real connection."""

import itertools
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from snowpipe_pandas.embedded.faults import Faults
from tests.embedded.raw import PIPE, STALE, code, lines, until
from tests.support.loads import ids


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
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)  # else the machine may take it all
        path = f"/v2/streaming/data{PIPE}/channels/raw/rows"
        writer.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n".encode())
        writer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            writer.sendall(b" " * 4_000_000)
        writer.settimeout(10)
        with pytest.raises(ConnectionError):
            writer.sendall(b" " * 4_000_000)
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
    assert "injected fault" in status["last_error_message"]


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
    faults = Faults()
    faults.random(0.3, seed=seed, operations=["append", "status"])
    return [faults.next_for(operation) for _ in range(count)]


def test_random_faults_are_the_same_for_one_seed_and_as_many_as_the_rate_says():
    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < sum(fault is not None for fault in drawn(1)) < 120
    assert not any(drawn(1, "open"))
    kinds = {(f.cut_before, f.cut_after, f.truncate, f.status, f.body) for f in drawn(1) if f}
    assert len(kinds) == 9


def test_a_random_401_never_comes_twice_in_a_row():
    refused = [fault is not None and fault.status == 401 for fault in drawn(3, count=3000)]
    assert any(refused)
    assert not any(one and next_one for one, next_one in itertools.pairwise(refused))


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
