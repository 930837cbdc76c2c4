"""What a client sends of who it is: its role, its program's name, and the session of a container."""

import json
import os
import sys

import jwt
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.errors import AuthenticationError, ConfigError, TransportError
from tests.support.scripted import Reply, ScriptedServer

TYPE = "X-Snowflake-Authorization-Token-Type"
SPCS = "X-Snowflake-Spcs-Token"
STATUS = {"channel_statuses": {}}


@pytest.fixture
def server():
    server = ScriptedServer()
    server.script(Reply(body=b"127.0.0.1"), Reply(body=b"scoped"), Reply(body=STATUS))
    yield server
    server.close()


def ask(server, profile=None, **settings):
    with sp.connect(profile, url=server.url, **settings) as client:
        client.channel_statuses(["c"], table="D.S.T")


# -- the role -----------------------------------------------------------------------------------------


def by_argument(profile, tmp_path, monkeypatch, role):
    return {"profile": profile, "role": role}


def by_profile(profile, tmp_path, monkeypatch, role):
    fields = json.loads(profile.read_text())
    file = tmp_path / "with_role.json"
    file.write_text(json.dumps(fields | {"role": role}))
    return {"profile": file}


def by_environment(profile, tmp_path, monkeypatch, role):
    monkeypatch.setenv("SNOWFLAKE_ROLE", role)
    return {"profile": profile}


def by_connection(profile, tmp_path, monkeypatch, role):
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path))
    fields = json.loads(profile.read_text()) | {"role": role}
    lines = [
        f"{name} = {json.dumps(fields[name])}" for name in ("account", "user", "private_key_file", "role")
    ]
    (tmp_path / "connections.toml").write_text("\n".join(["[dev]", *lines]))
    return {"connection_name": "dev"}


@pytest.mark.parametrize("place", [by_argument, by_profile, by_environment, by_connection])
@pytest.mark.parametrize(("role", "scope"), [("loader", "LOADER"), ('"night loader"', "night loader")])
def test_a_role_is_a_claim_of_the_jwt(account, server, place, role, scope, tmp_path, monkeypatch):
    ask(server, **place(account.profile, tmp_path, monkeypatch, role))
    for request in server.seen[:2]:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["scp"] == f"session:role:{scope}"


def test_without_a_role_there_is_no_such_claim(account, server):
    ask(server, account.profile)
    token = server.seen[0].headers["Authorization"].removeprefix("Bearer ")
    assert "scp" not in jwt.decode(token, options={"verify_signature": False})


def test_the_local_account_takes_a_jwt_with_a_role(account):
    account.sql("CREATE TABLE T (ID NUMBER)")
    with sp.connect(account.profile, role="loader") as client:
        assert client.describe()["role"] == ("loader", "argument")
        client.open_channel("c", table="DEMO.PUBLIC.T")


@pytest.mark.parametrize("scope", ["LOADER", "session:role:", 5, ["session:role:R"]])
def test_the_local_account_refuses_a_scope_that_is_not_a_role(account, scope, monkeypatch):
    monkeypatch.setattr("snowpipe_pandas.auth.jwt.session_role", lambda role: scope)
    account.sql("CREATE TABLE T (ID NUMBER)")
    with sp.connect(account.profile, role="R") as client, pytest.raises(AuthenticationError, match="scp"):
        client.open_channel("c", table="DEMO.PUBLIC.T")


# -- the program --------------------------------------------------------------------------------------


def test_the_program_is_named_in_the_user_agent(account, server):
    ask(server, account.profile, application="nightly_load-2.0")
    agents = {request.headers["User-Agent"] for request in server.seen}
    assert len(agents) == 1
    assert agents.pop().endswith(" (app=nightly_load-2.0)")


@pytest.mark.parametrize("name", ["a b", "x" * 51, "a\r\nX: 1", "(x)", "-x", "é", 5, "a/b"])
def test_a_name_that_is_not_a_program_is_refused(account, name):
    with pytest.raises(ConfigError, match="application") as caught:
        sp.connect(account.profile, application=name)
    assert caught.value.setting == "application"


# -- the system's trust -------------------------------------------------------------------------------


def test_the_systems_trust_store_needs_its_package(account, monkeypatch):
    monkeypatch.setitem(sys.modules, "truststore", None)
    with pytest.raises(ConfigError, match="pip install truststore"):
        sp.connect(account.profile, ca_file="system")


