"""The account as a whole in trouble: its clock, stops and crashes, another ingest host, kill -9."""

import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import snowpipe_pandas as sp
from tests.embedded.raw import PIPE, lines, until
from tests.support.loads import ids, make_table, open_channel


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
    assert [r.status for r in account.requests if r.operation == "discover"] == [401, 200]
    account.clock.move(-7200)
    assert date()[0] == 200


def test_a_stopped_server_refuses_connections_and_starts_on_its_port(account, raw):
    raw.append(lines(1), "1")
    raw.committed("1")
    account.faults.add("append", hold_s=30)
    cut = []

    def wait_for_an_answer():
        with pytest.raises(requests.ConnectionError):
            raw.append(b"", "2")
        cut.append(True)

    waiting = threading.Thread(target=wait_for_an_answer)
    waiting.start()
    until(lambda: not account.faults._scripted)
    started = time.monotonic()
    account.stop()
    waiting.join(5)
    assert cut
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


COMMAND = str(Path(sys.executable).with_name("snowpipe-pandas"))


def serve(path, port):
    """Start `snowpipe-pandas serve` and return the process and its profile once it answers."""
    arguments = [COMMAND, "serve", str(path), "--port", str(port), "--commit-lag", "0.01"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ)
    return process, re.search(r"profile (.*)", process.stdout.readline())[1]


def write_until_it_breaks(channel, start):
    """Append row after row; the offset token counts them."""
    try:
        for row in itertools.count(start):
            tokens = {"start_offset_token": str(row), "end_offset_token": str(row + 1)}
            channel.append_rows(lines(row), **tokens)
    except sp.SnowpipeError:
        pass


def test_a_killed_server_leaves_a_file_with_rows_and_token_that_agree(tmp_path):
    path, moments = tmp_path / "killed.duckdb", random.Random(5)
    with sp.local(path) as account:
        make_table(account)
        port = urlsplit(account.url).port
    committed = []
    for _ in range(5):
        process, profile = serve(path, port)
        try:
            with sp.connect(profile, retry=sp.RetryPolicy(budget_s=0.2)) as client:
                channel = open_channel(client)
                status = channel.opened_status
                committed.append(int(status.last_committed_offset_token or 0))
                assert status.rows_inserted == committed[-1]
                writer = threading.Thread(target=write_until_it_breaks, args=(channel, committed[-1]))
                writer.start()
                time.sleep(moments.uniform(0.05, 0.5))  # a random moment, not a wait for something
                process.kill()
                writer.join()
        finally:
            process.kill()
            assert process.wait(20) == -signal.SIGKILL
            process.stdout.close()
    assert committed == sorted(committed)
    with sp.local(path, port=port) as account, sp.connect(account.profile) as client:
        token = open_channel(client).opened_status.last_committed_offset_token
        assert ids(account) == list(range(int(token)))
        assert int(token) > 0
