"""Our client beside the official SDK: for the same work, the same requests, but for a written list.

Both do their work at a real account, which shows what arrived. Whatever differs in method, path, query,
headers or body, without standing in `INTENDED`, fails; so does an entry that no longer differs.
"""

import json
from urllib.parse import parse_qs

import pandas as pd
import pyarrow as pa
import pytest

import snowpipe_pandas as sp
from tests.sdk.official import committed, put

INTENDED = {
    "telemetry: sent by the SDK only": "we report nothing about our users",
    "pipe_info: sent by the SDK only": (
        "it brings storage for uploads, which we do not use; an open makes a default pipe as well"
    ),
    "every request: header accept-encoding is 'gzip' instead of None": (
        "long lists of statuses may be compressed"
    ),
    "every request: header user-agent is of snowpipe_pandas": "the service shall know who asks",
    "append: header x-snowflake-min-append-timestamp-ms is missing": (
        "undocumented; the SDK reports how long rows have waited in it, ours wait for nothing"
    ),
    "append: lines without rows": "the SDK ends the rows of each call with an empty line",
    "drop: body is {'fail_on_uncommitted_rows': True} instead of None": (
        "documented; so that a drop never discards rows that were accepted"
    ),
    "drop: header content-type is 'application/json' instead of None": "the drop has a body",
}

VARIES = {"authorization", "content-length", "host"}
"""Headers that hold a token, a length, or the port."""
UNIQUE = {"requestId", "continuationToken"}
"""Parameters whose values are the service's or random."""


class Seen:
    """Requests by operation, the first of each kind, as the account received them."""

    def __init__(self):
        self.calls = {}

    def note(self, operation, method, call):
        headers = {name: value for name, value in call.headers.items() if name not in VARIES}
        query = {name: "..." if name in UNIQUE else value for name, value in call.query.items()}
        scheme = call.headers["authorization"].split(" ")[0]
        self.calls.setdefault(
            operation,
            {"call": (method, call.path, scheme), "query": query, "headers": headers, "body": call.body},
        )


@pytest.fixture
def seen(official, monkeypatch):
    """What arrives at the account, by its client: `seen("theirs")` begins a list."""
    account = official.account
    do = account._operations.do
    lists = {}
    current = []

    def begin(who):
        current[:] = [lists.setdefault(who, Seen())]
        return lists[who]

    def noting(operation, call):
        agent = call.headers["user-agent"]
        current[0].note(operation, METHODS[operation], call)
        assert ("SnowpipeStreamingSDK" in agent) == (current[0] is lists["theirs"])
        return do(operation, call)

    monkeypatch.setattr(account._operations, "do", noting)
    return begin


METHODS = {
    "discover": "GET",
    "token": "POST",
    "telemetry": "POST",
    "pipe_info": "POST",
    "open": "PUT",
    "append": "POST",
    "status": "POST",
    "drop": "DELETE",
}


def differences(theirs, ours):
    """Say in words what differs."""
    found = {f"{name}: sent by the SDK only" for name in theirs.calls.keys() - ours.calls.keys()}
    found |= {f"{name}: sent by us only" for name in ours.calls.keys() - theirs.calls.keys()}
    shared = theirs.calls.keys() & ours.calls.keys()
    by_kind = {}
    for name in shared:
        for difference in of_one(name, theirs.calls[name], ours.calls[name]):
            by_kind.setdefault(difference, set()).add(name)
    for difference, names in by_kind.items():
        who = ["every request"] if names == shared else sorted(names)
        found |= {f"{name}: {difference}" for name in who}
    return found


def of_one(name, theirs, ours):
    for part in ("call", "query"):
        if theirs[part] != ours[part]:
            yield f"{part} is {ours[part]} instead of {theirs[part]}"
    yield from of_headers(theirs["headers"], ours["headers"])
    if name == "append":
        yield from of_rows(theirs, ours)
    elif (wanted := read(theirs)) != (sent := read(ours)):
        yield f"body is {sent} instead of {wanted}"


