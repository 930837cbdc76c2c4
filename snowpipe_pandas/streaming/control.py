"""Steers a running load from outside: pause, resume, cancel. Every wait of a load goes through it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import LoadCancelledError


class Control:
    """Pause, resume and cancel of one load; safe to use from any thread.

    A load obeys between two requests, and in each of its waits.

    Args:
        sleep: sleeps some seconds, or until the event is set (`Clock.sleep`).
    """

    def __init__(self, sleep: Callable[[float, threading.Event], object]) -> None:
        self._sleep = sleep
        self._going = threading.Event()
        self._going.set()
        self._cancelled = threading.Event()
        self._called = threading.Event()
        self._led: list[Control] = []
        self.wake: Callable[[], None] = lambda: None
        """Ends the load's wait for its source; set by the load for as long as it has one."""

    @property
    def paused(self) -> bool:
        """Whether the load is to wait before its next request."""
        return not self._going.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the load is to stop."""
        return self._cancelled.is_set()

    def lead(self, other: Control) -> None:
        """Make another control, which is new, follow this one from now on."""
        self._led.append(other)
        if self.paused:
            other.pause()
        if self.cancelled:
            other.cancel()

    def pause(self) -> None:
        """Make the load wait before its next request."""
        if not self.cancelled:
            self._going.clear()
            self._call()
            for other in self._led:
                other.pause()

    def resume(self) -> None:
        """Make a paused load go on."""
        self._going.set()
        for other in self._led:
            other.resume()

    def cancel(self) -> None:
        """Make the load stop, paused or not."""
        self._cancelled.set()
        self._going.set()
        self._call()
        for other in self._led:
            other.cancel()

    def _call(self) -> None:
        self._called.set()
        self.wake()

    def check(self) -> None:
        """Raise if the load is to stop.

        Raises:
            LoadCancelledError: the load is to stop.
        """
        if self.cancelled:
            raise LoadCancelledError("the load was cancelled")

    def sleep(self, seconds: float) -> None:
        """Sleep between two tries of a request, but wake at once for a cancel.

        Raises:
            LoadCancelledError: the load is to stop.
        """
        self._sleep(seconds, self._cancelled)
        self.check()

    def wait(self, seconds: float) -> None:
        """Wait between two requests, but wake at once for a cancel, a pause or its end.

        Raises:
            LoadCancelledError: the load is to stop.
        """
        if self.paused:
            self._going.wait(min(seconds, threading.TIMEOUT_MAX))
        else:
            self._sleep(seconds, self._called)
            self._called.clear()  # cleared before its reason is read, so that none is missed
        self.check()
