"""Numbers as JSON text: neighbouring columns of one type are written by orjson in one go.

orjson's shortest round-trip digits cost less than half of Arrow's own, and come with the comma that
follows them in the row.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import orjson
import pyarrow as pa

from .byte_mask import ByteMask
from .cell_location import CellLocation
from .scratch import empty
from .segments import Segment, Texts, chosen, missing_cells, values_of

_NAMES = ("null", '"NaN"', '"inf"', '"-inf"')
"""What is written for a cell without digits; `_side_by_side` numbers them in this order."""

RUN = 16_384
"""Cells that are written at once: their text stays in the cache, and no thread waits long for orjson."""

ROWS_PER_VALUE = 4
"""Integers are written once each where there are at least this many rows for each value of their span."""


def is_number(kind: pa.DataType) -> bool:
    """Return whether this module writes cells of the type."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def numbers(columns: list[pa.Array], location: CellLocation) -> list[list[Segment]]:
    """Write columns of one type, each cell with the same `end` after it."""
    if pa.types.is_float16(columns[0].type):
        return [_halves(column, location.end) for column in columns]
    spans = [_span(column) for column in columns]
    wide = [column for column, span in zip(columns, spans, strict=True) if span is None]
    written = iter(_side_by_side(wide, location.end) if wide else ())
    return [
        [next(written) if span is None else _of_span(column, span, location.end)]
        for column, span in zip(columns, spans, strict=True)
    ]


def _span(column: pa.Array) -> range | None:
    """Return the range of the integers, if it is so small that each is better written once."""
    if not pa.types.is_integer(column.type) or len(column) < ROWS_PER_VALUE:
        return None
    values = values_of(column)
    least, most = int(values.min()), int(values.max())
    return range(least, most + 1) if most - least < len(values) // ROWS_PER_VALUE else None


def _of_span(column: pa.Array, span: range, end: str) -> Segment:
    values = values_of(column)
    every = np.arange(span.start, span.stop, dtype=values.dtype)
    # Without a sign, the difference is right even where it is too large for the type.
    at = (values - every[0]).view(f"u{values.dtype.itemsize}").astype(np.int32)
    indices = pa.array(at, mask=missing_cells(column))
    return chosen(_digits(np.append(every, every[:1]), end), indices, end)


def _side_by_side(columns: list[pa.Array], end: str) -> list[Segment]:
    """Write the cells in the order of their rows, so that a row's digits lie side by side.

    Three rows of two columns, whose last row is null and NaN:

        cells        1 2   3 4   ? nan            count is 6
        all texts    0 to 5 the cells' digits, 6 null, 7 "NaN", 8 "inf", 9 "-inf", 10 the blank one
        numbers      column one 0 2 6, column two 1 3 7
    """
    cells = _row_by_row(columns)
    count = len(cells) - 1
    digits = [_digits(cells[at : at + RUN + 1], end) for at in range(0, max(1, count), RUN)]
    finite = cells.dtype.kind != "f" or np.count_nonzero(np.isfinite(cells)) == len(cells)
    shared = (*digits, _names(end))
    if len(columns) == 1 and finite and columns[0].null_count == 0:
        return [Texts(shared, None)]
    segments: list[Segment] = []
    for number, column in enumerate(columns):
        at = np.arange(number, count, len(columns), dtype=np.int32)
        if not finite:
            values = values_of(column)
            at[np.isnan(values)] = count + 1
            at[np.isposinf(values)] = count + 2
            at[np.isneginf(values)] = count + 3
        missing = missing_cells(column)
        if missing is not None:
            at[missing] = count
        segments.append(Texts(shared, at))
    return segments


@cache
def _names(end: str) -> pa.StringArray:
    """Return what is written for cells without digits, each with its end, and the blank text."""
    return pa.array([*(name + end for name in _NAMES), ""])


def _row_by_row(columns: list[pa.Array]) -> np.ndarray:
    """Return the cells in the order of their rows, and one more."""
    rows, width = len(columns[0]), len(columns)
    cells = empty(rows * width + 1, columns[0].type.to_pandas_dtype())
    cells[-1] = 0
    matrix = cells[:-1].reshape(rows, width)
    for number, column in enumerate(columns):
        matrix[:, number] = values_of(column)
    return cells


def _digits(cells: np.ndarray, end: str) -> pa.StringArray:
    """Write all cells but the last, which is there for the comma before it: commas become the ends.

    Cells 1, 2 and 3 are written as `[1,2,3]`: commas at 2 and 4, borders 1 3 5, the texts `1,` and `2,`.
    """
    raw = np.frombuffer(without_plus(orjson.dumps(cells, option=orjson.OPT_SERIALIZE_NUMPY)), np.uint8)
    marks = ByteMask(len(raw))
    np.equal(raw, ord(","), out=marks.flags)
    commas = marks.positions_apart(len(cells) - 1)
    data = raw
    if end != ",":
        data = raw.copy()
        data[commas] = ord(end)
    borders = empty(len(cells), np.int32)
    borders[0] = 1  # after the opening bracket
    np.add(commas, 1, out=borders[1:], casting="unsafe")
    return pa.StringArray.from_buffers(len(commas), pa.py_buffer(borders), pa.py_buffer(data))


def without_plus(digits: bytes) -> bytes:
    """Write `1e16` for the `1e+16` of newer versions of orjson: the same cell has the same bytes everywhere.

    Numbers have no other plus. Searching for a single byte costs next to nothing.
    """
    return digits.replace(b"+", b"") if b"+" in digits else digits


def _halves(array: pa.Array, end: str) -> list[Segment]:
    """float16 has few values, and NumPy alone has its shortest digits: each value is written once."""
    patterns, at = np.unique(values_of(array).view(np.uint16), return_inverse=True)
    texts = [half_text(value) + end for value in patterns.view(np.float16)]
    missing = missing_cells(array)
    at = at.astype(np.int32)
    if missing is not None:
        at[missing] = len(texts)
    return [Texts((pa.array([*texts, _NAMES[0] + end, ""]),), at)]


def half_text(value: np.float16) -> str:
    """Return a float16 as JSON: NumPy has the digits, orjson the form of all other floats (`6e-8`)."""
    if np.isfinite(value):
        return without_plus(orjson.dumps(float(str(value)))).decode()
    return '"NaN"' if np.isnan(value) else '"inf"' if value > 0 else '"-inf"'
