"""Finds rows of a source by their text, in the ranges that they can lie in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .encode.encoder import EncodedRows, Encoder
from .sources.source import Source


@dataclass(frozen=True, slots=True)
class Sought:
    """A row that is looked for: its text, the first row that it can be, and the row after the last one."""

    line: bytes
    first_row: int
    end_row: int


@dataclass(frozen=True, slots=True)
class Hits:
    """Rows of one batch that were found.

    Attributes:
        sought: their places among the sought rows.
        numbers: their row numbers in the whole source.
        batch: those rows.
    """

    sought: list[int]
    numbers: list[int]
    batch: pa.RecordBatch


def find_rows(source: Source, encoder: Encoder, sought: Sequence[Sought]) -> Iterator[Hits]:
    """Yield the sought rows that are found; each row of the source is at most one of them.

    A source that can be read in ranges is read only there; any other one from its first row on.
    """
    wanted = _Wanted(sought)
    for start, batches in _windows(source, sought):
        row = start
        for batch in batches:
            hits = wanted.take(encoder.encode(batch, row), row)
            if hits:
                picked = batch.take(pa.array([number - row for _, number in hits]))
                yield Hits([place for place, _ in hits], [number for _, number in hits], picked)
            row += batch.num_rows
            if wanted.is_empty:
                return


def _windows(source: Source, sought: Sequence[Sought]) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Yield the first rows of the ranges to be read, and their batches."""
    if not source.cuttable or source.total_rows is None:
        yield 0, source.batches()
        return
    for start, end in _joined(sought, source.total_rows):
        yield start, source.part(start, end).batches()


def _joined(sought: Sequence[Sought], total_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges in order, merged where they meet; a source may have become shorter."""
    ranges = sorted({(row.first_row, min(row.end_row, total_rows)) for row in sought})
    start = end = 0
    for first, after in ranges:
        if first > end:
            if start < end:
                yield start, end
            start = first
        end = max(end, after)
    if start < end:
        yield start, end


class _Wanted:
    """The sought rows that are not found yet."""

    def __init__(self, sought: Sequence[Sought]) -> None:
        self._places: dict[bytes, list[tuple[int, int, int]]] = {}
        for place, row in enumerate(sought):
            waiting = self._places.setdefault(row.line, [])
            waiting.append((row.end_row, row.first_row, place))
        for waiting in self._places.values():
            waiting.sort()  # whose range ends first takes the first row that it can
        self._sizes = np.unique([len(line) for line in self._places])

    @property
    def is_empty(self) -> bool:
        """Whether all are found."""
        return not self._places

    def take(self, encoded: EncodedRows, first_row: int) -> list[tuple[int, int]]:
        """Return the places of the rows that are found in a batch, and the numbers of its rows."""
        hits = []
        sizes = np.diff(encoded.borders) - len(b"\n")
        for at in np.flatnonzero(np.isin(sizes, self._sizes)).tolist():
            line = bytes(encoded.bytes_of(at, at + 1))[:-1]
            place = self._claim(line, first_row + at)
            if place is not None:
                hits.append((place, first_row + at))
        return hits

    def _claim(self, line: bytes, row: int) -> int | None:
        waiting = self._places.get(line, [])
        for at, (end, first, place) in enumerate(waiting):
            if first <= row < end:
                del waiting[at]
                if not waiting:
                    del self._places[line]
                return place
        return None
