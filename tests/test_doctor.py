"""`snowpipe-pandas doctor`: one line per check, and for what fails the fix."""

import json
import re

import pytest

import snowpipe_pandas as sp
from tests.auth import material
from tests.support.command import run
from tests.support.elsewhere import account_elsewhere
from tests.support.loads import TABLE, make_table

CHECKS = ["settings", "key", "key file", "dns", "tls", "discovery", "clock", "token", "ingest", "pipe"]
BY_SQL = ["role", "warehouse", "grants", "errors", "evolution", "channels"]
ALL_WELL = dict.fromkeys(CHECKS + BY_SQL, "ok")


def make_table_that_keeps_errors(account):
    make_table(account)
    account.sql(f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE")


@pytest.fixture(scope="module")
def account():
    """An account with TLS, which all checks that only read share."""
    with sp.local(tls=True) as account:
        make_table_that_keeps_errors(account)
        yield account


@pytest.fixture
def profile_with(account, tmp_path):
    """Write the account's profile with some settings changed, or left out where they are None."""

    def write(**changes):
        values = json.loads(account.profile.read_text()) | changes
        file = tmp_path / "changed.json"
        file.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))
        return file

    return write


def outcomes(result):
    """The checks in the order of their lines, each with its outcome."""
    assert "Traceback" not in result.stdout + result.stderr
    assert result.stderr == ""
    found = re.findall(r"^(ok  |warn|FAIL|\?   |skip) (.{10}) ", result.stdout, re.MULTILINE)
    return {check.strip(): outcome.strip() for outcome, check in found}


def assert_ends_with(result, check, text, fix):
    """The checks of the connection end with this one; those by SQL follow if the account was reached."""
    assert result.returncode == 1
    by_connection = [(name, line) for name, line in outcomes(result).items() if name in CHECKS]
    assert by_connection[-1] == (check, "FAIL")
    assert (check in ("token", "ingest", "pipe")) == ("role" in outcomes(result))
    line, todo = result.stdout[result.stdout.index(f"FAIL {check:10}") :].splitlines()[:2]
    assert re.search(text, line)
    assert re.search(fix, todo)
    assert todo.startswith(" " * 16)


@pytest.mark.parametrize("target", [("--table", TABLE), ("--pipe", f'{TABLE[:-7]}"NUMBERS-STREAMING"')])
@pytest.mark.parametrize("tls", [False, True])
def test_everything_is_well_and_the_line_for_the_key_is_good_sql(tls, target):
    with sp.local(tls=tls) as account:
        make_table_that_keeps_errors(account)
        result = run("doctor", account.profile, *target)
        sql = re.search(r"ALTER USER DEMO_USER SET RSA_PUBLIC_KEY = 'MII[\w+/=]+';", result.stdout)
        account.sql(sql[0])
    assert result.returncode == 0
    assert list(outcomes(result).items()) == list(ALL_WELL.items())
    assert re.search(r"^ok   key +SHA256:[\w+/=]{44};", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "check", "text", "fix"),
    [
        ({"user": None}, "settings", "the user is missing", "give user= or set SNOWFLAKE_USER"),
        ({"private_key_file": "/nowhere/key.p8"}, "key", "/nowhere/key.p8' does not exist", "check the path"),
        ({"url": "https://no-such-host.invalid"}, "dns", "does not resolve", "check the account name"),
        (
            {"url": "https://127.0.0.1:1"},
            "tls",
            "127.0.0.1:1 does not take a connection",
            "check host and port",
        ),
        (
            {"ca_file": None},
            "tls",
            "does not verify .unable to get local issuer",
            "name its certificate with ca_",
        ),
        ({"ca_file": __file__}, "settings", "test_doctor.py' holds no certificate", "name a PEM file"),
        (
            {"user": "Some.One"},
            "discovery",
            "'SOME.ONE'.*HTTP 401 390144",
            r'ALTER USER "SOME.ONE" SET RSA_PUB',
        ),
        ({"account": "OTHER"}, "discovery", "account 'OTHER'.*wrong account", "check account and user"),
        (
            {"private_key_file": None, "authenticator": "PAT", "token": "revoked"},
            "discovery",
            "HTTP 401",
            "the access token may have expired.*give another one",
        ),
    ],
    ids=[
        *("no user", "no key", "unknown host", "unreachable host", "unknown certificate", "bad ca_file"),
        *("wrong user", "wrong account", "wrong access token"),
    ],
)
def test_it_ends_at_what_fails_and_says_what_to_do(profile_with, changes, check, text, fix):
    assert_ends_with(run("doctor", profile_with(**changes)), check, text, fix)


def test_a_key_that_is_not_the_users_is_reported_with_the_line_that_registers_it(profile_with, tmp_path):
    key = material.private_file(tmp_path / "other.p8", material.pem())
    result = run("doctor", profile_with(private_key_file=str(key)))
    assert_ends_with(
        result, "discovery", "no such user and key fingerprint", "ALTER USER DEMO_USER SET RSA_P"
    )
    assert "doctor" not in result.stdout


