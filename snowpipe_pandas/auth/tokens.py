"""Tokens and their time: a clock that learns the server's, and a cache that renews for all threads.

It knows no HTTP: who fetches a token, and who reads a `Date` header, is the caller's business.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import NoReturn

from ..events import TokenLife

RENEWAL_MARGIN_S = 300.0
"""A token is renewed this long before its end, or after half of a short life."""

SKEW_ALLOWANCE_S = 60.0
"""Clocks that differ by less are taken as equal; a token is held as ended this much earlier."""

MIN_USE_S = 1.0
"""A new token is used at least this long, even if by our clock it has ended already."""


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
        sleep: sleeps some seconds, or until the event is set.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float, threading.Event], object] = lambda seconds, wake: wake.wait(
            min(seconds, threading.TIMEOUT_MAX)
        ),
    ) -> None:
        self._wall = wall
        self.monotonic = monotonic
        self.sleep = sleep
        self._lock = threading.Lock()
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
        with self._lock:
            self._offset_s = offset if abs(offset) > SKEW_ALLOWANCE_S else 0.0
            if not self._offset_s or self._said:
                return
            self._said = True
        direction = "behind" if offset > 0 else "ahead of"
        warnings.warn(
            f"this machine's clock is {abs(offset):.0f} s {direction} the server's; tokens are signed with "
            "the server's time, set the clock to be rid of this",
            ClockSkewWarning,
            stacklevel=2,
        )


FIRST_USE = "first use"
NEAR_ITS_END = "the last one was near its end"
REFUSED = "the service refused the last one"
NEW_HOST = "the ingest host changed"


@dataclass(frozen=True, slots=True)
class _Held:
    """A token with the times of its life by the monotonic clock."""

    token: Token
    made_at: float
    renew_at: float
    ends_at: float
    reason: str


class TokenCache:
    """Holds a token and renews it before its end; 32 threads that meet an old one cause one renewal.

    Its remaining life is counted on the monotonic clock, so that a step of the wall clock neither ends
    a token nor lengthens it.

    Args:
        fetch: makes a new token. Its errors reach every thread that waits; the next call tries again.
        clock: the time by the server.
    """

    on_renewed: Callable[[TokenLife], None] | None = None
    """Told of each new token, in the thread that renewed it."""

    def __init__(self, fetch: Callable[[], Token], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._renewal: Future[Token] | None = None
        self._reason = FIRST_USE

    def __repr__(self) -> str:
        left = self.expires_in
        return "<TokenCache, empty>" if left is None else f"<TokenCache, {left:.0f} s left>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token cache is not copied or pickled; make a client where it is needed")

    def token(self) -> Token:
        """Return a token that is good now, renewed if it is near its end."""
        return self.refresh_if_needed(self._clock.monotonic())

    def refresh_if_needed(self, now: float) -> Token:
        """Return the token, renewed first if at `now` (monotonic seconds) it is due.

        Raises:
            Exception: whatever `fetch` raised.
        """
        while True:
            with self._lock:
                if self._held is not None and now < self._held.renew_at:
                    return self._held.token
                leading = self._renewal is None
                renewal = self._renewal = self._renewal or Future()
            if leading:
                return self._renew(renewal)
            try:
                error = renewal.exception()
            except CancelledError:
                continue  # the leading thread was interrupted, which is no answer for the others
            if error is not None:
                raise _twin(error) from error
            return renewal.result()

    def invalidate(self, token: Token) -> None:
        """Forget a token that was refused, unless it has been renewed meanwhile."""
        with self._lock:
            if self._held is not None and self._held.token is token:
                self._held, self._reason = None, REFUSED

    def clear(self) -> None:
        """Forget the token: it is of no use at the host that is asked next."""
        with self._lock:
            self._held, self._reason = None, NEW_HOST

    @property
    def expires_at(self) -> float | None:
        """The end of the token in seconds since the epoch, None while there is none."""
        held = self._held
        return None if held is None else held.token.expires_at

    @property
    def expires_in(self) -> float | None:
        """Seconds until the end of the token, None while there is none."""
        held = self._held
        return None if held is None else held.ends_at - self._clock.monotonic()

    @property
    def life(self) -> TokenLife | None:
        """What may be shown of the token, None while there is none."""
        held = self._held
        if held is None:
            return None
        now = self._clock.monotonic()
        return TokenLife(
            expires_in_s=held.ends_at - now,
            life_s=held.ends_at - held.made_at,
            margin_s=held.ends_at - held.renew_at,
            age_s=now - held.made_at,
            reason=held.reason,
        )

    def _renew(self, renewal: Future[Token]) -> Token:
        """Fetch for every waiting thread; a renewal is over before its outcome is told."""
        try:
            token = self._fetch()
        except BaseException as error:
            with self._lock:
                self._renewal = None
            if isinstance(error, Exception):
                renewal.set_exception(error)
            else:
                renewal.cancel()
            raise
        with self._lock:
            self._held = self._measure(token, self._reason)
            self._reason = NEAR_ITS_END
            self._renewal = None
        renewal.set_result(token)
        if self.on_renewed is not None and (life := self.life) is not None:
            self.on_renewed(life)
        return token

    def _measure(self, token: Token, reason: str) -> _Held:
        now = self._clock.monotonic()
        life = token.expires_at - token.issued_at
        # A short life must not lead to a renewal for every request: the margin is never above half of it.
        margin = min(RENEWAL_MARGIN_S + SKEW_ALLOWANCE_S, life / 2)
        return _Held(token, now, now + max(life - margin, MIN_USE_S), now + life, reason)


def _twin(error: BaseException) -> BaseException:
    """Return the same error for another thread, which may attach facts of its own to it."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(error.__dict__)
    return twin
