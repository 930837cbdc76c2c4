"""What a load did: `StreamResult`, one line in a terminal, a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class StreamResult:
    """The outcome of one `stream()` call.

    Attributes:
        rows: rows sent by this call.
        rows_acknowledged: rows of them which the service said it has received.
        rows_committed: rows of them which its offset token covers: durable, or rejected.
        rows_rejected: rows of them which it skipped; the table has `rows_committed - rows_rejected` of them.
        rows_skipped: rows found committed by an earlier call of the same load; not sent again.
        raw_bytes: size of the sent rows as NDJSON.
        sent_bytes: size on the wire, compressed.
        requests: append requests, retries included.
        retries: requests which repeated an earlier one.
        seconds: from the call to its return.
        committed: whether every row was durable on return (False only with `wait=False`).
        offset_token: the channel's token behind the last row, None if nothing was ever sent.
        load_id: the load's name; give it again to resume.
        channel: the channel's name.
    """

    rows: int
    rows_acknowledged: int
    rows_committed: int
    rows_rejected: int
    rows_skipped: int
    raw_bytes: int
    sent_bytes: int
    requests: int
    retries: int
    seconds: float
    committed: bool
    offset_token: str | None
    load_id: str
    channel: str
    _rejected_rows: Callable[[], tuple[list[str], list[list[Any]]]] | None = field(
        default=None, compare=False
    )

    def rejected(self) -> pd.DataFrame:
        """Return this load's rows in the target's error table, as the local account hands them out.

        Returns:
            columns `TIMESTAMP, QUERY_ID, ERROR_CODE, ERROR_METADATA, ERROR_DATA`, a row per rejected row.

        Raises:
            UsageError: the table was made without ERROR_LOGGING = TRUE, or the account is a real one, where
                SQL reads the error table; the message has the statement.

        >>> result = df.snowpipe.stream(channel, on_error="report")
        >>> result.rejected()["ERROR_DATA"]
        """
        import pandas as pd

        columns, rows = ([], []) if self._rejected_rows is None else self._rejected_rows()
        found = pd.DataFrame(rows, columns=pd.Index(columns))
        if found.empty:
            return found
        tokens = found["ERROR_METADATA"].map(lambda told: str(told.get("offset_token_upper_bound")))
        return found[tokens.str.startswith(f"{self.load_id}:")].reset_index(drop=True)

    def __reduce__(self) -> tuple[Any, ...]:
        # The way back to the service stays in its process; the numbers travel.
        return StreamResult, tuple(getattr(self, f.name) for f in fields(self) if f.name != "_rejected_rows")

    @property
    def megabytes_per_s(self) -> float:
        """Row JSON per second of the whole call, in 10^6 bytes."""
        return self.raw_bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if self.rows == 0 and self.rows_skipped:
            return f"nothing to send: all {self.rows_skipped:,} rows of load {self.load_id!r} are committed"
        parts = [
            f"{self.rows:,} rows {'committed' if self.committed else 'acknowledged'} "
            f"in {self.seconds:.1f} s ({self.megabytes_per_s:.1f} MB/s)",
            f"{self.requests} request{'s' * (self.requests != 1)}",
            f"{self.raw_bytes / 1e6:.1f} MB as JSON, {self.sent_bytes / 1e6:.1f} MB sent",
        ]
        if self.retries:
            parts.append(f"{self.retries} retried")
        if self.rows_skipped:
            parts.append(f"{self.rows_skipped:,} rows were committed before")
        if self.rows_rejected:
            parts.append(f"{self.rows_rejected:,} rows REJECTED")
        return f"{'; '.join(parts)}; load {self.load_id!r}"

    def _repr_html_(self) -> str:
        waited = "" if self.committed else ", the rest not waited for"
        cells = {
            "Rows sent": f"{self.rows:,}",
            "Rows acknowledged": f"{self.rows_acknowledged:,}",
            "Rows committed": f"{self.rows_committed:,}{waited}",
            "Rows rejected": f"{self.rows_rejected:,}",
            "Rows committed before": f"{self.rows_skipped:,}",
            "Row JSON": f"{self.raw_bytes / 1e6:,.1f} MB, {self.megabytes_per_s:,.1f} MB/s",
            "Sent": f"{self.sent_bytes / 1e6:,.1f} MB in {self.requests} requests, {self.retries} retries",
            "Time": f"{self.seconds:.1f} s",
            "Load": self.load_id,
            "Channel": self.channel,
        }
        rows = "".join(
            f'<tr><th style="text-align:left">{name}</th>'
            f'<td style="text-align:left">{html.escape(value)}</td></tr>'
            for name, value in cells.items()
        )
        return f"<table>{rows}</table>"
