"""The service's counters of inserted and rejected rows, followed through the life of one load.

An offset token says how far the service came, not what it did with the rows; its counters do. Within an
epoch, which is the time between two opens of ours, they only grow: a status that shows less is from the past
and moves nothing. Only a reopen of ours may restart them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..offset_tokens import Mark
from ..rest.status import ChannelStatus


class Counted(NamedTuple):
    """Rows that the service counts: inserted into the table, and rejected."""

    inserted: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.inserted + self.rejected

    def __add__(self, other: Counted) -> Counted:  # type: ignore[override]  # a sum, and no longer tuple
        return Counted(self.inserted + other.inserted, self.rejected + other.rejected)

    def __sub__(self, other: Counted) -> Counted:
        return Counted(self.inserted - other.inserted, self.rejected - other.rejected)

    def holds(self, other: Counted) -> bool:
        """Whether neither count is below the other's."""
        return self.inserted >= other.inserted and self.rejected >= other.rejected


@dataclass(frozen=True, slots=True)
class Rejections:
    """What is known of a load's rejected rows.

    Attributes:
        rows: how many.
        first_row: they lie at or after this row of the source ...
        end_row: ... and before this one.
        message: the service's reason for the last one.
        upper_bound: the service's bound, an offset token.
    """

    rows: int = 0
    first_row: int = 0
    end_row: int = 0
    message: str | None = None
    upper_bound: str | None = None


def counted(status: ChannelStatus) -> Counted | None:
    """Return a status's counters; None where it leaves one of them out."""
    if status.rows_inserted is None or status.rows_error_count is None:
        return None
    return Counted(status.rows_inserted, status.rows_error_count)


