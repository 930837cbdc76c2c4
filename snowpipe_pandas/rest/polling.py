"""How often the service is asked for its state, and when it is believed that a channel is gone. No I/O."""

from __future__ import annotations

GROWTH = 1.5


class Polling:
    """Pauses between two looks at the service, which grow.

    Args:
        first_s: the first pause, in seconds.
        cap_s: the longest one.
    """

    def __init__(self, first_s: float, cap_s: float) -> None:
        self._pause_s = first_s
        self._cap_s = cap_s

    def next_pause_s(self) -> float:
        """Return the next pause."""
        pause = min(self._pause_s, self._cap_s)
        self._pause_s *= GROWTH
        return pause


class Missing:
    """A channel that the service leaves out of its answers.

    Args:
        grace_s: how long that may last; the service may list a channel late.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._since: float | None = None

    def judge(self, found: bool, now: float) -> bool:
        """Take in an answer; returns whether the channel is gone."""
        if found:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= self._grace_s
