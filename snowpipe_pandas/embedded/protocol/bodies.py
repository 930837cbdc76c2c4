"""Request bodies: JSON objects, and NDJSON in its encodings and within its limits."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from ..refusals import Refused

MAX_RAW_BYTES = 16 * 1024 * 1024


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; an empty body is an empty one.

    Raises:
        Refused: 400, the body is something else.
    """
    try:
        value = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "ERR_INVALID_REQUEST", "the body is no JSON object")
    return value


def ndjson(body: bytes, encoding: str | None) -> bytes:
    """Return the NDJSON that a body holds, each line ended.

    Raises:
        Refused: the body is above the limit once it is unpacked, or is not in its encoding.
    """
    if encoding in (None, "identity"):
        raw = body
    elif encoding in ("zstd", "gzip"):
        try:
            with pa.CompressedInputStream(pa.BufferReader(body), encoding) as stream:
                raw = stream.read(MAX_RAW_BYTES + 1)
        except OSError:
            raise Refused(400, "ERR_INVALID_REQUEST", f"the body is no {encoding}") from None
    else:
        raise Refused(415, "ERR_INVALID_REQUEST", f"unknown Content-Encoding {encoding!r}")
    if len(raw) > MAX_RAW_BYTES:
        raise Refused(413, "ERR_PAYLOAD_TOO_LARGE", f"more than {MAX_RAW_BYTES} bytes uncompressed")
    return raw if not raw or raw.endswith(b"\n") else raw + b"\n"


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(name)
