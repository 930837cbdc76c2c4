"""What one request, one connection and one name may ask of the account: bounded, refused with a reason."""

import json
import random
import select
import socket
import threading
import time
from urllib.parse import quote, urlsplit

import psutil
import pytest
import requests

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.http import connection, recorded, watch
from snowpipe_pandas.embedded.internal import HIDDEN
from snowpipe_pandas.embedded.protocol.bounds import MAX_NAME_CHARACTERS, MAX_TOKEN_CHARACTERS
from snowpipe_pandas.embedded.protocol.limits import MAX_WIRE_BYTES
from tests.embedded.raw import PIPE, Raw, code, lines, until
from tests.support.loads import ids, make_table

ROWS = f"/v2/streaming/data{PIPE}/channels/raw/rows"
STATUS = f"/v2/streaming{PIPE}:bulk-channel-status"


class Line:
    """A plain connection to the account."""

    def __init__(self, account):
        address = urlsplit(account.url)
        self.host = address.netloc
        self.socket = socket.create_connection((address.hostname, address.port), timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()

    def head(self, method, path, **headers):
        """Send the head of a request."""
        reported = {"Host": self.host, "Accept": "*/*"} | {n.replace("_", "-"): v for n, v in headers.items()}
        text = "".join(f"{name}: {value}\r\n" for name, value in reported.items())
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1"))

    def answer(self):
        """Return status, headers and JSON of the next answer."""
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._more()
        head, _, body = read.partition(b"\r\n\r\n")
        first, *others = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (o.partition(":") for o in others)}
        while len(body) < int(headers["content-length"]):
            body += self._more()
        return int(first.split()[1]), headers, json.loads(body)

    def ended(self):
        """Wait until the account closes."""
        try:
            while self.socket.recv(65_536):
                pass
        except ConnectionError:
            pass
        return True

    def _more(self):
        part = self.socket.recv(65_536)
        assert part, "closed without an answer"
        return part


@pytest.fixture
def line(account):
    with Line(account) as line:
        yield line


# A request is judged before its body is read


def test_a_stranger_is_refused_before_the_body_comes(line):
    line.head("POST", ROWS, Content_Length=MAX_WIRE_BYTES)
    assert line.answer()[0] == 401


def test_a_body_above_its_limit_is_refused_by_its_head_and_the_connection_ends(line, raw):
    line.head("POST", ROWS, Content_Length=MAX_WIRE_BYTES + 1, **raw.headers)
    status, headers, body = line.answer()
    assert (status, body["code"], headers["connection"]) == (413, "ERR_PAYLOAD_TOO_LARGE", "close")
    assert line.ended()


