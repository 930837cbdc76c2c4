"""The service's own counts of a load's rows, kept against the rows that were sent.

An offset token says how far the service came, not what it did with the rows. Its counters of inserted
and rejected rows do: their growth since the load began must equal the rows that were sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..rest.status import ChannelStatus


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows of a load that the service skipped.

    Attributes:
        rows: how many.
        first_row: they lie at or behind this row of the source ...
        end_row: ... and before this one.
        message: the service's reason for the last one.
        upper_bound: the service's bound, an offset token.
    """

    rows: int
    first_row: int
    end_row: int
    message: str | None
    upper_bound: str | None


class Ledger:
    """Follows the counters of a channel from the status with which a load begins.

    Attributes:
        rejected: what the service skipped, None while nothing.
        unseen: rows that became committed in a reopen, when counters may start anew.
    """

    def __init__(self, status: ChannelStatus, first_row: int) -> None:
        self._inserted = _Growth(status.rows_inserted)
        self._errors = _Growth(status.rows_error_count)
        self._clean_until = first_row
        self.unseen = 0
        self.rejected: Rejected | None = None

    def agrees_with(self, rows_sent: int) -> bool:
        """Whether the counts equal the rows sent; counts that the service does not tell always do.

        Counters that started anew hide what was committed since they were last seen (`unseen`): that
        many rows may be missing from the counts, and not one more.
        """
        if self._inserted.total is None or self._errors.total is None:
            return True
        missing = rows_sent - self._inserted.total - self._errors.total
        return 0 <= missing <= self.unseen if self._inserted.restarted else missing == 0

    @property
    def inserted(self) -> int:
        """Rows inserted since the load began."""
        return self._inserted.total or 0

    def take(self, status: ChannelStatus, *, committed_rows: int, bound_rows: int | None) -> bool:
        """Take in a status; returns whether more rows were rejected than before.

        Args:
            status: a fresh one.
            committed_rows: the row up to which it says that rows are durable.
            bound_rows: the row that the service's error bound stands for, None if it is not of this load.
        """
        before = self._errors.total or 0
        self._inserted.take(status.rows_inserted)
        self._errors.take(status.rows_error_count)
        rejected = self._errors.total or 0
        if rejected == before:
            if self.rejected is None:
                self._clean_until = max(self._clean_until, committed_rows)
            return False
        self.rejected = Rejected(
            rejected,
            self._clean_until,
            max(self._clean_until + 1, committed_rows if bound_rows is None else bound_rows),
            status.last_error_message,
            status.last_error_offset_upper_bound,
        )
        return True


class _Growth:
    """How far a counter has grown, None as long as no status tells it.

    A counter that starts anew, as after a reopen, never shrinks the total.
    """

    def __init__(self, start: int | None) -> None:
        self._last = start
        self.total: int | None = None
        self.restarted = False

    def take(self, value: int | None) -> None:
        if value is None or self._last is None:
            return
        if value < self._last:
            self.restarted = True
            self._last = 0
        self.total = (self.total or 0) + value - self._last
        self._last = value
