"""What a load did: `StreamResult`, one line in a terminal, a table in a notebook."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ..shown import counted, visible
from .counts import Counts
from .outcome import NOT_TOLD, nothing_to_send, outcome, rejected
from .timings import Timings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StreamResult(Counts):
    """The outcome of one `stream()` call: what it did, and what has become of its load's rows.

    Rows in the table, rejected, acknowledged and skipped are those of the load's whole life, over all of its
    calls; the other numbers are of this call.

    Attributes:
        rows_in_table: rows that are durable in the target table.
        rows_rejected: rows that the service skipped.
        rejected_exact: whether `rows_rejected` is exact; False where the service does not report its
            counters, or set them to zero between two calls of the load. Then the truth may be higher.
        rows_acknowledged: rows that the service has received.
        rows_waiting: rows of them that are neither in the table nor rejected yet (only with `wait=False`).
        rows_skipped: rows found committed when this call began; not sent again.
        rows_sent, rows: rows that this call has sent, repetitions not counted.
        raw_bytes: size of the sent rows as NDJSON, in bytes.
        sent_bytes: their size on the wire, compressed, in bytes.
        requests: append requests, repeated ones included.
        retries: append requests that repeated an earlier one.
        throttles: answers by which the service asked for a slower pace.
        reopens: how often the channel was reopened to find out what is committed.
        seconds: from the call to its return.
        timings: where they went (`Timings`): encode, compress, wait, send, commit.
        committed: whether the service had dealt with every row on return, each in the table or rejected
            (False only with `wait=False`).
        offset_token: the channel's token behind the last row, None if nothing was ever sent.
        load_id: the load's name; give it again to resume.
        channel: the channel's name.
        pipe: the channel's pipe.
    """

    seconds: float
    timings: Timings
    committed: bool
    offset_token: str | None
    load_id: str
    channel: str
    pipe: str
    _rejected_rows: Callable[[], tuple[list[str], list[list[Any]]]] | None = field(
        default=None, compare=False
    )

    def rejected(self) -> pd.DataFrame:
        """Return this load's rows in the target's error table, as the local account hands them out.

        Returns:
            columns `TIMESTAMP, QUERY_ID, ERROR_CODE, ERROR_METADATA, ERROR_DATA`, a row per rejected row,
            whose text stands in `ERROR_DATA` under the key `$1`.

        Raises:
            UsageError: the table was made without ERROR_LOGGING = TRUE, or the account is a real one, where
                SQL reads the error table; the message has the statement.

        >>> result = df.snowpipe.stream(channel, on_error="report")
        >>> [row["$1"] for row in result.rejected()["ERROR_DATA"]]
        """
        import pandas as pd

        columns, rows = ([], []) if self._rejected_rows is None else self._rejected_rows()
        found = pd.DataFrame(rows, columns=pd.Index(columns))
        bounds = [_bound(told) for told in found.get("ERROR_METADATA", [None] * len(found))]
        return found[[bound.startswith(f"{self.load_id}:") for bound in bounds]].reset_index(drop=True)

    def __reduce__(self) -> tuple[Any, ...]:
        # The way back to the service stays in its process; the numbers travel.
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "_rejected_rows"}
        return functools.partial(StreamResult, **told), ()

    @property
    def rows(self) -> int:
        """Rows that this call has sent, as `rows_sent`."""
        return self.rows_sent

    @property
    def megabytes_per_s(self) -> float:
        """Row JSON per second of the whole call, in 10^6 bytes."""
        return self.raw_bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if self.rows_sent == 0 and self.rows_skipped:
            return nothing_to_send(self, self.load_id)
        parts = [
            f"{outcome(self)} in {self.seconds:.1f} s ({self.megabytes_per_s:.1f} MB/s)",
            *self._remarks(),
            counted(self.requests, "request"),
            f"{self.raw_bytes / 1e6:.1f} MB as JSON, {self.sent_bytes / 1e6:.1f} MB sent",
        ]
        if self.retries:
            parts.append(f"{self.retries:,} retried")
        return f"{'; '.join(parts)}; load {self.load_id!r}"

    def _remarks(self) -> list[str]:
        """Say what the numbers of the first clause leave open."""
        told = []
        if not self.rejected_exact:
            told.append(NOT_TOLD)
        if self.rows_skipped:
            told.append(f"{self.rows_sent:,} sent by this call, {self.rows_skipped:,} before")
        if self.rows_waiting:
            told.append(f"{self.rows_waiting:,} wait for their commit")
        return told

    def _repr_html_(self) -> str:
        most = "" if self.rejected_exact else "at most "
        counts = {
            "Rows in the table": f"{most}{self.rows_in_table:,}",
            "Rows acknowledged": f"{self.rows_acknowledged:,}",
            "Rows waiting for their commit": f"{self.rows_waiting:,}",
            "Rows sent by this call": f"{self.rows_sent:,}",
            "Rows sent before": f"{self.rows_skipped:,}",
        }
        told = rejected(self) if self.rejected_exact or self.rows_rejected else "not told by the service"
        rejections = {"Rows REJECTED" if self.rows_rejected else "Rows rejected": told}
        cells = {
            **(rejections | counts if self.rows_rejected else counts | rejections),
            "Row JSON": f"{self.raw_bytes / 1e6:,.1f} MB, {self.megabytes_per_s:,.1f} MB/s",
            "Sent": f"{self.sent_bytes / 1e6:,.1f} MB in {self.requests} requests, {self.retries} retries",
            "Time": f"{self.seconds:.1f} s",
            "Load": self.load_id,
            "Channel": self.channel,
            "Pipe": self.pipe,
        }
        rows = "".join(
            f'<tr><th style="text-align:left">{name}</th>'
            f'<td style="text-align:left">{html.escape(visible(value))}</td></tr>'
            for name, value in cells.items()
        )
        return f"<table>{rows}</table>"


def _bound(metadata: object) -> str:
    """Return the offset token behind a rejected row, "" where its metadata tells none."""
    details = metadata.get("details") if isinstance(metadata, dict) else None
    return str(details.get("offset_token_upper_bound")) if isinstance(details, dict) else ""
