"""Tokens and their time: a clock set by the server's, and a cache that renews for all threads.

It knows no HTTP: its callers fetch tokens and read `Date` headers.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, NoReturn, TypeVar

from ..errors import SnowpipeError
from ..events import TokenLife
from .single_flight import SingleFlight, Waits, is_stopped

CallerT = TypeVar("CallerT", bound=Waits)

RENEWAL_MARGIN_S = 300.0
"""A token is renewed this long before its end, or after half of a short life."""

SKEW_ALLOWANCE_S = 60.0
"""Clocks that differ by less are taken as equal; a token counts as ended this much earlier."""

MIN_USE_S = 1.0
"""A new token is used at least this long, even if by our clock it has ended already."""

SOFT_RENEWAL_BUDGET_S = 5.0
"""A renewal is given up after this time while the old token is valid: requests can go on with that."""

SOFT_RENEWAL_PAUSE_S = 30.0
"""After such a failure it is tried again after this time, or after half of the old token's remaining life."""

_log = logging.getLogger("snowpipe_pandas.auth")


class ClockSkewWarning(UserWarning):
    """The machine's clock and the server's differ."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its life, in seconds since the epoch by the server's clock. The value is never shown.

    `assumed` is set where neither the token nor its answer said when it ends.
    """

    value: str = field(repr=False)
    issued_at: float
    expires_at: float
    assumed: bool = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not copied or pickled; ask its client for one")


class Clock:
    """The time as the server sees it.

    Args:
        wall: seconds since the epoch by the machine's clock.
        monotonic: seconds that do not change with the clock.
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
        """How many seconds the server's clock is ahead of ours, 0 while they differ by less than a minute."""
        return self._offset_s

    def now(self) -> float:
        """Return seconds since the epoch by the server's clock."""
        return self._wall() + self._offset_s

    def learn(self, server_time: float) -> None:
        """Take in the server's time (a `Date` header, whole seconds); warn once if the gap is large."""
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
    """A token with its times by the monotonic clock."""

    token: Token
    made_at: float
    renew_at: float
    ends_at: float
    reason: str

    def life(self, now: float) -> TokenLife:
        """Its times, which may be shown."""
        return TokenLife(
            expires_in_s=self.ends_at - now,
            life_s=self.ends_at - self.made_at,
            margin_s=self.ends_at - self.renew_at,
            age_s=now - self.made_at,
            reason=self.reason,
            assumed=self.token.assumed,
        )


class TokenCache(Generic[CallerT]):
    """Holds a token and renews it before its end; 32 threads that find an old one cause one renewal.

    Its remaining life is measured by the monotonic clock, so that a step of the wall clock neither ends
    nor extends it.

    A token that is due but still valid is renewed softly: within a short time, by one thread while the others
    go on with it; if that fails, it stays in use. One that has ended or was refused must be renewed.

    Args:
        fetch: makes a new token for a caller, within a number of seconds (None: as many as any request may
            take). Its errors reach every thread that waits; the next call tries again.
        clock: the time by the server.
    """

    on_renewed: Callable[[TokenLife], None] | None = None
    """Called with each new token, by a thread that needed it."""

    def __init__(self, fetch: Callable[[CallerT, float | None], Token], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._flight: SingleFlight[Token] = SingleFlight()
        self._held: _Held | None = None
        self._unreported: _Held | None = None
        self._reason = FIRST_USE

    def __repr__(self) -> str:
        left = self.expires_in
        return "<TokenCache, empty>" if left is None else f"<TokenCache, {left:.0f} s left>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token cache is not copied or pickled; make a client where it is needed")

    def token(self, caller: CallerT) -> Token:
        """Return a token that is valid now, renewed if it is near its end."""
        return self.refresh_if_needed(self._clock.monotonic(), caller)

    def refresh_if_needed(self, now: float, caller: CallerT) -> Token:
        """Return the token, renewed first if at `now` (monotonic seconds) it is due.

        Raises:
            Exception: whatever `fetch` raised, or the caller where it is to stop.
        """
        token = self._flight.run(caller, lambda: self._good(now), lambda: self._renew(now, caller))
        self._report()
        return token

    def invalidate(self, token: Token) -> None:
        """Drop a token that was refused, unless it has been renewed meanwhile."""
        with self._lock:
            if self._held is not None and self._held.token is token:
                self._held, self._reason = None, REFUSED

    def clear(self) -> None:
        """Drop the token: the host of the next request does not accept it."""
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
        """The token's times, which may be shown; None while there is none."""
        held = self._held
        return None if held is None else held.life(self._clock.monotonic())

    def _good(self, now: float) -> Token | None:
        held = self._held
        return held.token if held is not None and now < held.renew_at else None

    def _renew(self, now: float, caller: CallerT) -> Token:
        old = self._put_off(now)
        if old is not None:
            try:
                return self._keep(self._fetch(caller, SOFT_RENEWAL_BUDGET_S))
            except Exception as error:
                if is_stopped(caller):
                    raise
                if self._held is old:  # else it was refused meanwhile
                    _warn(error, old.ends_at - self._clock.monotonic())
                    return old.token
        return self._keep(self._fetch(caller, None))

    def _put_off(self, now: float) -> _Held | None:
        """Postpone the renewal of a valid token, for the other threads and if it fails; return the token."""
        with self._lock:
            if self._held is None or now >= self._held.ends_at:
                return None
            pause = min(SOFT_RENEWAL_PAUSE_S, (self._held.ends_at - now) / 2)
            self._held = replace(self._held, renew_at=now + pause)
            return self._held

    def _keep(self, token: Token) -> Token:
        with self._lock:
            self._held = self._unreported = self._measure(token, self._reason)
            self._reason = NEAR_ITS_END
        return token

    def _report(self) -> None:
        """Report a new token; after its renewal, so that a slow listener delays no other thread."""
        with self._lock:
            made, self._unreported = self._unreported, None
        if made is not None and self.on_renewed is not None:
            self.on_renewed(made.life(self._clock.monotonic()))

    def _measure(self, token: Token, reason: str) -> _Held:
        now = self._clock.monotonic()
        life = token.expires_at - token.issued_at
        # A short life must not lead to a renewal for every request: the margin is never above half of it.
        margin = min(RENEWAL_MARGIN_S + SKEW_ALLOWANCE_S, life / 2)
        return _Held(token, now, now + max(life - margin, MIN_USE_S), now + life, reason)


def _warn(error: Exception, left_s: float) -> None:
    # A foreign exception may quote anything, so only the text of ours is logged.
    cause = error if isinstance(error, SnowpipeError) else type(error).__name__
    _log.warning("a token could not be renewed; the old one is used for %.0f s more: %s", left_s, cause)
