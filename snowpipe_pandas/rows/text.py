"""Text and bytes as JSON strings."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .pieces import Piece, missing_cells, offsets_of, texts, value
from .place import Place

_CONTROL = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}
_BORDER = b"\xff"
"""A byte that UTF-8 never has."""


def quoted(text: pa.StringArray, nulls_of: pa.Array, place: Place, *, after: str = '"') -> list[Piece]:
    """Texts that need no escapes, between quotes; null where `nulls_of` is."""
    return value(['"', texts(text), after], missing_cells(nulls_of), place.end)


def strings(array: pa.Array, place: Place) -> list[Piece]:
    """Text, with what RFC 8259 wants escaped."""
    text = _valid_utf8(array if pa.types.is_string(array.type) else array.cast(pa.string()), place)
    borders = offsets_of(text) if len(text) else np.zeros(1, np.int32)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)[borders[0] : borders[-1]]
    codes = [ord("\\"), ord('"')]  # the backslash first: what escapes the others must not be escaped itself
    found = [code for code in codes if (data == code).any()]
    if len(data) and data.min() < 0x20:
        found += np.unique(data[data < 0x20]).tolist()
    if not found:
        return quoted(text, text, place)
    return value(['"', texts(_escaped(text, found))], missing_cells(text), place.end)


def _escaped(text: pa.StringArray, found: list[int]) -> pa.StringArray:
    """Escape all texts at once, as one run of bytes; each ends with its closing quote.

    They are joined by a byte that no text has. It tells the borders again when the escapes have moved
    them, and then makes room for the quotes.
    """
    run = pc.binary_join(
        pa.ListArray.from_arrays([0, len(text)], text.fill_null("").cast(pa.binary())), _BORDER
    )
    raw = b"".join((memoryview(run.buffers()[2]), _BORDER))
    for code in found:
        raw = raw.replace(bytes([code]), _ESCAPES[code])
    data = np.frombuffer(raw, np.uint8).copy()
    ends = np.flatnonzero(data == _BORDER[0])
    data[ends] = ord('"')
    borders = np.zeros(len(text) + 1, np.int32)
    np.add(ends, 1, out=borders[1:], casting="unsafe")
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(borders), pa.py_buffer(data))


_ESCAPES = {ord(char): escape.encode() for char, escape in _CONTROL.items()} | {
    ord('"'): b'\\"',
    ord("\\"): b"\\\\",
}


def _valid_utf8(text: pa.StringArray, place: Place) -> pa.StringArray:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        for number, cell in enumerate(text.cast(pa.binary())):
            try:
                (cell.as_py() or b"").decode("utf-8")
            except UnicodeDecodeError:
                problem = "is no valid UTF-8; decode or clean it"
                raise place.invalid(number, cell.as_py(), problem) from None
    return text


def binary(array: pa.Array, place: Place) -> list[Piece]:
    """Bytes in the text form that was asked for."""
    if place.binary_format == "utf-8":
        return strings(array.cast(pa.binary()).cast(pa.string(), safe=False), place)
    encode: Callable[[bytes], str] = (
        bytes.hex if place.binary_format == "hex" else lambda value: base64.b64encode(value).decode()
    )
    written = [None if cell is None else encode(cell) for cell in array.to_pylist()]
    return quoted(pa.array(written, pa.string()), array, place)
