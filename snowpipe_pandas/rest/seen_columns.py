"""What SQL has reported of the columns of a channel's target, for the loads that follow soon."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..target_column import TargetColumn

SEEN_FOR_S = 60.0
"""Without it, a caller that sends single rows would wait for a statement before each of them."""


class SeenColumns:
    """The columns that were seen last.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._columns: Sequence[TargetColumn] = ()
        self._until = -math.inf

    @property
    def lately(self) -> Sequence[TargetColumn] | None:
        """The columns, empty where they can't be read; None where they were not read for a minute."""
        return self._columns if self._now() < self._until else None

    def see(self, columns: Sequence[TargetColumn]) -> None:
        """Take in what was read now."""
        self._columns, self._until = columns, self._now() + SEEN_FOR_S
