"""Cuts record batches by the size of their rows as NDJSON, not by their size in Arrow's form.

A dictionary, a run or a view holds a text once and refers to it often: 60,000 rows of a few bytes may be 6 GB
of JSON. So each row's size is estimated, from lengths and offsets alone: no value is decoded. Escapes in
texts are not counted: they are rare where texts are long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..types import is_bytes, is_string

MAX_BATCH_ROWS = 65_536
MAX_BATCH_CELLS = 262_144
BATCH_BYTES = 6 * 1024 * 1024
"""Batches become about this much NDJSON at most: they fit a core's cache, render evenly, and take little
memory while they do (up to four times as much)."""

MAX_ELEMENTS = 4_194_304
"""Elements of lists whose sizes are counted at once, 8 bytes each."""

NULL_BYTES = len("null")
TEXT_BYTES = len('""')
KEY_BYTES = len('"":,')
BRACKETS = len("[]")

Sizes: TypeAlias = "int | np.ndarray"
"""Bytes of JSON: one number for all elements of an array, or one for each."""


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slice a batch by rows, cells and bytes of NDJSON; a row larger than a slice is a slice alone."""
    if batch.num_rows == 1:
        yield batch
        return
    rows = max(1, min(MAX_BATCH_ROWS, MAX_BATCH_CELLS // max(1, batch.num_columns)))
    for start in range(0, batch.num_rows, rows):
        for window in _countable(batch.slice(start, rows)):
            yield from _by_bytes(window)


def size_of(batch: pa.RecordBatch) -> int:
    """Return about how many bytes of NDJSON a batch becomes."""
    return int(np.broadcast_to(_row_sizes(batch), batch.num_rows).sum())


def _countable(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Halve a batch until its lists have few enough elements to count their sizes."""
    if batch.num_rows > 1 and sum(map(_elements, batch.columns)) > MAX_ELEMENTS:
        half = batch.num_rows // 2
        yield from _countable(batch.slice(0, half))
        yield from _countable(batch.slice(half))
    else:
        yield batch


def _by_bytes(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    sizes = np.broadcast_to(_row_sizes(batch), batch.num_rows)
    ends = np.cumsum(sizes, dtype=np.int64)
    total, largest = int(ends[-1]), int(sizes.max())
    # Slices of equal size, if the rows are: else the last one would be a rest of any size.
    even = -(-total // -(-total // BATCH_BYTES)) + largest
    most = min(BATCH_BYTES, even)
    start = done = 0
    while start < batch.num_rows:
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield batch.slice(start, stop - start)
        start, done = stop, int(ends[stop - 1])


def _row_sizes(batch: pa.RecordBatch) -> Sizes:
    return BRACKETS + _of_fields(batch.schema.names, batch.columns)


def _of_fields(names: list[str], columns: list[pa.Array]) -> Sizes:
    """Return the sizes of keys and values side by side."""
    total: Sizes = 0
    for name, column in zip(names, columns, strict=True):
        total = total + _sizes(column) + KEY_BYTES + len(name)
    return total


def _sizes(array: pa.Array) -> Sizes:
    """Return the bytes of JSON of an array's values."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _sizes(array.storage)
    if len(array) == 0:
        return 0
    if not pa.types.is_primitive(kind):
        for matches, sizes in _RULES:
            if matches(kind):
                return sizes(array)
    return next((size for matches, size in _FIXED if matches(kind)), NULL_BYTES)


def _or_null(array: pa.Array, sizes: Sizes) -> Sizes:
    """Return the size of null for nulls: what lies under them may be of any size, and is not written."""
    if isinstance(sizes, int) or array.null_count == 0:
        return sizes
    return np.where(array.is_null().to_numpy(zero_copy_only=False), NULL_BYTES, sizes)


def _texts(array: pa.Array) -> Sizes:
    return _or_null(array, _lengths(array) + TEXT_BYTES)


def _binary(array: pa.Array) -> Sizes:
    """Return a size between the 4/3 of Base64 and the 2 of hex."""
    lengths = _lengths(array)
    return _or_null(array, lengths + lengths // 2 + TEXT_BYTES)


def _lengths(array: pa.Array) -> Sizes:
    kind, start, stop = array.type, array.offset, array.offset + len(array)
    if pa.types.is_fixed_size_binary(kind):
        return int(kind.byte_width)
    buffer = array.buffers()[1]
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        # A view is 16 bytes, of which the first four are the length.
        return np.frombuffer(buffer, np.int32)[::4][start:stop].astype(np.int64)
    wide = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    return np.diff(np.frombuffer(buffer, np.int64 if wide else np.int32)[start : stop + 1].astype(np.int64))


def _dictionary(array: pa.DictionaryArray) -> Sizes:
    sizes = _sizes(array.dictionary)
    if isinstance(sizes, int):
        return sizes or NULL_BYTES
    at = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
    return _or_null(array.indices, sizes[at])


def _run_ends(array: pa.RunEndEncodedArray) -> Sizes:
    first, count = array.find_physical_offset(), array.find_physical_length()
    sizes = _sizes(array.values.slice(first, count))
    if isinstance(sizes, int):
        return sizes
    ends = array.run_ends.slice(first, count).to_numpy().astype(np.int64) - array.offset
    return np.repeat(sizes, np.diff(np.minimum(ends, len(array)), prepend=0))


def _structs(array: pa.StructArray) -> Sizes:
    names = [field.name for field in array.type]
    fields = [array.field(number) for number in range(len(names))]
    return _or_null(array, BRACKETS + _of_fields(names, fields))


def _lists(array: pa.Array) -> Sizes:
    starts, stops, children = _children(array)
    each: Sizes = 1
    for child in children:
        each = each + _sizes(child)
    if len(children) == 2:  # of a map
        each = each + KEY_BYTES
    if isinstance(each, int):
        inside = (stops - starts) * each
    else:
        sums = np.concatenate([[0], np.cumsum(each)])
        inside = sums[stops] - sums[starts]
    return _or_null(array, inside + BRACKETS)


def _children(array: pa.Array) -> tuple[np.ndarray, np.ndarray, list[pa.Array]]:
    """Return where each list starts and stops in its elements, and the elements; keys and items of a map."""
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        starts = np.arange(array.offset, array.offset + len(array), dtype=np.int64) * kind.list_size
        stops = starts + kind.list_size
    elif pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        starts = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        counts = array.sizes.to_numpy(zero_copy_only=False)
        real = array.is_valid().to_numpy(zero_copy_only=False) & (counts > 0)
        starts = np.where(real, starts, starts[real].min(initial=len(array.values)))
        stops = starts + np.where(real, counts, 0)
    else:
        offsets = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        starts, stops = offsets[:-1], offsets[1:]
    first = int(starts.min(initial=len(array.values)))
    count = int(stops.max(initial=first)) - first
    parts = [array.keys, array.items] if pa.types.is_map(kind) else [array.values]
    return starts - first, stops - first, [part.slice(first, count) for part in parts]


def _elements(array: pa.Array) -> int:
    """Return how many elements an array's lists have, at all depths; slices share dictionaries."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _elements(array.storage)
    if pa.types.is_struct(kind):
        return sum(_elements(array.field(number)) for number in range(kind.num_fields))
    if pa.types.is_run_end_encoded(kind):
        return _elements(array.values.slice(array.find_physical_offset(), array.find_physical_length()))
    if not (pa.types.is_nested(kind) and _is_any_list(kind)):
        return 0
    return sum(len(child) + _elements(child) for child in _children(array)[2])


def _is_any_list(kind: pa.DataType) -> bool:
    return any(
        matches(kind)
        for matches in (
            pa.types.is_list,
            pa.types.is_large_list,
            pa.types.is_fixed_size_list,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
            pa.types.is_map,
        )
    )


def _decimals(array: pa.Array) -> Sizes:
    return int(array.type.precision) + 2 * TEXT_BYTES


_Matches: TypeAlias = Callable[[pa.DataType], bool]

_RULES: tuple[tuple[_Matches, Callable[[pa.Array], Sizes]], ...] = (
    (is_string, _texts),
    (is_bytes, _binary),
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_struct, _structs),
    (_is_any_list, _lists),
    (pa.types.is_run_end_encoded, _run_ends),
    (pa.types.is_decimal, _decimals),
)

_FIXED: tuple[tuple[_Matches, int], ...] = (
    (pa.types.is_float64, 18),
    (pa.types.is_float32, 10),
    (pa.types.is_int64, 10),
    (pa.types.is_uint64, 10),
    (pa.types.is_timestamp, 28),
    (pa.types.is_date, 12),
    (pa.types.is_time, 17),
    (pa.types.is_duration, 16),
    (pa.types.is_null, NULL_BYTES),
    (lambda kind: True, 5),  # small numbers and booleans
)
