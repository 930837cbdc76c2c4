"""A bare service for benchmarks: it takes appends, counts rows by their offset tokens, and keeps nothing.

    python -m benchmarks.counting --lag 1
    python -m benchmarks.counting --rate 20 --latency 0.05

With a rate it is paced: a channel is a pipe through which this many MB of NDJSON pass in a second. It answers
an append once its rows would have passed, where Snowflake answers 429 to what comes too soon: so a client
without a pacer meets the same bound, and no pauses of its own choice are measured. The amount is in
the request's header. The latency comes on top, and upon every other answer too.

It listens on a free port of the loopback address, prints its URL, and ends when its standard input does. A
process of its own, so that neither its memory nor its work is taken for the client's. Nothing is checked
and nothing is parsed: a body is read into one buffer again and again.
"""

import argparse
import json
import math
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parent.parent
BUFFER_BYTES = 1 << 20
ELASTIC = "ELASTIC"


class Channels:
    """All channels of the service as one row of numbers for each: what was received and what is committed.

    Args:
        lag_s: how long after its append a row is committed.
        rate: bytes of NDJSON that pass through a channel in a second.
        latency_s: how long after its time each answer comes.
    """

    def __init__(self, lag_s: float, rate: float = math.inf, latency_s: float = 0.0) -> None:
        self._lag_s = lag_s
        self._rate = rate
        self._latency_s = latency_s
        self._free_at: dict[str, float] = {}
        self._received: dict[str, deque[tuple[float, str]]] = {}
        self._committed: dict[str, str] = {}
        self._inserted: dict[str, int] = {}
        self._opened: set[str] = set()
        self._tokens = 0

    def next_token(self) -> str:
        """Return a continuation token."""
        self._tokens += 1
        return f"t{self._tokens}"

    def open(self, name: str) -> dict[str, object]:
        """Open a channel. Without a rate it says that it has no limits, else the client would pace itself."""
        self._opened.add(name)
        opened: dict[str, object] = {
            "next_continuation_token": self.next_token(),
            "channel_status": self.status(name),
        }
        return opened | ({"limits": None} if self._rate == math.inf else {})

    def has(self, name: str) -> bool:
        """Whether a channel was opened."""
        return name in self._opened or name == ELASTIC

    def append(self, name: str, end_offset_token: str) -> None:
        """Take rows: the token says up to which one."""
        self._received.setdefault(name, deque()).append((time.monotonic() + self._lag_s, end_offset_token))

    def pace(self, target: str, raw_bytes: int) -> None:
        """Wait until this many bytes would have passed, and for the latency."""
        now = time.monotonic()
        path = target.partition("?")[0]
        passed = self._free_at[path] = max(self._free_at.get(path, now), now) + raw_bytes / self._rate
        if (wait_s := passed + self._latency_s - now) > 0:
            time.sleep(wait_s)

    def status(self, name: str) -> dict[str, object]:
        """Return what is committed by now."""
        received = self._received.get(name, deque())
        while received and received[0][0] <= time.monotonic():
            token = received.popleft()[1]
            load, rows = token.split(":")[:2]
            before = self._committed.get(name, ":0").split(":")
            known = int(before[1]) if before[0] == load else 0
            self._inserted[name] = self._inserted.get(name, 0) + int(rows) - known
            self._committed[name] = token
        return {
            "channel_name": name,
            "channel_status_code": "SUCCESS",
            "last_committed_offset_token": self._committed.get(name),
            "rows_inserted": self._inserted.get(name, 0),
            "rows_error_count": 0,
        }


def answer(channels: Channels, host: str, method: str, target: str, body: bytes) -> object:
    """Answer one request: a text as it is, everything else as JSON."""
    url = urlsplit(target)
    if url.path == "/v2/streaming/hostname":
        return host
    if url.path == "/oauth/token":
        return "a-scoped-token"
    if url.path.endswith(":bulk-channel-status"):
        names = json.loads(body)["channel_names"]
        return {"channel_statuses": {name: channels.status(name) for name in names if channels.has(name)}}
    name = url.path.partition("/channels/")[2].partition("/")[0]
    if url.path.endswith("/rows"):
        if name == ELASTIC:
            return {"message": "OK"}
        channels.append(name, parse_qs(url.query)["endOffsetToken"][0])
        return {"next_continuation_token": channels.next_token()}
    if method == "PUT":
        return channels.open(name)
    return {}


def converse(connection: socket.socket, channels: Channels, host: str) -> None:
    """Answer the requests of one connection until it closes."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(BUFFER_BYTES)
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            length = raw_bytes = 0
            while (header := stream.readline()).strip():
                name, _, value = header.decode("latin-1").partition(":")
                if name.lower() == "content-length":
                    length = int(value)
                elif name.lower() == "x-snowflake-uncompressed-content-length":
                    raw_bytes = int(value)
            kept = b""
            if target.partition("?")[0].endswith("/rows"):
                while length:
                    length -= stream.readinto(memoryview(buffer)[: min(length, BUFFER_BYTES)]) or length
            else:
                kept = stream.read(length)
            channels.pace(target, raw_bytes)
            said = answer(channels, host, method, target, kept)
            text = (said if isinstance(said, str) else json.dumps(said)).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))


def listen(channels: Channels) -> None:
    """Serve on a free port until standard input ends; the first line of output is the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            args = (connection, channels, host)
            threading.Thread(target=converse, args=args, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(f"http://{host}", flush=True)
    sys.stdin.read()


@contextmanager
def counting_service(
    *, lag_s: float = 0.0, rate_mb: float = math.inf, latency_s: float = 0.0
) -> Iterator[str]:
    """Run the service in a process of its own for as long as the block runs; yield its URL."""
    numbers = {"--lag": lag_s, "--rate": rate_mb, "--latency": latency_s}
    command = [sys.executable, "-m", "benchmarks.counting"]
    command += [part for name, number in numbers.items() for part in (name, str(number))]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--lag", type=float, default=0.0, help="seconds from an append to its commit")
    options.add_argument("--rate", type=float, default=math.inf, help="MB of NDJSON a second and channel")
    options.add_argument("--latency", type=float, default=0.0, help="seconds upon each answer")
    wanted = options.parse_args()
    listen(Channels(wanted.lag, wanted.rate * 1e6, wanted.latency))
