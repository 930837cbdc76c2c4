"""Waits for the signals that end a server: Ctrl-C, a termination, the end of its terminal."""

from __future__ import annotations

import signal
import socket

ENDS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


class EndSignals:
    """Catches them in its `with` block; one that came before `wait()` ends it at once.

    Python runs a handler in the main thread, between two of its instructions: in the middle of an event's own
    wait, which has the lock that `set()` takes, or never, where the signal came just before that thread began
    to block. So no handler does anything here. The signal's number is a byte of a socket, which the operating
    system's own handler writes and the wait reads.
    """

    def __init__(self) -> None:
        self._numbers, self._written = socket.socketpair()
        self._written.setblocking(False)
        signal.set_wakeup_fd(self._written.fileno())
        for number in ENDS:
            signal.signal(number, lambda *_: None)

    def __enter__(self) -> EndSignals:
        return self

    def __exit__(self, *exc_info: object) -> None:
        signal.set_wakeup_fd(-1)
        self._numbers.close()
        self._written.close()

    def wait(self) -> None:
        """Return once one has come."""
        while self._numbers.recv(1)[0] not in ENDS:
            pass
