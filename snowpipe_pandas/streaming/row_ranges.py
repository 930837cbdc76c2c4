"""A set of a source's rows, kept as ranges, in whatever order they come."""

from __future__ import annotations


class RowRanges:
    """A set of rows as few ranges: neighbours are joined."""

    def __init__(self) -> None:
        self.ranges: tuple[tuple[int, int], ...] = ()
        """First row and row after the last one of each range, in order."""

    def add(self, first: int, end: int) -> None:
        """Add the rows from `first` on, `end` excluded; rows already in the set stay."""
        joined: list[tuple[int, int]] = []
        for span in sorted((*self.ranges, (first, end))):
            if joined and span[0] <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], span[1]))
            else:
                joined.append(span)
        self.ranges = tuple(joined)

    @property
    def rows(self) -> int:
        """How many rows are in the set."""
        return sum(end - first for first, end in self.ranges)

    @property
    def prefix(self) -> int:
        """The first row that is missing: all before it are in the set."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 0 else 0