def test_a_server_without_tls_is_distinguished_from_one_with_an_unknown_certificate(profile_with):
    with sp.local() as plain:
        url = plain.url.replace("http:", "https:")
        assert_ends_with(
            run("doctor", profile_with(url=url)), "tls", "does not speak TLS", "check scheme and port"
        )


def test_a_profile_that_is_not_there(tmp_path):
    assert_ends_with(
        run("doctor", tmp_path / "no.json"), "settings", "no.json' does not exist", "check the path"
    )


def test_a_key_file_that_others_can_read_fails_and_the_other_checks_go_on(account, profile_with, tmp_path):
    key = material.private_file(tmp_path / "open.p8", (account.profile.parent / "rsa_key.p8").read_bytes())
    key.chmod(0o644)
    result = run("doctor", profile_with(private_key_file=str(key)), "--table", TABLE)
    assert result.returncode == 1
    assert outcomes(result) == ALL_WELL | {"key file": "FAIL"}
    assert f"run: chmod 600 {key}" in result.stdout


@pytest.mark.parametrize(("ahead_s", "direction"), [(7200, "behind"), (-7200, "ahead of")])
def test_a_wrong_clock_fails_and_the_other_checks_go_on(tmp_path, ahead_s, direction):
    path = tmp_path / "account.duckdb"
    with sp.local(path) as account:
        make_table_that_keeps_errors(account)
    with account_elsewhere(path, ahead_s=ahead_s) as profile:
        result = run("doctor", profile, "--table", TABLE)
    assert result.returncode == 1
    assert outcomes(result) == ALL_WELL | {"clock": "FAIL"}
    assert re.search(rf"clock is 7[12]\d\d s {direction} the server's\n +set the clock", result.stdout)


@pytest.mark.parametrize(
    ("operation", "status", "check", "text", "fix"),
    [
        ("token", 403, "token", "HTTP 403", "role of DEMO_USER may lack the privilege"),
        ("pipe_info", 401, "pipe", "HTTP 401", "accepted the credential.*network policy"),
    ],
)
def test_a_refusal_further_on_is_reported_where_it_happens(account, operation, status, check, text, fix):
    account.faults.add(operation, times=2, status=status)
    assert_ends_with(run("doctor", account.profile, "--table", TABLE), check, text, fix)


@pytest.mark.parametrize("target", ["--table", "--pipe"])
def test_a_missing_pipe_is_named(account, target):
    result = run("doctor", account.profile, target, "DEMO.PUBLIC.NOWHERE")
    assert_ends_with(result, "pipe", 'DEMO.PUBLIC."?NOWHERE.*HTTP 404', "check the name, and grant")


def test_a_lifetime_that_is_clamped_is_still_warned_about(profile_with):
    result = run("doctor", profile_with(jwt_lifetime_s=5))
    assert result.returncode == 0
    assert result.stderr.count("30 s is used") == 1


def test_without_a_name_the_pipe_is_left_out(account):
    result = run("doctor", account.profile)
    assert result.returncode == 0
    assert outcomes(result)["pipe"] == "skip"
    assert "--table or --pipe" in result.stdout


def test_table_and_pipe_at_once_are_a_mistake(account):
    result = run("doctor", account.profile, "--table", "A", "--pipe", "B")
    assert result.returncode == 2
    assert "give either --table or --pipe" in result.stderr


def test_behind_a_proxy_names_and_certificates_are_left_to_it(profile_with):
    file = profile_with(url="https://no-such-host.invalid")
    result = run("doctor", file, HTTPS_PROXY="http://user:hidden-word@127.0.0.1:1", NO_PROXY="", no_proxy="")
    assert_ends_with(
        result, "discovery", "proxy on the way to no-such-host.invalid refused", "check HTTPS_PROXY"
    )
    assert (outcomes(result)["dns"], outcomes(result)["tls"]) == ("skip", "skip")
    assert "hidden-word" not in result.stdout


def test_an_ingest_host_outside_of_the_accounts_domain_is_asked_only_if_it_is_allowed(account):
    def examined(*allowed):
        account.faults.clear()
        account.faults.add("discover", body=b"rows.example.invalid")
        return run("doctor", account.profile, *(f"--allow-ingest-host={host}" for host in allowed))

    text = "rows.example.invalid, which is not in the account's own domain"
    assert_ends_with(examined(), "discovery", text, "if that is right, allow it")
    assert_ends_with(examined("other.example"), "discovery", text, "if that is right, allow it")
    result = examined("other.example", "*.Example.invalid")
    assert outcomes(result)["discovery"] == "ok"
    assert "the ingest host is https://rows.example.invalid" in result.stdout
    result = run("doctor", account.profile, "--allow-ingest-host=*")
    assert result.returncode == 1
    assert result.stdout.startswith("allow_ingest_hosts[0]='*' can't be used")
    account.faults.clear()


def test_an_access_token_needs_no_key(account, profile_with):
    token = account.door.issue_access_token("DEMO_USER")
    file = profile_with(private_key_file=None, authenticator="PAT", token=token)
    result = run("doctor", file, "--table", TABLE)
    assert result.returncode == 0
    assert outcomes(result) == ALL_WELL | {"key file": "skip"}
    assert token not in result.stdout
