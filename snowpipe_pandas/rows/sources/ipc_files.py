"""Reads Arrow's IPC files (Feather version 2): a record batch at a time, and any range of rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

import pyarrow as pa

from ...errors import DataError
from .parts import Opened
from .paths import shown_path

_MAGIC = b"ARROW1"


def open_ipc(path: str) -> Opened:
    """Open a file; memory holds one of its record batches. The file is not mapped: if it were cut off while
    it is mapped, the process would end.

    Raises:
        DataError: it is a stream, or of an older version.
    """
    with pa.OSFile(path) as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise DataError(
                f"the file {shown_path(path)} is not an Arrow IPC file; pass a stream as "
                "pa.ipc.open_stream(path), Feather version 1 with pd.read_feather(path)"
            )
        reader = pa.ipc.open_file(file)
        schema = reader.schema
        starts = list(accumulate(_counts(file, reader), initial=0))

    def between(start: int, stop: int) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(path) as file:
            reader = pa.ipc.open_file(file)
            for number in range(bisect_right(starts, start) - 1, len(starts) - 1):
                at = starts[number]
                if at >= stop:
                    return
                batch = reader.get_batch(number)
                first, end = max(start - at, 0), min(stop - at, batch.num_rows)
                yield batch.slice(first, end - first)

    return Opened.in_ranges(schema, starts[-1], between)


def _counts(file: pa.OSFile, reader: pa.RecordBatchFileReader) -> list[int]:
    """Return the rows of each batch, for which its smallest column is read: the footer lacks them."""
    if not reader.schema.names:
        return []
    column = min(range(len(reader.schema)), key=lambda number: _width(reader.schema.field(number).type))
    options = pa.ipc.IpcReadOptions(included_fields=[column])
    narrow = pa.ipc.open_file(file, options=options)
    return [narrow.get_batch(number).num_rows for number in range(narrow.num_record_batches)]


def _width(kind: pa.DataType) -> int:
    """Return the bits per row; texts and lists count as wide."""
    return int(kind.bit_width) if pa.types.is_primitive(kind) else 1024
