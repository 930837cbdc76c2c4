"""The requests that an account remembers: the newest ones, as many as fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..faults import Fault

KEPT_REQUESTS = 10_000
KEPT_CHARACTERS = 16_000_000
"""How many of the newest requests an account remembers, and how much text of them together."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as the account saw it; credentials are left out.

    Attributes:
        operation: its kind, as in `faults.Operation` ("unknown" for others).
        status: of the answer, None where there was none.
        seconds: from the request's head to the moment when its answer was ready.
        body_digest: xxh3 of the body as received, in hex; None where it was not read to its end.
        fault: the fault that was injected, None if none was.
        failure: what went wrong inside of the account, None if nothing: a bug of the account's.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    operation: str
    status: int | None
    seconds: float
    body_digest: str | None
    fault: Fault | None
    failure: str | None = None

    @property
    def characters(self) -> int:
        """How much text it holds."""
        texts = [self.method, self.path, self.failure or "", *self.query, *self.query.values()]
        return sum(map(len, texts)) + sum(map(len, self.headers)) + sum(map(len, self.headers.values()))


class Records:
    """The newest requests, bounded in number and in size."""

    def __init__(self) -> None:
        self._kept: deque[RecordedRequest] = deque()
        self._characters = 0

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(self._kept.copy())

    def add(self, record: RecordedRequest) -> None:
        """Remember one more; the oldest ones are dropped for lack of room."""
        self._kept.append(record)
        self._characters += record.characters
        while len(self._kept) > KEPT_REQUESTS or self._characters > KEPT_CHARACTERS:
            self._characters -= self._kept.popleft().characters
