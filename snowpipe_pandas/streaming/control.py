"""Steers a running load from outside: pause, resume, cancel. Every wait of a load goes through it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import LoadCancelledError


class Control:
    """Pause, resume and cancel of one load; safe to use from any thread.

    A load obeys at its next `checkpoint()` or `sleep()`: behind the request in flight, never inside it.

    Args:
        sleep: sleeps some seconds, or until the event is set (`Clock.sleep`).
    """

    def __init__(self, sleep: Callable[[float, threading.Event], object]) -> None:
        self._sleep = sleep
        self._going = threading.Event()
        self._going.set()
        self._cancelled = threading.Event()

    @property
    def paused(self) -> bool:
        """Whether the load is to wait before its next request."""
        return not self._going.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the load is to stop."""
        return self._cancelled.is_set()

    def pause(self) -> None:
        """Let the load wait before its next request."""
        if not self.cancelled:
            self._going.clear()

    def resume(self) -> None:
        """Let a paused load go on."""
        self._going.set()

    def cancel(self) -> None:
        """Let the load stop, paused or not."""
        self._cancelled.set()
        self._going.set()

    def checkpoint(self, *, timeout_s: float | None = None) -> bool:
        """Wait while paused, at most `timeout_s` seconds; returns whether the load may go on.

        Raises:
            LoadCancelledError: the load is to stop.
        """
        going = self._going.wait(timeout_s)
        self._check()
        return going

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake at once for a cancel.

        Raises:
            LoadCancelledError: the load is to stop.
        """
        self._sleep(seconds, self._cancelled)
        self._check()

    def _check(self) -> None:
        if self.cancelled:
            raise LoadCancelledError("the load was cancelled")
