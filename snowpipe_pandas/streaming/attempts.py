"""Counts the tries of a load's append requests, as they fail and as they end."""

from __future__ import annotations

from dataclasses import replace

from ..errors import ServiceError, TransportError
from .counts import Counts


class Attempts:
    """The tries of the append that was sent last, added to those of the appends before it."""

    def __init__(self) -> None:
        self._tries = self._requests_before = self._retries_before = 0

    def begin(self, counts: Counts) -> None:
        """Begin an append."""
        self._tries, self._requests_before, self._retries_before = 0, counts.requests, counts.retries

    def counted(self, counts: Counts, tries: int) -> Counts:
        """Return the counts of a load whose append has had this many tries."""
        self._tries = tries
        return replace(
            counts,
            requests=self._requests_before + tries,
            retries=self._retries_before + max(0, tries - 1),
        )

    def ended(self, counts: Counts, error: BaseException) -> Counts:
        """Return the counts of a load whose append ended for good, with the last try included."""
        if not isinstance(error, ServiceError | TransportError):
            return counts
        return self.counted(counts, error.attempts if isinstance(error, TransportError) else self._tries + 1)
