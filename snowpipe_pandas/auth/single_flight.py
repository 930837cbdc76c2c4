"""What several threads need at once is done by one of them, for all: tokens, and the ingest host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

LISTEN_S = 0.1
"""How long a thread waits for another one before it checks its own caller again."""


class Waits(Protocol):
    """A caller on whose behalf a thread waits."""

    def sleep(self, seconds: float) -> None:
        """Wait; a caller that is to stop raises here. 0 seconds only checks that."""


class SingleFlight(Generic[T]):
    """Lets one thread at a time do something, and gives its outcome to the others that need it.

    A failure is an outcome too: each thread gets its own error. A thread whose caller was stopped has no
    outcome: one of the others does it next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def run(self, caller: Waits, known: Callable[[], T | None], do: Callable[[], T]) -> T:
        """Return what is known, or what this thread or another one finds out now.

        Args:
            caller: may stop this thread's wait for another one.
            known: returns what is known already, or None; it takes no time.
            do: finds it out, and stores it where `known` looks. What it raises is raised in every thread.
        """
        while True:
            with self._lock:
                found = known()
                if found is not None:
                    return found
                leading = self._flight is None
                flight = self._flight = self._flight or Future()
            if leading:
                return self._lead(flight, caller, do)
            error = _outcome(flight, caller)
            if error is None:
                return flight.result()
            if not isinstance(error, CancelledError):
                raise _twin(error) from error

    def _lead(self, flight: Future[T], caller: Waits, do: Callable[[], T]) -> T:
        """Do it for every waiting thread; a flight is over before its outcome is set."""
        try:
            found = do()
        except BaseException as error:
            with self._lock:
                self._flight = None
            try:
                if isinstance(error, Exception) and not is_stopped(caller):
                    flight.set_exception(error)
            finally:
                flight.cancel()  # does nothing where the error was set; a Ctrl-C may come even here
            raise
        with self._lock:
            self._flight = None
        flight.set_result(found)
        return found


def is_stopped(caller: Waits) -> bool:
    """Return whether the caller is to stop: that alone may be why it failed."""
    try:
        caller.sleep(0)
    except Exception:  # noqa: BLE001  # the caller's own exception, whatever it is
        return True
    return False


def _outcome(flight: Future[T], caller: Waits) -> BaseException | None:
    """Wait for the thread that does it; return its error, a CancelledError if it was stopped."""
    while True:
        try:
            return flight.exception(LISTEN_S)
        except TimeoutError:
            caller.sleep(0)
        except CancelledError as stopped:
            return stopped


def _twin(error: BaseException) -> BaseException:
    """Return a copy of an error for another thread, which may attach its own facts to it."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(error.__dict__)
    return twin
