"""How many bytes of a row's line are structure, and how many are values: the service bills only values.

The rule: a row is a JSON object on a line. Its structure is the braces, the keys with their quotes and
colons, the commas between its members, and the newline; everything else is values, as JSON writes them. Texts
count with their quotes and escapes, a null that is written with its four letters, a nested object with the
keys and commas inside of it. The braces, keys and commas of a row follow from its keys, so nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_FRAME_BYTES = 2
"""An object and its newline, less the comma that its last member does not have: `{`, `}`, newline."""

_EMPTY_BYTES = 3
"""An object without members, and its newline."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]')


def structure_of(keys: Sequence[str], left_out: Sequence[np.ndarray | None], rows: int) -> np.ndarray:
    """Return how many bytes of each row are structure.

    Args:
        keys: of the columns, each with its quotes and colon.
        left_out: in which rows a column's key is left out; None if in none.
        rows: number of rows.

    >>> structure_of(['"A":', '"B":'], [None, np.array([False, True])], 2)  # {"A":1,"B":2} and {"A":1}
    array([12,  7], dtype=int32)
    """
    sizes = [len(key.encode()) + 1 for key in keys]  # and the comma
    every_row = np.int32(_FRAME_BYTES + sum(sizes))
    ragged = [(size, missing) for size, missing in zip(sizes, left_out, strict=True) if missing is not None]
    structure = np.full(rows, every_row)
    if not ragged:
        return structure
    for size, missing in ragged:
        structure -= missing * np.int32(size)
    return np.maximum(structure, np.int32(_EMPTY_BYTES))


def value_bytes(lines: bytes) -> int:
    """Return how many bytes of lines are values, by reading them: for lines whose keys are no longer known.

    >>> value_bytes(b'{"A":"x","B":{"C":1}}\\n')
    10
    """
    depth, in_key, structure = 0, False, lines.count(b"\n")
    for found in _TOKEN.finditer(lines):
        token = found[0]
        if token in b"{[":
            depth += 1
        if depth == 1:
            if token[:1] != b'"':
                structure += 1
                in_key = token in b"{,"
            elif in_key:
                structure += len(token)
        if token in b"]}":
            depth -= 1
    return len(lines) - structure
