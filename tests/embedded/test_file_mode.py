"""Uploads and lists of file fragments by hand: what the official SDK does, and what nobody should."""

import base64
import json
import secrets
import zlib

import pyarrow as pa
import pytest
import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from snowpipe_pandas.embedded.clock import AccountClock
from snowpipe_pandas.embedded.protocol import file_fragments, stage
from snowpipe_pandas.names import ObjectName
from tests.embedded.raw import PIPE, Raw, code, lines
from tests.support.loads import ids, make_table

UNKNOWN = 400, "ERR_INVALID_FILE"
UNREADABLE = 400, "ERR_INVALID_REQUEST"


class Files:
    """Uploads for one pipe, in the way of the SDK."""

    def __init__(self, raw, pipe=PIPE):
        self.raw = raw
        body = {"generate_new_token": True, "encryption_version": "AES-CTR-128.1"}
        self.info = raw.call("POST", f"{pipe}:pipe-info", json=body).json()
        self.stage = self.info["durable_stage_location"]
        self.key = base64.b64decode(self.info["encryption_info"]["pipe_key"])

    def put(self, content, name="0.ndjson", **headers):
        known = {"x-amz-security-token": self.stage["creds"]["AWS_TOKEN"]}
        path = f"{self.stage['bucket_name']}/{self.stage['path_prefix']}{name}"
        url = f"http://{self.stage['storage_endpoint']}/{path}?x-id=PutObject"
        return requests.put(url, data=content, headers=known | headers, timeout=10)

    def fragment(self, ndjson, name="0.ndjson", **changes):
        """Upload rows as a file of their own; return what names it."""
        counter = secrets.token_bytes(16)
        encryptor = Cipher(algorithms.AES(self.key), modes.CTR(counter)).encryptor()
        sealed = encryptor.update(pa.compress(ndjson, "zstd", asbytes=True)) + encryptor.finalize()
        answer = self.put(sealed, name)
        assert answer.status_code == 200
        return {
            "file_path": self.stage["location"] + name,
            "file_etag": answer.headers["ETag"].strip('"'),
            "fragment_start_byte_offset": 0,
            "fragment_length_bytes": len(sealed),
            "fragment_row_count": len(ndjson.split()),
            "fragment_start_offset_token": "",
            "fragment_end_offset_token": "",
            "iv_base64": base64.b64encode(counter).decode(),
        } | changes


def send(raw, fragments, channel=None, **more):
    query = {"continuationToken": raw.token} if channel is None else {}
    path = f"/data{PIPE}/channels/{channel or raw.channel}/filebuffer"
    body = more or {"json": fragments}
    return raw.call("POST", path, params=query, **body)


@pytest.fixture
def files(raw):
    return Files(raw)


def test_fragments_are_committed_in_order_each_with_its_token(account, raw, files):
    account.channels.pause()
    answer = send(
        raw,
        [
            files.fragment(lines(1, 2), "0", fragment_end_offset_token="2"),
            files.fragment(lines(3), "1", fragment_end_offset_token="3"),
        ],
    )
    assert answer.status_code == 200
    raw.token = answer.json()["next_continuation_token"]
    raw.append(lines(4), "4")
    account.channels.resume()
    raw.committed("4")
    assert ids(account) == [1, 2, 3, 4]


def test_a_list_that_is_sent_again_is_stale_and_not_applied_twice(account, raw, files):
    fragments = [files.fragment(lines(1), fragment_end_offset_token="1")]
    assert send(raw, fragments).status_code == 200
    assert code(send(raw, fragments)) == (400, "STALE_CONTINUATION_TOKEN_SEQUENCER")
    raw.committed("1")
    assert ids(account) == [1]


def test_two_channels_may_share_a_file(account, raw, files):
    other = Raw(account, "other")
    other.open()
    fragment = files.fragment(lines(1), fragment_end_offset_token="1")
    for writer in (raw, other):
        assert send(writer, [fragment]).status_code == 200
        writer.committed("1")
    assert ids(account) == [1, 1]


