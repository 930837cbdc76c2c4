"""Record batches become NDJSON: every column's cells as text, then one join that also writes the rest.

A row is a fixed pattern, `{"a":` cell `,"b":"` cell `"}`. Braces, keys, colons, commas and quotes are
constant pieces of a single `binary_join_element_wise`; no pass over a column adds quotes or keys. The
bytes of a row depend on its values alone, not on how the source was cut into batches: resuming a load
compares digests of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cells import BinaryFormat, Piece, Place, choice, joined, missing_cells, offsets_of, render
from .source import open_source

Nulls = Literal["emit", "omit"]


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows as NDJSON.

    Attributes:
        data: the bytes, one line per row, each ended by a newline.
        borders: n+1 positions in `data`; row i is `data[borders[i]:borders[i + 1]]`.
        first_row: number of the first row in the whole source.
    """

    data: memoryview
    borders: np.ndarray
    first_row: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.borders) - 1

    @property
    def end_row(self) -> int:
        """Number of the row behind the last one."""
        return self.first_row + self.rows

    def bytes_of(self, start: int, stop: int) -> memoryview:
        """Return the bytes of rows `start` to `stop` of this batch, without copying."""
        return self.data[self.borders[start] : self.borders[stop]]


class Encoder:
    """Writes record batches as NDJSON. It holds options only: threads may share it.

    Args:
        nulls: "emit" writes `"c":null`, "omit" leaves the key out.
        binary_format: text form of bytes: "base64" (what default pipes read), "hex" or "utf-8".
    """

    def __init__(self, *, nulls: Nulls = "emit", binary_format: BinaryFormat = "base64") -> None:
        self._omit = nulls == "omit"
        self._binary_format = binary_format

    def encode(self, batch: pa.RecordBatch, first_row: int = 0) -> EncodedRows:
        """Write a batch; `first_row` is the number of its first row in the whole source, for messages.

        Raises:
            InvalidValueError: a cell has no JSON form; names column and row.
        """
        if batch.num_rows == 0:
            return EncodedRows(memoryview(b""), np.zeros(1, np.int32), first_row)
        pieces = self._omitting(batch, first_row) if self._omit else self._emitting(batch, first_row)
        lines = joined(pieces)
        if self._omit:
            return _without_last_commas(lines, first_row)
        borders = offsets_of(lines)
        return EncodedRows(memoryview(lines.buffers()[2]), borders, first_row)

    def _emitting(self, batch: pa.RecordBatch, first_row: int) -> Iterator[Piece]:
        last = batch.num_columns - 1
        for number, (field, array) in enumerate(zip(batch.schema, batch.columns, strict=True)):
            end = "}" if number == last else ","
            lead = ("{" if number == 0 else "") + json.dumps(field.name, ensure_ascii=False) + ":"
            cells = render(array, field, Place(field.name, first_row, end, self._binary_format))
            yield from cells.framed(lead, end)
        yield "\n"

    def _omitting(self, batch: pa.RecordBatch, first_row: int) -> Iterator[Piece]:
        """Each cell brings its key and a comma behind it; the row's last comma is taken out afterwards."""
        yield "{"
        for field, array in zip(batch.schema, batch.columns, strict=True):
            key = json.dumps(field.name, ensure_ascii=False) + ":"
            missing = missing_cells(array)
            cells = render(array, field, Place(field.name, first_row, ",", self._binary_format))
            if missing is None:
                yield from cells.framed(key, ",")
                continue
            yield choice(missing, key + cells.before, "")
            if cells.missing is not None:
                yield from cells.pieces
            else:  # the text has its nulls in it
                yield pc.if_else(pa.array(~missing), joined(cells.pieces), "")
            yield choice(missing, cells.after + ("" if cells.ended else ","), "")
        yield "}\n"


def _without_last_commas(lines: pa.StringArray, first_row: int) -> EncodedRows:
    borders = offsets_of(lines)
    data = np.frombuffer(lines.buffers()[2], np.uint8)[: borders[-1]]
    before_brace = borders[1:] - 3
    commas = data[before_brace] == ord(",")  # an empty object has none
    keep = np.ones(len(data), bool)
    keep[before_brace[commas]] = False
    shift = np.concatenate([[0], np.cumsum(commas)]).astype(np.int32)
    return EncodedRows(memoryview(data[keep].tobytes()), borders - shift, first_row)


def to_ndjson(
    source: Any, *, nulls: Nulls = "emit", binary_format: BinaryFormat = "base64", **options: Any
) -> bytes:
    """Return a whole source as NDJSON, as `stream()` would send it before compression.

    Args:
        source: what `stream()` takes.
        nulls, binary_format: as in `stream()`.
        options: `index`, `columns`, `column_case` of `open_source`.

    >>> to_ndjson(pd.DataFrame({"ID": [1, 2], "NAME": ["a", None]}))
    b'{"ID":1,"NAME":"a"}\\n{"ID":2,"NAME":null}\\n'
    """
    encoder = Encoder(nulls=nulls, binary_format=binary_format)
    rows = 0
    parts = []
    for batch in open_source(source, **options).batches():
        encoded = encoder.encode(batch, rows)
        rows = encoded.end_row
        parts.append(encoded.bytes_of(0, encoded.rows))
    return b"".join(parts)
