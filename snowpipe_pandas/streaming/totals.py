"""What the parts of a load have done together: one set of counts, one progress, one result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from ..events import Phase, PhaseChanged
from ..offset_tokens import Mark
from . import timings
from .counts import Counts
from .history import History, Sample
from .progress import ENDS, Progress, Snapshots
from .result import StreamResult

_ORDER = ("preparing", "committing", "sending", "paused")
"""The phase of a load in parts is the last of these that one of its parts is in."""


def added(counts: Sequence[Counts]) -> dict[str, Any]:
    """Add counts up; the number of rejected rows is exact if all of them are."""
    names = [field.name for field in fields(Counts) if field.name != "rejected_exact"]
    total = {name: sum(getattr(part, name) for part in counts) for name in names}
    return {**total, "rejected_exact": all(part.rejected_exact for part in counts)}


def furthest_behind(phases: Iterable[Phase]) -> Phase:
    """Return the phase of a load whose parts are in these phases."""
    return max((phase for phase in phases if phase not in ENDS), key=_ORDER.index, default="committing")


def added_results(parts: Sequence[StreamResult], seconds: float) -> StreamResult:
    """Return the result of a load in parts."""
    return replace(
        parts[0],
        **added(parts),
        seconds=seconds,
        timings=timings.added(part.timings for part in parts),
        committed=all(part.committed for part in parts),
        offset_token=parts[-1].offset_token,
        _parts=tuple(parts),
    )


def remembered_result(mark: Mark, seconds: float, *, target: str, channel: str) -> StreamResult:
    """Return the result of a load whose token says that all of it is done."""
    rows = mark.position.rows
    return StreamResult(
        rows_in_table=rows - mark.rejected,
        rows_rejected=mark.rejected,
        rows_acknowledged=rows,
        rows_skipped=rows,
        seconds=seconds,
        timings=timings.Timings(),
        committed=True,
        offset_token=str(mark),
        target=target,
        load_id=mark.owner,
        channel=channel,
    )


class TotalTracker:
    """Keeps the state of a load into a target: that of its parts together, once it has any.

    Args:
        progress: the state before the load begins.
        clock: seconds that only go forward.
    """

    def __init__(self, progress: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock = clock
        self._lock = threading.Lock()
        self._started = clock()
        self._parts: Sequence[Snapshots] = ()
        self._history = History()

    def follow(self, parts: Sequence[Snapshots]) -> None:
        """Show these parts from now on."""
        with self._lock:
            self._parts = parts

    def end(self, event: PhaseChanged) -> None:
        """Show how the load ended; nothing changes after that."""
        with self._lock:
            if not self._progress.ended:
                self._progress = replace(
                    self._present(), phase=event.phase, message=event.message, goes_on=event.goes_on
                )

    def snapshot(self) -> Progress:
        """Return the state now."""
        with self._lock:
            return self._progress if self._progress.ended else self._present()

    def _present(self) -> Progress:
        parts = [part.snapshot() for part in self._parts]
        seconds = self._clock() - self._started
        if not parts:
            return replace(self._progress, seconds=seconds)
        counts = added(parts)
        first = parts[0]
        sample = Sample(seconds, counts["raw_bytes"], sum(part.rows_waiting for part in parts))
        latest = self._history.samples[-1]
        if (latest.raw_bytes, latest.rows_lag) != (sample.raw_bytes, sample.rows_lag):
            self._history.add(sample)
        message = next((part.rejected_message for part in parts if part.rejected_message), None)
        return replace(
            self._progress,
            **counts,
            phase=furthest_behind([part.phase for part in parts]),
            rejected_message=message,
            seconds=seconds,
            timings=timings.added(part.timings for part in parts),
            recent_bytes_per_s=self._history.bytes_per_s(seconds),
            samples=self._history.samples,
            tokens=first.tokens,
            token_sent=first.token_sent if len(parts) == 1 else None,
            token_committed=first.token_committed if len(parts) == 1 else None,
            parts=tuple(parts) if len(parts) > 1 else (),
        )