def test_elastic_files_are_durable_when_they_are_answered(account, raw, files):
    answer = send(raw, [files.fragment(lines(1) + b'{"ID":"x"}\n')], channel="ELASTIC")
    assert answer.json() == {"message": "OK", "next_continuation_token": ""}
    assert ids(account) == [1]


LISTS = {
    "no JSON": lambda good: {"data": b"\xff"},
    "nested without end": lambda good: {"data": b"[" * 100_000},
    "an object": lambda good: {"json": {}},
    "a list of texts": lambda good: {"json": ["x"]},
    "no members": lambda good: {"json": [{}]},
    "a path that is a number": lambda good: {"json": [good | {"file_path": 1}]},
    "a path with half a character": lambda good: {"data": json.dumps([good | {"file_path": "\ud800"}])},
    "a negative offset": lambda good: {"json": [good | {"fragment_start_byte_offset": -1}]},
    "a length that is true": lambda good: {"json": [good | {"fragment_length_bytes": True}]},
    "a length that is a fraction": lambda good: {"json": [good | {"fragment_length_bytes": 1.5}]},
    "no counter": lambda good: {"json": [good | {"iv_base64": None}]},
    "a short counter": lambda good: {"json": [good | {"iv_base64": "AAAA"}]},
    "a counter that is not base64": lambda good: {"json": [good | {"iv_base64": "é!"}]},
    "a token that is a list": lambda good: {"json": [good | {"fragment_end_offset_token": []}]},
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_that_can_not_be_read_is_refused(account, raw, files, case):
    good = files.fragment(lines(1))
    assert code(send(raw, None, **LISTS[case](good))) == UNREADABLE
    assert send(raw, [good]).status_code == 200  # the token is not spent


FRAGMENTS = {
    "unknown": lambda good: {"file_path": good["file_path"] + "x"},
    "outside of the stage": lambda good: {"file_path": "/etc/passwd"},
    "in a folder above": lambda good: {"file_path": "snowpipe-local-stage/../0"},
    "beyond the end": lambda good: {"fragment_start_byte_offset": 1},
    "longer than any file": lambda good: {"fragment_length_bytes": 10**30},
    "another part": lambda good: {"fragment_length_bytes": 3},
    "nothing of it": lambda good: {"fragment_length_bytes": 0},
    "another content": lambda good: {"file_etag": "0" * 32},
    "another counter": lambda good: {"iv_base64": base64.b64encode(bytes(16)).decode()},
    "more rows": lambda good: {"fragment_row_count": 2},
    "rows that are a text": lambda good: {"fragment_row_count": "1"},
}


@pytest.mark.parametrize("case", FRAGMENTS)
def test_a_fragment_that_is_not_there_is_refused_with_the_whole_list(account, raw, files, case):
    good = files.fragment(lines(1))
    assert code(send(raw, [good, good | FRAGMENTS[case](good)])) == UNKNOWN
    assert raw.append(lines(5), "5").status_code == 200
    raw.committed("5")
    assert ids(account) == [5]


def test_files_of_another_pipe_are_unknown(account, raw, files):
    account.sql("CREATE TABLE OTHER (ID NUMBER)")
    elsewhere = Files(raw, PIPE.replace("NUMBERS", "OTHER")).fragment(lines(1))
    answer = send(raw, [elsewhere])
    assert code(answer) == UNKNOWN
    assert "there is no file" in answer.json()["message"]  # before its rows are tried with the wrong key


def test_too_many_rows_and_too_long_lists_are_refused(raw, files, monkeypatch):
    good = files.fragment(lines(1))
    assert code(send(raw, [good] * 1001)) == (413, "ERR_PAYLOAD_TOO_LARGE")
    monkeypatch.setattr(file_fragments, "MAX_RAW_BYTES", 100)
    bomb = files.fragment(b"x" * 1_000_000, "bomb")
    assert code(send(raw, [bomb])) == (413, "ERR_PAYLOAD_TOO_LARGE")


def test_a_list_wants_a_scoped_token_before_anything_else(raw):
    raw.headers = {}
    assert send(raw, "nonsense").status_code == 401


def chunked(content, *, checksum=None):
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    half = len(content) // 2
    parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:half], content[half:])]
    return b"".join(parts) + b"0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (checksum or crc).encode()