@pytest.mark.parametrize(
    ("path", "limit"),
    [(ROWS, MAX_WIRE_BYTES), (STATUS, 1024 * 1024), ("/telemetry/send/sessionless", 1024 * 1024)],
)
def test_a_body_of_unknown_length_is_counted_while_it_is_read(account, line, raw, path, limit):
    line.head("POST", path, Transfer_Encoding="chunked", **raw.headers)
    part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(limit // 65_536 + 1):
        line.socket.sendall(part)
    status, headers, body = line.answer()
    assert (status, body["code"], headers["connection"]) == (413, "ERR_PAYLOAD_TOO_LARGE", "close")


def test_a_refused_request_is_not_asked_to_go_on(line):
    line.head("POST", ROWS, Content_Length=10, Expect="100-continue")
    assert line.answer()[0] == 401


def test_a_refused_body_is_thrown_away_and_the_connection_lives_on(line, raw):
    for _ in range(3):
        line.head("POST", ROWS, Content_Length=1_000_000)
        line.socket.sendall(b" " * 1_000_000)
        assert line.answer()[0] == 401
    line.head("POST", STATUS, Content_Length=2, **raw.headers)
    line.socket.sendall(b"{}")
    assert line.answer()[2] == {"channel_statuses": {}}


def test_the_client_reads_the_refusal_of_rows_that_are_too_many(account, client, raw):
    channel = client.open_channel("large", table="DEMO.PUBLIC.NUMBERS")
    with pytest.raises(sp.SnowpipeError, match="413"):
        channel.append_rows(b" " * (3 * MAX_WIRE_BYTES), start_offset_token="0", end_offset_token="1")


# Paths, names, hosts


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v2/streaming/hostname", "GET"),
        ("GET", "/oauth/token", "POST"),
        ("GET", ROWS, "POST"),
        ("PATCH", f"/v2/streaming{PIPE}/channels/raw", "PUT, DELETE"),
        ("OPTIONS", f"/v2/streaming{PIPE}/channels/raw", "PUT, DELETE"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_405(line, method, path, allowed):
    line.head(method, path)
    status, headers, body = line.answer()
    assert (status, headers["allow"], body["code"]) == (405, allowed, "ERR_METHOD_NOT_ALLOWED")
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize(
    "path", ["/", "/v2/streaming/", "/v2/streaming/databases/A", "/oauth2/token", "/%2e"]
)
def test_a_path_that_means_nothing_is_404(line, path):
    line.head("POST", path)
    assert line.answer()[0] == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:1", "127.0.0.1.evil.example", "", "[", "a@127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/v2/streaming/hostname", "/telemetry/send/sessionless", "/", STATUS])
def test_a_request_for_another_host_is_refused(line, raw, host, path):
    line.head("GET", path, Host=host, **raw.headers)
    assert line.answer()[0] == 421


def test_the_names_of_this_machine_are_taken(line):
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        line.head("POST", "/telemetry/send/sessionless", Host=f"{name}:{line.host.partition(':')[2]}")
        assert line.answer()[0] == 200


LONG = "x" * (MAX_NAME_CHARACTERS + 1)
BAD_NAMES = {
    "database": PIPE.replace("DEMO", 2 * LONG),
    "schema": PIPE.replace("PUBLIC", "%00"),
    "pipe": PIPE.replace("NUMBERS", LONG),
    "no name": PIPE.replace("DEMO", ""),
    "no UTF-8": PIPE.replace("DEMO", "%ff"),
    "a surrogate": PIPE.replace("DEMO", "%ed%a0%80"),
}


@pytest.mark.parametrize("case", BAD_NAMES)
def test_a_name_that_no_object_can_have_is_400(raw, case):
    assert raw.call("POST", f"{BAD_NAMES[case]}:bulk-channel-status", json={}).status_code == 400


@pytest.mark.parametrize("name", [2 * LONG, "a%00b", "%ff"])
def test_a_channel_that_can_have_no_such_name_is_400(raw, name):
    assert code(raw.call("PUT", f"{PIPE}/channels/{name}")) == (400, "ERR_INVALID_REQUEST")


def test_a_name_of_255_characters_works(account, raw):
    name = "Ü" * MAX_NAME_CHARACTERS
    assert raw.call("PUT", f"{PIPE}/channels/{quote(name)}").ok
    account.sql(f'CREATE TABLE "{name}" (ID NUMBER)')
    pipe = PIPE.replace("NUMBERS", quote(name))
    assert raw.call("PUT", f"{pipe}/channels/c").ok


# Tokens, flags and lists


BAD_TOKENS = [
    b"NaN", b"Infinity", b"5", b"1e400", b'{"a":1}', b"[]", b"true", b'"\\ud800"', b'"\\u0000"',
    b'"' + b"x" * (MAX_TOKEN_CHARACTERS + 1) + b'"',
]  # fmt: skip


@pytest.mark.parametrize("token", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
def test_an_offset_token_that_is_not_a_text_costs_its_own_request_only(raw, token):
    before = raw.status()
    answer = raw.call("PUT", f"{PIPE}/channels/raw", data=b'{"offset_token":' + token + b"}")
    assert code(answer) == (400, "ERR_INVALID_REQUEST")
    assert raw.status() == before
    assert raw.open().ok


def test_the_longest_offset_token_comes_back_whole(raw):
    token = "é" * MAX_TOKEN_CHARACTERS
    raw.open(offset_token=token)
    assert raw.status()["last_committed_offset_token"] == token


@pytest.mark.parametrize(
    "query",
    [
        "endOffsetToken=" + "x" * (MAX_TOKEN_CHARACTERS + 1),
        "endOffsetToken=%00",
        "endOffsetToken=%ff",
        "endOffsetToken=%ed%a0%80",
        "endOffsetToken=1&endOffsetToken=2",
        "&".join(f"a{n}=1" for n in range(100)),
        "%00=1",
    ],
)
def test_a_query_that_can_not_be_kept_is_400(account, raw, query):
    answer = raw.call(
        "POST", f"/data{PIPE}/channels/raw/rows?continuationToken={raw.token}&{query}", data=lines(1)
    )
    assert code(answer) == (400, "ERR_INVALID_REQUEST")
    assert raw.append(lines(2), "2").ok
    raw.committed("2")
    assert ids(account) == [2]


@pytest.mark.parametrize(
    "body",
    [
        b'{"channel_names":5}', b'{"channel_names":"raw"}', b'{"channel_names":[1]}',
        b'{"channel_names":["\\ud800"]}', b'{"channel_names":[["raw"]]}',
        b"[1]", b"nonsense", b"\xff", b"[" * 100_000, b'{"a":NaN}',
    ],
)  # fmt: skip
def test_a_request_for_statuses_that_is_none_is_400(raw, body):
    assert code(raw.call("POST", f"{PIPE}:bulk-channel-status", data=body)) == (400, "ERR_INVALID_REQUEST")


@pytest.mark.parametrize("flag", [b"1", b'"true"', b"[]"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_flag_is_true_or_false(raw, method, flag):
    answer = raw.call(method, f"{PIPE}/channels/raw", data=b'{"fail_on_uncommitted_rows":' + flag + b"}")
    assert code(answer) == (400, "ERR_INVALID_REQUEST")
    assert raw.status()["channel_status_code"] == "SUCCESS"


# What the account remembers


def test_remembered_requests_are_bounded_in_number(account, raw, monkeypatch):
    monkeypatch.setattr(recorded, "KEPT_REQUESTS", 5)
    for _ in range(8):
        raw.status()
    assert len(account.requests) == 5


def test_remembered_requests_are_bounded_in_size(account, line):
    for number in range(600):
        line.head("GET", "/nothing", **{f"X-{number}": "y" * 50_000})
        assert line.answer()[0] == 404
    kept = account.requests
    assert 200 < len(kept) < 600
    assert sum(request.characters for request in kept) <= recorded.KEPT_CHARACTERS
    assert "x-599" in kept[-1].headers


def test_a_head_that_is_too_large_is_refused_with_a_reason(line):
    line.head("GET", "/nothing", X_Large="y" * 200_000)
    assert line.answer()[0] == 431
    assert line.ended()


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_the_form_of_all_refusals(line, head):
    line.socket.sendall(head)
    status, headers, body = line.answer()
    assert status in (400, 501)
    assert (body["code"], headers["connection"]) == ("ERR_INVALID_REQUEST", "close")
    assert line.ended()


def test_a_failure_inside_the_account_is_an_answer_and_is_recorded(account, raw, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("by this test")

    with monkeypatch.context() as patched:
        patched.setattr(account.channels, "statuses", fail)
        answer = raw.call("POST", f"{PIPE}:bulk-channel-status", json={})
    assert code(answer) == (500, "ERR_GENERAL_EXCEPTION_RETRY_REQUEST")
    assert account.requests[-1].failure == "ZeroDivisionError('by this test')"
    assert raw.open().ok
    assert account.requests[-1].failure is None


# Connections that keep the server waiting


@pytest.fixture
def impatient(monkeypatch):
    """Waits of fractions of a second instead of a minute."""
    for module, name, seconds in (
        (watch, "HEAD_S", 0.4),
        (watch, "UNREAD_S", 0.4),
        (watch, "SWEEP_S", 0.05),
        (connection, "BODY_PAUSE_S", 0.4),
        (connection, "BODY_S", 1.0),
        (connection, "LINGER_S", 0.1),
    ):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def quick(impatient, account):
    """A connection to an account without patience."""
    with Line(account) as line:
        yield line


def test_a_silent_connection_is_closed(quick):
    assert quick.ended()


def test_a_head_that_does_not_end_is_answered_and_closed(quick):
    quick.socket.sendall(b"GET / HTTP/1.1\r\nHost:")
    status, _, body = quick.answer()
    assert (status, body["code"]) == (408, "ERR_REQUEST_TIMEOUT")
    assert quick.ended()


def test_a_connection_that_is_used_again_has_its_time_again(quick):
    for _ in range(4):
        time.sleep(0.2)  # together longer than a head may take
        quick.head("POST", "/telemetry/send/sessionless")
        assert quick.answer()[0] == 200
    assert quick.ended()


def test_a_body_that_does_not_come_is_answered_and_closed(quick, account, raw):
    quick.head("POST", ROWS, Content_Length=100, **raw.headers)
    quick.socket.sendall(b"{")
    status, _, body = quick.answer()
    assert (status, body["code"]) == (408, "ERR_REQUEST_TIMEOUT")
    assert quick.ended()


def test_a_body_that_drips_is_answered_and_closed(quick, raw):
    quick.head("POST", ROWS, Content_Length=100, **raw.headers)
    started = time.monotonic()
    while not select.select([quick.socket], [], [], 0.1)[0]:
        quick.socket.sendall(b" ")
    assert quick.answer()[0] == 408
    assert 0.8 < time.monotonic() - started < 8


def test_an_answer_that_nobody_reads_is_cut(impatient, account):
    make_table(account)
    raw = Raw(account)
    account.faults.add("status", body=b"x" * 30_000_000)
    with Line(account) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.head("POST", STATUS, Content_Length=2, **raw.headers)
        slow.socket.sendall(b"{}")
        server = account._server._running._server
        until(lambda: account.requests)
        until(lambda: not server.server_state.connections)


def test_waits_of_faults_are_not_cut_short(impatient, account, raw):
    account.faults.add("status", hold_s=1.0)
    account.faults.add("status", delay_s=1.0)
    account.faults.add("open", trickle_s=0.005)
    for _ in range(2):
        assert raw.status()
    assert raw.open().ok


def test_half_open_connections_make_room_for_others(account, raw, monkeypatch):
    monkeypatch.setattr(watch, "MAX_CONNECTIONS", 20)
    lines_ = [Line(account) for _ in range(60)]
    assert raw.open().ok
    state = account._server._running._server.server_state
    until(lambda: len(state.connections) <= 20)
    for line in lines_:
        line.socket.close()


def test_where_all_connections_are_at_work_there_is_a_clear_503(account, raw, monkeypatch):
    monkeypatch.setattr(watch, "MAX_CONNECTIONS", 5)
    account.faults.add("status", times=5, hold_s=1.5)
    at_work = [threading.Thread(target=raw.status) for _ in range(5)]
    for thread in at_work:
        thread.start()
    until(lambda: not account.faults._scripted)
    answer = raw.call("PUT", f"{PIPE}/channels/raw", data=b"{}")
    assert (code(answer), answer.headers["Retry-After"]) == ((503, "ERR_TOO_MANY_CONNECTIONS"), "1")
    for thread in at_work:
        thread.join()
    assert raw.open().ok


def test_the_memory_of_a_server_that_is_flooded_with_bodies_stays(account, raw):
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(5):
        with Line(account) as line:
            line.head("POST", ROWS, Transfer_Encoding="chunked")
            part = b"100000\r\n" + b" " * 1_048_576 + b"\r\n"
            try:
                for _ in range(100):
                    line.socket.sendall(part)
            except OSError:
                continue
    assert process.memory_info().rss - before < 60_000_000
    with requests.Session() as session:
        assert session.get(account.url, timeout=5).status_code == 404


# Channels: many at once, many names, and long commits of others


def statuses(raw, names):
    answer = raw.call("POST", f"{PIPE}:bulk-channel-status", json={"channel_names": names}, timeout=60)
    return answer.json()["channel_statuses"]


def in_memory(account):
    return len(account.channels._channels)


def seconds(action):
    started = time.monotonic()
    action()
    return time.monotonic() - started


def test_unknown_names_are_looked_up_at_once_and_not_remembered(account, raw):
    unknown = [f"unknown {number}" for number in range(1_999)]
    one = min(seconds(lambda: statuses(raw, ["nobody"])) for _ in range(5))
    many = min(seconds(lambda: statuses(raw, [*unknown, "raw"])) for _ in range(2))
    assert many < 100 * one + 1
    assert list(statuses(raw, ["raw", *unknown])) == ["raw"]
    assert in_memory(account) == 1


def test_statuses_of_channels_that_are_on_disk_only_are_not_remembered(tmp_path):
    path = tmp_path / "kept.duckdb"
    with sp.local(path, commit_lag_s=0.0) as account:
        make_table(account)
        for name in ("a", "b"):
            raw = Raw(account, name)
            raw.open(offset_token=f"of {name}")
    with sp.local(path) as account:
        raw = Raw(account, "b")
        found = statuses(raw, ["b", "x", "a", "b"])
        assert list(found) == ["b", "a"]
        assert {status["channel_status_code"] for status in found.values()} == {
            "ERR_CHANNEL_MUST_BE_REOPENED"
        }
        assert found["a"]["last_committed_offset_token"] == "of a"
        assert code(raw.append(lines(1), "1", token="1_0")) == (409, "ERR_CHANNEL_MUST_BE_REOPENED")
        assert in_memory(account) == 0
        assert raw.open().json()["channel_status"]["last_committed_offset_token"] == "of b"
        assert raw.call("DELETE", f"{PIPE}/channels/a").ok
        assert list(statuses(raw, ["a", "b"])) == ["b"]


def test_names_of_strangers_are_not_remembered_for_ever(account, raw, monkeypatch):
    monkeypatch.setattr("snowpipe_pandas.embedded.store.KEPT_NAMES", 50)
    for number in range(120):
        raw.call(
            "POST",
            f"{PIPE.replace('NUMBERS', f'N{number}')}:bulk-channel-status",
            json={"channel_names": ["x"]},
        )
    assert len(account._store._pipes) <= 50


def test_the_thousandth_channel_is_opened_as_fast_as_the_first(account, raw):
    def open_some(start):
        for number in range(start, start + 250):
            account.channels.open(pipe, f"c{number}", offset_token=None, keep_uncommitted=True)

    pipe = account._store.pipe(next(iter(account.channels._channels.values())).pipe)
    open_some(0)
    first, _, third = (seconds(lambda start=start: open_some(start)) for start in (250, 500, 750))
    assert third < 3 * first + 0.5


def test_channels_that_come_and_go_leave_nothing_in_memory(account, raw):
    for number in range(50):
        other = Raw(account, f"c{number}")
        assert other.open().ok
        assert other.call("DELETE", f"{PIPE}/channels/c{number}").ok
    assert in_memory(account) == 1


def test_nobody_waits_for_the_commit_of_others_but_who_must(account, raw):
    other = Raw(account, "other")
    other.open()
    opened = threading.Event()

    def open_new():
        Raw(account, "new").open()
        opened.set()

    with account._store.writing:  # as a long commit holds it
        waiting = threading.Thread(target=open_new)
        waiting.start()
        assert not opened.wait(0.3)
        assert raw.status()
        assert statuses(raw, ["raw", "nobody"])
        assert raw.append(lines(1), "1").ok
        assert other.append(lines(2), "2").ok
    waiting.join(10)
    assert opened.is_set()
    raw.committed("1")


def test_openings_drops_and_commits_at_once_leave_memory_as_the_disk(account, raw):
    """Threads use the same few channels in every way; none of them may wait for ever."""
    names = ["a", "b", "c"]
    stop = time.monotonic() + 3

    def use(seed):
        chance = random.Random(seed)
        writer = Raw(account, chance.choice(names))
        while time.monotonic() < stop:
            writer.channel = chance.choice(names)
            writer.open(fail_on_uncommitted_rows=chance.random() < 0.5)
            for number in range(chance.randrange(4)):
                writer.append(lines(number), str(number))
            doing = chance.random()
            if doing < 0.2:
                writer.call("DELETE", f"{PIPE}/channels/{writer.channel}")
            elif doing < 0.3:
                account.channels.lose_uncommitted()
            elif doing < 0.4:
                account.channels.restart()
            statuses(writer, names)

    threads = [threading.Thread(target=use, args=(seed,), daemon=True) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    until(lambda: not any(channel.buffer for channel in account.channels._channels.values()))
    reported = {
        name: tuple(status[key] for key in ("last_committed_offset_token", "rows_inserted"))
        for name, status in statuses(raw, names).items()
    }
    kept = (
        account._store._root.cursor()
        .execute(f'SELECT channel, committed_token, rows_inserted FROM "DEMO"."{HIDDEN}".channels')
        .fetchall()
    )
    assert reported == {name: (token, rows) for name, token, rows in kept if name in names}
    assert {request.status for request in account.requests} <= {200, 400, 404, 409}
