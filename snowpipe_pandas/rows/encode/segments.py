"""Rows as sequences of segments, and the one kernel that puts them together.

A segment is a constant, one of a few constants, or one of many texts. The texts of all segments are laid
into one array, a matrix says for each row which of them follow each other, and a single `take` of that
array by that matrix copies them into the buffer of the result. A null, a quote that only some cells
have, or a value of a dictionary is then only a number, and no text is copied for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .scratch import empty

FEW = 64
"""Up to this many texts, neighbouring choices are merged: each segment of a row costs as much as a copy."""

BLANK = pa.array([""])


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts: `texts[at[row]]`."""

    texts: tuple[str, ...]
    at: np.ndarray


@dataclass(frozen=True, slots=True)
class Texts:
    """One of many texts: number `at[row]` of all the arrays' texts; number `row` where `at` is None.

    The last of all texts is the empty one, for cells without text. Segments that share their arrays
    share one tuple.
    """

    arrays: tuple[pa.StringArray, ...]
    at: np.ndarray | None

    @property
    def blank(self) -> int:
        """Number of the empty text."""
        return sum(map(len, self.arrays)) - 1


Segment: TypeAlias = "str | Choice | Texts"


def texts(own: pa.StringArray, others: Iterable[str] = (), at: np.ndarray | None = None) -> Texts:
    """Make a segment of an array's texts, and of others that are numbered after them."""
    more = list(others)
    bare = _without_validity(own)
    return Texts((bare, pa.array([*more, ""])) if more else (bare, BLANK), at)


def chosen(own: pa.StringArray, indices: pa.Array, end: str) -> Segment:
    """Make a segment of texts that include their end, and indices of them; a null index is a null."""
    at = values_of(indices).astype(np.int32)
    null = "null" + end
    missing = missing_cells(indices)
    if missing is not None:
        at[missing] = len(own)
    if len(at) and (at.min() < 0 or at.max() > len(own)):
        raise IndexError("an index of a dictionary is outside of it")
    return Choice((*own.to_pylist(), null), at) if len(own) < FEW else texts(own, [null], at)


def blanked(segments: list[Segment], missing: np.ndarray, instead: str = "") -> list[Segment]:
    """Return the segments with nothing, or `instead`, where `missing` is true."""
    changed = [_blanked(segment, missing) for segment in segments]
    if instead:
        changed.insert(0, Choice(("", instead), missing))
    return changed


def value(segments: list[Segment], missing: np.ndarray | None, end: str) -> list[Segment]:
    """Return the segments of values that may be null, and what follows them."""
    if missing is None:
        return [*segments, end]
    return [*blanked(segments, missing, "null"), end]


def _blanked(segment: Segment, missing: np.ndarray) -> Segment:
    if isinstance(segment, str):
        return Choice((segment, ""), missing)
    if isinstance(segment, Choice):
        return Choice((*segment.texts, ""), np.where(missing, len(segment.texts), segment.at))
    own = np.arange(len(missing), dtype=np.int32) if segment.at is None else segment.at
    return Texts(segment.arrays, np.where(missing, np.int32(segment.blank), own))


def gathered(segments: Iterable[Segment], rows: int) -> pa.StringArray:
    """Put the segments of each row together."""
    merged = _merged(segments)
    if len(merged) == 1 and isinstance(merged[0], Texts) and merged[0].at is None:
        own = merged[0].arrays
        return own[0] if len(own[0]) == rows else pa.concat_arrays(own).slice(0, rows)
    everything, starts = _laid_out(merged)
    matrix = empty(rows * len(merged), np.int32).reshape(rows, len(merged))
    every_row = np.arange(rows, dtype=np.int32)
    for column, (segment, start) in enumerate(zip(merged, starts, strict=True)):
        if isinstance(segment, str):
            matrix[:, column] = start
        else:
            at = every_row if segment.at is None else segment.at
            np.add(at, start, out=matrix[:, column], dtype=np.int32, casting="same_kind")
    taken = pc.take(everything, pa.array(matrix.reshape(-1)))
    borders = np.ascontiguousarray(offsets_of(taken)[:: len(merged)])
    return pa.StringArray.from_buffers(rows, pa.py_buffer(borders), taken.buffers()[2])


def _laid_out(segments: list[Segment]) -> tuple[pa.StringArray, list[int]]:
    """Lay all texts into one array, constants last; return it, and where each segment's texts start.

    Three rows of a number, a constant, and a flag, where the numbers' last text is the blank one:

        segments     Texts("7," "8," "9," "")   '"b":'   Choice(("false", "true"), at=[1, 0, 1])
        all texts    0 "7,"  1 "8,"  2 "9,"  3 ""  4 '"b":'  5 "false"  6 "true"
        starts       0   4   5

    A row's numbers are the starts plus what each segment says for that row: 0 4 6, 1 4 5 and 2 4 6.
    """
    arrays: list[pa.StringArray] = []
    first_text: dict[int, int] = {}  # of arrays that several segments share, by the tuple's identity
    texts_so_far = 0
    for segment in segments:
        if isinstance(segment, Texts) and id(segment.arrays) not in first_text:
            first_text[id(segment.arrays)] = texts_so_far
            arrays += segment.arrays
            texts_so_far += segment.blank + 1
    constants: list[str] = []
    starts: list[int] = []
    for segment in segments:
        if isinstance(segment, Texts):
            starts.append(first_text[id(segment.arrays)])
        else:
            starts.append(texts_so_far + len(constants))
            constants += [segment] if isinstance(segment, str) else segment.texts
    return pa.concat_arrays([*arrays, pa.array(constants, pa.string())]), starts


def _merged(segments: Iterable[Segment]) -> list[Segment]:
    """Merge neighbours that are few texts together."""
    merged: list[Segment] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if last is None or isinstance(last, Texts) or isinstance(segment, Texts):
            merged.append(segment)
        elif _count(last) * _count(segment) <= FEW:
            merged[-1] = _product(last, segment)
        else:
            merged.append(segment)
    return merged


def _count(segment: str | Choice) -> int:
    return 1 if isinstance(segment, str) else len(segment.texts)


def _product(left: str | Choice, right: str | Choice) -> str | Choice:
    if isinstance(left, str):
        return (
            left + right if isinstance(right, str) else Choice(tuple(left + t for t in right.texts), right.at)
        )
    if isinstance(right, str):
        return Choice(tuple(t + right for t in left.texts), left.at)
    pairs = tuple(a + b for a in left.texts for b in right.texts)
    at = left.at.astype(np.int8) * np.int8(len(right.texts)) + right.at.astype(np.int8)
    return Choice(pairs, at)


def missing_cells(array: pa.Array) -> np.ndarray | None:
    """Return which cells are null, None if none is."""
    if array.null_count == 0:
        return None
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


def offsets_of(text: pa.StringArray) -> np.ndarray:
    """Return the n+1 borders of a text array's values in its data buffer."""
    borders = np.frombuffer(text.buffers()[1], np.int32)
    return borders[text.offset : text.offset + len(text) + 1]


def _without_validity(text: pa.StringArray) -> pa.StringArray:
    if text.null_count == 0:
        return text
    _, borders, data = text.buffers()
    return pa.StringArray.from_buffers(len(text), borders, data, None, 0, text.offset)


def values_of(array: pa.Array) -> np.ndarray:
    """Return the values of a numeric array without copying; the values at nulls are arbitrary."""
    dtype = array.type.to_pandas_dtype()
    if len(array) == 0:
        return np.empty(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]
