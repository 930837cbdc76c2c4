"""Payloads that are not committed yet: the rows that may have to be sent (again)."""

from __future__ import annotations

from ..offset_tokens import Position
from ..rows.payloads import Payload

SHRINK = 0.75
"""A payload refused as too large sets the limit at this share of its size: its halves pass, others like it
are halved too."""


class Window:
    """Payloads in the order of their rows, without gaps.

    Args:
        max_bytes: most bytes that may be sent and not committed, but one payload always may.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._payloads: list[Payload] = []
        self._largest: float | None = None
        self.bytes = 0

    def add(self, payload: Payload) -> None:
        """Hold a payload after the others."""
        self._payloads.append(payload)
        self.bytes += len(payload.body)

    def release(self, committed: Position) -> None:
        """Release what is committed."""
        kept = [payload for payload in self._payloads if payload.end_row > committed.rows]
        self._payloads = kept
        self.bytes = sum(len(payload.body) for payload in kept)

    def next_after(self, position: Position) -> Payload | None:
        """Return the payload after a position, None where it is the last; above the limit, a part of it."""
        found = next((p for p in self._payloads if p.first_row >= position.rows), None)
        while found is not None and self._is_too_large(found):
            found = self._split(found)
        return found

    def has_room_for(self, payload: Payload) -> bool:
        """Whether a held payload may be sent: it and what lies before it are small enough together."""
        before = sum(len(p.body) for p in self._payloads if p.first_row < payload.first_row)
        return before == 0 or before + len(payload.body) <= self._max_bytes

    def ends_at(self, position: Position) -> bool:
        """Whether a payload ends here, with this digest."""
        return any(Position(p.end_row, p.digest) == position for p in self._payloads)

    def limit_below(self, payload: Payload) -> None:
        """Remember that the service refused this payload as too large."""
        self._largest = SHRINK * len(payload.body)

    def _is_too_large(self, payload: Payload) -> bool:
        return self._largest is not None and len(payload.body) > self._largest and payload.rows > 1

    def _split(self, payload: Payload) -> Payload:
        first, second = payload.halves()
        at = self._payloads.index(payload)
        self._payloads[at : at + 1] = [first, second]
        self.bytes += len(first.body) + len(second.body) - len(payload.body)
        return first
