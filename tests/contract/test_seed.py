"""The seed's task list, line by line: the JWT is made here, and `/oauth2/token` is never asked for one.

Keys, JWTs and token caches in themselves are tested in tests/auth; here is what the client does with them.
"""

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import jwt
import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.auth.jwt import AuthConfig, LifetimeWarning
from snowpipe_pandas.auth.keys import KeySource
from snowpipe_pandas.auth.tokens import ClockSkewWarning
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.errors import AuthenticationError
from snowpipe_pandas.rest.client import Client
from tests.support.clocks import QuickClock
from tests.support.elsewhere import account_elsewhere
from tests.support.loads import TABLE, ids, make_table, numbers, open_channel
from tests.test_docs import PAGES

PROJECT = Path(__file__).parent.parent.parent

REFUSED = b'{"code": "390303", "message": "the token is invalid"}'


def paths(account):
    return [request.path for request in account.requests]


def claims(client):
    return jwt.decode(client.token(), options={"verify_signature": False})


@pytest.fixture
def clock():
    """The clock by which the client counts the lives of its tokens."""
    return QuickClock()


@pytest.fixture
def client(account, clock):
    with Client(load_settings(account.profile), clock=clock) as client:
        yield client


def in_32_threads(ask):
    """Call a function in 32 threads at once; none of them fails."""
    start = threading.Barrier(32)

    def started_together(_):
        start.wait(20)
        return ask()

    with ThreadPoolExecutor(32) as pool:
        assert len(list(pool.map(started_together, range(32)))) == 32


def test_t002_t009_t013_a_load_never_asks_oauth2_for_a_token_and_exchanges_at_oauth_token(account, client):
    make_table(account)
    channel = open_channel(client)
    numbers(10).snowpipe.stream(channel, progress=False)
    channel.drop()
    assert not [path for path in paths(account) if "oauth2" in path]
    assert paths(account).count("/oauth/token") == 1


def test_t002_refused_tokens_do_not_lead_there_either(account):
    for operation in ("discover", "token", "open"):
        account.faults.add(operation, times=5, status=401, body=REFUSED)
        with sp.connect(account.profile) as client, pytest.raises(AuthenticationError):
            open_channel(client)
        while account.faults.next_for(operation):
            pass
    assert not [path for path in paths(account) if "oauth2" in path]


def test_t002_the_local_account_has_no_such_endpoint_either(account):
    assert requests.post(f"{account.url}/oauth2/token", timeout=5).status_code == 404


def test_t003_t007_the_jwt_is_rs256_and_has_the_claims(account):
    with sp.connect(account.profile, audience="snowflake") as client:
        found = claims(client)
        assert jwt.get_unverified_header(client.token())["alg"] == "RS256"
        assert client.token_expiry.credential == found["exp"]
    assert set(found) == {"iss", "sub", "iat", "exp", "jti", "aud"}
    assert found["sub"] == "LOCAL.DEMO_USER"
    assert found["iss"].startswith("LOCAL.DEMO_USER.SHA256:")
    assert found["exp"] - found["iat"] == 3600


@pytest.mark.parametrize(("wanted", "used"), [(-1, 30), (0, 30), (5, 30), (10_000, 3600)])
def test_t007_a_lifetime_is_clamped_with_one_warning(account, wanted, used):
    with (
        pytest.warns(LifetimeWarning) as warned,
        sp.connect(account.profile, jwt_lifetime_s=wanted) as client,
    ):
        found = claims(client)
    assert found["exp"] - found["iat"] == used
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("scheme", "prefix", "kind"),
    [("Bearer", "Bearer ey", "KEYPAIR_JWT"), ("Snowflake JWT", "Snowflake JWT ey", None)],
)
def test_t004_t010_t012_both_header_forms_are_sent_and_taken(account, scheme, prefix, kind):
    make_table(account)
    with sp.connect(account.profile, authorization_scheme=scheme) as client:
        headers = client._credential.headers(client._credential.token(client._caller))
        assert headers["Authorization"].startswith(prefix)
        assert headers.get("X-Snowflake-Authorization-Token-Type") == kind
        open_channel(client)


