"""A deadline for a whole HTTP exchange, which requests and urllib3 do not have.

Their time-outs are per read: a peer that sends a byte now and then, or stops reading a body, holds a
request for ever. Here a thread shuts the socket down, and the request fails as on any broken connection. One
thread watches all exchanges of the process: starting one for each took longer than sending a row.
"""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .bounds import BoundedResponse

LOOK_S = 0.1
"""How often the watching thread checks whether exchanges are under way; without any it ends. To notify it
would cost every exchange a change of threads."""

MANY = 64
"""From this many entries of ended exchanges on, they are removed."""

_thread = threading.local()


class Deadline:
    """The deadline of the exchange that this thread makes; made by `deadline()`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.number = -1
        self.expired = False
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._over = False

    def watch(self, connection: HTTPConnection) -> None:
        """Make this connection the one to shut down; its writes get more time than the deadline."""
        with self._lock:
            self._connection = connection
            if connection.sock is not None:
                connection.sock.settimeout(2 * self.seconds)  # on a busy machine the timer may come late

    def expire(self) -> None:
        """Interrupt the exchange now."""
        with self._lock:
            connection = self._connection
            if self._over or connection is None or connection.sock is None:
                self.expired = not self._over
                return
            self.expired = True
            try:
                # Not the method of an SSLSocket, which takes its TLS state away from the reading thread.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            except OSError:
                return  # closed already

    def abandon(self) -> None:
        """Close the connection of an exchange that was interrupted: it is of no use to later ones."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def end(self) -> None:
        """Leave the connection alone from now on: it may serve other requests."""
        with self._lock:
            self._over = True


class _Watch:
    """One thread that ends the exchanges whose time is up; it runs only while there are some."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin with nothing, as a forked process must: it has no thread, and its locks may be held."""
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._due: list[tuple[float, int]] = []
        self._exchanges: dict[int, Deadline] = {}
        self._watching: threading.Thread | None = None

    def begin(self, exchange: Deadline) -> None:
        """Watch an exchange.

        It is given its number before it is watched, not as a result: a Ctrl-C between a return and an
        assignment would leave an exchange that can't be ended.
        """
        with self._changed:
            number, ends_at = next(self._numbers), time.monotonic() + exchange.seconds
            exchange.number = number
            sooner = not self._due or ends_at < self._due[0][0]
            resting = not self._exchanges  # then the thread looks again within LOOK_S by itself
            self._exchanges[number] = exchange
            heapq.heappush(self._due, (ends_at, number))
            if self._watching is None:
                self._watching = threading.Thread(target=self._run, name="snowpipe-deadline", daemon=True)
                self._watching.start()
            elif sooner or (resting and exchange.seconds < LOOK_S):
                self._changed.notify()

    def end(self, exchange: Deadline) -> None:
        """Stop watching an exchange."""
        with self._changed:
            self._exchanges.pop(exchange.number, None)
            if len(self._due) > MANY + 2 * len(self._exchanges):
                self._due = [due for due in self._due if due[1] in self._exchanges]
                heapq.heapify(self._due)

    def rest(self) -> None:
        """Let the thread end now, if no exchange is under way."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (exchange := self._next_due()) is not None:
            exchange.expire()

    def _next_due(self) -> Deadline | None:
        """Wait for an exchange whose time is up; None once none was under way for a while."""
        with self._changed:
            while True:
                while self._due and self._due[0][1] not in self._exchanges:
                    heapq.heappop(self._due)
                left_s = self._due[0][0] - time.monotonic() if self._due else LOOK_S
                if left_s <= 0:
                    return self._exchanges.pop(heapq.heappop(self._due)[1])
                self._changed.wait(min(left_s, LOOK_S))
                if not self._exchanges:
                    self._watching = None
                    return None


_watch_all = _Watch()
rest = _watch_all.rest
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watch_all.forget)


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Let what this thread exchanges inside the block take at most `seconds`."""
    current = _thread.deadline = Deadline(seconds)
    try:
        _watch_all.begin(current)  # in here, so that a Ctrl-C at this moment leaves nothing behind
        yield current
    except BaseException:
        current.abandon()
        raise
    finally:
        try:
            current.end()
        finally:  # also after a Ctrl-C in the line above
            _watch_all.end(current)
            _thread.deadline = None


class _WatchedMixin:
    """Registers the connection with the deadline of its thread."""

    def connect(self) -> None:
        _watch(self)
        super().connect()  # type: ignore[misc]  # of the connection class
        _watch(self)

    def request(self, *args: Any, **options: Any) -> None:
        _watch(self)
        super().request(*args, **options)  # type: ignore[misc]


def _watch(connection: Any) -> None:
    current = getattr(_thread, "deadline", None)
    if current is not None:
        current.watch(connection)


class _Connection(_WatchedMixin, HTTPConnection):
    response_class = BoundedResponse


class _TlsConnection(_WatchedMixin, HTTPSConnection):
    response_class = BoundedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections obey `deadline()`; it knows proxies and certificates, urllib3 sends."""

    def exchange(
        self,
        method: str,
        url: str,
        *,
        body: bytes | memoryview,
        headers: Mapping[str, str],
        timeout: Timeout,
        proxies: Mapping[str, str],
        verify: str | bool,
    ) -> HTTPResponse:
        """Send once, and return the answer, whose body is not read yet."""
        prepared = PreparedRequest()
        prepared.method, prepared.url = method, url
        pool: Any = self.get_connection_with_tls_context(prepared, verify, proxies=proxies)
        self.cert_verify(pool, url, verify, None)  # type: ignore[no-untyped-call]
        response: HTTPResponse = pool.urlopen(
            method,
            self.request_url(prepared, proxies),
            body=body or None,
            headers=headers,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            retries=self.max_retries,
            timeout=timeout,
        )
        return response

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool manager, with our pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the manager of a proxy, with our pools."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
