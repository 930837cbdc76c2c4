"""The way to the ingest host: which address is used, and how a scoped token for it is requested."""

from urllib.parse import parse_qs, urlsplit

import pytest

import snowpipe_pandas as sp
from tests.support.loads import make_table, open_channel
from tests.support.scripted import Reply, ScriptedServer

STATUS = {"channel_statuses": {}}


@pytest.fixture
def server():
    server = ScriptedServer()
    yield server
    server.close()


def ask(url, authenticator="OAUTH"):
    who = {"account": "local", "user": "me", "url": url}
    with sp.connect(**who, authenticator=authenticator, token="a-token") as client:
        client.channel_statuses(["c"], table="D.S.T")


@pytest.mark.parametrize("with_port", [False, True])
def test_a_host_without_a_port_is_dialled_on_the_accounts_and_is_the_scope_as_it_was_discovered(
    server, with_port
):
    port = urlsplit(server.url).port
    host = f"127.0.0.1:{port}" if with_port else "127.0.0.1"
    server.script(Reply(body=host.encode()), Reply(body=b"scoped"), Reply(body=STATUS))
    ask(server.url)
    discovery, exchange, status = server.seen
    assert status.path.endswith(":bulk-channel-status")
    assert status.headers["Host"] == f"127.0.0.1:{port}"
    assert parse_qs(exchange.body.decode())["scope"] == [host]
    for request in (discovery, exchange):
        assert request.query["retryCount"] == "0"
        assert len(request.query["requestId"]) == 36


TYPES = {
    "PROGRAMMATIC_ACCESS_TOKEN": "programmatic_access_token",
    "OAUTH": "urn:ietf:params:oauth:token-type:access_token",
}


@pytest.mark.parametrize("kind", TYPES)
def test_an_access_token_is_exchanged_as_a_token_of_its_kind(server, kind):
    server.script(Reply(body=b"127.0.0.1"), Reply(body=b"scoped"), Reply(body=STATUS))
    ask(server.url, kind)
    form = parse_qs(server.seen[1].body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:token-exchange"]
    assert form["subject_token_type"] == [TYPES[kind]]
    assert "a-token" not in server.seen[1].body.decode()


@pytest.mark.parametrize("operation", ["discover", "token"])
def test_a_control_request_that_is_sent_again_says_so(account, client, operation):
    make_table(account)
    account.faults.add(operation, status=503)
    open_channel(client)
    first, second = [request for request in account.requests if request.operation == operation]
    assert (first.query["retryCount"], second.query["retryCount"]) == ("0", "1")
    assert first.query["requestId"] == second.query["requestId"]
