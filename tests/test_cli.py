"""The command line as a user runs it: a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import snowpipe_pandas as sp
from tests.support.loads import make_table, numbers, open_channel

COMMAND = str(Path(sys.executable).with_name("snowpipe-pandas"))


def run(*arguments):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def lines(result):
    """The check and its outcome of each line."""
    found = re.finditer(r"^(ok  |FAIL) (\w+)", result.stdout, re.MULTILINE)
    return {match[2]: match[1].strip() for match in found}


@pytest.mark.parametrize("tls", [False, True])
def test_doctor_finds_everything_well(tls):
    with sp.local(tls=tls) as account:
        make_table(account)
        result = run("doctor", account.profile, "--table", "DEMO.PUBLIC.NUMBERS")
    assert result.returncode == 0
    checks = ["settings", "key", "dns", "tls", "discovery", "clock", "token", "pipe"]
    assert lines(result) == dict.fromkeys(checks, "ok")
    assert "ALTER USER DEMO_USER SET RSA_PUBLIC_KEY = 'MII" in result.stdout
    assert result.stderr == ""


def profile_with(account, tmp_path, **changes):
    profile = json.loads(account.profile.read_text()) | changes
    file = tmp_path / "changed.json"
    file.write_text(json.dumps({name: value for name, value in profile.items() if value is not None}))
    return file


@pytest.mark.parametrize(
    ("changes", "failed", "fix"),
    [
        ({"user": None}, "settings", "user"),
        ({"private_key_file": "/nowhere/key.p8"}, "key", "/nowhere/key.p8"),
        ({"url": "https://no-such-host.invalid"}, "dns", "check the account name"),
        ({"ca_file": None}, "tls", "ca_file"),
        ({"user": "SOMEBODY"}, "discovery", "SOMEBODY"),
    ],
    ids=["settings", "key", "dns", "tls", "discovery"],
)
def test_doctor_stops_at_what_fails_and_says_what_to_do(tmp_path, changes, failed, fix):
    with sp.local(tls=True) as account:
        result = run("doctor", profile_with(account, tmp_path, **changes))
    assert result.returncode == 1
    assert list(lines(result).items())[-1] == (failed, "FAIL")
    assert fix in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_doctor_names_a_missing_pipe():
    with sp.local() as account:
        result = run("doctor", account.profile, "--table", "DEMO.PUBLIC.NOWHERE")
    assert result.returncode == 1
    assert lines(result)["pipe"] == "FAIL"
    assert "grant" in result.stdout


def test_serve_keeps_an_account_for_other_processes_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen(
        [COMMAND, "serve", str(tmp_path / "kept.duckdb")], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        profile = re.search(r"profile (.*)", process.stdout.readline())[1]
        with sp.connect(profile) as client, pytest.raises(sp.SnowpipeError, match="NUMBERS"):
            open_channel(client)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()
    with sp.local(tmp_path / "kept.duckdb") as account:
        make_table(account)
        with sp.connect(account.profile) as client:
            assert numbers(2).snowpipe.stream(open_channel(client), progress=False).committed


def test_a_port_that_is_taken_is_one_line():
    with sp.local() as account:
        result = run("serve", "--port", account.url.rpartition(":")[2])
    assert result.returncode == 1
    assert "is taken" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_the_demo_compares_and_succeeds():
    result = run("demo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "all 77 measures equal" in result.stdout
    assert "336,776/336,776 rows" in result.stderr


def test_a_difference_between_frame_and_table_is_found():
    from snowpipe_pandas.cli.compare import compare

    with sp.local(commit_lag_s=0.01) as account, sp.connect(account.profile) as client:
        make_table(account)
        numbers(50).snowpipe.stream(open_channel(client), progress=False)
        assert compare(numbers(50), account.sql, "NUMBERS")["equal"].all()
        for changed in (numbers(51), numbers(50).assign(TEXT="x"), numbers(50, start=1)):
            assert not compare(changed, account.sql, "NUMBERS")["equal"].all()