class Counters:
    """What the service counts of one load's rows.

    Args:
        status: the status with which the load begins.
        before: rows of earlier loads that were acknowledged, and that this status does not count yet.
    """

    def __init__(self, status: ChannelStatus, before: int) -> None:
        first = counted(status)
        self._reported_by_open = first is not None
        self._reported_since = False
        if first is None and status.last_committed_offset_token is None:
            first = Counted()  # nothing was ever committed to this channel
        self._base = self._latest = first
        self._before = before
        self._rejected_before = self._rejected_at_border = 0
        self._border_open, self._border_known = before > 0, True
        self._earlier_epochs = Counted()
        self._hidden = 0
        self._surplus: Counted | None = None
        self._epoch_begun = True
        self._counted_to = 0

    @property
    def want_status(self) -> bool:
        """Whether the answer of the last open has left the counters out."""
        return self._latest is None or not self._epoch_begun

    @property
    def reported(self) -> bool:
        """Whether the service reports its counters, as far as is known."""
        return (self._reported_since or self._reported_by_open) and not self.want_status

    @property
    def exact(self) -> bool:
        """Whether no rejection can have been missed."""
        return self.reported and self._hidden == 0 and self._border_known

    @property
    def counted_to(self) -> int:
        """How many of this load's rows were committed when the counters were last reported."""
        return self._counted_to

    def give_up(self) -> None:
        """Note that the counters are not reported for the rows that were committed last."""
        self._reported_by_open = self._reported_since = False

    def reported_after(self, rows: int) -> tuple[int | None, int | None]:
        """Return the channel's error count now, and what its counters add up to after this many rows.

        None where that is not known: they are not reported, or rows of others are not counted yet.
        """
        if self._latest is None or not self.exact or self._border_open:
            return None, None
        return self._latest.rejected, self._latest.rows + self._before + rows - self._grown.rows

    def rejected_since(self, mark: Mark) -> tuple[int, bool]:
        """Return how many rows of the load with this mark were rejected, and whether that is exact."""
        now = self._latest
        if now is None or mark.errors is None or now.rows != mark.counted or now.rejected < mark.errors:
            return mark.rejected, False
        return mark.rejected + now.rejected - mark.errors, True

    @property
    def rejected(self) -> int:
        """Rows of this load that were rejected since it began."""
        return max(0, self._grown.rejected - self._rejected_before)

    @property
    def inserted(self) -> int:
        """Rows of this load that were inserted since it began."""
        seen = self._surplus or self._grown
        return max(0, seen.inserted - max(0, self._before - self._rejected_before))

    @property
    def missing_before(self) -> int:
        """Rows of earlier loads that are not counted yet."""
        return max(0, self._before - self._grown.rows)

    def lacks(self, rows: int) -> int:
        """Return how many of this load's first `rows` rows are not counted yet, negative where more are.

        Counters that restarted with a reopen hide the rows which became committed in it: that many may be
        missing, but no more.
        """
        missing = self._before + rows - (self._surplus or self._grown).rows
        return missing - min(max(missing, 0), self._hidden)

    def agree_with(self, rows: int) -> bool:
        """Whether exactly these rows of the load are counted; a service that never counts always agrees."""
        return not self.reported or self.lacks(rows) == 0

    def is_past(self, status: ChannelStatus) -> bool:
        """Whether a status of this epoch shows less than was seen already."""
        counted_now = counted(status)
        if counted_now is None or self._latest is None or not self._epoch_begun:
            return False
        return not counted_now.holds(self._latest)

    def take(
        self, status: ChannelStatus, *, rows: int, as_open: bool, last_error_is_own: bool | None
    ) -> None:
        """Take in a status that is not past.

        Args:
            status: a fresh one.
            rows: how many of this load's rows its offset token covers. If more are counted, it is of an
                epoch before, or the service has doubled some: it moves nothing, but the last one counts in
                the audit.
            as_open: whether it shows the token of the last open's answer, so that it can replace that
                answer where it left the counters out.
            last_error_is_own: whether the last rejection lies in this load, None where that is not known.
        """
        counted_now = counted(status)
        if counted_now is None:
            return
        self._reported_since = True
        if not self._epoch_begun:
            if as_open:
                self.restart(status, rows=rows, last_error_is_own=last_error_is_own)
            return
        if self._latest is None or self._base is None:
            if as_open:
                self._base = self._latest = counted_now
            return
        self._counted_to = rows
        grown = self._earlier_epochs + (counted_now - self._base)
        self._surplus = grown if grown.rows > self._before + rows - self._hidden else None
        if self._surplus is not None:
            return
        self._latest = counted_now
        if self._border_open:
            self._find_border(grown, rows, last_error_is_own)

    def restart(self, status: ChannelStatus, *, rows: int, last_error_is_own: bool | None) -> None:
        """Begin an epoch with a reopen's status, which shows this load's first `rows` rows as committed."""
        counted_now = counted(status)
        self._epoch_begun = counted_now is not None or self._latest is None
        if counted_now is None or self._latest is None:
            return
        self._reported_since = True
        self._counted_to = rows
        restarted = counted_now.rows == 0 or not counted_now.holds(self._latest)
        if restarted:
            self._earlier_epochs, self._base, self._border_open = self._grown, Counted(), False
        self._latest, self._surplus = counted_now, None
        if restarted:
            self._hidden = max(0, self._before + rows - self._grown.rows)
        elif self._border_open:
            self._find_border(self._grown, rows, last_error_is_own)

    def _find_border(self, grown: Counted, rows: int, last_error_is_own: bool | None) -> None:
        """Find out how many of the rejected rows belong to loads before this one, which nobody waited for."""
        self._border_open = grown.rows < self._before + rows
        if grown.rows <= self._before:
            self._rejected_before = self._rejected_at_border = grown.rejected
            return
        jump = grown.rejected - self._rejected_at_border  # of rows on either side of the border
        own = min(jump, 1) if last_error_is_own else 0
        self._rejected_before = grown.rejected - own
        self._border_known = own == jump or last_error_is_own is False

    @property
    def _grown(self) -> Counted:
        if self._latest is None or self._base is None:
            return Counted()
        return self._earlier_epochs + (self._latest - self._base)