def test_t004_t008_32_threads_meeting_expired_tokens_cause_one_refresh_of_each(
    account, client, clock, monkeypatch
):
    make_table(account)
    channel = open_channel(client)
    first = claims(client)["jti"]
    before = paths(account).count("/oauth/token")
    signed = []
    monkeypatch.setattr(
        jwt, "encode", lambda *a, encode=jwt.encode, **kw: signed.append(a) or encode(*a, **kw)
    )
    clock.pass_time(3601)
    in_32_threads(channel.status)
    assert paths(account).count("/oauth/token") == before + 1
    assert claims(client)["jti"] != first
    assert len(signed) == 1


@pytest.mark.parametrize(("passed_s", "renewals"), [(3180, 0), (3250, 1)])
def test_t004_t008_tokens_are_renewed_five_minutes_and_the_skew_before_their_end(
    account, client, clock, passed_s, renewals
):
    make_table(account)
    channel = open_channel(client)
    first, before = client.token(), paths(account).count("/oauth/token")
    clock.pass_time(passed_s)
    channel.status()
    assert (client.token() != first) == bool(renewals)
    assert paths(account).count("/oauth/token") == before + renewals


def test_t008_short_lived_tokens_are_not_renewed_for_every_request():
    with sp.local(token_lifetime_s=8, commit_lag_s=0.01) as account, sp.connect(account.profile) as client:
        make_table(account)
        channel = open_channel(client)
        for _ in range(30):
            channel.status()
        assert paths(account).count("/oauth/token") <= 2


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("operation", ["discover", "token", "open", "append", "status"])
def test_t005_t011_a_refusal_is_answered_with_new_tokens_and_one_more_try(account, operation, status):
    make_table(account)
    account.faults.add(operation, status=status, body=REFUSED)
    with sp.connect(account.profile) as client:
        channel = open_channel(client)
        assert numbers(5).snowpipe.stream(channel, progress=False).committed


def test_t005_t011_32_threads_whose_token_was_revoked_cause_one_exchange(account, client):
    make_table(account)
    channel = open_channel(client)
    before = paths(account).count("/oauth/token")
    account.door.revoke_scoped()
    in_32_threads(channel.status)
    assert paths(account).count("/oauth/token") == before + 1


@pytest.mark.parametrize(("passed_s", "signed_anew"), [(0, False), (3300, True)])
def test_t005_t011_the_scoped_token_is_always_exchanged_anew_and_the_jwt_if_it_is_near_its_end(
    account, client, clock, passed_s, signed_anew
):
    make_table(account)
    channel = open_channel(client)
    scoped, signed = client._planes.scoped.token(client._caller), client.token()
    account.faults.add("status", status=401, body=REFUSED)
    clock.pass_time(passed_s)
    channel.status()
    assert client._planes.scoped.token(client._caller) is not scoped
    assert (client.token() != signed) == signed_anew


@pytest.mark.parametrize(
    ("operation", "status", "cause"),
    [
        ("discover", 401, r"check that DEMO_USER has this public key \(SHA256:.*clock"),
        ("token", 401, r"check that DEMO_USER has this public key \(SHA256:.*clock"),
        ("token", 403, "role of DEMO_USER may lack the privilege"),
        ("open", 401, "accepted the credential.*role may lack the privilege.*network policy"),
        ("open", 403, "accepted the credential.*role may lack the privilege.*network policy"),
    ],
)
def test_t005_t011_a_second_refusal_is_an_error_with_the_facts(account, operation, status, cause):
    make_table(account)
    account.faults.add(operation, times=2, status=status, body=REFUSED)
    with (
        sp.connect(account.profile) as client,
        pytest.raises(AuthenticationError, match=f"'DEMO_USER'.*'LOCAL'.*{status} 390303.*{cause}") as caught,
    ):
        open_channel(client)
    error = caught.value
    assert (error.status, error.code, error.account, error.user) == (status, "390303", "LOCAL", "DEMO_USER")
    assert error.fingerprint.startswith("SHA256:")
    assert account.faults.next_for(operation) is None, "tried twice, not more and not less"


