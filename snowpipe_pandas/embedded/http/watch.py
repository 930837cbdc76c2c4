"""Connections that can't keep the server for ever: bounded in number, and in how long they keep it waiting.

A body that doesn't come is handled by `connection.py`, which waits for it. Here is what happens before
a request has begun, and while an answer lies unread; the work on a request may take its time.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..protocol.operations import refusal_answer
from ..refusals import Refused, too_many_connections, too_slow, unreadable_request

MAX_CONNECTIONS = 256
HEAD_S = 60.0
"""How long a connection may be silent, or take for the head of a request."""
UNREAD_S = 60.0
"""How long an answer may lie without a byte of it being taken."""
SWEEP_S = 5.0

_log = logging.getLogger("snowpipe_pandas.local")
_log.addHandler(logging.NullHandler())  # what a stranger sends must not be written into a notebook


class Connection(H11Protocol):
    """A connection that knows since when it has kept the server waiting."""

    _waiting_since = 0.0
    _unread = 0
    _unread_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection, or refuse its requests where there are too many already."""
        super().connection_made(transport)
        self.logger = _log
        self._waiting_since = self.loop.time()
        open_ones = [
            c for c in self.connections if isinstance(c, Connection) and not c.transport.is_closing()
        ]
        if len(open_ones) > 2 * MAX_CONNECTIONS:
            transport.abort()
        elif len(open_ones) > MAX_CONNECTIONS:
            self._find_room([c for c in open_ones if c is not self and c._waits])

    def _find_room(self, idle: list[Connection]) -> None:
        """Close the connection that has been idle for longest, or answer that there is no room."""
        if idle:
            min(idle, key=lambda c: c._waiting_since).transport.abort()
            return
        self.app = refusal_answer(too_many_connections(MAX_CONNECTIONS))

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Read what came; a head on which h11 itself fails is refused like any other bad one."""
        try:
            super().data_received(data)
        except ValueError:
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP, in the form of all refusals, and close."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        self._refuse(unreadable_request(status))

    def sweep(self, now: float) -> None:
        """End the connection if it has kept the server waiting for too long."""
        unread = self.transport.get_write_buffer_size()
        if unread != self._unread or not unread:
            self._unread, self._unread_since = unread, now
        if now - self._unread_since > UNREAD_S:
            self.transport.abort()
        elif self._waits and now - self._waiting_since > HEAD_S:
            if self.conn.trailing_data[0]:
                self._refuse(too_slow(f"no whole head came within {HEAD_S:g} s"))
            else:
                self.transport.close()

    @property
    def _waits(self) -> bool:
        """Whether no request is being read, worked on or answered."""
        return self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete)

    def _refuse(self, refused: Refused) -> None:
        """Answer outside of any request, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = refusal_answer(refused)
            headers = [*answer.raw_headers, (b"connection", b"close")]
            head = h11.Response(status_code=answer.status_code, headers=headers)
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


async def sweep(connections: Iterable[object]) -> None:
    """Look after connections, until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        for connection in list(connections):
            if isinstance(connection, Connection):
                connection.sweep(loop.time())
