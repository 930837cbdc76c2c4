"""Text and bytes as JSON strings."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from .cell_location import CellLocation
from .escapes import NotUtf8Error, check_utf8, escaped, runs_of
from .segments import BLANK, Segment, Texts, chosen, gathered, missing_cells, texts, value

SAMPLE = 1024
FIRST_LOOK = 128
WORTHWHILE = 0.75
"""Texts that need escapes are looked up where less than this share of a sample is distinct."""


MOST_BYTES = 2**31 - 1
"""The most text that Arrow's plain layout holds."""


def quoted(
    text: pa.StringArray, nulls_of: pa.Array, location: CellLocation, *, after: str = '"'
) -> list[Segment]:
    """Write texts that need no escapes, between quotes; null where `nulls_of` is."""
    return value(['"', texts(text), after], missing_cells(nulls_of), location.end)


def strings(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Write text, escaped as RFC 8259 requires."""
    text = _with_short_borders(array)
    try:
        return _strings(text, location)
    except NotUtf8Error:
        _refuse_bad_cell(text, location)
        # So what is invalid lies under nulls: `take` leaves it out.
        return _strings(text.take(pa.array(np.arange(len(text)))), location)


def _with_short_borders(array: pa.Array) -> pa.StringArray:
    """Return text of any layout as Arrow's plain one; a slice of a very large text may be small.

    Arrow's own cast refuses such a slice: its borders count from the beginning of all text.
    """
    if pa.types.is_string(array.type):
        return array
    if not pa.types.is_large_string(array.type):
        return array.cast(pa.string())
    _, borders, data = array.buffers()
    own = np.frombuffer(borders, np.int64)[array.offset : array.offset + len(array) + 1]
    start, size = int(own[0]), int(own[-1] - own[0])
    if size > MOST_BYTES:
        return array.cast(pa.string())  # which refuses it
    missing = missing_cells(array)
    valid = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    buffers = pa.py_buffer((own - start).astype(np.int32)), data and data.slice(start, size), valid
    return pa.StringArray.from_buffers(len(array), *buffers)


def _strings(text: pa.StringArray, location: CellLocation) -> list[Segment]:
    runs = list(runs_of(text))
    if not any(np.count_nonzero(run.special.flags) for run in runs):
        for run in runs:
            check_utf8(run)
        return quoted(text, text, location)
    if _repeats(text):
        encoded = text.dictionary_encode()
        distinct = encoded.dictionary
        return [chosen(gathered(_strings(distinct, location), len(distinct)), encoded.indices, location.end)]
    written = Texts((*map(escaped, runs), BLANK), None)
    return value(['"', written, '"'], missing_cells(text), location.end)


def _repeats(text: pa.StringArray) -> bool:
    """Return whether it pays to find equal texts and to escape each of them once.

    If no two of the first few are equal, there is no need to check more.
    """
    few, sample = text.slice(0, FIRST_LOOK), text.slice(0, SAMPLE)
    if len(sample) < SAMPLE or len(few.unique()) == FIRST_LOOK:
        return False
    return len(sample.unique()) < WORTHWHILE * SAMPLE


def _refuse_bad_cell(text: pa.StringArray, location: CellLocation) -> None:
    for number, cell in enumerate(text.cast(pa.binary())):
        try:
            (cell.as_py() or b"").decode("utf-8")
        except UnicodeDecodeError:
            problem = "is not valid UTF-8; decode or clean it"
            raise location.invalid(number, cell.as_py(), problem) from None


def binary(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Write bytes in the requested text form."""
    if location.binary_format == "utf-8":
        return strings(array.cast(pa.binary()).cast(pa.string(), safe=False), location)
    encode: Callable[[bytes], str] = (
        bytes.hex if location.binary_format == "hex" else lambda value: base64.b64encode(value).decode()
    )
    written = [None if cell is None else encode(cell) for cell in array.to_pylist()]
    return quoted(pa.array(written, pa.string()), array, location)
