"""How large the body of each kind of request may be."""

from __future__ import annotations

from ..refusals import Refused

MAX_WIRE_BYTES = 4 * 1024 * 1024
"""The service's hard limit of rows in one request, as they travel."""

_CONTROL_BYTES = 1024 * 1024
_LIMITS = {"append": MAX_WIRE_BYTES, "token": 64 * 1024}


def body_limit(operation: str) -> int:
    """Return the most bytes that the body of such a request may have on the wire."""
    return _LIMITS.get(operation, _CONTROL_BYTES)


def too_large(operation: str) -> Refused:
    """Return the refusal of a body above its limit."""
    message = f"the body is above the limit of {body_limit(operation)} bytes"
    return Refused(413, "ERR_PAYLOAD_TOO_LARGE", message, {"Connection": "close"})
