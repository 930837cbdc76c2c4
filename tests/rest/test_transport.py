"""Retries, renewals and refusals, against a real server with a script."""

import contextlib
import gc
import mmap
import socket
import time
import weakref
from email.utils import formatdate

import pytest

from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.errors import TransportError
from snowpipe_pandas.rest.answers import Refusal
from snowpipe_pandas.rest.policy import RetryPolicy
from snowpipe_pandas.rest.trail import Trail
from snowpipe_pandas.rest.transport import Request, Transport
from tests.support.callers import ANYBODY
from tests.support.scripted import Reply, scripted_server
from tests.support.signers import CountingSigner

OK = Reply(200, {"next_continuation_token": "t"})


@pytest.fixture
def server():
    with scripted_server() as server:
        yield server


@pytest.fixture
def wire():
    wire = Transport(Clock(), retry=RetryPolicy(base_s=0.001, budget_s=5.0))
    yield wire
    wire.close()


def send(wire, server, signer=None, **request):
    return wire.send(
        Request("POST", f"{server.url}/v2/streaming/x", **request), signer or CountingSigner(), ANYBODY
    )


@pytest.mark.parametrize("status", [408, 429, 499, 500, 501, 502, 503, 504, 507])
def test_a_transient_answer_is_tried_again_with_the_same_request_id(wire, server, status):
    server.script(
        Reply(status, b"<html>busy</html>"), Reply(status, "ERR_GENERAL_EXCEPTION_RETRY_REQUEST"), OK
    )
    answer = send(wire, server, body=b'{"a":1}\n')
    assert answer.status == 200
    assert answer.tries == 3
    assert [seen.query["retryCount"] for seen in server.seen] == ["0", "1", "2"]
    assert len({seen.query["requestId"] for seen in server.seen}) == 1
    assert {seen.body for seen in server.seen} == {b'{"a":1}\n'}


def test_a_view_is_sent_whole_and_with_its_length_at_every_try(wire, server):
    server.script(Reply(503), Reply(200, OK.body, cut=5), OK)
    body = bytearray(b"0123456789" * 100_000)
    assert send(wire, server, body=memoryview(body).toreadonly()).tries == 3
    assert [seen.body for seen in server.seen] == [bytes(body)] * 3
    for seen in server.seen:
        assert seen.headers["Content-Length"] == str(len(body))
        assert "Transfer-Encoding" not in seen.headers


@pytest.mark.parametrize("replies", [[OK], [Reply(503), OK], [Reply(400)]], ids=["ok", "retried", "refused"])
def test_a_body_is_let_go_with_its_request(wire, server, replies):
    """Without the collector: what a cycle holds would pile up, 4 MB at a time."""
    server.script(*replies)
    pages = mmap.mmap(-1, 1000)
    gone = weakref.ref(pages)
    gc.disable()
    try:
        send(wire, server, body=memoryview(pages))
        del pages
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "reply", [Reply(200, b"{}", cut=1), Reply(cut=0), Reply(200, b"<", headers={"Content-Length": "9"})]
)
def test_a_body_is_let_go_with_the_error_of_its_request(server, reply):
    """Since Python 3.12 the libraries' exceptions and frames hold each other."""
    server.script(reply)
    wire = Transport(Clock(), retry=RetryPolicy(attempts=1))
    pages = mmap.mmap(-1, 1000)
    gone = weakref.ref(pages)
    gc.disable()
    try:
        with contextlib.suppress(TransportError):
            send(wire, server, body=memoryview(pages))
        del pages
        assert gone() is None
    finally:
        gc.enable()
        wire.close()


@pytest.mark.parametrize("status", [400, 404, 409, 413])
def test_a_final_answer_is_not_tried_again(wire, server, status):
    server.script(Reply(status, {"code": "SOME_CODE", "message": "no"}))
    answer = send(wire, server)
    assert (answer.status, answer.code, answer.tries) == (status, "SOME_CODE", 1)


def test_a_404_that_is_not_the_services_is_believed_after_three_tries(wire, server):
    server.script(Reply(404, b"<html>not here</html>"))
    answer = send(wire, server)
    assert (answer.refusal, answer.tries, len(server.seen)) == (Refusal.ODD, 3, 3)


def test_retry_after_is_obeyed_as_seconds_and_as_a_date(wire, server):
    in_three_seconds = formatdate(time.time() + 3, usegmt=True)  # whole seconds: 2 to 3 from now
    server.script(
        Reply(429, headers={"Retry-After": "1"}), Reply(503, headers={"Retry-After": in_three_seconds}), OK
    )
    started = time.monotonic()
    assert send(wire, server).status == 200
    assert 1.9 < time.monotonic() - started < 4.9


