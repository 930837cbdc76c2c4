"""What a load adds to the error that ends it: its place, how far it came, and the first rejected rows."""

from __future__ import annotations

from ..errors import LoadFacts, RowsRejectedError, SnowpipeError
from ..load_facts import RejectedRow, place_of


def name_place(error: BaseException, target: str, load_id: str, channel: str) -> None:
    """Begin an error of ours with the load's place, unless it has one already, as a part's error does."""
    if isinstance(error, SnowpipeError) and error.place is None:
        error.place = place_of(target, load_id, channel)


def add_facts(error: BaseException, facts: LoadFacts) -> None:
    """Attach how far the load came, as a note too."""
    if isinstance(error, SnowpipeError):
        error.load = facts
    placed = isinstance(error, SnowpipeError) and error.place == facts.place
    error.add_note(facts.outcome if placed else str(facts))


def add_rejected(error: RowsRejectedError, rows: tuple[RejectedRow, ...]) -> None:
    """Attach the first rejected rows, as a note too."""
    error.first_rejected = rows
    if rows:
        error.add_note("\n".join(["the first rejected rows:", *(f"  {row}" for row in rows)]))