def test_t006_auth_config_and_key_source_are_frozen_and_take_a_path_or_text(account):
    file = account.profile.parent / "rsa_key.p8"
    by_path, inline = KeySource(file), KeySource(text=file.read_text())
    assert by_path.load().fingerprint == inline.load().fingerprint
    config = AuthConfig("LOCAL", "DEMO_USER", by_path)
    for thing, name in ((config, "user"), (by_path, "path"), (inline, "text")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, "other")


def test_t009_the_jwt_is_made_when_the_client_is_and_nothing_is_sent(account):
    with sp.connect(account.profile) as client:
        assert client.token().count(".") == 2
        assert client.token_expiry.credential == pytest.approx(time.time() + 3600, abs=30)
        assert client.token_expiry.scoped is None
        assert account.requests == []
        make_table(account)
        open_channel(client)
        assert client.token_expiry.scoped > time.time()


def test_t015_t016_the_quickstart_is_executed_and_the_missing_endpoint_only_named_as_missing():
    assert PROJECT / "README.md" in PAGES  # tests/test_docs.py runs what is in these
    written = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("notebooks/*.ipynb")]
    sources = sorted(PROJECT.glob("snowpipe_pandas/**/*.py"))
    assert len(written) > 5
    named = [line for file in written + sources for line in file.read_text().splitlines() if "oauth2" in line]
    assert named
    assert [line for line in named if "does not exist" not in line] == []


def test_t017_one_command_checks_format_lint_types_and_tests_and_ci_runs_it():
    commands = subprocess.run(
        ["make", "-n", "-B", "test"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    for tool in ("ruff format --check .", "ruff check .", "mypy", "pytest"):
        assert f"/{tool}" in commands or f"-m {tool}" in commands
    assert (PROJECT / ".ci" / "run").read_text().splitlines()[-2:] == ["make test", "make test-browser"]


@pytest.mark.parametrize("ahead_s", [7200, -7200])
def test_a_wrong_clock_is_said_once_and_the_servers_time_is_signed(tmp_path, ahead_s):
    path = tmp_path / "account.duckdb"
    with sp.local(path) as account:
        make_table(account)
    with (
        account_elsewhere(path, ahead_s=ahead_s) as profile,
        pytest.warns(ClockSkewWarning, match=r"clock is 7[12]\d\d s") as warned,
        sp.connect(profile) as client,
    ):
        first = claims(client)
        channel = open_channel(client)
        assert numbers(5).snowpipe.stream(channel, progress=False).committed
        assert claims(client)["iat"] - first["iat"] == pytest.approx(ahead_s, abs=30)
    assert len(warned) == 1
    with sp.local(path) as account:
        assert ids(account) == list(range(5))


@pytest.mark.parametrize("kind", ["PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"])
@pytest.mark.parametrize("given", [str, "function"])
def test_other_credentials_of_snowflake_work_too(account, kind, given):
    make_table(account)
    text = account.door.issue_access_token("DEMO_USER")
    token = text if given is str else lambda: text
    with sp.connect(
        url=account.url, account="LOCAL", user="DEMO_USER", authenticator=kind, token=token
    ) as client:
        channel = client.open_channel("pat", table=TABLE)
        assert numbers(3).snowpipe.stream(channel, progress=False).committed


def test_a_function_is_asked_for_another_token_after_a_refusal(account):
    make_table(account)
    tokens = ["revoked-long-ago", account.door.issue_access_token("DEMO_USER")]
    with sp.connect(
        url=account.url, account="LOCAL", user="DEMO_USER", authenticator="OAUTH", token=lambda: tokens.pop(0)
    ) as client:
        client.open_channel("oauth", table=TABLE)
    assert tokens == []
