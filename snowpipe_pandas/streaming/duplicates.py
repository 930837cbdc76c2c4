"""Requests whose rows may be in the table more than once, and the words for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..shown import counted, row_ranges


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """A request that was sent again though an earlier try may have been applied.

    Attributes:
        request_id: its `requestId`, the same for all of its tries.
        first_row: number of its first row in the source.
        end_row: number of the row after its last one.
        tries: how often its rows were sent, refused tries included; they are in the table at most that often.
    """

    request_id: str
    first_row: int
    end_row: int
    tries: int


def doubled(found: Sequence[PossibleDuplicate]) -> str:
    """Say which requests may have been applied more than once, "" if none may.

    >>> doubled([PossibleDuplicate("5f0c", 1000, 2000, 2)])
    '1 request may have been applied twice (rows 1,000 to 1,999)'
    """
    if not found:
        return ""
    often = "twice" if max(request.tries for request in found) <= 2 else "more than once"
    rows = row_ranges(sorted((request.first_row, request.end_row) for request in found))
    return f"{counted(len(found), 'request')} may have been applied {often} ({rows})"
