"""What a load would send, and how long that takes at the service's limits: its rows are written, not sent."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from ..rest.pacer import DOCUMENTED, Pacer, RateLimits
from ..rows.encode.encoder import EncodedRows, Encoder
from ..rows.encode.parallel import encode_ordered
from ..rows.payloads import FULL_ENOUGH, Payload, pack
from ..rows.sources.source import Source
from ..shown import counted, size, visible
from .options import LoadLimits, LoadOptions
from .parts import cut, worthwhile

EXACT_BYTES = 100_000_000
"""A source of this many bytes of NDJSON, or fewer, is written whole: less than a second."""

SAMPLE_BYTES = 32_000_000
SAMPLE_SLICES = 32
"""Of a larger one, slices that are spread evenly over its rows, with this many bytes together."""

FIRST_ROWS = 2048


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate:
    """What a load would send; nothing was sent.

    Attributes:
        rows: rows of the source.
        exact: whether all of them were written; else the sizes follow from a sample that is spread over the
            source, and are marked "about".
        raw_bytes: their size as NDJSON, in bytes.
        billed_bytes: how much of that is values, which is what the service bills, as in `StreamResult`.
        sent_bytes: their size on the wire, compressed, in bytes.
        requests: append requests, each as large as the limits allow; a load whose sender waits for rows
            sends a few more, and repeated requests come on top.
        channels: how many channels are used.
        seconds: the shortest time that the service's limits of a channel allow. Commits and the
            machine's own work come on top.
        target: where it would go.
    """

    rows: int
    exact: bool
    raw_bytes: int
    billed_bytes: int
    sent_bytes: int
    requests: int
    channels: int
    seconds: float
    target: str

    @property
    def minutes(self) -> float:
        """`seconds` in minutes."""
        return self.seconds / 60

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        about = self._about
        return (
            f"-> {visible(self.target)}: {counted(self.rows, 'row')}; {about}{size(self.raw_bytes)} as JSON, "
            f"{about}{size(self.billed_bytes)} of values, which are billed; {about}{size(self.sent_bytes)} "
            f"compressed in {about}{counted(self.requests, 'request')}; {about}{self._time()} or more "
            f"through {counted(self.channels, 'channel')}; nothing was sent"
        )

    @property
    def _about(self) -> str:
        return "" if self.exact else "about "

    def _time(self) -> str:
        return f"{self.seconds:.1f} s" if self.seconds < 100 else f"{self.minutes:,.1f} minutes"

    def _repr_html_(self) -> str:
        about = self._about
        entries = {
            "Target": visible(self.target),
            "Rows": f"{self.rows:,}",
            "Row JSON": f"{about}{size(self.raw_bytes)}",
            "Values, which are billed": f"{about}{size(self.billed_bytes)}",
            "Compressed": f"{about}{size(self.sent_bytes)} in {about}{counted(self.requests, 'request')}",
            "Time at the service's limits": f"{about}{self._time()} or more",
            "Channels": f"{self.channels:,}",
            "Counted from": "all rows" if self.exact else "a sample of the rows",
        }
        style = 'style="text-align:left;vertical-align:top"'
        rows = [
            f"<tr><th {style}>{name}</th><td {style}>{html.escape(value)}</td></tr>"
            for name, value in entries.items()
        ]
        return f"<table>{''.join(rows)}</table>"


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What rows become: how many there are, and their bytes as NDJSON, as values, and compressed."""

    rows: int
    raw: int
    values: int
    sent: int
    requests: int

    @classmethod
    def of(cls, payloads: Iterable[Payload]) -> _Sizes:
        total = cls(0, 0, 0, 0, 0)
        for p in payloads:
            total = total.plus(cls(p.rows, p.raw_bytes, p.value_bytes, len(p.body), 1))
        return total

    def plus(self, other: _Sizes) -> _Sizes:
        return _Sizes(
            self.rows + other.rows,
            self.raw + other.raw,
            self.values + other.values,
            self.sent + other.sent,
            self.requests + other.requests,
        )


def projected_bytes(rows: Source, encoder: Encoder) -> float:
    """Estimate the NDJSON size of the rows of a `cuttable` source from its first ones."""
    total = rows.total_rows or 0
    first = rows.part(0, min(total, FIRST_ROWS))
    written = sum(int(encoder.encode(batch, 0).borders[-1]) for batch in first.batches())
    return written * total / max(1, min(total, FIRST_ROWS))


