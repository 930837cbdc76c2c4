"""Marked bytes of a text: where they are, and how many are before a border, eight bytes at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .scratch import empty

WORTHWHILE = 12
"""Bytes from one mark to the next, on average, above which it pays to search by eights."""

_WORD = np.dtype("<u8")
_SUM = np.uint64(0x0101010101010101)
"""Flags in a word, times this number, have their count in its top byte."""

_INDEX = np.uint64(0x0001020304050607)
"""A single flag in byte k, times this number, has k in its top byte."""

_NUMBERS = pa.array(np.arange(768 * 1024, dtype=np.int32))
"""Arrow filters these by the marks, which is faster than NumPy's search where there are many."""

_TOP_BYTE = np.uint64(56)
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(8)], np.uint64)


class ByteMask:
    """Flags for the bytes of a text.

    Attributes:
        flags: one bool for each byte; the owner writes all of them.
    """

    def __init__(self, size: int) -> None:
        self._words = empty(size // 8 + 1, _WORD)
        self._words[-1] = 0
        self.flags = self._words.view(bool)[:size]

    def positions(self) -> np.ndarray:
        """Return where the marks are."""
        if len(self.flags) > len(_NUMBERS):
            return np.flatnonzero(self.flags).astype(np.int32)
        bits = pa.py_buffer(np.packbits(self.flags, bitorder="little"))
        marked = pa.BooleanArray.from_buffers(pa.bool_(), len(self.flags), [None, bits])
        at: np.ndarray = pc.array_filter(_NUMBERS[: len(self.flags)], marked).to_numpy()
        return at

    def positions_apart(self, count: int) -> np.ndarray:
        """Return where the marks are; faster where they are far apart. `count` is how many there are."""
        if len(self.flags) >= WORTHWHILE * count:
            marked = (self._words != 0).nonzero()[0]  # much faster than nonzero() of the words
            if len(marked) == count:  # so no word has two
                inside = self._words[marked] * _INDEX >> _TOP_BYTE
                return np.asarray(8 * marked + inside.view(np.int64))
        return np.asarray(self.flags.nonzero()[0])

    def before(self, borders: np.ndarray) -> np.ndarray:
        """Return how many marks are before each border."""
        counts = np.zeros(len(self._words) + 1, np.int64)
        np.cumsum(_counts(self._words), out=counts[1:])
        whole = borders >> 3
        rest = self._words[whole] & _FIRST_BYTES[borders & 7]
        before: np.ndarray = counts[whole] + _counts(rest)
        return before


def _counts(words: np.ndarray) -> np.ndarray:
    return (words * _SUM >> _TOP_BYTE).view(np.int64)
