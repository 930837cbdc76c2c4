"""Text and bytes as JSON strings."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import orjson
import pyarrow as pa

from .byte_mask import ByteMask
from .cell_location import CellLocation
from .segments import Segment, chosen, gathered, missing_cells, offsets_of, texts, value

_SHORT_ESCAPES = b'"\\\b\t\n\f\r'
"""Characters whose escapes have two bytes; those of the other control characters have six."""

SAMPLE = 1024
WORTHWHILE = 0.75
"""Texts that need escapes are looked up where less than this share of a sample is distinct."""


def quoted(
    text: pa.StringArray, nulls_of: pa.Array, location: CellLocation, *, after: str = '"'
) -> list[Segment]:
    """Texts that need no escapes, between quotes; null where `nulls_of` is."""
    return value(['"', texts(text), after], missing_cells(nulls_of), location.end)


def strings(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Text, with what RFC 8259 wants escaped."""
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    try:
        return _strings(text, location)
    except _NotUtf8Error:
        _refuse_bad_cell(text, location)
        # So what is bad lies under nulls: `take` leaves it out.
        return _strings(text.take(pa.array(np.arange(len(text)))), location)


class _NotUtf8Error(Exception):
    """Internal: some cell's bytes are no UTF-8."""


def _strings(text: pa.StringArray, location: CellLocation) -> list[Segment]:
    """One look at all texts as one run of bytes tells whether there is anything to escape."""
    run, borders = _run_of(text)
    special = ByteMask(len(run))
    np.less(run, 0x20, out=special.flags)
    special.flags |= run == ord('"')
    special.flags |= run == ord("\\")
    if not special.flags.any():
        _check_utf8(run, borders)
        return quoted(text, text, location)
    if _repeats(text):
        encoded = text.dictionary_encode()
        distinct = encoded.dictionary
        return [chosen(gathered(_strings(distinct, location), len(distinct)), encoded.indices, location.end)]
    return value(['"', texts(_escaped(run, borders, special)), '"'], missing_cells(text), location.end)


def _repeats(text: pa.StringArray) -> bool:
    """Whether it pays to find equal texts and to escape each of them once."""
    sample = text.slice(0, SAMPLE)
    return len(sample) == SAMPLE and len(sample.unique()) < WORTHWHILE * SAMPLE


def _run_of(text: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all texts, one behind the other, and the borders between them."""
    if len(text) == 0 or text.buffers()[2] is None:
        return np.empty(0, np.uint8), np.zeros(len(text) + 1, np.int32)
    borders = offsets_of(text)
    return np.frombuffer(text.buffers()[2], np.uint8)[borders[0] : borders[-1]], borders - borders[0]


def _escaped(run: np.ndarray, borders: np.ndarray, special: ByteMask) -> pa.StringArray:
    """Escape all texts as one, with orjson, and find out where their borders have moved to."""
    _check_borders(run, borders)
    try:
        written = orjson.dumps(str(run.data, "utf-8"))
    except UnicodeDecodeError:
        raise _NotUtf8Error from None
    moved = borders + 1 + special.before(borders)  # behind orjson's opening quote
    if moved[-1] + 1 < len(written):
        special.flags &= ~np.isin(run, np.frombuffer(_SHORT_ESCAPES, np.uint8))
        moved += 4 * special.before(borders)
    return pa.StringArray.from_buffers(
        len(borders) - 1, pa.py_buffer(moved.astype(np.int32)), pa.py_buffer(written)
    )


def _check_utf8(run: np.ndarray, borders: np.ndarray) -> None:
    """Check all texts as one, which is faster than each."""
    _check_borders(run, borders)
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(run)], np.int32)), pa.py_buffer(run))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        raise _NotUtf8Error from None


def _check_borders(run: np.ndarray, borders: np.ndarray) -> None:
    """No text begins within a character."""
    if (run[borders[borders < len(run)]] & 0xC0 == 0x80).any():
        raise _NotUtf8Error


def _refuse_bad_cell(text: pa.StringArray, location: CellLocation) -> None:
    for number, cell in enumerate(text.cast(pa.binary())):
        try:
            (cell.as_py() or b"").decode("utf-8")
        except UnicodeDecodeError:
            problem = "is no valid UTF-8; decode or clean it"
            raise location.invalid(number, cell.as_py(), problem) from None


def binary(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Bytes in the text form that was asked for."""
    if location.binary_format == "utf-8":
        return strings(array.cast(pa.binary()).cast(pa.string(), safe=False), location)
    encode: Callable[[bytes], str] = (
        bytes.hex if location.binary_format == "hex" else lambda value: base64.b64encode(value).decode()
    )
    written = [None if cell is None else encode(cell) for cell in array.to_pylist()]
    return quoted(pa.array(written, pa.string()), array, location)
