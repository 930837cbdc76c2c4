"""What a load did: `StreamResult`, one line in a terminal, a table in a notebook."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..shown import counted, visible
from .counts import Counts
from .duplicates import PossibleDuplicate, doubled
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
        target: the table that it went to, or the pipe if one was named.
        load_id: the load's name; give it again to resume.
        channel: the channel's name; of a load in parts, that of the first one.
        possible_duplicates: requests of a load through an elastic channel whose rows may be in the table more
            than once.
    """

    seconds: float
    timings: Timings
    committed: bool
    offset_token: str | None
    target: str
    load_id: str
    channel: str
    possible_duplicates: tuple[PossibleDuplicate, ...] = ()
    _parts: tuple[StreamResult, ...] = ()
    _rejected_rows: Callable[[], tuple[list[str], list[list[Any]]]] | None = field(
        default=None, compare=False
    )

    @property
    def parts(self) -> tuple[StreamResult, ...]:
        """What each channel of the load did, in the order of their rows; the result itself if it had one."""
        return self._parts or (self,)

    def rejected(self) -> pd.DataFrame:
        """Return this load's rows in the target's error table, as the local account hands them out.

        Returns:
            columns `TIMESTAMP, QUERY_ID, ERROR_CODE, ERROR_METADATA, ERROR_DATA`, a row per rejected row,
            whose text stands in `ERROR_DATA` under the key `$1`.

        Raises:
            UsageError: the table was made without ERROR_LOGGING = TRUE, or the account is a real one, where
                SQL reads the error table; the message has the statement. Or this result has no way to the
                service: it came from another process, or from the memory of a load that was done before.

        >>> result = df.snowpipe.stream(channel, on_error="report")
        >>> [row["$1"] for row in result.rejected()["ERROR_DATA"]]
        """
        import pandas as pd

        if self._parts:
            return pd.concat([part.rejected() for part in self._parts], ignore_index=True)
        if self._rejected_rows is None and self.rows_rejected:
            raise UsageError(
                f"{self.rows_rejected:,} rows of load {self.load_id!r} were rejected, but this result only "
                "remembers their number; read them by SQL from ERROR_TABLE(DATABASE.SCHEMA.TABLE)"
            )
        columns, rows = ([], []) if self._rejected_rows is None else self._rejected_rows()
        found = pd.DataFrame(rows, columns=pd.Index(columns))
        bounds = [_bound(told) for told in found.get("ERROR_METADATA", [None] * len(found))]
        own = [bound.startswith(f"{self.load_id}:") for bound in bounds]
        return found.loc[own].reset_index(drop=True)

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
        return f"-> {visible(self.target)}: {self._told()}"

    def _told(self) -> str:
        if self.rows_sent == 0 and self.rows_skipped:
            return nothing_to_send(self, self.load_id)
        told = [
            f"{outcome(self)} in {self.seconds:.1f} s ({self.megabytes_per_s:.1f} MB/s)",
            *self._remarks(),
            counted(self.requests, "request"),
            f"{self.raw_bytes / 1e6:.1f} MB as JSON, {self.sent_bytes / 1e6:.1f} MB sent",
        ]
        if self.retries:
            told.append(f"{self.retries:,} retried")
        return "; ".join([*told, f"load {self.load_id!r}, {self._place()}"])

    def _place(self) -> str:
        """Name the channel, or say how many there are."""
        return f"channel {self.channel!r}" if len(self.parts) == 1 else f"{len(self.parts):,} channels"

    def _remarks(self) -> list[str]:
        """Say what the numbers of the first clause leave open."""
        told = []
        if not self.rejected_exact:
            told.append(NOT_TOLD)
        if self.rows_skipped:
            told.append(f"{self.rows_sent:,} sent by this call, {self.rows_skipped:,} before")
        if self.rows_waiting:
            told.append(f"{self.rows_waiting:,} wait for their commit")
        if self.possible_duplicates:
            told.append(doubled(self.possible_duplicates))
        return told

    def _repr_html_(self) -> str:
        requests = f"{self.requests:,} requests, {self.retries:,} retries"
        told = {
            "Target": self.target,
            **_fates(self),
            "Row JSON": _row_json(self),
            "Sent": f"{self.sent_bytes / 1e6:,.1f} MB in {requests}",
            "Time": f"{self.seconds:.1f} s",
            "Load": self.load_id,
        }
        if self.possible_duplicates:
            told["Possible duplicates"] = doubled(self.possible_duplicates)
        rows = [_row(name, html.escape(visible(value))) for name, value in told.items()]
        if len(self.parts) > 1:
            rows.append(_row("Channels", _parts_table(self.parts)))
        else:
            rows.append(_row("Channel", html.escape(visible(self.channel))))
        return f"<table>{''.join(rows)}</table>"


def _fates(result: StreamResult) -> dict[str, str]:
    """Tell what became of the rows, rejected ones first if there are some."""
    counts = {
        "Rows in the table": _in_table(result),
        "Rows acknowledged": f"{result.rows_acknowledged:,}",
        "Rows waiting for their commit": f"{result.rows_waiting:,}",
        "Rows sent by this call": f"{result.rows_sent:,}",
        "Rows sent before": f"{result.rows_skipped:,}",
    }
    if result.rows_rejected:
        return {"Rows REJECTED": _refused(result)} | counts
    return counts | {"Rows rejected": _refused(result)}


def _in_table(result: StreamResult) -> str:
    return f"{'' if result.rejected_exact else 'at most '}{result.rows_in_table:,}"


def _refused(result: StreamResult) -> str:
    return rejected(result) if result.rejected_exact or result.rows_rejected else "not told by the service"


def _row_json(result: StreamResult) -> str:
    return f"{result.raw_bytes / 1e6:,.1f} MB, {result.megabytes_per_s:,.1f} MB/s"


def _row(name: str, value: str) -> str:
    style = 'style="text-align:left;vertical-align:top"'
    return f"<tr><th {style}>{name}</th><td {style}>{value}</td></tr>"


def _parts_table(parts: Sequence[StreamResult]) -> str:
    """Draw a table of a load's parts, which opens from their number."""
    heads = (
        "Part",
        "Channel",
        "Rows in the table",
        "Rejected",
        "Waiting",
        "Sent before",
        "Row JSON",
        "Retries",
    )
    rows = [
        (
            f"{number:,}",
            part.channel,
            _in_table(part),
            _refused(part),
            f"{part.rows_waiting:,}",
            f"{part.rows_skipped:,}",
            _row_json(part),
            f"{part.retries:,}",
        )
        for number, part in enumerate(parts, 1)
    ]
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(visible(value))}</td>' for value in row)}</tr>" for row in rows
    )
    summary = f"<summary>{len(parts):,} channels</summary>"
    return f"<details>{summary}<table><tr>{head}</tr>{body}</table></details>"


def _bound(metadata: object) -> str:
    """Return the offset token behind a rejected row, "" where its metadata tells none."""
    details = metadata.get("details") if isinstance(metadata, dict) else None
    return str(details.get("offset_token_upper_bound")) if isinstance(details, dict) else ""
