"""The fault desk: scripted trouble for requests, on the real connection.

account.faults.add("append", cut_after=True)            # applied, then the connection is cut
account.faults.add("status", status=503, times=3)       # answered by the desk, not applied
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

Operation = Literal["discover", "token", "pipe_info", "open", "append", "status", "drop"]


@dataclass(slots=True)
class Fault:
    """One piece of trouble.

    Attributes:
        operation: the kind of request it happens to.
        times: how many requests it happens to.
        after: how many requests of the kind pass before.
        status: answered instead of doing the request; None lets the request be done.
        body: the body of that answer, or of the changed answer to a request that was done.
        headers: more headers of that answer.
        cut_before: cut the connection without doing the request.
        cut_after: do the request, then cut the connection before a byte of the answer.
        truncate: do the request, then send only that many bytes of the answer.
        delay_s: wait before the answer.
    """

    operation: Operation
    times: int = 1
    after: int = 0
    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_before: bool = False
    cut_after: bool = False
    truncate: int | None = None
    delay_s: float = 0.0


class FaultDesk:
    """Holds the faults that are still to happen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(
        self,
        operation: Operation,
        *,
        times: int = 1,
        after: int = 0,
        status: int | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        cut_before: bool = False,
        cut_after: bool = False,
        truncate: int | None = None,
        delay_s: float = 0.0,
    ) -> None:
        """Script a fault; faults of one operation happen in the order in which they were added."""
        fault = Fault(
            operation, times, after, status, body, headers or {}, cut_before, cut_after, truncate, delay_s
        )
        with self._lock:
            self._faults.append(fault)

    def next_for(self, operation: str) -> Fault | None:
        """Return the fault that happens to this request, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.operation != operation:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