def of_headers(theirs, ours):
    agents = theirs.pop("user-agent"), ours.pop("user-agent")
    if agents[1].startswith("snowpipe_pandas/"):
        yield "header user-agent is of snowpipe_pandas"
    for header in sorted(theirs.keys() | ours.keys()):
        wanted, sent = theirs.get(header), ours.get(header)
        if sent is None:
            yield f"header {header} is missing"
        elif sent != wanted and header != "x-snowflake-uncompressed-content-length":
            yield f"header {header} is {sent!r} instead of {wanted!r}"


def of_rows(theirs, ours):
    both = [pa.CompressedInputStream(pa.BufferReader(call["body"]), "zstd").read() for call in (theirs, ours)]
    for call, body in zip((theirs, ours), both, strict=True):
        assert call["headers"]["x-snowflake-uncompressed-content-length"] == str(len(body))
    if both[0] != both[1]:
        yield "lines without rows" if both[0].split() == both[1].split() else f"rows are {both[1]!r}"


def read(call):
    """A body as what it means; none of them holds a secret."""
    if not call["body"]:
        return None
    if call["headers"]["content-type"] == "application/x-www-form-urlencoded":
        return parse_qs(call["body"].decode())
    return json.loads(call["body"])


def test_the_same_work_makes_the_same_requests_but_for_what_is_intended(official, seen):
    table = official.table("I NUMBER")
    theirs = seen("theirs")
    client = official.client(table)
    channel, _ = client.open_channel("twin")
    put(channel, [{"I": 1}, {"I": 2}], "start", "end")
    committed(channel, "end")
    channel.close()
    client.drop_channel("twin")
    official.close()
    ours = seen("ours")
    with sp.connect(official.account.profile) as client:
        channel = client.open_channel("twin", table=f"DEMO.PUBLIC.{table}")
        rows = pa.compress(b'{"I":1}\n{"I":2}\n', "zstd", asbytes=True)
        channel.append_rows(
            rows,
            start_offset_token="start",
            end_offset_token="end",
            content_encoding="zstd",
            raw_bytes=16,
        )
        channel.wait_for_commit("end")
        channel.drop()
    assert differences(theirs, ours) == INTENDED.keys()


def test_a_load_is_sent_as_the_sdk_sends_rows(official, seen):
    table = official.table("I NUMBER")
    theirs = seen("theirs")
    put(official.channel(table, "theirs"), [{"I": 1}], "1")
    official.close()
    ours = seen("ours")
    with sp.connect(official.account.profile) as client:
        channel = client.open_channel("ours", table=f"DEMO.PUBLIC.{table}")
        pd.DataFrame({"I": [1]}).snowpipe.stream(channel, progress=False)
    append = theirs.calls["append"], ours.calls["append"]
    assert append[0]["query"].keys() == append[1]["query"].keys()
    sent = append[1]["headers"].keys()
    assert append[0]["headers"].keys() - sent == {"x-snowflake-min-append-timestamp-ms"}
    assert list(of_rows(*append)) == ["lines without rows"]


def test_an_access_token_is_exchanged_as_the_sdk_does_it(official, seen):
    table = official.table("I NUMBER")
    token = official.account.door.issue_access_token(official.profile["user"])
    theirs = seen("theirs")
    official.pipe_client(
        f"{table}-STREAMING", official.url | {"authorization_type": "PAT", "personal_access_token": token}
    )
    official.close()
    ours = seen("ours")
    known = {name: official.profile[name] for name in ("url", "account", "user", "ca_file")}
    with sp.connect(**known, authenticator="PROGRAMMATIC_ACCESS_TOKEN", token=token) as client:
        client.open_channel("c", table=f"DEMO.PUBLIC.{table}")
    expected = {difference for difference in INTENDED if difference.startswith("every request")}
    of_control = [
        {name: call for name, call in who.calls.items() if name in ("discover", "token")}
        for who in (theirs, ours)
    ]
    theirs.calls, ours.calls = of_control
    assert differences(theirs, ours) == expected
    assert read(theirs.calls["token"])["subject_token_type"] == ["programmatic_access_token"]
