"""OAuth tokens that renew themselves: a token endpoint on loopback, through to rows in the local account."""

import base64
import json
import logging
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import AuthenticationError, ConfigError, ServiceError, TransportError
from snowpipe_pandas.events import RequestRetried
from tests.auth.material import leaks, shown
from tests.support.scripted import Reply, ScriptedServer

ID, SECRET, REFRESH = "client 1", "s3cr3t:with/odd+signs", "refresh-0815-first"
QUICK = sp.RetryPolicy(base_s=0.01, cap_s=0.02, budget_s=5.0)


class Endpoint:
    """A token endpoint. It issues tokens of the account, and takes each refresh token once if it rotates."""

    def __init__(self, account, *, life_s=600, rotates=False, pause_s=0.0):
        self.account, self.life_s, self.rotates, self.pause_s = account, life_s, rotates, pause_s
        self.refresh_token = REFRESH
        self.seen = []
        self.issued = []
        self.lock = threading.Lock()

    def answer(self, headers, form):
        time.sleep(self.pause_s)
        with self.lock:
            self.seen.append((headers, form))
            if form["grant_type"] == ["refresh_token"] and form["refresh_token"] != [self.refresh_token]:
                return 400, {"error": "invalid_grant", "error_description": "the refresh token is not valid"}
            fields = {"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.life_s}
            if self.rotates:
                self.refresh_token = fields["refresh_token"] = f"refresh-{len(self.seen)}"
            return 200, fields

    def issue(self):
        token = self.account.door.issue_access_token("DEMO_USER")
        self.issued.append(token)
        return token


@contextmanager
def served(endpoint):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, fields = endpoint.answer({**self.headers, "path": self.path}, form)
            body = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/oauth/token?tenant=a%20b"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def make(account):
    """Make clients of the account whose tokens come from an endpoint."""
    account.sql("CREATE TABLE T (ID NUMBER)")
    clients = []

    def make(token_url, **settings):
        who = {"account": "LOCAL", "url": account.url, "oauth_client_id": ID, "oauth_client_secret": SECRET}
        retry = settings.pop("retry", QUICK)
        options = {name: settings.pop(name) for name in ("timeouts",) if name in settings}
        given = who | {"oauth_token_request_url": token_url, "authenticator": "OAUTH"} | settings
        clients.append(sp.connect(retry=retry, **options, **given))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def load(client, name="c", rows=50):
    channel = client.open_channel(name, table="DEMO.PUBLIC.T")
    return sp.stream([{"ID": n} for n in range(rows)], channel, progress=False)


def test_a_load_by_client_credentials(account, make):
    endpoint = Endpoint(account)
    with served(endpoint) as url:
        client = make(url, authenticator="OAUTH_CLIENT_CREDENTIALS", role="loader")
        assert not endpoint.seen, "connect() sends nothing"
        assert load(client).rows == 50
        load(client, "d")
    (headers, form), *more = endpoint.seen
    assert not more, "one token serves many requests"
    assert form == {"grant_type": ["client_credentials"], "scope": ["session:role:LOADER"]}
    scheme, _, both = headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(both)) == ("Basic", b"client%201:s3cr3t%3Awith%2Fodd%2Bsigns")
    assert headers["path"] == "/oauth/token?tenant=a+b", "its own query, and nothing of ours"
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 100


def test_a_load_by_a_refresh_token_with_the_client_in_the_form(account, make):
    endpoint = Endpoint(account)
    with served(endpoint) as url:
        client = make(url, oauth_refresh_token=REFRESH, oauth_scope="a b", oauth_credentials_in_body=True)
        assert load(client).rows == 50
    headers, form = endpoint.seen[0]
    assert "Authorization" not in headers
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": [REFRESH],
        "scope": ["a b"],
        "client_id": [ID],
        "client_secret": [SECRET],
    }


@pytest.mark.parametrize(("scope", "sent"), [({}, None), ({"role": "R", "oauth_include_scope": False}, None)])
def test_no_scope_is_asked_for_where_none_is_wanted(account, make, scope, sent):
    endpoint = Endpoint(account)
    with served(endpoint) as url:
        load(make(url, **scope))
    assert endpoint.seen[0][1].get("scope") == sent


def test_the_accounts_own_endpoint_is_the_default(account, make):
    client = make(None)
    with pytest.raises(ServiceError, match="get an access token from 127.0.0.1"):
        load(client)
    assert account.requests[-1].path == "/oauth/token-request"


