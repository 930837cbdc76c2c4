"""A raw server that plays the service on its sockets, but for the operations that a test answers itself.

It writes what no HTTP library would: endless heads, bombs, fields of any type.
"""

import contextlib
import json
import socket
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

import snowpipe_pandas as sp
from tests.auth import material

QUICK = {"base_s": 0.001, "cap_s": 0.002, "budget_s": 0.05}

STATUS = {
    "database_name": "D",
    "schema_name": "S",
    "pipe_name": "T-STREAMING",
    "channel_name": "c",
    "channel_status_code": "SUCCESS",
    "last_committed_offset_token": None,
    "created_on_ms": 1_700_000_000_000,
    "rows_inserted": 0,
    "rows_parsed": 0,
    "rows_error_count": 0,
    "last_error_offset_upper_bound": None,
    "last_error_message": None,
    "last_error_timestamp_ms": None,
    "snowflake_avg_processing_latency_ms": None,
}
"""The honest status of a channel, which an append of a load moves on."""


def reply(body=b"", status=200, headers=()):
    """The bytes of an answer; a body that is not bytes becomes JSON."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers)]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class HostileService:
    """Answers as the service does, and as `answers` says.

    Attributes:
        answers: for an operation (discover, token, open, append, status, rejected) the bytes of its answer,
            a function of the honest answer that returns bytes or pieces, or a list of these, used in turn.
        seen: (operation, path with query, headers, body) of each request.
        sent: bytes that clients took.
        connections: how many there were.
    """

    def __init__(self, tls=None):
        self.answers = {}
        self.seen = []
        self.sent = self.connections = self._opened = 0
        self.status = dict(STATUS)
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._threads, self._sockets = [], []
        self._accepting = self._start(self._accept)

    def connect(self, **settings):
        """Make a client of this account."""
        settings = {"retry": sp.RetryPolicy(**QUICK), "timeouts": sp.Timeouts(2, 5, 10)} | settings
        return sp.connect(url=self.url, account="a", user="u", private_key=material.pem(), **settings)

    def open(self, **settings):
        """Open a channel with a client of its own."""
        return self.connect(**settings).open_channel("c", table="D.S.T")

    def requests(self, operation):
        """The requests of an operation."""
        return [request for request in self.seen if request[0] == operation]

    def close(self):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        for served in self._sockets:
            with contextlib.suppress(OSError):
                served.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        return thread

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
                self.connections += 1
                client = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            except ssl.SSLError:
                continue
            except OSError:
                return
            self._sockets.append(client)
            self._threads.append(self._start(self._serve, client))

    def _serve(self, client):
        with client, client.makefile("rb") as incoming, contextlib.suppress(OSError):
            while (request := _read_request(incoming)) is not None:
                self.seen.append(request)
                answer = self._answer(request)
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    client.sendall(piece)
                    self.sent += len(piece)
                if not isinstance(answer, bytes):
                    return

    def _answer(self, request):
        honest = self._honest(*request)
        answer = self.answers.get(request[0], honest)
        if isinstance(answer, list):  # one after the other; the last one is honest
            answer = answer.pop(0) if answer else honest
        return answer(honest) if callable(answer) else answer

    def _honest(self, operation, path, headers, body):
        if operation == "discover":
            return reply(b"127.0.0.1:%d" % self.port)
        if operation == "token":
            return reply(b"scoped-token")
        if operation == "status":
            return reply({"channel_statuses": {"c": self.status}})
        if operation == "append":
            self._take(parse_qs(urlsplit(path).query)["endOffsetToken"][0])
        self._opened += 1
        return reply({"next_continuation_token": f"t{self._opened}", "channel_status": self.status})

    def _take(self, token):
        rows = int(token.split(":")[1]) if ":" in token else 0
        self.status |= {"last_committed_offset_token": token, "rows_inserted": rows, "rows_parsed": rows}


def _read_request(incoming):
    line = incoming.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while (line := incoming.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", 0)))
    return _operation(method, path.partition("?")[0]), path, headers, body


def _operation(method, path):
    ends = {"/hostname": "discover", "/token": "token", "/rows": "append", "-channel-status": "status"}
    found = [name for end, name in ends.items() if path.endswith(end)]
    return found[0] if found else {"PUT": "open", "DELETE": "drop"}.get(method, "other")


@contextlib.contextmanager
def hostile_service(**options):
    service = HostileService(**options)
    try:
        yield service
    finally:
        service.close()
