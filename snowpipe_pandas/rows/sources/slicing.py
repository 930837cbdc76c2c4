"""Cuts record batches into pieces that render to about the same size."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

MAX_BATCH_ROWS = 65_536
MAX_BATCH_CELLS = 262_144
BATCH_BYTES = 4 * 1024 * 1024
"""Batches are cut to about this size in Arrow's form: they fit a core's cache and render evenly."""


def size_of(batch: pa.RecordBatch) -> int:
    """Return about how many bytes the batch's values take, those of dictionaries as often as they occur."""
    try:
        size = int(batch.nbytes)
    except pa.ArrowTypeError:  # older pyarrow can't tell it for views; whole buffers are an upper bound
        size = int(batch.get_total_buffer_size())
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and len(column.dictionary):
            size += len(column) * column.dictionary.nbytes // len(column.dictionary)
    return size


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slice a batch by rows, cells and bytes."""
    if batch.num_rows == 0:
        return
    by_bytes = batch.num_rows * BATCH_BYTES // max(1, size_of(batch))
    by_cells = MAX_BATCH_CELLS // max(1, batch.num_columns)
    rows = max(1, min(MAX_BATCH_ROWS, by_cells, by_bytes))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
