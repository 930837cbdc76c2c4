"""Scripted and random faults of requests, on the real connection.

account.faults.add("append", cut_after=True)            # applied, then the connection is cut
account.faults.add("status", status=503, times=3)       # answered by the fault, not applied
account.faults.random(0.02, seed=7)                     # 2 % of all requests meet a fault
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Operation = Literal[
    "discover",
    "token",
    "pipe_info",
    "open",
    "append",
    "filebuffer",
    "upload",
    "status",
    "drop",
    "statement",
    "statement_result",
    "statement_cancel",
]
"""Kinds of requests; `upload` and `filebuffer` are those by which the official SDK loads files, and
`statement` and its like those of the SQL API."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Its parts happen in the order of this list.

    Attributes:
        operation: the kind of request it happens to, "any" for all kinds.
        times: how many requests it happens to.
        after: how many requests of the kind pass before.
        channel: the channel whose requests it happens to, None for those of every channel, and of none.
        cut_before: cut the connection without reading the body or doing the request.
        cut_mid_body: cut the connection while the body is being read; nothing is done.
        stop_reading: stop reading the body after the first 64 KiB or so, and cut after `hold_s` seconds. What
            is below about 3 MB may fit into the machine's buffers and leave the client all the same.
        hold_s: read the request, but do it that much later, even if the client has hung up meanwhile.
        deliver_twice: do the request twice; the second answer is sent.
        status: answered instead of doing the request (if 300 or above).
        applied: with `status`: do the request all the same, and answer as a proxy that lost the real answer.
        lose_rows: an append is acknowledged and its offset token committed, but its rows are dropped.
        reject_rows: an append's first rows that are rejected as bad ones.
        stale_token: a success brings a continuation token from before the channel's last opening.
        repeat_token: a success brings the same continuation token as the request.
        change: gets the JSON object of a success and returns what is sent instead.
        body: the body of the fault's own answer, or of a success.
        headers: more headers of the answer, whoever makes it.
        delay_s: wait before the answer.
        cut_after: cut the connection before a byte of the answer.
        truncate: send only that many bytes of the answer's body, then cut.
        trickle_s: send the answer's body byte by byte, with that pause before each.
    """

    operation: str
    times: int = 1
    after: int = 0
    channel: str | None = None
    cut_before: bool = False
    cut_mid_body: bool = False
    stop_reading: bool = False
    hold_s: float = 0.0
    deliver_twice: bool = False
    status: int | None = None
    applied: bool = False
    lose_rows: bool = False
    reject_rows: int = 0
    stale_token: bool = False
    repeat_token: bool = False
    change: Callable[[dict[str, Any]], Any] | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: bool = False
    truncate: int | None = None
    trickle_s: float = 0.0


def _refusal(status: int, code: str, headers: dict[str, str] | None = None) -> Fault:
    body = f'{{"code":"{code}","message":"injected fault"}}'.encode()
    return Fault("any", status=status, body=body, headers=headers or {})


_REFUSED = _refusal(401, "390303")
_EVERYWHERE = (
    Fault("any", cut_before=True),
    Fault("any", cut_after=True),
    Fault("any", truncate=5),
    _refusal(503, "ERR_GENERAL_EXCEPTION_RETRY_REQUEST"),
    _refusal(429, "ERR_THROTTLED", {"Retry-After": "0"}),
    Fault("any", delay_s=0.02),
)
_ON_THE_INGEST_HOST = (*_EVERYWHERE, _REFUSED, Fault("any", body=b"<html>garbage</html>"))
RANDOM_FAULTS: dict[str, tuple[Fault, ...]] = {
    "discover": _EVERYWHERE,
    "token": _EVERYWHERE,
    "pipe_info": _ON_THE_INGEST_HOST,
    "open": (*_ON_THE_INGEST_HOST, _refusal(409, "ERR_OPEN_CHANNEL_IN_PROGRESS")),
    "append": (*_ON_THE_INGEST_HOST, _refusal(409, "ERR_CHANNEL_MUST_BE_REOPENED")),
    "filebuffer": _ON_THE_INGEST_HOST,
    "upload": _EVERYWHERE,
    "status": _ON_THE_INGEST_HOST,
    "drop": _ON_THE_INGEST_HOST,
    "statement": _EVERYWHERE,
    "statement_result": _EVERYWHERE,
    "statement_cancel": _EVERYWHERE,
}
"""What `Faults.random` draws from: temporary failures that a client must survive."""


@dataclass(slots=True)
class _Scripted:
    fault: Fault
    passing: int
    left: int


@dataclass(slots=True)
class _Chance:
    rate: float
    generator: random.Random
    operations: frozenset[str]
    refused: set[str] = field(default_factory=set)
    """Operations whose last request met a 401: a second one in a row would be a real refusal."""

    def draw(self, operation: str) -> Fault | None:
        if operation not in self.operations:
            return None
        refused = operation in self.refused
        self.refused.discard(operation)
        if self.generator.random() >= self.rate:
            return None
        choices = [f for f in RANDOM_FAULTS[operation] if not (refused and f is _REFUSED)]
        fault = self.generator.choice(choices)
        if fault is _REFUSED:
            self.refused.add(operation)
        return replace(fault, operation=operation)


class Faults:
    """Holds the faults that are still to happen; `account.faults`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripted: list[_Scripted] = []
        self._chance: _Chance | None = None

    def add(
        self,
        operation: Operation | Literal["any"],
        *,
        times: int = 1,
        after: int = 0,
        channel: str | None = None,
        cut_before: bool = False,
        cut_mid_body: bool = False,
        stop_reading: bool = False,
        hold_s: float = 0.0,
        deliver_twice: bool = False,
        status: int | None = None,
        applied: bool = False,
        lose_rows: bool = False,
        reject_rows: int = 0,
        stale_token: bool = False,
        repeat_token: bool = False,
        change: Callable[[dict[str, Any]], Any] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        delay_s: float = 0.0,
        cut_after: bool = False,
        truncate: int | None = None,
        trickle_s: float = 0.0,
    ) -> None:
        """Script a fault, described by the fields of `Fault`.

        Faults of one operation happen in the order in which they were added.

        >>> account.faults.add("append", after=2, cut_after=True)
        """
        fault = Fault(
            operation,
            times=times,
            after=after,
            channel=channel,
            cut_before=cut_before,
            cut_mid_body=cut_mid_body,
            stop_reading=stop_reading,
            hold_s=hold_s,
            deliver_twice=deliver_twice,
            status=status,
            applied=applied,
            lose_rows=lose_rows,
            reject_rows=reject_rows,
            stale_token=stale_token,
            repeat_token=repeat_token,
            change=change,
            body=body,
            headers=headers or {},
            delay_s=delay_s,
            cut_after=cut_after,
            truncate=truncate,
            trickle_s=trickle_s,
        )
        with self._lock:
            self._scripted.append(_Scripted(fault, passing=after, left=times))

    def random(
        self,
        rate: float,
        *,
        seed: int,
        operations: Sequence[Operation] = ("discover", "token", "open", "append", "status"),
    ) -> None:
        """Let each request of these kinds meet a fault of `RANDOM_FAULTS` with the probability `rate`.

        Scripted faults go first. Requests that come in the same order meet the same faults for one seed.
        A 401 never comes twice in a row for one kind.

        >>> account.faults.random(0.2, seed=1, operations=["append", "status"])
        """
        generator = random.Random(seed)  # noqa: S311  # reproducible on purpose
        with self._lock:
            self._chance = _Chance(rate, generator, frozenset(operations))

    def clear(self) -> None:
        """Forget every fault, scripted and random: all goes well from here on."""
        with self._lock:
            self._scripted.clear()
            self._chance = None

    def next_for(self, operation: str, channel: str | None = None) -> Fault | None:
        """Return the fault that happens to this request, if any."""
        with self._lock:
            for scripted in self._scripted:
                if scripted.fault.operation not in (operation, "any"):
                    continue
                if scripted.fault.channel not in (channel, None):
                    continue
                if scripted.passing > 0:
                    scripted.passing -= 1
                    return None
                scripted.left -= 1
                if scripted.left <= 0:
                    self._scripted.remove(scripted)
                return scripted.fault
            return None if self._chance is None else self._chance.draw(operation)
