"""A real HTTP server on a free port that answers from a script and records what it was asked.

For answers that no well-behaved server gives. What a good server does is tested against the local account.
"""

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Reply:
    """One scripted answer; `cut` closes the connection after that many bytes of the body."""

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    cut: int | None = None

    def encoded(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Seen:
    """One recorded request."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes


class ScriptedServer:
    """Answers each request with the next reply of the script; the last one is repeated."""

    def __init__(self):
        self.replies = deque()
        self.seen = []
        handler = type("Handler", (_Handler,), {"script": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def script(self, *replies):
        self.replies.extend(replies)

    def next_reply(self):
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ScriptedServer

    def _answer(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.script.seen.append(Seen(self.command, url.path, query, dict(self.headers), body))
        reply = self.script.next_reply()
        text = reply.encoded()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text if reply.cut is None else text[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *arguments):
        pass


@contextmanager
def scripted_server():
    server = ScriptedServer()
    try:
        yield server
    finally:
        server.close()