def test_a_retry_after_beyond_the_budget_ends_at_once(wire, server):
    server.script(Reply(429, {"code": "THROTTLED"}, {"Retry-After": "86400"}))
    started = time.monotonic()
    answer = send(wire, server)
    assert (answer.status, answer.refusal) == (429, Refusal.TRANSIENT)
    assert time.monotonic() - started < 2


def test_an_answer_cut_short_is_tried_again(wire, server):
    server.script(Reply(200, {"next_continuation_token": "t"}, cut=5), OK)
    assert send(wire, server).field("next_continuation_token") == "t"


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {"code": "390303"}), (403, b"<html>"), (400, {"status_code": 3})],
)
def test_refused_credentials_are_renewed_once_and_the_request_is_repeated(wire, server, status, body):
    signer = CountingSigner()
    server.script(Reply(status, body), OK)
    assert send(wire, server, signer).status == 200
    assert signer.renewals == 1
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer secret-0", "Bearer secret-1"]


def test_credentials_refused_for_ever_are_given_up_after_one_renewal(wire, server):
    signer = CountingSigner()
    server.script(Reply(401, {"code": "390144"}))
    assert send(wire, server, signer).refusal is Refusal.CREDENTIALS
    assert len(server.seen) == 2


def test_nothing_is_repeated_where_the_signer_sees_no_use_in_it(wire, server):
    server.script(Reply(403, {"code": "no privilege"}))
    send(wire, server, CountingSigner(can_renew=False))
    assert len(server.seen) == 1


class RestlessSigner(CountingSigner):
    """Has a new token at every call, as if it came due between two calls."""

    def __init__(self):
        super().__init__()
        self.refusals = []

    def token(self, caller):
        self.renewals += 1
        return super().token(caller)

    def refused(self, token, caller):
        self.refusals.append(token.value)
        return True


def test_the_token_that_was_sent_is_the_one_that_was_refused(wire, server):
    signer = RestlessSigner()
    server.script(Reply(401), OK)
    assert send(wire, server, signer).status == 200
    sent = [seen.headers["Authorization"] for seen in server.seen]
    assert sent == [f"Bearer {signer.refusals[0]}", "Bearer secret-2"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(wire, server, status):
    server.script(Reply(status, headers={"Location": f"{server.url}/elsewhere"}))
    assert send(wire, server).refusal is Refusal.FINAL
    assert len(server.seen) == 1


def test_a_netrc_entry_does_not_replace_our_header(wire, server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.script(OK)
    send(wire, server)
    assert server.seen[0].headers["Authorization"] == "Bearer secret-0"


def test_a_refused_connection_is_our_error_naming_the_host_and_holding_no_secret():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        wire = Transport(Clock(), retry=RetryPolicy(attempts=3, base_s=0.05, budget_s=10.0))
        with pytest.raises(TransportError, match=f"127.0.0.1:{port}.*connection refused") as caught:
            wire.send(Request("GET", f"http://127.0.0.1:{port}/"), CountingSigner(), ANYBODY)
        wire.close()
    assert caught.value.attempts == 3
    # the library's exception holds the prepared request with its headers: it must not hang on ours
    assert caught.value.__context__ is None or "requests" not in type(caught.value.__context__).__module__


@pytest.mark.parametrize(
    ("replies", "in_doubt"),
    [
        ([Reply(200)], False),
        ([Reply(429), Reply(200)], False),
        ([Reply(401), Reply(200)], False),
        ([Reply(503), Reply(200)], True),
        ([Reply(408), Reply(422)], True),
        ([Reply(cut=0, body=b"x"), Reply(429), Reply(400)], True),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_trail_says_whether_an_earlier_try_may_have_been_done(wire, server, replies, in_doubt):
    server.script(*replies)
    trail = Trail()
    send(wire, server, trail=trail)
    assert bool(trail.in_doubt) is in_doubt


def test_a_request_may_say_by_itself_that_it_comes_again(wire, server):
    server.script(Reply(503), Reply(503), Reply(200))
    send(wire, server, resubmission={"retry": "true"})
    assert [seen.query.get("retry") for seen in server.seen] == [None, "true", "true"]
    assert len({seen.query["requestId"] for seen in server.seen}) == 1
    assert not any("retryCount" in seen.query for seen in server.seen)


def test_an_answer_that_settles_the_request_is_not_bettered(wire, server):
    server.script(Reply(408, {"sqlState": "57014"}), Reply(200))
    trail = Trail("given")
    answer = send(wire, server, judge=lambda answer: Refusal.NONE, trail=trail)
    assert (answer.status, trail.in_doubt, len(server.seen)) == (408, 0, 1)
    assert server.seen[0].query["requestId"] == answer.request_id == "given"
