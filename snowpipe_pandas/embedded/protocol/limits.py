"""The service's limits: the size of a request's body, and what a channel may send in a second."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from ..clock import AccountClock
from ..refusals import Refused, throttled, too_large
from .stage import MAX_FILE_BYTES

MAX_WIRE_BYTES = 4 * 1024 * 1024
"""The service's hard limit of rows in one request, as they travel."""

_CONTROL_BYTES = 1024 * 1024
_LIMITS = {
    "append": MAX_WIRE_BYTES,
    "token": 64 * 1024,
    "upload": MAX_FILE_BYTES + _CONTROL_BYTES,  # with what chunks and trailers add to it
}

BYTES_PER_S = 20_000_000
REQUESTS_PER_S = 10
"""Of one named channel; the bytes are counted as they are before compression."""

TOLD_RATES = {"bytes_per_second": BYTES_PER_S, "requests_per_second": REQUESTS_PER_S}
"""How the answer to an open reports them."""

_KEPT_METERS = 4096


def body_limit(operation: str) -> int:
    """Return the most bytes that the body of such a request may have on the wire."""
    return _LIMITS.get(operation, _CONTROL_BYTES)


def body_too_large(operation: str) -> Refused:
    """Return the refusal of a body above its limit; the rest of it is not read."""
    message = f"the body is above the limit of {body_limit(operation)} bytes"
    return too_large(message, {"Connection": "close"})


@dataclass(slots=True)
class _Meter:
    """What a channel may send now: never more than a second's worth, which fills up as time passes."""

    at: float
    requests: float = REQUESTS_PER_S
    bytes: float = BYTES_PER_S

    def fill(self, now: float) -> None:
        passed = max(now - self.at, 0.0)  # the clock may have been moved back
        self.requests = min(self.requests + passed * REQUESTS_PER_S, REQUESTS_PER_S)
        self.bytes = min(self.bytes + passed * BYTES_PER_S, BYTES_PER_S)
        self.at = now

    def missing_s(self, size: int) -> float:
        """Return the seconds until it is enough for a request of this size."""
        return max((1 - self.requests) / REQUESTS_PER_S, (size - self.bytes) / BYTES_PER_S)


class Rates:
    """The rates of named channels, by the account's clock."""

    def __init__(self, clock: AccountClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._meters: dict[tuple[str, ...], _Meter] = {}

    def take(self, channel: tuple[str, ...], size: int) -> None:
        """Count a request with `size` bytes of rows; one that is refused is not counted.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        with self._lock:
            now = self._clock.monotonic()
            meter = self._meters.get(channel) or self._new(channel, now)
            meter.fill(now)
            if (wait_s := meter.missing_s(size)) > 0:
                message = f"a channel takes {REQUESTS_PER_S} requests and {BYTES_PER_S:,} bytes in a second"
                raise throttled(message, math.ceil(wait_s))
            meter.requests -= 1
            meter.bytes -= size

    def _new(self, channel: tuple[str, ...], now: float) -> _Meter:
        if len(self._meters) >= _KEPT_METERS:  # a meter that nobody used for a second is as good as a new one
            self._meters = {name: used for name, used in self._meters.items() if 0 <= now - used.at < 1}
        return self._meters.setdefault(channel, _Meter(now))
