"""Escapes texts as RFC 8259 requires, many texts at once and without holding the interpreter's lock.

Only what JSON forbids is escaped: the quote, the backslash, and control characters, which become a letter
after a backslash, or `u` and four digits. Everything else is copied unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .byte_mask import ByteMask
from .segments import offsets_of

RUN_BYTES = 512 * 1024
"""Texts are escaped in runs of this size: they stay in the cache, and their buffers are used again."""

_LETTERS = np.full(0x20, ord("u"), np.uint8)
_LETTERS[list(b"\b\t\n\f\r")] = list(b"btnfr")
"""What follows the backslash of a control character."""

_DIGITS = pa.array([*(b"%04x" % code for code in range(0x20)), b""])
"""What follows the `u` of a control character; nothing at number 0x20."""

_BACKSLASH = pa.scalar(b"\\")


class NotUtf8Error(Exception):
    """Internal: some text's bytes are not UTF-8."""


@dataclass(frozen=True, slots=True)
class Run:
    """Some texts of a column, one after the other.

    Attributes:
        data: their bytes.
        borders: n+1 positions in `data`.
        special: which bytes need an escape.
    """

    data: np.ndarray
    borders: np.ndarray
    special: ByteMask


def runs_of(text: pa.StringArray) -> Iterator[Run]:
    """Cut a column into runs of whole texts, and mark what needs an escape."""
    if len(text) == 0 or text.buffers()[2] is None:
        return
    data, borders = np.frombuffer(text.buffers()[2], np.uint8), offsets_of(text)
    cuts = borders.searchsorted(np.arange(borders[0] + RUN_BYTES, borders[-1], RUN_BYTES))
    for start, stop in pairwise(sorted({0, *cuts.tolist(), len(text)})):
        own = data[borders[start] : borders[stop]]
        special = ByteMask(len(own))
        np.less(own ^ 2, 0x21, out=special.flags)  # 0x00 to 0x1f, and the quote, which is 0x22
        special.flags |= own == ord("\\")
        yield Run(own, borders[start : stop + 1] - borders[start], special)


def check_utf8(run: Run) -> None:
    """Check all texts as one, which is faster than each alone; none may then begin inside a character.

    Raises:
        NotUtf8Error: a text is not UTF-8.
    """
    if np.maximum.reduce(run.data, initial=0) < 0x80:
        return
    whole = pa.py_buffer(np.array([0, len(run.data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, whole, pa.py_buffer(run.data)).validate(full=True)
    except pa.ArrowInvalid:
        raise NotUtf8Error from None
    starts = run.borders[run.borders < len(run.data)]
    if (run.data[starts] & 0xC0 == 0x80).any():
        raise NotUtf8Error


def escaped(run: Run) -> pa.StringArray:
    """Escape the texts of a run: backslashes go in where special bytes are, and some of those are replaced.

    Three texts `a"b`, newline and `c`, where `|` is a border and `~` the newline:

        a"b|~|c         the run; its borders are 0 3 4 5, its special bytes are at 1 and 3
        a + "b + ~c     cut before them
        a\\"b|\\~|c       joined by backslashes; each border has moved by the special bytes before it: 0 4 6 7
        a\\"b|\\n|c       with letters for control characters

    Raises:
        NotUtf8Error: a text is not UTF-8.
    """
    check_utf8(run)
    at = run.special.positions()
    data = np.frombuffer(_joined(_pieces(run.data, at)), np.uint8)
    borders = run.borders + run.special.before(run.borders)
    bytes_there = run.data[at]
    controls = np.flatnonzero(bytes_there < 0x20)
    if len(controls):
        codes, old = bytes_there[controls], at[controls]
        data, more = _with_letters(data, codes, old + controls + 1)
        borders += 4 * np.searchsorted(old[more], run.borders)
    return pa.StringArray.from_buffers(
        len(borders) - 1, pa.py_buffer(borders.astype(np.int32)), pa.py_buffer(data)
    )


def _with_letters(data: np.ndarray, codes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write letters over control characters; also return which of them became longer, by four digits."""
    letters = _LETTERS[codes]
    data[at] = letters
    long = letters == ord("u")
    if long.any():
        digits = _DIGITS.take(pa.array(np.append(codes[long], 0x20)))
        pieces = _pieces(data, at[long] + 1)
        data = np.frombuffer(pc.binary_join_element_wise(pieces, digits, b"").buffers()[2], np.uint8)
    return data, long


def _pieces(data: np.ndarray, cuts: np.ndarray) -> pa.BinaryArray:
    borders = np.empty(len(cuts) + 2, np.int32)
    borders[0], borders[1:-1], borders[-1] = 0, cuts, len(data)
    buffers = [None, pa.py_buffer(borders), pa.py_buffer(data)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(cuts) + 1, buffers)


def _joined(pieces: pa.BinaryArray) -> pa.Buffer:
    """Join all pieces with a backslash between them."""
    one_list = pa.ListArray.from_arrays(pa.array([0, len(pieces)], pa.int32()), pieces)
    return pc.binary_join(one_list, _BACKSLASH).buffers()[2]
