"""How much of an answer is read: its head and its body on the wire, and its body once decoded.

The HTTP libraries bound neither endless heads nor what a few compressed bytes become. Whatever a service
sends, an exchange costs at most these bounds.
"""

from __future__ import annotations

import http.client
import io
import zlib
from typing import Any

CONTROL_BYTES = 1_000_000
"""Most bytes of a decoded answer; the longest one, the states of many channels, is shorter."""

PARTITION_BYTES = 100_000_000
"""The same for one partition of a statement's result; the service's own are some ten MB."""

ACCEPTED_ENCODING = "gzip"
"""The one encoding that is requested, and that is decoded here, piece by piece."""

_HEAD_WIRE_BYTES = 256_000
_BODY_WIRE_BYTES = 17_000_000
_PIECE_BYTES = 64_000
_GZIP_WINDOW = 31


class TooLongError(http.client.HTTPException):
    """An answer is longer than is read."""


class UndecodableError(Exception):
    """A body is not in an encoding that was requested, or is damaged."""


class BoundedResponse(http.client.HTTPResponse):
    """An answer that reads no more from the socket than a head and a body may have."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._meter = _Meter(self.fp.detach())
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        """Read the head, and all interim answers before it."""
        super().begin()
        self._meter.left = _BODY_WIRE_BYTES


class _Meter(io.RawIOBase):
    """Reads from a socket until its limit is reached."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.left = _HEAD_WIRE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._source.readinto(buffer)
        self.left -= count or 0
        if self.left < 0:
            raise TooLongError("the answer is longer than is read")
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


def read_body(raw: Any, encoding: str, limit: int) -> bytes:
    """Read and decode the body of an answer.

    Args:
        raw: urllib3's response, of which nothing was read.
        encoding: its `Content-Encoding`.
        limit: most bytes that the decoded body may have.

    Raises:
        TooLongError: it has more.
        UndecodableError: it is in another encoding than was requested, or damaged.
        Exception: whatever the library raises where a connection breaks.
    """
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", ACCEPTED_ENCODING):
        raise UndecodableError
    decoder = zlib.decompressobj(_GZIP_WINDOW) if encoding == ACCEPTED_ENCODING else None
    body, empty = bytearray(), True
    while piece := raw.read(_PIECE_BYTES, decode_content=False):
        empty = False
        body += piece if decoder is None else _inflated(decoder, piece, limit + 1 - len(body))
        if len(body) > limit:
            raise TooLongError
    if decoder is not None and not decoder.eof and not empty:
        raise UndecodableError
    return bytes(body)


def _inflated(decoder: Any, piece: bytes, room: int) -> bytes:
    try:
        inflated: bytes = decoder.decompress(piece, room)
    except zlib.error:
        raise UndecodableError from None
    return inflated
