"""The account under 3,000 requests that nobody sane sends: each is answered, and an honest load follows."""

import base64
import gzip
import hashlib
import json
import socket
import time
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote, urlsplit

import jwt
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.internal import HIDDEN
from tests.embedded.raw import PIPE, Raw, until
from tests.support.loads import TABLE, ids, make_table, numbers

EXAMPLES = 300
REQUESTS = 10
"""In one connection, one after the other, as long as the account keeps it."""

RAW_LIMIT = 16 * 1024 * 1024


def packed(body, encoding):
    if encoding == "gzip":
        return gzip.compress(body, 1)
    if encoding == "zstd":
        return pa.compress(body, codec="zstd", asbytes=True)
    return body


BOMBS = {encoding: packed(b" " * (4 * RAW_LIMIT), encoding) for encoding in ("gzip", "zstd")}


@pytest.fixture(scope="module")
def account():
    with sp.local(commit_lag_s=0.0) as account:
        make_table(account)
        yield account


@pytest.fixture(scope="module")
def credentials(account):
    """What the account lets in, for both planes, and what it doesn't."""
    key = load_pem_private_key((account.profile.parent / "rsa_key.p8").read_bytes(), None)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    print_ = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    now = int(time.time())
    claims = {"sub": "LOCAL.DEMO_USER", "iss": f"LOCAL.DEMO_USER.{print_}", "iat": now, "exp": now + 3000}
    signed = f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"
    kind = "X-Snowflake-Authorization-Token-Type"
    return {
        "scoped": Raw(account).headers,
        "jwt": {"Authorization": signed, kind: "KEYPAIR_JWT"},
        "wrong": {"Authorization": "Bearer a.b.c", kind: "KEYPAIR_JWT"},
        "none": {},
    }


names = st.one_of(
    st.sampled_from(
        ["DEMO", "demo", "PUBLIC", "NUMBERS-STREAMING", "c", "ELASTIC", "_SNOWPIPE", "\x01account", ""]
    ),
    st.text(max_size=12),
    st.sampled_from(["x" * 300, "%00", "a/b", "..", '"', "'; DROP TABLE NUMBERS; --"]),
)
segments = st.one_of(
    names.map(lambda name: quote(name, safe="%" if name == "%00" else "", errors="replace")),
    st.sampled_from(["%ff", "%ed%a0%80", "%", "%2", "%zz", ":", "a:pipe-info"]),
)
channels = st.sampled_from(["c", "c", "odd"]).flatmap(lambda c: segments if c == "odd" else st.just(c))
pipes = st.one_of(
    st.just(PIPE),
    st.just(PIPE),
    st.builds("/databases/{}/schemas/{}/pipes/{}".format, segments, segments, segments),
)
CONTROL = "/v2/streaming{}:{}".format
DATA = "/v2/streaming/data{}/channels/{}/{}".format
CHANNEL = "/v2/streaming{}/channels/{}{}".format
TABLES = "/v2/streaming/data/databases/DEMO/schemas/PUBLIC/tables/{}/rows".format
FIXED = ["/oauth/token", "/telemetry/send/sessionless", "/oauth2/token", "/v2/streaming/hostname"]
paths = {
    "fixed": st.sampled_from(FIXED),
    "control": st.builds(CONTROL, pipes, st.sampled_from(["pipe-info", "bulk-channel-status"])),
    "channel": st.builds(CHANNEL, pipes, channels, st.sampled_from(["", "", "", ":pipe-info"])),
    "rows": st.builds(DATA, pipes, channels, st.sampled_from(["rows", "rows", "rows", "filebuffer"])),
    "table": st.builds(TABLES, st.one_of(st.just("NUMBERS"), segments)),
    "random": st.text("/v2streaming%:.AZ09?&=", max_size=40).map("/{}".format),
}
ODD = ["GET", "PUT", "HEAD", "PATCH", "OPTIONS", "TRACE", "BREW"]
METHODS = {
    "fixed": ["GET", "POST"],
    "channel": ["PUT", "PUT", "PUT", "DELETE", "DELETE", "DELETE"],
    "random": ODD,
}
targets = st.sampled_from(
    ["fixed", "control", "channel", "channel", "channel", "rows", "rows", "rows", "table", "random"]
).flatmap(lambda kind: st.tuples(st.sampled_from(METHODS.get(kind, ["POST"] * 3) * 12 + ODD), paths[kind]))
odd_queries = st.lists(
    st.tuples(
        st.sampled_from(
            ["continuationToken", "continuationToken", "offsetToken", "endOffsetToken", "requestId", "x"]
        ),
        st.one_of(
            st.sampled_from(["@", "@", "@", "", "1_0", "NaN", "-1", "%00", "%ff", "%ed%a0%80", "x" * 5000]),
            st.text(max_size=8).map(lambda text: quote(text, errors="replace")),
        ),
    ).map("=".join),
    max_size=4,
).map("&".join)  # fmt: skip

