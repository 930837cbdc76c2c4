"""Runs an ASGI application in a thread, on a loopback port, with TLS if wanted; stops and starts it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from ...errors import UsageError
from .watch import HEAD_S, Connection, sweep

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0


class ServerThread:
    """A uvicorn server on 127.0.0.1; `start()` and `stop()` alternate, `close()` ends it.

    Args:
        app: the application.
        port: the port, 0 for a free one.
        tls: the server's certificate, None for plain http.
    """

    def __init__(self, app: ASGIApp, *, port: int, tls: ssl.SSLContext | None = None) -> None:
        # Bound but never listening: keeps the port for the next start while the server is stopped.
        self._reservation = _bound(port)
        self._app = app
        self._tls = tls
        self._running: _Running | None = None
        self._changing = threading.Lock()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._reservation.getsockname()[1])

    def start(self) -> None:
        """Start, and return once requests are answered; nothing happens if it runs."""
        with self._changing:
            if self._running is None:
                self._running = _Running(self._app, _bound(self.port), self._tls)

    def stop(self) -> None:
        """Cut every connection and stop listening; nothing happens if it is stopped.

        Raises:
            UsageError: it is called from within a request, which would wait for its own end.
        """
        running = self._running
        if running is not None and running.is_current():
            raise UsageError("the local account can't be stopped from within a request: use another thread")
        with self._changing:
            if self._running is not None:
                self._running.stop()
                self._running = None

    def close(self) -> None:
        """Stop, and give the port back.

        Raises:
            UsageError: as with `stop()`.
        """
        self.stop()
        self._reservation.close()

    def let_go(self) -> None:
        """Let a forked child hold no port and no connection of its parent's, who can't end them otherwise.

        Their numbers stay taken, so that nothing in the child closes another file by one of them.
        """
        held = [self._reservation.fileno()]
        if self._running is not None:
            held += self._running.sockets()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in held:
            if number >= 0:
                os.dup2(nothing, number)
        os.close(nothing)


class _Running:
    """One life of the server: from its start to its stop."""

    def __init__(self, app: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            timeout_keep_alive=int(HEAD_S),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            date_header=False,  # the date is that of the account's clock
        )
        config.load()
        config.ssl = tls
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="snowpipe-local-http", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise UsageError(f"the local account could not start on port {listener.getsockname()[1]}")
            self._thread.join(0.002)

    def sockets(self) -> list[int]:
        connections = [c.transport.get_extra_info("socket") for c in self._server.server_state.connections]
        return [self._listener.fileno(), *(known.fileno() for known in connections)]

    def is_current(self) -> bool:
        return self._thread is threading.current_thread()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        """Serve until `stop()`; uvicorn's own way to stop waits for connections, this one cuts them."""
        serving = asyncio.create_task(self._server.serve([self._listener]))
        stopping = asyncio.create_task(self._stopping.wait())
        sweeping = asyncio.create_task(sweep(self._server.server_state.connections))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        sweeping.cancel()
        for listening in self._server.servers:
            listening.close()
        await asyncio.sleep(0)  # lets connections that were just accepted become known
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


def _bound(port: int) -> socket.socket:
    # With the protocol named, since asyncio sets TCP_NODELAY on such sockets only: 40 ms a request otherwise.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        problem = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
        raise UsageError(f"port {port} of {HOST} {problem}; choose another, or 0 for a free one") from error
    return bound
