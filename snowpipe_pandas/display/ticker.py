"""The thread that draws: it makes a view draw itself a few times a second, until the view is done.

A view that fails must never end a load: its first error is logged and it is not drawn again.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

REDRAW_INTERVAL_S = 0.2
"""Five redraws a second: a notebook server drops messages above its rate limit."""

AGAIN_AFTER_S = 0.5
"""When the last state is sent once more, in case the limit has dropped it."""

_log = logging.getLogger("snowpipe_pandas.display")


class View(Protocol):
    """Something that shows a present state."""

    def draw(self) -> bool:
        """Show the present state; returns whether it may change."""

    def draw_last(self) -> None:
        """Show the last state, and leave it; a second call shows it again."""


class Ticker:
    """Draws a view until it has no more to show, or its `with` block is left.

    Args:
        view: what draws.
        interval_s: seconds between two drawings.
        again_after_s: seconds until the last state is sent once more.
    """

    def __init__(
        self, view: View, *, interval_s: float = REDRAW_INTERVAL_S, again_after_s: float = AGAIN_AFTER_S
    ) -> None:
        self._view = view
        self._interval_s = interval_s
        self._again_after_s = again_after_s
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._over = False
        self._failed = False
        # ipykernel keeps the cell that output belongs to in a context variable (ipykernel 7.0 even fails
        # without it), and a plain thread starts with an empty context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="snowpipe-display", daemon=True
        )

    def __enter__(self) -> Ticker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def start(self) -> None:
        """Begin to draw, in a thread that does not keep the process alive."""
        self._thread.start()

    def finish(self) -> None:
        """Show the last state here and now, if that was not done yet."""
        self._end()
        self._woken.set()

    def _run(self) -> None:
        while self._draw():
            self._woken.wait(self._interval_s)
        self._end()
        threading.Event().wait(self._again_after_s)
        with self._lock:
            self._guarded(self._view.draw_last)

    def _draw(self) -> bool:
        with self._lock:
            return not self._over and bool(self._guarded(self._view.draw))

    def _end(self) -> None:
        with self._lock:
            if not self._over:
                self._over = True
                self._guarded(self._view.draw_last)

    def _guarded(self, draw: Callable[[], bool | None]) -> bool | None:
        if self._failed:
            return False
        try:
            return draw()
        except Exception:  # noqa: BLE001  # a display can fail in any way
            self._failed = True
            _log.warning("the progress display failed; the load goes on without it", exc_info=True)
            return False
