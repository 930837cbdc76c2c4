"""The connection of one request: reads its body, sends its answer, or treats it as a broken network does.

Cutting and stalling need the transport itself; uvicorn keeps it in the object whose method `send` is.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import xxhash
from starlette.responses import Response
from starlette.types import Message, Receive, Send

from ..clock import AccountClock
from ..protocol.limits import body_limit, body_too_large
from ..refusals import too_slow

_TINY_BUFFER = 4096
_FLUSH_POLL_S = 0.005
BODY_PAUSE_S = 60.0
BODY_S = 600.0
"""How long a body may pause, and how long it may take as a whole."""
LINGER_S = 2.0
LINGER_BYTES = 64 * 1024 * 1024
"""How long, and how much of, a body is thrown away after its answer. Closing on top of a body that is on its
way resets the connection, and the client may never read the answer."""


class HungUpError(Exception):
    """The client went away before its body was complete."""


class Wire:
    """One request's connection.

    Args:
        receive, send: of the ASGI call, as uvicorn made them.
        clock: for the `Date` header of the answer.
        operation: the kind of request, which bounds its body.

    Attributes:
        body_digest: xxh3 of the body as it was received, None until all of it was read.
    """

    def __init__(self, receive: Receive, send: Send, clock: AccountClock, operation: str) -> None:
        self.body_digest: str | None = None
        self._operation = operation
        self._ended = False
        self._receive = receive
        self._send = send
        self._clock = clock
        self._transport: Any = send.__self__.transport  # type: ignore[attr-defined]  # uvicorn's cycle

    async def read(self) -> bytes:
        """Read the whole body.

        Raises:
            HungUpError: it never came.
            Refused: 413, it is above its limit, and the rest is not kept; 408, it does not come.
        """
        body, limit = bytearray(), body_limit(self._operation)
        now = asyncio.get_running_loop().time
        end = now() + BODY_S
        try:
            async with asyncio.timeout(BODY_PAUSE_S) as waiting:
                while not self._ended:
                    body += await self._read_part()
                    if len(body) > limit:
                        raise body_too_large(self._operation)
                    waiting.reschedule(min(now() + BODY_PAUSE_S, end))
        except TimeoutError:
            raise too_slow("the body did not come, or too slowly") from None
        self.body_digest = xxhash.xxh3_64_hexdigest(body)
        return bytes(body)

    async def _read_part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise HungUpError
        self._ended = not message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part

    async def read_first_part(self) -> None:
        """Read what comes first of the body, if it comes."""
        with suppress(HungUpError, TimeoutError):
            async with asyncio.timeout(BODY_PAUSE_S):
                await self._read_part()

    def stop_reading(self) -> None:
        """Read no more than the server has taken by itself, 64 KiB or so, and let the machine take little."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TINY_BUFFER)

    async def answer(self, response: Response) -> None:
        """Send an answer."""
        await self._start(response)
        await self._send_part(bytes(response.body))
        await self._finish()

    async def answer_partly(self, response: Response, size: int) -> None:
        """Send the first bytes of an answer's body, then cut."""
        await self._start(response)
        await self._send_part(bytes(response.body[:size]))
        while not self._transport.is_closing() and self._transport.get_write_buffer_size():
            await asyncio.sleep(_FLUSH_POLL_S)
        await self.cut()

    async def answer_slowly(self, response: Response, pause_s: float) -> None:
        """Send an answer's body byte by byte, until the client hangs up."""
        await self._start(response)
        for byte in bytes(response.body):
            await asyncio.sleep(pause_s)
            if self._transport.is_closing():
                return
            await self._send_part(bytes([byte]))
        await self._finish()

    async def cut(self) -> None:
        """Cut the connection, whatever is on its way; returns once uvicorn knows it."""
        self._transport.abort()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _send_part(self, part: bytes) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def _finish(self) -> None:
        """End an answer. Its request's body, if it was not read, is thrown away for a moment."""
        with suppress(HungUpError, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                left = LINGER_BYTES
                while not self._ended and left > 0:
                    left -= len(await self._read_part())
        await self._send({"type": "http.response.body"})
        if not self._ended:
            self._transport.close()

    async def _start(self, response: Response) -> None:
        headers = list(response.raw_headers)
        if "date" not in response.headers:
            headers.append((b"date", formatdate(self._clock.time(), usegmt=True).encode()))
        start: Message = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": headers,
        }
        await self._send(start)
