"""What a load did: `StreamResult`, one line in a terminal, a table in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class StreamResult:
    """The outcome of one `stream()` call.

    Attributes:
        rows: rows sent by this call.
        rows_skipped: rows found committed by an earlier call of the same load.
        rows_rejected: rows which the service received and skipped.
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
    rows_skipped: int
    rows_rejected: int
    raw_bytes: int
    sent_bytes: int
    requests: int
    retries: int
    seconds: float
    committed: bool
    offset_token: str | None
    load_id: str
    channel: str

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
        cells = {
            "Rows sent": f"{self.rows:,}",
            "Rows committed before": f"{self.rows_skipped:,}",
            "Rows rejected": f"{self.rows_rejected:,}",
            "Committed": "yes" if self.committed else "not waited for",
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
