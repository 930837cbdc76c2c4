"""`snowpipe-pandas stream` as a user runs it: a process of its own, its output, its exit status."""

import shlex
import signal
import subprocess
import time

import pandas as pd
import pytest

from tests.support.command import COMMAND, run
from tests.support.loads import TABLE, ids, make_table, numbers


@pytest.fixture
def files(tmp_path):
    """Three Parquet files of numbers, 30 rows in all."""
    for part in range(3):
        numbers(10, start=10 * part).to_parquet(tmp_path / f"part-{part}.parquet")
    return tmp_path


def stream(account, *arguments):
    return run("stream", *arguments, "--profile", account.profile)


def test_files_come_into_the_table_once_however_often_it_is_run(account, files):
    make_table(account)
    for expected in ("30 rows in the table", "nothing to send: all 30 rows"):
        done = stream(account, files / "*.parquet", "--table", TABLE, "--load-id", "2013")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"-> {TABLE}: {expected}" in done.stdout
        assert "30/30 rows" in done.stderr  # the line of progress
    assert sorted(ids(account)) == list(range(30))


def test_several_files_through_several_channels_into_a_table_that_is_made(account, files):
    done = stream(account, *sorted(files.iterdir()), "--table", "numbers", "--channels", "3", "--create")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 channels" in done.stdout
    assert sorted(ids(account)) == list(range(30))
    again = stream(account, files, "--table", "NUMBERS", "--create", "--channels", "auto")
    assert again.returncode == 0
    assert len(ids(account)) == 60  # a load without a name is a new one


def test_a_csv_whose_names_are_in_lower_case(account, tmp_path):
    pd.DataFrame({"id": [1, 2], "text": ["007", ""]}).to_csv(tmp_path / "a.csv", index=False)
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR)")
    done = stream(account, tmp_path / "a.csv", "--table", TABLE, "--column-case", "upper")
    assert done.returncode == 0, done.stdout + done.stderr
    assert account.sql(f"SELECT TEXT FROM {TABLE} ORDER BY ID")["TEXT"].tolist()[0] == "007"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none-*.parquet", "--table", TABLE], "none-*.parquet"),
        (["{files}", "--table", "a.b.c.d"], "a.b.c.d"),
        (["{files}", "--table", "DEMO.PUBLIC.MISSING"], "DEMO.PUBLIC.MISSING"),
        (["{files}", "--table", TABLE, "--channels", "many"], "channels='many'"),
        (["{files}", "--table", TABLE, "--load-id", "a b"], "load_id='a b'"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_1(account, files, arguments, message):
    make_table(account)
    done = stream(account, *(argument.format(files=files) for argument in arguments))
    assert done.returncode == 1
    assert message in done.stdout.replace("\n", " ")
    assert "Traceback" not in done.stdout + done.stderr


def test_rejected_rows_are_status_1_and_counted(account, tmp_path):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR(3))")
    numbers(5).to_parquet(tmp_path / "a.parquet")
    done = stream(account, tmp_path, "--table", TABLE, "--on-error", "report")
    assert done.returncode == 1
    assert "5 of 5 rows REJECTED" in done.stdout
    done = stream(account, tmp_path, "--table", TABLE)
    assert done.returncode == 1
    assert "rejected 5 rows" in done.stdout


def test_a_load_that_fails_prints_the_command_that_goes_on(account, files):
    make_table(account)
    account.faults.add("append", after=1, times=1, status=400, body=b'{"code": "ERR_INVALID"}')
    done = stream(account, files, "--table", TABLE, "--channels", "2")
    assert done.returncode == 1
    again = next(line for line in done.stdout.splitlines() if line.startswith("to go on: "))
    command = shlex.split(again.removeprefix("to go on: "))
    assert command[:2] == ["snowpipe-pandas", "stream"]
    done = run(*command[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(ids(account)) == list(range(30))


def test_ctrl_c_is_status_130_and_prints_the_command_that_goes_on(account, files):
    make_table(account)
    account.faults.add("append", times=1000, delay_s=0.2)
    many = numbers(100_000)
    many.to_parquet(files / "many.parquet", row_group_size=10_000)
    command = [COMMAND, "stream", files / "many.parquet", "--table", TABLE, "--profile", account.profile]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(request.operation == "append" for request in account.requests):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    message, errors = process.communicate(timeout=60)
    assert process.returncode == 130, message + errors
    assert "Traceback" not in errors
    account.faults.clear()
    again = shlex.split(
        next(line for line in message.splitlines() if "to go on: " in line).partition("on: ")[2]
    )
    assert run(*again[1:]).returncode == 0
    assert sorted(ids(account)) == list(range(100_000))


def test_a_table_that_cant_be_made_prints_the_statement(account, files):
    account.faults.add("statement", times=5, status=403, body=b"{}")
    done = stream(account, files, "--table", TABLE, "--create")
    assert done.returncode == 1
    account.sql("CREATE TABLE" + done.stdout.rpartition("CREATE TABLE")[2])  # it comes last, to be copied
    account.faults.clear()
    assert stream(account, files, "--table", TABLE).returncode == 0
