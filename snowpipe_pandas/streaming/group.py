"""Runs the parts of a load side by side, each in a thread of its own, until all of them have ended."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for

from ..events import Event, RowsAcknowledged
from ..waits import FOR_EVER_S
from .load import Load
from .result import StreamResult

CANCEL_GRACE_S = 30.0
"""How long an interrupted load waits for the requests in flight."""


class Group:
    """The parts of one load.

    The first part leads: in a load that begins, the others begin once the service has taken the first one's
    first rows, whose token says how the load was cut. Only one writer can get that far: a second process that
    cuts the same load in another way finds the token, or fences this one before it has sent anything else.

    Args:
        loads: the parts, in the order of their rows.
        begins: whether nothing of the load is known to be sent.
    """

    def __init__(self, loads: Sequence[Load], *, begins: bool) -> None:
        self._loads = loads
        self._outcomes: list[Future[StreamResult]] = [Future() for _ in loads]
        self._may_follow = threading.Event()
        if not begins:
            self._may_follow.set()
        self._lock = threading.Lock()
        self.failure: tuple[Load, BaseException] | None = None
        """The part that failed first, and its error."""

    def run(self) -> list[StreamResult]:
        """Deliver all parts; if one fails, the others stop after their requests in flight.

        Raises:
            BaseException: what the first part that failed raised, or an interrupt of this wait.
        """
        with self._loads[0].events.heard_by(self._hear_lead):
            for number in range(len(self._loads)):
                # A thread starts with an empty context; callbacks and views want the caller's.
                context = contextvars.copy_context()
                threading.Thread(
                    target=context.run,
                    args=(self._drive, number),
                    name=f"snowpipe-part-{number + 1}",
                    daemon=True,
                ).start()
            try:
                wait_for(self._outcomes, FOR_EVER_S)
            except BaseException:
                self._stop()
                wait_for(self._outcomes, CANCEL_GRACE_S)
                raise
        if self.failure is not None:
            raise self.failure[1]
        return [outcome.result() for outcome in self._outcomes]

    def exact(self) -> bool:
        """Whether every part that failed knows what became of all of its rows."""
        errors = [outcome.exception() for outcome in self._outcomes if outcome.done()]
        known = [error is None or getattr(getattr(error, "load", None), "exact", False) for error in errors]
        return len(known) == len(self._loads) and all(known)

    def _hear_lead(self, event: Event) -> None:
        if isinstance(event, RowsAcknowledged):
            self._may_follow.set()

    def _drive(self, number: int) -> None:
        load, outcome = self._loads[number], self._outcomes[number]
        try:
            if number:
                self._may_follow.wait()
            result = load.run()
        except BaseException as error:  # noqa: BLE001  # raised by run(), in the caller's thread
            with self._lock:
                self.failure = self.failure or (load, error)
            self._stop()
            outcome.set_exception(error)
        else:
            self._may_follow.set()  # also after a first part that had nothing left to send
            outcome.set_result(result)

    def _stop(self) -> None:
        """Make all parts stop; those that wait to begin find that they are cancelled."""
        for load in self._loads:
            load.control.cancel()
        self._may_follow.set()
