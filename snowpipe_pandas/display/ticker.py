"""The thread that draws: it looks at a load some times a second and hands snapshots to its view.

A view that fails must never end the load: its first error is logged and it is drawn no more.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from types import TracebackType
from typing import Protocol

from ..streaming.progress import Progress, Tracker

REDRAW_INTERVAL_S = 0.2
"""Five redraws a second: a notebook server drops messages above its rate limit."""

STOP_GRACE_S = 2.0

_log = logging.getLogger("snowpipe_pandas.display")


class View(Protocol):
    """Something that shows snapshots."""

    def draw(self, progress: Progress) -> None:
        """Show a snapshot of the running load."""

    def finish(self, progress: Progress) -> None:
        """Show the last state and leave it standing."""


class Ticker:
    """Draws a tracker's snapshots to a view for as long as its `with` block runs."""

    def __init__(self, tracker: Tracker, view: View, *, interval_s: float = REDRAW_INTERVAL_S) -> None:
        self._tracker = tracker
        self._view = view
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._failed = False
        # ipykernel keeps the cell that output belongs to in a context variable (ipykernel 7.0 even fails
        # without it), and a plain thread starts with an empty context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="snowpipe-display", daemon=True
        )

    def __enter__(self) -> Ticker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(STOP_GRACE_S)
        self._show(last=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._show(last=False)
            self._stopped.wait(self._interval_s)

    def _show(self, *, last: bool) -> None:
        if self._failed:
            return
        snapshot = self._tracker.snapshot()
        try:
            if last:
                self._view.finish(snapshot)
            else:
                self._view.draw(snapshot)
        except Exception:  # noqa: BLE001  # a display can fail in any way
            self._failed = True
            _log.warning("the progress display failed; the load goes on without it", exc_info=True)
