"""What the entries need of a load, whether it goes through an open channel or into a target."""

from __future__ import annotations

from typing import Protocol

from ..events import Hub
from ..streaming.control import Control
from ..streaming.progress import Snapshots
from ..streaming.result import StreamResult


class Runnable(Protocol):
    """A load that is ready to run, such as `streaming.load.Load` and `streaming.target_load.TargetLoad`."""

    load_id: str
    channel_name: str
    control: Control
    events: Hub
    client_events: Hub

    @property
    def tracker(self) -> Snapshots:
        """What the load has done."""

    def run(self) -> StreamResult:
        """Deliver the rows."""
