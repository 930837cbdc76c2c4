"""Request bodies: JSON with its members, and NDJSON in its encodings and within its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ...arguments import plain_text
from ..refusals import invalid_request, too_large, too_many_statuses, unknown_encoding

MAX_RAW_BYTES = 16 * 1024 * 1024

MAX_STATUSES = 2_000
"""Channels in one request for statuses: as many as a pipe may have."""


def json_value(body: bytes) -> Any:
    """Read JSON.

    Raises:
        Refused: 400, the body is something else.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise invalid_request("the body is not JSON") from None


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; an empty body is an empty one.

    Raises:
        Refused: 400, the body is something else.
    """
    value = json_value(body or b"{}")
    if not isinstance(value, dict):
        raise invalid_request("the body is not a JSON object")
    return value


def flag_member(fields: Mapping[str, Any], name: str) -> bool:
    """Return a member that is true or false; one that is missing or null is false.

    Raises:
        Refused: 400, it is something else.
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_request(f"{name} is neither true nor false")
    return bool(value)


def channel_names(fields: Mapping[str, Any]) -> list[str]:
    """Return the names of a request for statuses.

    Raises:
        Refused: they are not texts, or too many.
    """
    names = fields.get("channel_names")
    if names is None:
        return []
    if not isinstance(names, list):
        raise invalid_request("channel_names is not a list")
    if len(names) > MAX_STATUSES:
        raise too_many_statuses(len(names), MAX_STATUSES)
    if any(plain_text(name) is None for name in names):
        raise invalid_request("channel_names holds something that is not a text, or holds NUL")
    return names


def ndjson(body: bytes, encoding: str | None) -> bytes:
    """Return the NDJSON that a body holds, each line ended.

    Raises:
        Refused: the body is above the limit once it is unpacked, or is not in its encoding.
    """
    if encoding in (None, "identity"):
        raw = body
    elif encoding in ("zstd", "gzip"):
        try:
            raw = decompress(body, encoding, MAX_RAW_BYTES + 1)
        except OSError:
            raise invalid_request(f"the body is not {encoding}") from None
    else:
        raise unknown_encoding(str(encoding))
    if len(raw) > MAX_RAW_BYTES:
        raise too_large(f"more than {MAX_RAW_BYTES} bytes uncompressed")
    return ended(raw)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompress no more than `limit` bytes.

    Raises:
        OSError: the body is not in this encoding.
    """
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), encoding) as stream:
            return bytes(stream.read(limit))
    except pa.ArrowException as error:
        raise OSError(str(error)) from None


def ended(raw: bytes) -> bytes:
    """Return lines of which the last one is ended too."""
    return raw if not raw or raw.endswith(b"\n") else raw + b"\n"


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(name)