GOOD_QUERY = "continuationToken=@&endOffsetToken=1"
queries = st.sampled_from(["odd", "good", "good", "none"]).flatmap(
    lambda kind: {"odd": odd_queries, "good": st.just(GOOD_QUERY), "none": st.just("")}[kind]
)

values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10),
        st.sampled_from([10**400, 1e308, "2026-01-01", "\ud800", "\x00"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
fields = st.sampled_from(
    ["offset_token", "fail_on_uncommitted_rows", "channel_names", "ID", "TEXT", "id", "_raw", "\x00"]
)
objects = st.dictionaries(fields, values, max_size=4).map(lambda value: json.dumps(value).encode())
GOOD_ROWS = b'{"ID":1,"TEXT":"a"}\n{"ID":2}\n'
bodies = st.one_of(
    st.just(b""), st.just(b"{}"), objects, st.lists(objects, max_size=6).map(b"\n".join),
    st.binary(max_size=200), st.sampled_from([b'{"channel_names":["c"]}', GOOD_ROWS, GOOD_ROWS]),
    st.sampled_from([b"[" * 50_000, b'{"ID":' * 2000, b'{"ID":"Infinity"}', b'{"ID":' + b"9" * 5000 + b"}"]),
    st.just(b"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&scope=nobody"),
)  # fmt: skip
encodings = st.sampled_from([None, None, None, "zstd", "gzip", "identity", "br", "zstd, gzip"])
framings = st.sampled_from(["length", "length", "length", "chunked", "too short", "cut"])
hosts = st.sampled_from([None] * 20 + ["evil.example", "localhost"])
more_headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["X-A", "Expect", "Connection", "Upgrade", "Accept", "Content-Type", "Range", "Origin"]
        ),
        st.one_of(
            st.sampled_from(["100-continue", "close", "websocket", "keep-alive", "x" * 8000, "*/*"]),
            st.text(
                st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=20
            ),
        ),
    ),
    max_size=3,
)


@st.composite
def requests(draw):
    """Draw one request as bytes that come in parts, and whether it is cut before its end."""
    method, path = draw(targets)
    query = draw(queries)
    encoding, body = draw(encodings), draw(bodies)
    if encoding in BOMBS:
        kind = draw(st.sampled_from(["packed", "packed", "plain", "cut", "bomb"]))
        body = {
            "packed": packed(body, encoding),
            "plain": body,
            "cut": packed(body, encoding)[:-3],
            "bomb": BOMBS[encoding],
        }[kind]
    return {
        "target": f"{method} {path}{'?' + query if query else ''} HTTP/1.1",
        "credential": draw(st.sampled_from(["scoped"] * 9 + ["jwt", "wrong", "none"])),
        "host": draw(hosts),
        "accept": draw(st.integers(0, 9)) > 0,
        "encoding": encoding,
        "framing": draw(framings),
        "more": draw(more_headers),
        "body": body,
    }


