"""Cuts encoded rows into request bodies: one zstd frame each, full, and no compression is wasted.

A body grows by slices of whole rows. A slice whose raw size fits into the room that is left on the
wire cannot overflow it, however badly it compresses; after it, a flush shows how much room is really
left. So the limits hold, no compression is thrown away, and bodies end above 95 % full.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import xxhash

from ..errors import LoadMismatchError, RowFormatError, RowTooLargeError
from ..shown import counted
from .encode.encoder import ROW_FORMAT, EncodedRows
from .encode.line_structure import value_bytes

FULL_ENOUGH = 0.98
_FRAME_BYTES = 64
"""Upper bound of what closing a zstd frame still adds."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One request's rows.

    Attributes:
        first_row: number of the first row in the whole source.
        rows: number of rows.
        body: one zstd frame of their NDJSON, in memory of its own.
        raw_bytes: size before compression.
        value_bytes: how much of that is values (`encode/line_structure.py`).
        digest: xxh3 of the NDJSON of all rows of the source up to the last one in here.
        before: the digest's state at the first row.
    """

    first_row: int
    rows: int
    body: memoryview
    raw_bytes: int
    value_bytes: int
    digest: str
    before: xxhash.xxh3_64 = field(repr=False, compare=False)

    @property
    def end_row(self) -> int:
        """Number of the row after the last one."""
        return self.first_row + self.rows

    def halves(self) -> tuple[Payload, Payload]:
        """Return the first and the second half of the rows, for a service that does not take more at once."""
        raw = pa.CompressedInputStream(pa.BufferReader(self.body), "zstd").read()
        ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
        count = self.rows // 2
        cut = int(ends[count - 1]) + 1
        middle = self.before.copy()
        middle.update(raw[:cut])
        values = value_bytes(raw[:cut])
        return (
            Payload(self.first_row, count, _frame(raw[:cut]), cut, values, middle.hexdigest(), self.before),
            Payload(
                self.first_row + count,
                self.rows - count,
                _frame(raw[cut:]),
                len(raw) - cut,
                self.value_bytes - values,
                self.digest,
                middle,
            ),
        )


def _frame(raw: bytes) -> memoryview:
    return _mapped(pa.Codec("zstd").compress(raw))


def _mapped(frame: pa.Buffer) -> memoryview:
    """Copy a frame into pages of its own, which go back to the system when the body is released.

    A body is made in one thread and released in another, seconds later. C's allocator and Arrow's keep such
    memory, in pieces into which little fits: holding 130 MB of bodies took up to 300 MB, and kept them.
    """
    if sys.platform == "win32":
        pages = mmap.mmap(-1, frame.size)
    else:
        pages = mmap.mmap(-1, frame.size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.write(frame)
    return memoryview(pages).toreadonly()


def pack(
    encoded: Iterable[EncodedRows | None],
    *,
    max_raw_bytes: int,
    max_wire_bytes: int,
    first_raw_bytes: int,
    usual_raw_bytes: float = math.inf,
    wanted: Callable[[], bool] = lambda: False,
    load_id: str = "",
    skip_rows: int = 0,
    skip_digest: str = "",
    skip_format: int | None = ROW_FORMAT,
) -> Iterator[Payload]:
    """Yield the payloads of a source, in order.

    Args:
        encoded: the source's rows, from row 0 on; None among them ends the payload that was begun, if any.
        max_raw_bytes: most NDJSON in a payload.
        max_wire_bytes: most compressed bytes in a payload.
        first_raw_bytes: most NDJSON in the first payload, unless a row alone has more.
        usual_raw_bytes: most NDJSON in a payload, unless a row alone has more: a pace is kept best with
            requests that are a share of a second's bytes.
        wanted: whether a payload is waited for. Then the second one is ended with twice the bytes of the
            first, the third with twice those, until they are full: so the pace is found with few requests.
        load_id: for messages.
        skip_rows: rows that are committed already; they are hashed, not packed.
        skip_digest: what their digest must be.
        skip_format: the row format in which they were written, None for the first one, which has no number.

    Raises:
        LoadMismatchError: the skipped rows are fewer or other rows than the committed ones.
        RowFormatError: they may be the same, but were written in another format.
        RowTooLargeError: one row alone is above a limit.
    """
    limits = _Limits(first_raw_bytes, usual_raw_bytes, max_raw_bytes, max_wire_bytes)
    packing = _Packing(skip_rows, limits, wanted)
    for piece in encoded:
        if piece is None:
            yield from packing.ended()
            continue
        start = packing.skip(piece)
        if start and packing.end_row == skip_rows:
            _check_digest(packing.digest.hexdigest(), skip_digest, skip_format, skip_rows, load_id)
        yield from packing.add(piece, start)
    if packing.end_row < skip_rows:
        raise LoadMismatchError(
            f"the load has {counted(skip_rows, 'row')} committed, the source has only {packing.end_row:,}: "
            "it is not the data that this load began with; use another load_id for other data",
            load_id=load_id,
        )
    yield from packing.ended()


def _check_digest(found: str, wanted: str, written: int | None, rows: int, load_id: str) -> None:
    if found != wanted:
        raise _other_rows(rows, load_id) if written == ROW_FORMAT else _other_format(rows, load_id, written)


def _other_format(skip_rows: int, load_id: str, written: int | None) -> RowFormatError:
    if written is None:
        writer = "a version from before row formats had numbers"
    else:
        writer = f"{'an older' if written < ROW_FORMAT else 'a newer'} version, in row format {written}"
    return RowFormatError(
        f"the first {counted(skip_rows, 'row')} of the load {'was' if skip_rows == 1 else 'were'} committed "
        f"by {writer}; this one "
        f"({version('snowpipe-pandas')}) writes format {ROW_FORMAT}, so their texts can't be compared and "
        "nothing was sent; go on with the version that began the load, load_id unchanged (another load_id "
        "would send its rows a second time)",
        load_id=load_id,
        written=written,
        row_format=ROW_FORMAT,
    )


def _other_rows(skip_rows: int, load_id: str) -> LoadMismatchError:
    return LoadMismatchError(
        f"the first {counted(skip_rows, 'row')} of the source and those that the load has committed differ: "
        "rows were changed, moved or removed since, or were read with other types (a column that is 1 in one "
        "run and 1.0 in the other; other chunks of a file can do that); read them as before to go on, or use "
        "another load_id for other data",
        load_id=load_id,
    )


@dataclass(frozen=True, slots=True)
class _Limits:
    """Bytes of NDJSON in the first payload, in the others, and in a row alone; bytes on the wire."""

    first_raw: int
    usual_raw: float
    raw: int
    wire: int


class _Packing:
    """The digest of all rows so far, and the body that grows."""

    def __init__(self, skip_rows: int, limits: _Limits, wanted: Callable[[], bool]) -> None:
        self.digest = xxhash.xxh3_64()
        self.end_row = 0
        self._skip_rows = skip_rows
        self._limits = limits
        self._raw = self._enough = min(limits.first_raw, limits.usual_raw, limits.raw)
        self._wanted = wanted
        self._body: _Body | None = None

    def skip(self, piece: EncodedRows) -> int:
        """Hash the rows of a piece that are committed already; return their number."""
        count = max(0, min(self._skip_rows - self.end_row, piece.rows))
        self.digest.update(piece.bytes_of(0, count))
        self.end_row += count
        return count

    def add(self, piece: EncodedRows, start: int) -> Iterator[Payload]:
        """Pack the rows of a piece from `start` on; yield the payloads that became full."""
        while start < piece.rows:
            if self._body is None:
                self._body = _Body(self.end_row, self.digest.copy(), self._raw, self._limits)
            taken = self._body.take(piece, start)
            if taken == 0:
                yield from self.ended()
            self.digest.update(piece.bytes_of(start, start + taken))
            start += taken
            self.end_row += taken
            if taken and self._body.raw_bytes >= self._enough and self._wanted():
                yield from self.ended()

    def ended(self) -> Iterator[Payload]:
        """End the body, if one was begun; a body always has rows."""
        if self._body is not None:
            yield self._body.close(self.digest.hexdigest())
            self._body = None
            self._raw = min(self._limits.usual_raw, self._limits.raw)
            self._enough *= 2


class _Body:
    """A request body under construction.

    Args:
        first_row: number of its first row in the whole source.
        before: the digest's state there.
        raw: most NDJSON, unless a row alone has more.
        limits: what a row alone is held to, and most bytes on the wire.
    """

    def __init__(self, first_row: int, before: xxhash.xxh3_64, raw: float, limits: _Limits) -> None:
        self.first_row = first_row
        self._before = before
        self.rows = 0
        self.raw_bytes = 0
        self._value_bytes = 0
        self._unflushed = 0
        self._raw = raw
        self._max_raw = limits.raw
        self._max_wire = limits.wire - _FRAME_BYTES
        self._sink = pa.BufferOutputStream()
        self._frame = pa.CompressedOutputStream(self._sink, "zstd")

    def take(self, piece: EncodedRows, start: int) -> int:
        """Write as many rows from `start` on as surely fit; return their number, 0 when the body is full."""
        count = _rows_within(piece, start, self._room())
        if self._unflushed and (count == 0 or self._full()):
            self._flush()
            count = _rows_within(piece, start, self._room())
        if self.rows and self._full():
            return 0
        if count == 0:
            if self.rows:
                return 0
            count = self._check_single(piece, start)
        chunk = piece.bytes_of(start, start + count)
        self._frame.write(chunk)
        self.raw_bytes += len(chunk)
        self._value_bytes += piece.value_bytes(start, start + count)
        self._unflushed += len(chunk)
        self.rows += count
        if count == 1 and len(chunk) > self._max_wire:
            self._check_wire(piece, start, len(chunk))
        return count

    def close(self, digest: str) -> Payload:
        """End the frame."""
        self._frame.close()
        body = _mapped(self._sink.getvalue())
        return Payload(
            self.first_row, self.rows, body, self.raw_bytes, self._value_bytes, digest, self._before
        )

    def _room(self) -> int:
        """Return how many raw bytes surely fit: what is not flushed yet may not compress at all."""
        wire = self._max_wire - self._sink.tell() - _incompressible(self._unflushed)
        return int(min(self._raw - self.raw_bytes, wire - wire // 256))

    def _full(self) -> bool:
        wire: int = self._sink.tell() + _incompressible(self._unflushed)
        return wire > FULL_ENOUGH * self._max_wire

    def _flush(self) -> None:
        self._frame.flush()
        self._unflushed = 0

    def _check_single(self, piece: EncodedRows, start: int) -> int:
        """A row that is not sure to fit an empty body may still, compressed; its raw size must."""
        size = int(piece.borders[start + 1] - piece.borders[start])
        if size > self._max_raw:
            raise RowTooLargeError(row=piece.first_row + start, size=size, limit=self._max_raw)
        return 1

    def _check_wire(self, piece: EncodedRows, start: int, size: int) -> None:
        self._flush()
        if self._sink.tell() > self._max_wire:
            raise RowTooLargeError(row=piece.first_row + start, size=size, limit=self._max_wire)


def _incompressible(size: int) -> int:
    """Return the most that zstd makes of `size` bytes (ZSTD_compressBound and block headers)."""
    return size + (size >> 8) + _FRAME_BYTES if size else 0


def _rows_within(piece: EncodedRows, start: int, size: int) -> int:
    """Return the number of whole rows from `start` on that are at most `size` bytes together."""
    last = piece.borders.searchsorted(int(piece.borders[start]) + size, side="right") - 1
    return max(0, int(last) - start)