def test_a_rotated_refresh_token_takes_the_place_of_the_last_one(account, make):
    endpoint = Endpoint(account, life_s=1, rotates=True)
    with served(endpoint) as url:
        client = make(url, oauth_refresh_token=REFRESH)
        for name in "abc":
            load(client, name)
            client._planes.scoped.cache.clear()  # so that the next load shows its credential
            time.sleep(1.1)
    sent = [form["refresh_token"][0] for _, form in endpoint.seen]
    assert sent[:3] == [REFRESH, "refresh-1", "refresh-2"]


def test_an_access_token_that_snowflake_refuses_is_fetched_anew(account, make):
    endpoint = Endpoint(account)
    endpoint.issue = lambda: "not-of-this-account" if len(endpoint.seen) == 1 else Endpoint.issue(endpoint)
    with served(endpoint) as url:
        assert load(make(url)).rows == 50
    assert len(endpoint.seen) == 2


def test_a_token_that_stays_refused_names_the_endpoint(account, make):
    endpoint = Endpoint(account)
    endpoint.issue = lambda: "not-of-this-account"
    with served(endpoint) as url, pytest.raises(AuthenticationError, match="was issued, but Snowflake"):
        load(make(url))


def test_many_threads_fetch_one_token(account, make):
    endpoint = Endpoint(account, pause_s=0.2)
    with served(endpoint) as url:
        client = make(url)
        threads = [threading.Thread(target=load, args=(client, f"c{n}", 5)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(endpoint.seen) == 1
    assert account.sql("SELECT COUNT(*) AS N FROM T")["N"][0] == 30


# -- endpoints that fail ---------------------------------------------------------------------------------


@pytest.fixture
def scripted():
    server = ScriptedServer()
    yield server
    server.close()


ECHO = f"unknown {SECRET} or {REFRESH}"
REFUSALS = {
    "refused": (
        Reply(400, {"error": "invalid_grant", "error_description": "it has expired"}),
        "invalid_grant: it",
    ),
    "unknown client": (Reply(401, {"error": "invalid_client"}), "HTTP 401 invalid_client"),
    "forbidden": (Reply(403, b"<html>no</html>"), "HTTP 403; check oauth_client_id"),
    "echo": (Reply(400, {"error": "x", "error_description": ECHO}), "HTTP 400; check"),
    "escapes": (Reply(400, {"error": "x", "error_description": "\x1b[2J\r\nred"}), "HTTP 400 x: "),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_an_authentication_error_after_one_try(case, scripted, make):
    reply, words = REFUSALS[case]
    scripted.script(reply)
    client = make(f"{scripted.url}/token", oauth_refresh_token=REFRESH)
    with pytest.raises(AuthenticationError, match=words) as caught:
        load(client)
    assert len(scripted.seen) == 1
    assert str(caught.value).isprintable()
    assert not leaks(shown(caught.value), [SECRET, REFRESH, "s3cr3t"])


GARBAGE = {
    "text": (Reply(body=b"a-token-as-text"), "not a JSON object with an access_token"),
    "HTML": (Reply(body=b"<html>sign in</html>"), "not a JSON object with an access_token"),
    "list": (Reply(body=["access_token"]), "not a JSON object"),
    "no token": (Reply(body={"token": "abc"}), "not a JSON object with an access_token"),
    "empty": (Reply(body={"access_token": ""}), "the access token in the answer is empty"),
    "odd": (Reply(body={"access_token": "a b\r\nX: 1"}), "has characters that tokens can't have"),
    "number": (Reply(body={"access_token": 5}), "not a JSON object with an access_token"),
    "huge": (Reply(body=b'{"access_token": "' + b"x" * 1_100_000 + b'"}'), "longer"),
    "redirect": (
        Reply(302, headers={"Location": "https://evil.example/t"}),
        "evil.example/t, which is not followed",
    ),
    "not found": (Reply(404, b"no"), "HTTP 404"),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_an_answer_that_holds_no_token_is_reported_exactly(case, scripted, make):
    reply, words = GARBAGE[case]
    scripted.script(reply)
    with pytest.raises(ServiceError, match=words):
        load(make(f"{scripted.url}/token"))
    assert len(scripted.seen) == 1


def test_transient_errors_are_tried_again_and_nothing_secret_is_reported(account, scripted, make, caplog):
    caplog.set_level(logging.DEBUG)
    token = account.door.issue_access_token("DEMO_USER")
    scripted.script(
        Reply(503, {"error": "busy", "message": ECHO}),
        Reply(429, ECHO.encode()),
        Reply(cut=0, body=b"gone"),
        Reply(body={"access_token": token, "expires_in": "600"}),
    )
    client = make(f"{scripted.url}/token", oauth_refresh_token=REFRESH)
    received = []
    with client.events.heard_by(received.append):
        load(client)
    retries = [event for event in received if isinstance(event, RequestRetried)]
    assert [event.status for event in retries][:2] == [503, 429]
    assert len(scripted.seen) == 4
    assert all("requestId" not in request.query for request in scripted.seen)
    assert not leaks(f"{received} {caplog.text}", [SECRET, REFRESH, token])


def test_an_endpoint_that_does_not_answer_in_time_is_a_transport_error(account, make):
    endpoint = Endpoint(account, pause_s=1.0)
    patience = {"timeouts": sp.Timeouts(read_s=0.1), "retry": sp.RetryPolicy(attempts=2, base_s=0.01)}
    with served(endpoint) as url:
        with pytest.raises(
            TransportError, match="get an access token|did not answer|no answer|in time"
        ) as caught:
            load(make(url, **patience))
        assert not leaks(shown(caught.value), [SECRET])


def test_the_end_of_a_token_is_the_answers_or_its_own_or_assumed(account, make, scripted):
    own = jwt.encode({"exp": int(time.time()) + 1800}, "x" * 32, algorithm="HS256")
    for answer, life in [
        ({"access_token": "a", "expires_in": 7200}, 7200),
        ({"access_token": own}, 1800),
        ({"access_token": "a"}, 600),
        ({"access_token": "a", "expires_in": -5}, 600),
        ({"access_token": "a", "expires_in": True}, 600),
    ]:
        scripted.replies.clear()
        scripted.script(Reply(body=answer))
        client = make(f"{scripted.url}/token")
        client.token()
        assert client.token_expiry.credential == pytest.approx(time.time() + life, abs=30)


# -- settings ---------------------------------------------------------------------------------------------

WHO = {"account": "a", "oauth_client_id": "i", "oauth_client_secret": "s"}
REFUSED = [
    ({"oauth_token_request_url": "http://login.example.com/token"}, "is not encrypted, and secrets are sent"),
    ({"oauth_token_request_url": "login.example.com"}, "is not a URL; take the token endpoint's URL"),
    (
        {"oauth_token_request_url": "https://i:s@login.example.com/t"},
        "must be text without user and password",
    ),
    ({"oauth_token_request_url": "https://x.example/a b"}, "is not a URL"),
    ({"oauth_token_request_url": "https://x.example:0/"}, "is not a URL"),
    ({"oauth_client_secret": ""}, "needs oauth_client_secret"),
    ({"oauth_client_id": None}, "needs oauth_client_id"),
    ({"token": "t"}, "token and OAuth's client are both given"),
    (
        {"oauth_refresh_token": "r", "authenticator": "OAUTH_CLIENT_CREDENTIALS"},
        "uses no oauth_refresh_token",
    ),
    ({"oauth_scope": "x", "oauth_include_scope": False}, "oauth_include_scope leaves it out"),
    ({"oauth_credentials_in_body": "maybe"}, "oauth_credentials_in_body='maybe' is neither true nor false"),
]


@pytest.mark.parametrize(("given", "match"), REFUSED)
def test_settings_that_do_not_go_together_are_refused(given, match):
    with pytest.raises(ConfigError, match=match):
        sp.connect(**WHO | {"authenticator": "OAUTH"} | given)


def test_the_sdks_profile_for_oauth_is_read(tmp_path, account):
    """As Snowflake's page on profile.json has it."""
    endpoint = Endpoint(account)
    with served(endpoint) as url:
        file = tmp_path / "profile.json"
        fields = {"account": "LOCAL", "user": "DEMO_USER", "url": account.url, "authorization_type": "OAuth"}
        fields |= {"oauth_client_id": ID, "oauth_client_secret": SECRET, "oauth_refresh_token": REFRESH}
        file.write_text(json.dumps(fields | {"oauth_token_endpoint": url}))
        account.sql("CREATE TABLE T (ID NUMBER)")
        with sp.connect(file) as client:
            load(client)
            text = f"{client!r} {client.describe()} {client._credential!r} {client._settings!r}"
    assert endpoint.seen[0][1]["refresh_token"] == [REFRESH]
    assert not leaks(text, [SECRET, REFRESH])
