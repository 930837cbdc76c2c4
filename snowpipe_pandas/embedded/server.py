"""Runs an ASGI application in a thread, on a loopback port, with TLS if wanted."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from ..errors import UsageError

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0


class ServerThread:
    """A uvicorn server on 127.0.0.1; started by `start()`, stopped by `close()`.

    Args:
        app: the application.
        port: the port, 0 for a free one.
        tls: the server's certificate, None for plain http.
    """

    def __init__(self, app: ASGIApp, *, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise UsageError(
                f"port {port} of {HOST} is taken; choose another, or 0 for a free one"
            ) from error
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = tls
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name="snowpipe-local-http",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Start, and return once requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise UsageError(f"the local account could not start on port {self.port}")
            self._thread.join(0.005)

    def close(self) -> None:
        """Stop and wait for the thread."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
