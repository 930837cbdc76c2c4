"""What is counted of a load: one set of numbers for its result, its views, its errors and its log."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts of one load.

    Rows in the table, rejected, acknowledged and skipped are those of the load's whole life, over all of its
    calls; everything else is of this call.

    Attributes:
        rows_in_table: rows that are durable in the target table.
        rows_rejected: rows that the service skipped.
        rejected_exact: whether `rows_rejected` is exact; False where the service does not report its
            counters, or set them to zero between two calls of the load. Then the truth may be higher.
        rows_acknowledged: rows that the service has received; those that are neither in the table nor
            rejected wait for their commit.
        rows_skipped: rows found committed when this call began; not sent again.
        rows_sent: rows that this call has sent, repetitions not counted.
        raw_bytes: size of the sent rows as NDJSON, in bytes.
        billed_bytes: how much of that is values, which is what the service bills: without braces, keys,
            colons, commas and newlines, with the quotes of texts. How Snowflake itself counts is not
            documented to the byte; repetitions of a request are not counted here.
        sent_bytes: their size on the wire, compressed, in bytes.
        requests: append requests, repeated ones included.
        retries: append requests that repeated an earlier one.
        throttles: answers by which the service asked for a slower pace.
        reopens: how often the channel was reopened to find out what is committed.
    """

    rows_in_table: int = 0
    rows_rejected: int = 0
    rejected_exact: bool = True
    rows_acknowledged: int = 0
    rows_skipped: int = 0
    rows_sent: int = 0
    raw_bytes: int = 0
    billed_bytes: int = 0
    sent_bytes: int = 0
    requests: int = 0
    retries: int = 0
    throttles: int = 0
    reopens: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return dict(zip(_NAMES, _VALUES(self), strict=True))

    @property
    def rows_waiting(self) -> int:
        """Rows acknowledged, and neither in the table nor rejected yet."""
        return max(0, self.rows_acknowledged - self.rows_in_table - self.rows_rejected)


_NAMES = tuple(field.name for field in fields(Counts))
_VALUES = attrgetter(*_NAMES)