CHUNKED = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "6"}


def test_chunked_uploads_are_joined_and_their_checksum_counts(files):
    whole = files.put(chunked(b"abcdef"), **CHUNKED)
    assert (whole.status_code, whole.headers["ETag"]) == (200, files.put(b"abcdef").headers["ETag"])
    wrong = files.put(chunked(b"abcdef", checksum="AAAAAA=="), **CHUNKED)
    assert (wrong.status_code, "BadDigest" in wrong.text) == (400, True)
    assert files.put(b"abcdef", **{"x-amz-checksum-crc32": "AAAAAA=="}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"abcdef", b"6\r\nabc", b"-6\r\nabcdef\r\n0\r\n\r\n", b"6\r\nabcdef0\r\n", b"f" * 9 + b"\r\n"],
)
def test_a_body_that_is_not_chunked_as_it_says_is_refused(files, body):
    answer = files.put(body, **CHUNKED)
    assert (answer.status_code, "IncompleteBody" in answer.text) == (400, True)


def test_an_upload_needs_the_credential_of_its_folder(account, raw, files):
    other = Files(raw)
    assert other.stage["path_prefix"] != files.stage["path_prefix"]
    token = {"x-amz-security-token": other.stage["creds"]["AWS_TOKEN"]}
    for headers in (token, {"x-amz-security-token": ""}, {"x-amz-security-token": "é"}):
        answer = files.put(b"x", **{name: value.encode() for name, value in headers.items()})
        assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    assert files.put(b"x", "a/../../b").status_code == 403
    account.clock.move(3601)
    assert files.put(b"x").status_code == 403
    assert "x-amz-security-token" not in account.requests[-1].headers


A_PIPE = ObjectName("DEMO", "PUBLIC", "T-STREAMING")


def test_files_are_forgotten_once_they_are_used_or_expired():
    clock = AccountClock()
    kept = stage.Stage(clock)
    grant = kept.grant(A_PIPE)
    for name in ("used", "left", "half"):
        kept.put(grant.folder + name, grant.credential, b"abcdef")
    kept.read(grant.folder + "used", A_PIPE, 0, 6, etag=None)
    kept.read(grant.folder + "half", A_PIPE, 0, 3, etag=None)
    clock.move(stage.USED_LIFE_S + 1)
    assert found(kept, grant) == ["left", "half"]
    clock.move(stage.GRANT_LIFE_S)
    assert found(kept, grant) == []


def found(kept, grant):
    names = []
    for name in ("used", "left", "half"):
        try:
            kept.read(grant.folder + name, A_PIPE, 0, 0, etag=None)
        except Exception:
            continue
        names.append(name)
    return names


def test_a_stage_that_is_full_wants_an_upload_later(monkeypatch, files):
    monkeypatch.setattr(stage, "MAX_STAGED_BYTES", 10)
    assert files.put(b"x" * 6, "0").status_code == 200
    assert files.put(b"x" * 9, "0").status_code == 200  # in the place of the first one
    full = files.put(b"x" * 6, "1")
    assert (full.status_code, "SlowDown" in full.text) == (503, True)
    monkeypatch.setattr(stage, "MAX_FILE_BYTES", 5)
    assert files.put(b"x" * 6, "2").status_code == 400


def test_nothing_is_kept_when_the_account_is_closed(account):
    make_table(account)
    files = Files(Raw(account))
    files.put(b"x")
    staged = account._operations._stage._files
    assert staged
    account.close()
    assert not staged
