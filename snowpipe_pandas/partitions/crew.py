"""What the workers of a load report while it runs: a row each for views, and events for callbacks.

It is telemetry: a message may be lost, and nothing is decided by it. Receipts say what is in the table.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import TracebackType
from typing import Any

from .. import events
from ..events import Event, Hub, Phase, PhaseChanged
from ..streaming.counts import Counts
from ..streaming.failures import failure_event
from ..streaming.parts import channel_of
from ..streaming.progress import Progress
from ..streaming.totals import TotalTracker, added, furthest_behind
from .spec import LoadSpec

_KINDS = {kind.__name__: kind for kind in vars(events).values() if isinstance(kind, type)}
_COUNTS = frozenset(field.name for field in fields(Counts))


def message(worker: str, number: int, event: Event, progress: Progress) -> dict[str, Any]:
    """Return what a worker reports of an event, in plain JSON; `Crew.receive` takes it.

    Args:
        worker: the worker's name.
        number: the partition's number.
        event: what happened.
        progress: the partition's state then.
    """
    counts = {name: getattr(progress, name) for name in _COUNTS}
    return {
        "worker": worker,
        "number": number,
        "event": {"kind": type(event).__name__, **asdict(event)},
        "phase": progress.phase,
        "counts": counts,
    }


@dataclass(frozen=True, slots=True)
class _Partition:
    worker: str
    phase: Phase
    counts: Counts


class Crew:
    """The workers of a load, as far as they have reported. Its `with` block is the load.

    A partition that runs again elsewhere is counted with its new worker only.

    Args:
        spec: the load.

    Attributes:
        tracker: what the load has done, for displays.
        events: what happens, in order of arrival.
    """

    def __init__(self, spec: LoadSpec) -> None:
        self.events = Hub()
        self._first = Progress(
            load_id=spec.load_id,
            target=spec.place,
            channel=channel_of(spec.load_id, 1),
            account=spec.account,
            user=spec.user,
            fingerprint="",
        )
        self.tracker = TotalTracker(self._first)
        self._lock = threading.Lock()
        self._partitions: dict[int, _Partition] = {}
        self._workers: list[_Worker] = []

    def receive(self, reported: Mapping[str, Any]) -> None:
        """Take in what a worker reported by `message()`."""
        with self._lock:
            worker, phase, counts = reported["worker"], reported["phase"], Counts(**reported["counts"])
            self._partitions[reported["number"]] = _Partition(worker, phase, counts)
            if worker not in [known.name for known in self._workers]:
                self._workers.append(_Worker(self, worker))
                self.tracker.follow(self._workers)
        event = dict(reported["event"])
        self.events.emit(_KINDS[event.pop("kind")](**event))

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tracker.end(PhaseChanged(phase="done") if error is None else failure_event(error))

    def row(self, worker: str) -> Progress:
        """Return the state of a worker: its partitions together."""
        with self._lock:
            own = [partition for partition in self._partitions.values() if partition.worker == worker]
        return replace(
            self._first,
            **added([partition.counts for partition in own]),
            phase=furthest_behind([partition.phase for partition in own]),
            worker=worker,
        )


class _Worker:
    """A row of the view."""

    def __init__(self, crew: Crew, name: str) -> None:
        self.name = name
        self._crew = crew

    def snapshot(self) -> Progress:
        """Return the state now."""
        return self._crew.row(self.name)
