"""What the counters of an elastic channel prove about one load's rejected rows. No I/O.

An answer to an append says that its rows are dealt with, not how many were rejected. The channel's counters
are over all writers, and a status may be from the past. They still prove something once they surely count all
of a load's rows, which is some time after its last answer:

- No more errors than before the load: none of its rows was rejected, whoever else wrote.
- In all, they grew by exactly the load's rows: nobody else has written, so the errors are exactly the load's.
  Had the status before the load been too old, they would have grown by more.

Everything else proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..rest.status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a channel's counters have grown over a load."""

    inserted: int
    rejected: int

    @classmethod
    def between(cls, before: ChannelStatus | None, after: ChannelStatus | None) -> Growth | None:
        """Return the growth; None if they are not reported, or are of two lives of the channel."""
        if before is None or after is None or before.created_on_ms != after.created_on_ms:
            return None
        if before.rows_inserted is None or before.rows_error_count is None:
            return None
        if after.rows_inserted is None or after.rows_error_count is None:
            return None
        inserted = after.rows_inserted - before.rows_inserted
        rejected = after.rows_error_count - before.rows_error_count
        return cls(inserted, rejected) if inserted >= 0 and rejected >= 0 else None

    def is_hopeless(self, rows: int) -> bool:
        """Whether no later status can show how many of a load's `rows` were rejected: others wrote too."""
        return self.rejected > 0 and self.inserted + self.rejected > rows

    def rejected_of(self, rows: int) -> int | None:
        """Return how many of a load's `rows` were rejected, None where that is not proved.

        Only for a status that surely counts all of them.
        """
        counted = self.inserted + self.rejected
        if counted == rows or (self.rejected == 0 and counted > rows):
            return self.rejected
        return None
