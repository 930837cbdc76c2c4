"""The account's clock: real time, moved as far as a test wants it."""

from __future__ import annotations

import time


class AccountClock:
    """The account's time; signed tokens, the lives of issued ones and the `Date` header follow it."""

    def __init__(self) -> None:
        self._moved_s = 0.0

    def move(self, seconds: float) -> None:
        """Move the account's clock forward, or back with a negative number; moves add up."""
        self._moved_s += seconds

    def time(self) -> float:
        """Return the account's wall time, in seconds since the epoch."""
        return time.time() + self._moved_s

    def monotonic(self) -> float:
        """Return a time for lives: steps of the machine's clock don't show in it, moves of this one do."""
        return time.monotonic() + self._moved_s
