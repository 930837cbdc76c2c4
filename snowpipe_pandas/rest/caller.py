"""On whose behalf requests are made: how to wait between their tries, and where they are reported.

Every request takes its caller, discovery and token exchange included. Waiting is the caller's business: a
load that is cancelled ends its own waits, and nobody else's.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from ..auth.tokens import Clock
from ..events import Event, Hub


class Caller:
    """On whose behalf requests are made: waits between their tries, and reports retries.

    Args:
        clock: waits.
        events: receives what happens.
        channel: name of the channel that the requests concern, None where they concern the whole client.
        target: the channel's target.
    """

    def __init__(
        self, clock: Clock, events: Hub, *, channel: str | None = None, target: str | None = None
    ) -> None:
        self._clock = clock
        self._events = events
        self.channel = channel
        self.target = target

    def sleep(self, seconds: float) -> None:
        """Wait; a caller that is to stop raises here. 0 seconds only checks that."""
        self._clock.sleep(seconds, threading.Event())

    def report(self, event: Event) -> None:
        """Report what happened, with the channel that it concerns."""
        self._events.emit(replace(event, channel=self.channel, target=self.target))
