"""What one load is to do: its name, its channel, its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ChannelLostError, ServiceError
from ..offset_tokens import PartOf
from ..rest.policy import PollPolicy
from .options import LoadOptions

Lost = Callable[[str, ServiceError | None], ChannelLostError]
"""Makes the error for a channel that no longer exists; a text says how that is known."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What a load is to do, as far as its delivery needs to know it.

    Attributes:
        load_id: the load's name.
        channel: the channel's name.
        rows_total: rows of the source, None where that is not known.
        options: how it is delivered; without a `load_id` if its caller gave none.
        polling: when statuses are read.
        lost: makes the error for a channel that no longer exists.
        part: which part of the load the channel carries, None for all of it.
    """

    load_id: str
    channel: str
    rows_total: int | None
    options: LoadOptions
    polling: PollPolicy
    lost: Lost
    part: PartOf | None = None

    @property
    def first_row(self) -> int:
        """Number, in the whole source, of the first row: rows of a part are counted from there."""
        return 0 if self.part is None else self.part.first_row
