"""How a status is polled: growing pauses, and a channel that is missing in answers."""

from __future__ import annotations

GROWTH = 1.5


class Polling:
    """The pauses between two checks, each longer by half than the one before.

    Args:
        first_s: the first one, in seconds.
        cap_s: the longest one.
    """

    def __init__(self, first_s: float, cap_s: float) -> None:
        self._pause_s = min(first_s, cap_s)
        self._cap_s = cap_s

    def next_pause_s(self) -> float:
        """Return how long to wait now."""
        pause_s = self._pause_s
        self._pause_s = min(self._cap_s, GROWTH * pause_s)
        return pause_s


class Missing:
    """Judges a channel that the service does not list; it may be listed late, so it is not lost at once.

    Args:
        grace_s: how long the channel may be missing, in seconds.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._since: float | None = None

    def judge(self, found: bool, now: float) -> bool:
        """Take in an answer that came at `now` (monotonic seconds); return whether the channel is lost."""
        if found:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        return now - self._since >= self._grace_s
