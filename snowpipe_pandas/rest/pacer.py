"""Paces a channel's appends below the service's limits, to avoid a 429. No I/O, no clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

WINDOW_S = 1.0
"""The limits are per second."""

APPENDS_PER_S = 4

SLOWER = 0.7
"""A 429 lowers the pace to this share of itself ..."""

LEAST_SHARE = 0.05
"""... but never below this share of the limits, ..."""

RECOVERY_PER_S = 0.02
"""... and each second without another one gives back this share of the limits."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What a channel may send in a second; infinite where there is no limit.

    Attributes:
        bytes_per_s: bytes of NDJSON, before compression.
        requests_per_s: appends.
    """

    bytes_per_s: float
    requests_per_s: float


DOCUMENTED = RateLimits(20_000_000.0, 10.0)
UNLIMITED = RateLimits(math.inf, math.inf)


class Pacer:
    """Says when the next append of one channel may be sent; all times are monotonic seconds.

    It is not known how a service counts: by the seconds of its clock, by the last second, or by a bucket that
    fills up. So no second, wherever it begins, gets more than the limits allow, which satisfies all of them.
    An append is counted at some time between its first byte and its answer, so it takes room until a second
    after its answer. One that exceeds the limit by itself is sent alone, and takes room for as many seconds
    as it is worth.

    Attributes:
        limits: what the service allows, as its answer to the last open reports.
    """

    def __init__(self, limits: RateLimits = DOCUMENTED) -> None:
        self.limits = limits
        self._sent: list[tuple[float, int]] = []
        self._share = 1.0
        self._slowed_at = self._recovers_from = -math.inf

    def wait_until(
        self,
        now: float,
        raw_bytes: int,
        *,
        bytes_per_s: float | None = None,
        requests_per_s: float | None = None,
    ) -> float:
        """Return when an append of this size may be sent; `now` if that is at once.

        Args:
            now: the time.
            raw_bytes: the size of its NDJSON before compression.
            bytes_per_s, requests_per_s: limits to hold instead of the service's; None for the service's.
        """
        share = self.share_at(now)
        bytes_limit = share * (self.limits.bytes_per_s if bytes_per_s is None else bytes_per_s)
        requests_limit = share * (self.limits.requests_per_s if requests_per_s is None else requests_per_s)
        if bytes_limit == requests_limit == math.inf:
            self._sent.clear()
            return now
        sizes = [(_end(at, size, bytes_limit), size) for at, size in self._sent]
        requests = [(_end(at, 1, requests_limit), 1) for at, _ in self._sent]
        ends = [max(size_end, end) for (size_end, _), (end, _) in zip(sizes, requests, strict=True)]
        self._sent = [sent for sent, end in zip(self._sent, ends, strict=True) if end > now]
        return max(_free_at(now, raw_bytes, bytes_limit, sizes), _free_at(now, 1, requests_limit, requests))

    def usual_bytes(self, bytes_per_s: float | None = None) -> float:
        """Return the best size of appends: `APPENDS_PER_S` of this size use up the bytes of a second."""
        return (self.limits.bytes_per_s if bytes_per_s is None else bytes_per_s) / APPENDS_PER_S

    def sent(self, now: float, raw_bytes: int) -> None:
        """Note that an append has ended: the service has counted it by now, if it ever does."""
        self._sent.append((now, raw_bytes))

    def throttled(self, now: float, pause_s: float) -> None:
        """Note a 429, after which nothing is sent for a pause. Those of one second count once."""
        if now - self._slowed_at >= WINDOW_S:
            self._share = max(LEAST_SHARE, SLOWER * self.share_at(now))
            self._slowed_at = now
        self._recovers_from = now + pause_s

    def share_at(self, now: float) -> float:
        """Return the share of the limits in force: 1, or less for a while after a 429."""
        return min(1.0, self._share + RECOVERY_PER_S * max(0.0, now - self._recovers_from))


def _end(at: float, amount: int, limit: float) -> float:
    """Return until when an append that ended at a time takes room."""
    return at + max(WINDOW_S, amount / limit)


def _free_at(now: float, amount: int, limit: float, taken: list[tuple[float, int]]) -> float:
    """Return when there is room for an amount: below the limit together with earlier appends, or alone."""
    left = sorted((end, size) for end, size in taken if end > now)
    total = sum(size for _, size in left)
    for end, size in left:
        if total + amount <= limit:
            break
        now, total = end, total - size
    return now