def sent(request, account, credentials):
    """Return the bytes of a request; `@` in it means the token that channel c wants next."""
    host = urlsplit(account.url).netloc
    open_ones = [c for c in account.channels._channels.values() if c.name == "c"]
    target = request["target"].replace("@", open_ones[0].continuation if open_ones else "")
    headers = [("Host", f"{request['host']}:{host.partition(':')[2]}" if request["host"] else host)]
    headers += credentials[request["credential"]].items()
    headers += [("Accept", "*/*")] if request["accept"] else []
    headers += [("Content-Encoding", request["encoding"])] if request["encoding"] else []
    body = request["body"]
    if request["framing"] == "chunked":
        headers.append(("Transfer-Encoding", "chunked"))
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:]) if p) + b"0\r\n\r\n"
    elif request["framing"] == "cut":
        headers.append(("Content-Length", str(len(body) + 10)))
    elif request["framing"] == "too short" and body:
        headers.append(("Content-Length", str(len(body) // 2)))
    else:
        headers.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in [*headers, *request["more"]])
    return f"{target}\r\n{head}\r\n".encode("latin-1") + body


def strict(text):
    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def check(response):
    """An answer is a success or a refusal in the documented form, and never a failure of the account."""
    body = response.read() or b'{"code":"","message":""}'  # to a HEAD
    assert response.status != 500, body
    if response.status >= 400:
        refusal = strict(body)
        assert isinstance(refusal["code"], str)
        assert isinstance(refusal["message"], str)
    elif response.getheader("content-type") == "application/json":
        strict(body)


def talk(account, credentials, wanted):
    """Send requests through one connection; return how many were answered."""
    address = urlsplit(account.url)
    answered = 0
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        for request in wanted:
            try:
                line.sendall(sent(request, account, credentials))
                if request["framing"] == "cut":
                    line.shutdown(socket.SHUT_WR)
                response = HTTPResponse(line, method=request["target"].split()[0])
                response.begin()
                check(response)
            except (HTTPException, ConnectionError):
                if request["framing"] in ("cut", "too short"):  # a lie about the length, or no whole body
                    return answered
                raise
            answered += 1
            if response.will_close or request["framing"] in ("cut", "too short"):
                return answered
    return answered


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of what failed
def test_whatever_comes_is_answered_and_an_honest_load_goes_through_after_it(account, credentials):
    answered = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
    def attack(wanted):
        left = list(wanted)
        while left:
            before = len(left)
            count = talk(account, credentials, left)
            answered.append(count)
            del left[: count or 1]
            assert len(left) < before

    attack()
    assert sum(answered) > 0.8 * EXAMPLES * REQUESTS
    assert [request.failure for request in account.requests if request.failure] == []
    statuses = {request.status for request in account.requests}
    assert {200, 400, 401, 404, 405, 413, 421} <= statuses
    assert {"append", "open", "drop", "status"} <= {r.operation for r in account.requests if r.status == 200}
    until(lambda: not account._server._running._server.server_state.connections)
    honest(account)
    agree(account)


def honest(account):
    """Load a frame as anybody would."""
    account.sql(f"DELETE FROM {TABLE}")
    with sp.connect(account.profile) as client:
        numbers(1000).snowpipe.stream(client.open_channel("honest", table=TABLE), progress=False)
    assert sorted(ids(account)) == list(range(1000))


def agree(account):
    """What the account reports of its channels is what is on disk."""
    known = account.channels._channels
    until(lambda: not any(channel.buffer for channel in known.values()))
    kept = (
        account._store._root.cursor()
        .execute(
            "SELECT channel, client_sequencer, committed_token, rows_inserted, rows_errors "
            f'FROM "DEMO"."{HIDDEN}".channels'
        )
        .fetchall()
    )
    reported = [
        (c.name, s.client_sequencer, s.committed_token, s.rows_inserted, s.rows_errors)
        for c in known.values()
        for s in [c.state]
    ]
    key = lambda row: (row[0], row[1])  # noqa: E731
    assert sorted(reported, key=key) == sorted((row for row in kept if row[0] != "ELASTIC"), key=key)
