"""How long and how often a request is tried: one policy for every kind of request of a client."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request that failed is sent again. Its body and its `requestId` stay the same.

    Attributes:
        attempts: most tries of one request, None for as many as the budget allows.
        base_s: seconds before the second try; doubled for each further one.
        cap_s: longest pause, in seconds.
        jitter: share of a pause that is drawn by chance, 0 to 1 ("full jitter").
        budget_s: seconds that one request may take in all, pauses included. It also bounds the wait for
            rows of an earlier writer when a channel is opened.

    Raises:
        ConfigError: a value is out of range.

    >>> RetryPolicy(jitter=0).pause_s(tries=3)
    1.0
    """

    attempts: int | None = None
    base_s: float = 0.25
    cap_s: float = 20.0
    jitter: float = 1.0
    budget_s: float = 120.0

    def __post_init__(self) -> None:
        in_range = (
            (self.attempts is None or self.attempts >= 1)
            and 0 <= self.base_s <= self.cap_s
            and 0 <= self.jitter <= 1
            and self.budget_s >= 0
        )
        if not in_range:
            raise ConfigError(
                f"{self} can't be: attempts is at least 1, base_s at least 0 and at most cap_s, "
                "jitter from 0 to 1, budget_s at least 0",
                setting="retry",
            )

    def pause_s(self, tries: int, *, wanted_s: float | None = None) -> float:
        """Return the pause behind the given number of tries; a `Retry-After` of the service goes first."""
        if wanted_s:
            return wanted_s
        longest = min(self.cap_s, self.base_s * 2.0 ** min(tries - 1, 64))
        return longest * (1 - self.jitter * random.random())  # noqa: S311  # no secret hangs on it


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one try of a request may take.

    Attributes:
        connect_s: seconds for a connection to be accepted.
        read_s: seconds without a byte of the answer.
        total_s: seconds for the whole try, from the first byte sent to the last one received, however slowly
            either side goes.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 180.0
