"""A deadline for a whole HTTP exchange, which requests and urllib3 do not have.

Their time-outs are per read: a peer that sends a byte now and then, or stops reading a body, holds a
request for ever. Here a timer shuts the socket down, and the request fails as on any broken connection.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_thread = threading.local()


class Deadline:
    """The deadline of the exchange that this thread makes; made by `deadline()`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._over = False

    def watch(self, connection: HTTPConnection) -> None:
        """Make this connection the one to shut down; writes get more time than that, in place of a read's."""
        with self._lock:
            self._connection = connection
            if connection.sock is not None:
                connection.sock.settimeout(2 * self.seconds)  # on a busy machine the timer may come late

    def expire(self) -> None:
        """End the exchange now."""
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


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Give what this thread exchanges inside the block at most `seconds`."""
    current = _thread.deadline = Deadline(seconds)
    timer = threading.Timer(seconds, current.expire)
    timer.name = "snowpipe-deadline"
    timer.daemon = True
    try:
        timer.start()  # in here, so that a Ctrl-C at this very moment leaves no thread either
        yield current
    except BaseException:
        current.abandon()
        raise
    finally:
        timer.cancel()
        current.end()
        if timer.is_alive():  # it may not even have begun; then it ends by itself
            timer.join()
        _thread.deadline = None


class _WatchedMixin:
    """Tells the thread's deadline which connection it is about."""

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
    pass


class _TlsConnection(_WatchedMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class DeadlineAdapter(HTTPAdapter):
    """An adapter for `requests.Session` whose connections obey `deadline()`."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool manager, with our pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the manager of a proxy, with our pools."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
