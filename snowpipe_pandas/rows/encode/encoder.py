"""Record batches become NDJSON: every column is written as texts, then one copy puts the rows together.

A row is a fixed pattern, `{"a":` cell `,"b":"` cell `"}`. Braces, keys, colons, commas and quotes are
constant segments between the cells' (segments.py); no pass over a column adds quotes or keys. The bytes of
a row depend on its values alone, not on how the source was cut into batches: resuming a load compares
digests of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ..sources.source import open_source
from ..types import is_semi_structured
from .cell_location import BinaryFormat, CellLocation
from .column_writers import columns, key, null_values
from .line_structure import structure_of
from .parallel import encode_ordered
from .segments import Segment, blanked, gathered, offsets_of

Nulls = Literal["emit", "omit"]

ROW_FORMAT = 1
"""Number of the format of rows. It changes whenever the same values become other bytes.

Resuming a load compares digests of rows, so their bytes must not depend on the versions of libraries. Floats
have the fewest digits that read back the same, and an exponent without plus and zeros (`1e16`). Seconds have
six digits, or nine where the value has nanoseconds. Text has the short escapes of RFC 8259, `\\u00xx` for
the other control characters, and everything else as UTF-8. `tests/rows/golden` keeps the bytes of every type.
"""


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows as NDJSON.

    Attributes:
        data: the bytes, one line per row, each ended by a newline.
        borders: n+1 positions in `data`; row i is `data[borders[i]:borders[i + 1]]`.
        first_row: number of the first row in the whole source.
        structure: how many bytes of each row are not values: braces, keys, colons, commas, the newline.
    """

    data: memoryview
    borders: np.ndarray
    first_row: int
    structure: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.borders) - 1

    @property
    def end_row(self) -> int:
        """Number of the row after the last one."""
        return self.first_row + self.rows

    def bytes_of(self, start: int, stop: int) -> memoryview:
        """Return the bytes of rows `start` to `stop` of this batch, without copying."""
        return self.data[self.borders[start] : self.borders[stop]]

    def value_bytes(self, start: int, stop: int) -> int:
        """Return how many bytes of rows `start` to `stop` are values, as JSON writes them."""
        structure = int(np.add.reduce(self.structure[start:stop], dtype=np.int64))
        return int(self.borders[stop] - self.borders[start]) - structure


class Encoder:
    """Writes record batches as NDJSON. It holds options only: threads may share it.

    Args:
        nulls: "emit" writes `"c":null`, "omit" leaves the key out. Nulls of columns that become VARIANT,
            OBJECT or ARRAY are left out in any case.
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
            return EncodedRows(memoryview(b""), np.zeros(1, np.int32), first_row, np.zeros(0, np.int32))
        fields, last = list(batch.schema), batch.num_columns - 1
        left_out = [self._left_out(field, array) for field, array in zip(fields, batch.columns, strict=True)]
        ragged = any(missing is not None for missing in left_out)
        locations = [
            CellLocation(
                field.name,
                lambda number: first_row + number,
                "}" if number == last and not ragged else ",",
                self._binary_format,
            )
            for number, field in enumerate(fields)
        ]
        written = columns(fields, batch.columns, locations)
        keys = [key(name) for name in batch.schema.names]
        lines = gathered(_row(keys, left_out, written, ragged), batch.num_rows)
        structure = structure_of(keys, left_out, batch.num_rows)
        if ragged:
            return EncodedRows(*_without_last_commas(lines), first_row, structure)
        return EncodedRows(memoryview(lines.buffers()[2]), offsets_of(lines), first_row, structure)

    def _left_out(self, field: pa.Field, array: pa.Array) -> np.ndarray | None:
        """Return the rows in which the key is left out; None if there are none.

        In VARIANT a written null is a value, for which IS NULL is false. So it is never written there.
        """
        return null_values(array) if self._omit or is_semi_structured(field) else None


def _row(
    keys: Sequence[str],
    left_out: Sequence[np.ndarray | None],
    written: Iterable[list[Segment]],
    ragged: bool,
) -> Iterator[Segment]:
    """Put braces and keys around the columns; where keys are left out, each cell is followed by a comma."""
    yield "{"
    for own, missing, segments in zip(keys, left_out, written, strict=True):
        yield from [own, *segments] if missing is None else blanked([own, *segments], missing)
    yield "}\n" if ragged else "\n"


def _without_last_commas(lines: pa.StringArray) -> tuple[memoryview, np.ndarray]:
    """Return the lines' bytes and borders."""
    borders = offsets_of(lines)
    data = np.frombuffer(lines.buffers()[2], np.uint8)[: borders[-1]]
    before_brace = borders[1:] - 3
    commas = data[before_brace] == ord(",")  # an empty object has none
    keep = np.ones(len(data), bool)
    keep[before_brace[commas]] = False
    shift = np.concatenate([[0], np.cumsum(commas)]).astype(np.int32)
    return memoryview(data[keep].tobytes()), borders - shift


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
    encoded = encode_ordered(open_source(source, binary_format=binary_format, **options), encoder.encode)
    return b"".join([piece.bytes_of(0, piece.rows) for piece in encoded])