def test_the_systems_trust_store_decides_and_nothing_else(monkeypatch, tmp_path):
    with sp.local(tls=True) as account:
        account.sql("CREATE TABLE T (ID NUMBER)")
        fields = json.loads(account.profile.read_text())
        authority = fields.pop("ca_file")
        file = tmp_path / "profile.json"
        file.write_text(json.dumps(fields))
        once = sp.RetryPolicy(attempts=1)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)  # which is not the system's
        with (
            sp.connect(file, ca_file="system", retry=once) as client,
            pytest.raises(TransportError, match="certificate"),
        ):
            client.open_channel("c", table="DEMO.PUBLIC.T")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        monkeypatch.setenv("SSL_CERT_FILE", authority)  # where OpenSSL looks for the system's
        with sp.connect(file, ca_file="system", retry=once) as client:
            client.open_channel("c", table="DEMO.PUBLIC.T")


# -- a container's session ----------------------------------------------------------------------------


@pytest.fixture
def inside(account, tmp_path, monkeypatch):
    """The environment and the token's file, as Snowflake sets them in a container, without a user."""
    monkeypatch.chdir(tmp_path)
    scheme, _, host = account.url.partition("://")
    (tmp_path / "token").write_text(account.door.issue_access_token("DEMO_USER"))
    for name, value in {
        "ACCOUNT": "LOCAL",
        "HOST": host,
        "SCHEME": scheme,
        "DATABASE": "DEMO",
        "SCHEMA": "PUBLIC",
        "SERVICE_NAME": "S",
        "REGION": "AWS_US_WEST_2",
        "SPCS_TOKEN_PATH": str(tmp_path / "token"),
        "SPCS_SERVICE_TOKEN_PATH": str(tmp_path / "service"),
    }.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    account.sql("CREATE TABLE T (ID NUMBER)")
    return tmp_path


def test_a_container_needs_no_arguments(inside, account):
    with sp.connect() as client:
        described = client.describe()
        sp.stream([{"ID": 1}], client.open_channel("c", table="T"), progress=False)
    assert described["authenticator"] == ("SPCS", "the container's session token")
    assert described["spcs_token_path"] == (str(inside / "token"), "the container's session token")
    assert "user" not in described
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 1


def test_the_session_is_sent_as_the_official_sdk_does(inside, server, monkeypatch):
    (inside / "token").write_text("session-1\n")
    (inside / "service").write_text("service-1\n")
    monkeypatch.setenv("SNOWFLAKE_HOST", server.url.removeprefix("http://"))
    with sp.connect() as client:
        client.channel_statuses(["c"], table="D.S.T")
    discovery, exchange, status = server.seen
    for request in (discovery, exchange):
        assert request.headers["Authorization"] == "Bearer session-1"
        assert (request.headers[TYPE], request.headers[SPCS]) == ("OAUTH", "service-1")
    assert SPCS not in status.headers
    assert b"token-type%3Aaccess_token" in exchange.body


def test_a_session_that_is_rotated_is_read_again(inside, server, monkeypatch):
    (inside / "token").write_text("session-1")
    monkeypatch.setenv("SNOWFLAKE_HOST", server.url.removeprefix("http://"))
    with sp.connect() as client:
        client.channel_statuses(["c"], table="D.S.T")
        assert SPCS not in server.seen[0].headers
        os.replace(_written(inside / "next", "session-2"), inside / "token")
        assert client.token() == "session-2"


def _written(path, text):
    path.write_text(text)
    return path


OTHERWISE = {
    "an account": {"account": "other"},
    "a url": {"url": "http://127.0.0.1:1"},
    "a user": {"user": "u"},
    "an authenticator": {"authenticator": "SNOWFLAKE_JWT", "user": "u"},
}


@pytest.mark.parametrize("given", OTHERWISE)
def test_the_session_is_for_its_own_account_and_only_where_nothing_else_is_said(inside, given):
    with pytest.raises(ConfigError, match="needs a private key|user is missing"):
        sp.connect(**OTHERWISE[given])


def test_a_key_or_a_token_stands_before_the_session(inside):
    assert load_settings(token="t").authenticator == "PROGRAMMATIC_ACCESS_TOKEN"
    assert load_settings(user="u", private_key_file="k").authenticator == "SNOWFLAKE_JWT"


def test_the_session_can_be_asked_for_by_name(inside):
    settings = load_settings(authenticator="spcs", spcs_token_path=inside / "token")
    assert settings.authenticator == "SPCS"
    with pytest.raises(ConfigError, match="token file 'nowhere' does not exist") as caught:
        sp.connect(authenticator="spcs", spcs_token_path="nowhere")
    assert caught.value.setting == "spcs_token_path"


def test_a_refused_session_has_no_name_to_tell(inside):
    (inside / "token").write_text("old")
    with sp.connect() as client, pytest.raises(AuthenticationError, match="refused the token for a user of"):
        client.open_channel("c", table="T")
