"""What a load did: `StreamResult`, one line in a terminal, a table in a notebook."""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ..aftercare import Aftercare, way_back
from ..errors import UsageError
from ..shown import counted, size, speed, visible
from .counts import Counts
from .duplicates import PossibleDuplicate, doubled
from .outcome import NOT_REPORTED, nothing_to_send, outcome, rejected
from .receipt import LoadRecord, receipt_of
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
        billed_bytes: how much of that is values, which is what the service bills: without braces, keys,
            colons, commas and newlines, with the quotes of texts. How Snowflake itself counts is not
            documented to the byte; repetitions of a request are not counted here.
        sent_bytes: their size on the wire, compressed, in bytes.
        requests: append requests, repeated ones included.
        retries: append requests that repeated an earlier one.
        throttles: answers by which the service asked for a slower pace.
        reopens: how often the channel was reopened to find out what is committed.
        seconds: from the call to its return.
        timings: where they went (`Timings`): encode, compress, wait, send, commit.
        committed: whether the service had dealt with every row on return, each in the table or rejected
            (False only with `wait=False`).
        offset_token: the channel's token after the last row, None if nothing was ever sent.
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
    _record: LoadRecord | None = field(default=None, compare=False)
    _aftercare: Aftercare | None = field(default=None, compare=False)

    @property
    def parts(self) -> tuple[StreamResult, ...]:
        """What each channel of the load did, in the order of their rows; the result itself if it had one."""
        return self._parts or (self,)

    def rejected(self) -> pd.DataFrame:
        """Return the rows of this load that the service has rejected, of all of its calls.

        They are read from the table's error table by SQL, which needs a warehouse on a real account, and are
        looked up in the source, as it is now. A result with rejected rows (or an unknown number of them)
        keeps a source that can be read again alive: a frame, an Arrow table, a list of dicts; one without
        does not. A result that was pickled has no way back to its source and client.

        Returns:
            `rejected_row`, the row's number in the source, counted from 0; `rejected_reason`;
            `rejected_json`, the row as it was sent; and the source's own columns and values, for `repair()`.
            A row that the source lacks (by now, or since it gave its rows once) comes last, without a
            number and values. For a load through an elastic channel, whose rows carry no token, these are all
            rows that such channels have rejected since it began, if their text is that of a source row.

        Raises:
            UsageError: this result was made in another process.
            SqlError: the table has no error table (the message says which ALTER TABLE makes one), or a grant
                or a warehouse is missing.

        >>> result = df.snowpipe.stream(channel, on_error="report")
        >>> result.rejected()[["rejected_row", "rejected_reason"]]
        """
        return way_back(self._aftercare).rejected()

    def repair(self, fixed: pd.DataFrame, *, progress: Any = "auto") -> StreamResult:
        """Send corrected rows in place of the rejected ones, as a load of its own that follows this one.

        It is named after this load (`flights-2013.repair-1`) and has a channel of its own, so the same call
        sends nothing again, in whichever process; with more rows after the same ones it sends those. Rows
        that are rejected again are repaired by the result of `repair()`.

        Args:
            fixed: rows of `rejected()`, corrected. The column `rejected_row` says which they are, the other
                two are ignored, and rows that are left out are not sent.
            progress: as in `stream()`.

        Raises:
            UsageError: the frame does not say which rows it has, or has rows that were not rejected.
            LoadMismatchError: other rows were sent in place of these before.
            SnowpipeError: what `rejected()` and `stream()` raise; the options are those of the load.

        >>> fixed = result.rejected().fillna({"ID": 0})
        >>> result.repair(fixed).rows_in_table
        3
        """
        return way_back(self._aftercare).repair(fixed, progress=progress)

    def receipt(self) -> dict[str, Any]:
        """Return what was loaded, where, when and how, as plain values that `json.dumps` takes.

        It has no secret, and is what `sp.verify()` needs to compare source and table later.

        Raises:
            UsageError: the result is that of a part of a load, or of a load in partitions.

        >>> json.dumps(result.receipt())
        """
        if self._record is None:
            raise UsageError(
                "parts of a load, and loads in partitions, have no receipt: ask the result of a whole load"
            )
        return receipt_of(self, self._record)

    def __reduce__(self) -> tuple[Any, ...]:
        # The way back to client and source stays in its process; the numbers travel.
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "_aftercare"}
        return functools.partial(StreamResult, **values), ()

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
        return f"-> {visible(self.target)}: {self._words()}"

    def _words(self) -> str:
        if self.rows_sent == 0 and self.rows_skipped:
            return nothing_to_send(self, self.load_id)
        parts = [
            f"{outcome(self)} in {self.seconds:.1f} s ({speed(1e6 * self.megabytes_per_s)})",
            *self._remarks(),
            counted(self.requests, "request"),
            f"{size(self.raw_bytes)} as JSON, {size(self.sent_bytes)} sent",
        ]
        if self.retries:
            parts.append(f"{self.retries:,} retried")
        return "; ".join([*parts, f"load {self.load_id!r}, {self._place()}"])

    def _place(self) -> str:
        """Name the channel, or say how many there are."""
        return f"channel {self.channel!r}" if len(self.parts) == 1 else counted(len(self.parts), "channel")

    def _remarks(self) -> list[str]:
        """Say what the numbers of the first clause leave open."""
        parts = []
        if not self.rejected_exact:
            parts.append(NOT_REPORTED)
        if self.rows_skipped:
            parts.append(f"{self.rows_sent:,} sent by this call, {self.rows_skipped:,} before")
        if self.rows_waiting:
            wait = "waits for its" if self.rows_waiting == 1 else "wait for their"
            parts.append(f"{self.rows_waiting:,} {wait} commit")
        if self.possible_duplicates:
            parts.append(doubled(self.possible_duplicates))
        return parts

    def _repr_html_(self) -> str:
        requests = f"{counted(self.requests, 'request')}, {counted(self.retries, 'retry', 'retries')}"
        shown = {
            "Target": self.target,
            **_fates(self),
            "Row JSON": _row_json(self),
            "Values, which are billed": size(self.billed_bytes),
            "Sent": f"{size(self.sent_bytes)} in {requests}",
            "Time": f"{self.seconds:.1f} s",
            "Load": self.load_id,
        }
        if self.possible_duplicates:
            shown["Possible duplicates"] = doubled(self.possible_duplicates)
        rows = [_row(name, html.escape(visible(value))) for name, value in shown.items()]
        if len(self.parts) > 1:
            rows.append(_row("Channels", _parts_table(self.parts)))
        else:
            rows.append(_row("Channel", html.escape(visible(self.channel))))
        summary = html.escape(visible(f"result: {self._in_short()}"))
        return f"<details><summary>{summary}</summary><table>{''.join(rows)}</table></details>"

    def _in_short(self) -> str:
        """Summarize it in a line below the load's view, which has the other numbers."""
        if self.rows_sent == 0 and self.rows_skipped:
            return nothing_to_send(self, self.load_id)
        return f"{outcome(self)}; load {self.load_id!r}, {self._place()}"


def _fates(result: StreamResult) -> dict[str, str]:
    """Say what became of the rows, rejected ones first if there are some."""
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
    return (
        rejected(result) if result.rejected_exact or result.rows_rejected else "not reported by the service"
    )


def _row_json(result: StreamResult) -> str:
    return f"{size(result.raw_bytes)}, {speed(1e6 * result.megabytes_per_s)}"


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
    summary = f"<summary>{counted(len(parts), 'channel')}</summary>"
    return f"<details>{summary}<table><tr>{head}</tr>{body}</table></details>"
