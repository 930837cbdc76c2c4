"""What a load reports of itself: to its own listeners first, then to its client's, and in its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..events import Event, Hub, LoadStarted, PhaseChanged, RowsAcknowledged, RowsCommitted, RowsRejected
from ..rest.caller import Caller
from ..rest.channel import Channel
from ..rest.elastic import ElasticChannel
from .control import Control
from .counts import Counts
from .progress import Progress, Tracker
from .timings import Watches


class Reporter:
    """Reports what happens to a load through one channel.

    Args:
        load_id: the load's name.
        channel: its channel.
        rows_total: rows of its source, None where that is not known.
        watches: measure how its seconds are spent.

    Attributes:
        target: the channel's target, as messages name it.
        events: what happens to the load.
        client_events: what happens to its client.
        tracker: what the load has done, for displays.
    """

    def __init__(
        self,
        load_id: str,
        channel: Channel | ElasticChannel,
        rows_total: int | None,
        watches: Watches,
    ) -> None:
        self.target = str(channel.target)
        self.events = Hub()
        self.client_events = channel.events
        account, user, fingerprint = channel.identity
        self.tracker = Tracker(
            Progress(
                load_id=load_id,
                target=self.target,
                channel=channel.name,
                account=account,
                user=user,
                fingerprint=fingerprint,
                rows_total=rows_total,
            ),
            tokens=lambda: channel.tokens,
            timings=watches.timings,
        )
        self._load_id = load_id
        self._channel = channel.name

    def report(self, event: Event, counts: Counts) -> None:
        """Report what happened, and how much the load has done by then."""
        self.tracker.take(counts, **_shown_of(event))
        if self.events.heard or self.client_events.heard:
            event = replace(event, channel=self._channel, target=self.target, load_id=self._load_id)
            self.events.emit(event)
            self.client_events.emit(event)


class LoadCaller(Caller):
    """A load as the caller of its requests: its waits end at a cancel.

    Args:
        control: waits.
        report: where events go.
        target: the load's target.
        channel: its channel, None where it has several.
    """

    def __init__(
        self, control: Control, report: Callable[[Event], None], *, target: str, channel: str | None = None
    ) -> None:
        self.channel, self.target = channel, target
        self._control = control
        self._report = report

    def sleep(self, seconds: float) -> None:
        """Wait; raises where the load is to stop."""
        self._control.sleep(seconds)

    def report(self, event: Event) -> None:
        """Report to the load what happened to one of its requests."""
        self._report(event)


def _shown_of(event: Event) -> dict[str, Any]:
    """Return what an event changes of `Progress` besides the counts."""
    match event:
        case LoadStarted():
            return {"rows_total": event.rows_total}
        case PhaseChanged():
            return {"phase": event.phase, "message": event.message, "goes_on": event.goes_on}
        case RowsAcknowledged():
            return {"token_sent": event.offset_token}
        case RowsCommitted():
            return {"token_committed": event.offset_token}
        case RowsRejected():
            return {"rejected_message": event.message}
    return {}
