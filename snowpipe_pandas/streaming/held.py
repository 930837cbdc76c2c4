"""Payloads that were sent and are not committed yet: the rows that may have to be sent again."""

from __future__ import annotations

from ..rows.payloads import Payload
from .offsets import Position

SHRINK = 0.75
"""A payload refused as too large sets the limit at this share of its size: its halves pass, others like it
are halved too."""


class Held:
    """Payloads in the order of their rows, without gaps."""

    def __init__(self) -> None:
        self._payloads: list[Payload] = []
        self._most_bytes: float | None = None
        self.bytes = 0

    def add(self, payload: Payload) -> None:
        """Hold a payload behind the others."""
        self._payloads.append(payload)
        self.bytes += len(payload.body)

    def release(self, committed: Position) -> None:
        """Let go of what is committed."""
        kept = [payload for payload in self._payloads if payload.end_row > committed.rows]
        self._payloads = kept
        self.bytes = sum(len(payload.body) for payload in kept)

    def next_after(self, position: Position) -> Payload | None:
        """Return the payload behind a position, None where it is the last; above the limit, a part of it."""
        found = next((p for p in self._payloads if p.first_row >= position.rows), None)
        while found is not None and self._is_too_large(found):
            found = self._split(found)
        return found

    def has_border(self, position: Position) -> bool:
        """Whether a payload ends here, with this digest."""
        return any(Position(p.end_row, p.digest) == position for p in self._payloads)

    def limit_below(self, payload: Payload) -> None:
        """Remember that the service refused this payload as too large."""
        self._most_bytes = SHRINK * len(payload.body)

    def _is_too_large(self, payload: Payload) -> bool:
        return self._most_bytes is not None and len(payload.body) > self._most_bytes and payload.rows > 1

    def _split(self, payload: Payload) -> Payload:
        first, second = payload.halves()
        at = self._payloads.index(payload)
        self._payloads[at : at + 1] = [first, second]
        self.bytes += len(first.body) + len(second.body) - len(payload.body)
        return first
