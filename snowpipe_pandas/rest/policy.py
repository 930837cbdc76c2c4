"""How long and how often a request is tried: one policy for every kind of request of a client."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..arguments import A_DAY_S, number, whole
from ..errors import ConfigError

SHORTEST_TIMEOUT_S = 0.001
"""For a socket, a timeout of 0 means "do not wait at all"."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request that failed is sent again. Its body and its `requestId` stay the same.

    Attributes:
        attempts: most tries of one request, None for as many as the budget allows.
        base_s: seconds before the second try; doubled for each further one.
        cap_s: longest pause, in seconds.
        jitter: share of a pause that is random, 0 to 1 ("full jitter").
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
        if self.attempts is not None:
            attempts = whole("attempts", self.attempts, low=1, example="attempts=5", setting="retry")
            object.__setattr__(self, "attempts", attempts)
        for name in ("base_s", "cap_s", "budget_s"):
            seconds = number(name, getattr(self, name), example=f"{name}=20", setting="retry")
            object.__setattr__(self, name, seconds)
        jitter = number(
            "jitter", self.jitter, high=1.0, wanted="a share", example="jitter=0.5", setting="retry"
        )
        object.__setattr__(self, "jitter", jitter)
        if self.base_s > self.cap_s:
            raise ConfigError(
                f"base_s={self.base_s:g} is above cap_s={self.cap_s:g}: the first pause can't be longer than "
                "the longest; raise cap_s or lower base_s",
                setting="retry",
            )

    def pause_s(self, tries: int, *, wanted_s: float | None = None) -> float:
        """Return the pause after the given number of tries; a `Retry-After` of the service goes first."""
        if wanted_s:
            return wanted_s
        longest = min(self.cap_s, self.base_s * 2.0 ** min(tries - 1, 64))
        return longest * (1 - self.jitter * random.random())  # noqa: S311  # nothing secret depends on it


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one try of a request may take.

    Attributes:
        connect_s: seconds for a connection to be accepted.
        read_s: seconds without a byte of the answer.
        total_s: seconds for the whole try, from the first byte sent to the last one received, however slowly
            either side goes.

    Raises:
        ConfigError: a value is not a number above 0, or longer than a day, which sockets count unreliably.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 180.0

    def __post_init__(self) -> None:
        for name in ("connect_s", "read_s", "total_s"):
            seconds = number(
                name,
                getattr(self, name),
                low=SHORTEST_TIMEOUT_S,
                high=A_DAY_S,
                example=f"{name}=60",
                setting="timeouts",
            )
            object.__setattr__(self, name, seconds)


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How patiently the status of a channel is watched. The defaults suit Snowflake.

    Attributes:
        first_s: first pause between two checks, in seconds; each next one is longer by half.
        cap_s: longest pause between two checks.
        missing_grace_s: how long the service may leave the channel out of its answers before that is
            believed.
    """

    first_s: float = 0.25
    cap_s: float = 2.0
    missing_grace_s: float = 10.0
