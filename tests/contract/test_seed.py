"""The seed's task list, line by line: the JWT is made here, and `/oauth2/token` is never asked for one.

Keys, JWTs and token caches in themselves are tested in tests/auth; here is what the client does with them.
"""

import threading
import time
from functools import partial

import jwt
import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.auth.jwt import LifetimeWarning
from snowpipe_pandas.auth.tokens import Clock, ClockSkewWarning
from snowpipe_pandas.errors import AuthenticationError
from snowpipe_pandas.rest import client as client_module
from tests.support.loads import TABLE, make_table, numbers, open_channel

REFUSED = b'{"code": "390303", "message": "the token is invalid"}'


def paths(account):
    return [request.path for request in account.requests]


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
        claims = jwt.decode(client.token(), options={"verify_signature": False})
        assert jwt.get_unverified_header(client.token())["alg"] == "RS256"
    assert set(claims) == {"iss", "sub", "iat", "exp", "jti", "aud"}
    assert claims["sub"] == "LOCAL.DEMO_USER"
    assert claims["iss"].startswith("LOCAL.DEMO_USER.SHA256:")
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize(("wanted", "used"), [(5, 30), (10_000, 3600)])
def test_t007_a_lifetime_is_clamped_with_one_warning(account, wanted, used):
    with (
        pytest.warns(LifetimeWarning) as warned,
        sp.connect(account.profile, jwt_lifetime_s=wanted) as client,
    ):
        claims = jwt.decode(client.token(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == used
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("scheme", "prefix", "kind"),
    [("Bearer", "Bearer ey", "KEYPAIR_JWT"), ("Snowflake JWT", "Snowflake JWT ey", None)],
)
def test_t004_t010_t012_both_header_forms_are_sent_and_taken(account, scheme, prefix, kind):
    make_table(account)
    with sp.connect(account.profile, authorization_scheme=scheme) as client:
        headers = client._credential.headers()
        assert headers["Authorization"].startswith(prefix)
        assert headers.get("X-Snowflake-Authorization-Token-Type") == kind
        open_channel(client)


def test_t004_t008_many_threads_meeting_an_expired_token_cause_one_exchange(account, client):
    make_table(account)
    channel = open_channel(client)
    account.door.revoke_scoped()
    client._planes.scoped.cache.invalidate(client._planes.scoped.token())
    before = paths(account).count("/oauth/token")
    barrier = threading.Barrier(32)

    def ask():
        barrier.wait()
        channel.status()

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths(account).count("/oauth/token") == before + 1


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


@pytest.mark.parametrize("operation", ["discover", "token", "open"])
def test_t005_t011_a_second_refusal_is_an_error_with_the_facts(account, operation):
    make_table(account)
    account.faults.add(operation, times=2, status=401, body=REFUSED)
    with (
        sp.connect(account.profile) as client,
        pytest.raises(AuthenticationError, match=r"DEMO_USER.*LOCAL.*check that") as caught,
    ):
        open_channel(client)
    error = caught.value
    assert (error.status, error.code, error.account, error.user) == (401, "390303", "LOCAL", "DEMO_USER")
    assert error.fingerprint.startswith("SHA256:")


def test_t009_the_jwt_is_made_when_the_client_is_and_nothing_is_sent(account):
    with sp.connect(account.profile) as client:
        assert client.token().count(".") == 2
        assert client.token_expiry.credential == pytest.approx(time.time() + 3600, abs=30)
        assert client.token_expiry.scoped is None
        assert account.requests == []
        make_table(account)
        open_channel(client)
        assert client.token_expiry.scoped > time.time()


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_wrong_clock_is_said_once_and_the_servers_time_is_signed(account, monkeypatch, hours):
    make_table(account)
    wrong = partial(Clock, wall=lambda: time.time() + 3600 * hours)
    monkeypatch.setattr(client_module, "Clock", wrong)
    with (
        pytest.warns(ClockSkewWarning, match="clock is 7[12].. s") as warned,
        sp.connect(account.profile) as client,
    ):
        channel = open_channel(client)
        assert numbers(5).snowpipe.stream(channel, progress=False).committed
        claims = jwt.decode(client.token(), options={"verify_signature": False})
    assert len(warned) == 1
    assert claims["iat"] == pytest.approx(time.time(), abs=30)
    assert paths(account).count("/oauth/token") == 1


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
