"""Tokens and their time: a clock that learns the server's, and a cache that renews for all threads."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

RENEWAL_MARGIN_S = 300.0
"""A token is renewed this long before its end, or after half of a short life."""

SKEW_ALLOWANCE_S = 60.0
"""Clocks that differ by less are taken as equal; a token is held as ended this much earlier."""


class ClockSkewWarning(UserWarning):
    """The machine's clock and the server's differ."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its life, in seconds since the epoch by the server's clock. The value is never shown."""

    value: str = field(repr=False)
    issued_at: float
    expires_at: float

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not copied or pickled; ask its client for one")


class Clock:
    """Tells the time as the server sees it.

    Args:
        wall: seconds since the epoch by the machine's clock.
        monotonic: seconds that no clock change touches.
    """

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self.monotonic = monotonic
        self._offset_s = 0.0
        self._said = False

    @property
    def offset_s(self) -> float:
        """How far the server's clock is ahead of ours, 0 while they differ by less than a minute."""
        return self._offset_s

    def now(self) -> float:
        """Return seconds since the epoch by the server's clock."""
        return self._wall() + self._offset_s

    def learn(self, server_time: float) -> None:
        """Take in the server's time (a `Date` header, whole seconds); a large gap is said once."""
        offset = server_time - self._wall()
        self._offset_s = offset if abs(offset) > SKEW_ALLOWANCE_S else 0.0
        if self._offset_s and not self._said:
            self._said = True
            ahead = "behind" if offset > 0 else "ahead of"
            warnings.warn(
                f"this machine's clock is {abs(offset):.0f} s {ahead} the server's; tokens are signed with "
                "the server's time, set the clock to be rid of this",
                ClockSkewWarning,
                stacklevel=2,
            )


class TokenCache:
    """Holds a token and renews it before its end; 32 threads that meet an old one cause one renewal.

    Its remaining life is counted on the monotonic clock, so that a step of the wall clock neither ends
    a token nor lengthens it.

    Args:
        fetch: makes a new token; its errors reach the caller, and the next call tries again.
        clock: the time by the server.
    """

    def __init__(self, fetch: Callable[[], Token], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._ends_at = 0.0
        self._renew_at = 0.0

    def __repr__(self) -> str:
        left = self.expires_in
        return "<TokenCache, empty>" if left is None else f"<TokenCache, {left:.0f} s left>"

    def token(self) -> Token:
        """Return a token that is good now, renewed if it is near its end."""
        return self.refresh_if_needed(self._clock.monotonic())

    def refresh_if_needed(self, now: float) -> Token:
        """Return the token, renewed first if at `now` (monotonic seconds) it is due."""
        token = self._token
        if token is not None and now < self._renew_at:
            return token
        with self._lock:
            token = self._token
            if token is None or now >= self._renew_at:
                token = self._fetch()
                self._keep(token)
            return token

    def invalidate(self, token: Token) -> None:
        """Forget a token that was refused, unless it has been renewed meanwhile."""
        with self._lock:
            if self._token is token:
                self._token = None

    @property
    def expires_at(self) -> float | None:
        """The end of the token in seconds since the epoch, None while there is none."""
        token = self._token
        return None if token is None else token.expires_at

    @property
    def expires_in(self) -> float | None:
        """Seconds until the end of the token, None while there is none."""
        return None if self._token is None else self._ends_at - self._clock.monotonic()

    def _keep(self, token: Token) -> None:
        life = token.expires_at - token.issued_at
        self._ends_at = self._clock.monotonic() + life
        # A short life must not lead to a renewal for every request: the margin is never above half of it.
        self._renew_at = self._ends_at - min(RENEWAL_MARGIN_S + SKEW_ALLOWANCE_S, life / 2)
        self._token = token