def estimated(rows: Source, encoder: Encoder, target: str, options: LoadOptions) -> Estimate:
    """Estimate a load.

    Args:
        rows: its source; one that is not `cuttable` is written whole, for one channel.
        encoder: how its rows are written.
        target: where it would go; only shown.
        options: its `channels` and `limits`.

    Raises:
        RowTooLargeError: a row alone is above a limit; it would stop the load, too.
        DataError: the source can't be sent as it is.
    """
    limits = options.limits
    rate = RateLimits(
        DOCUMENTED.bytes_per_s if limits.max_bytes_per_s is None else limits.max_bytes_per_s,
        DOCUMENTED.requests_per_s if limits.max_requests_per_s is None else limits.max_requests_per_s,
    )
    projected = projected_bytes(rows, encoder) if rows.cuttable else 0.0
    if not rows.cuttable:
        channels = 1
    elif options.channels == "auto":
        channels = worthwhile(projected, rate.bytes_per_s)
    else:
        channels = options.channels
    if projected <= EXACT_BYTES:
        parts = _exact(rows, encoder, limits, rate, channels)
    else:
        parts = _sampled(rows, encoder, limits, rate, channels, projected)
    total = _Sizes.of(())
    for part in parts:
        total = total.plus(part)
    return Estimate(
        rows=total.rows,
        exact=projected <= EXACT_BYTES,
        raw_bytes=total.raw,
        billed_bytes=total.values,
        sent_bytes=total.sent,
        requests=total.requests,
        channels=len(parts),
        seconds=max(_seconds(part, rate) for part in parts),
        target=target,
    )


def _seconds(part: _Sizes, rate: RateLimits) -> float:
    """Return how long one channel takes: the tightest limit decides."""
    return max(part.raw / rate.bytes_per_s, part.requests / rate.requests_per_s)


def _exact(
    rows: Source, encoder: Encoder, limits: LoadLimits, rate: RateLimits, channels: int
) -> list[_Sizes]:
    """Write all rows of each channel, as its load would."""
    if rows.total_rows is None or not rows.cuttable:
        return [_written(rows, encoder, limits, rate)]
    parts = [rows.part(part.first_row, part.end_row) for part in cut(rows.total_rows, channels)]
    return [_written(part, encoder, limits, rate) for part in parts]


def _written(rows: Source, encoder: Encoder, limits: LoadLimits, rate: RateLimits) -> _Sizes:
    def encode(batch: pa.RecordBatch, first_row: int) -> EncodedRows:
        return encoder.encode(batch, rows.first_row + first_row)

    payloads = pack(
        encode_ordered(rows, encode),
        max_raw_bytes=limits.max_raw_bytes,
        max_wire_bytes=limits.max_wire_bytes,
        first_raw_bytes=limits.first_raw_bytes,
        usual_raw_bytes=_usual_bytes(rate),
    )
    return _Sizes.of(payloads)


def _usual_bytes(rate: RateLimits) -> float:
    return Pacer(rate).usual_bytes()


def _sampled(
    rows: Source, encoder: Encoder, limits: LoadLimits, rate: RateLimits, channels: int, projected: float
) -> list[_Sizes]:
    """Write slices that are spread evenly over the rows, as a sample of all."""
    total = rows.total_rows or 0
    length = max(1, int(total * SAMPLE_BYTES / projected / SAMPLE_SLICES))
    starts = [number * (total - length) // (SAMPLE_SLICES - 1) for number in range(SAMPLE_SLICES)]
    sample = _Sizes.of(())
    for start in starts:
        sample = sample.plus(_written(rows.part(start, start + length), encoder, limits, rate))
    return [_scaled(sample, part.end_row - part.first_row, limits, rate) for part in cut(total, channels)]


def _scaled(sample: _Sizes, rows: int, limits: LoadLimits, rate: RateLimits) -> _Sizes:
    """Return what this many rows become if they are like those of a sample."""
    raw = sample.raw * rows / sample.rows
    of_wire = limits.max_wire_bytes * FULL_ENOUGH * sample.raw / sample.sent
    first = min(limits.first_raw_bytes, of_wire)
    full = min(_usual_bytes(rate), limits.max_raw_bytes, of_wire)
    return _Sizes(
        rows,
        round(raw),
        round(sample.values * rows / sample.rows),
        round(sample.sent * rows / sample.rows),
        1 + math.ceil(max(0.0, raw - first) / full),
    )
