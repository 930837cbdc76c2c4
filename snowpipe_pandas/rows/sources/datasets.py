"""Opens Arrow's datasets: Parquet by row groups, any range of rows; other formats in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate

import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known
import pyarrow.fs  # makes pa.fs known

from ..translated import translated
from .parts import Opened
from .slicing import MAX_BATCH_ROWS


def open_dataset(source: pa.dataset.Dataset, what: str) -> Opened:
    """Open a dataset; `what` names it in messages.

    Raises:
        DataError: its files can't be read.
    """
    with translated(what):
        fragments = _parquet_fragments(source)
        if not fragments:
            scan = partial(source.to_batches, batch_size=MAX_BATCH_ROWS)
            return Opened(source.schema, source.count_rows(), partial(read, what, scan))
        groups = _RowGroups(source.schema, fragments)
    return Opened.in_ranges(
        source.schema, groups.rows, lambda start, stop: read(what, partial(groups.between, start, stop))
    )


def open_parquet(path: str) -> Opened:
    """Open one file of Parquet."""
    fragment = pa.dataset.ParquetFileFormat().make_fragment(path, pa.fs.LocalFileSystem())
    groups = _RowGroups(fragment.physical_schema, [fragment])
    return Opened.in_ranges(fragment.physical_schema, groups.rows, groups.between)


def read(what: str, batches: Callable[[], Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Yield batches; a failure of the reader is raised as an error of this package."""
    with translated(what):
        iterator = iter(batches())
    while True:
        with translated(what):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch


def _parquet_fragments(source: pa.dataset.Dataset) -> list[pa.dataset.ParquetFileFragment]:
    """Return the files of a dataset of Parquet, none for other formats."""
    try:
        fragments = list(source.get_fragments())
    except ValueError:  # it has a filter, which its fragments do not know
        return []
    return fragments if all(isinstance(f, pa.dataset.ParquetFileFragment) for f in fragments) else []


class _RowGroups:
    """The row groups of Parquet files, and which rows each one holds; immutable.

    They are read one at a time: Arrow's own scan reads ahead by a gigabyte and more.
    """

    def __init__(self, schema: pa.Schema, fragments: Sequence[pa.dataset.ParquetFileFragment]) -> None:
        self._schema = schema
        infos = [(fragment, info) for fragment in fragments for info in fragment.row_groups]
        self._groups = [(fragment, info.id) for fragment, info in infos]
        self._starts = list(accumulate((info.num_rows for _, info in infos), initial=0))
        self.rows = self._starts[-1]

    def between(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Read rows `start` to `stop - 1`, only from the groups that hold any of them."""
        options = pa.dataset.ParquetFragmentScanOptions(pre_buffer=False)
        for number in range(bisect_right(self._starts, start) - 1, len(self._groups)):
            at = self._starts[number]
            if at >= stop:
                return
            fragment, group = self._groups[number]
            batches = fragment.subset(row_group_ids=[group]).to_batches(
                self._schema, batch_size=MAX_BATCH_ROWS, fragment_scan_options=options
            )
            yield from rows_between(batches, start - at, stop - at)


def rows_between(batches: Iterable[pa.RecordBatch], start: int, stop: int) -> Iterator[pa.RecordBatch]:
    """Yield rows `start` to `stop - 1` of batches, and read none after those."""
    at = 0
    for batch in batches:
        first, end = max(start - at, 0), min(stop - at, batch.num_rows)
        if first < end:
            yield batch.slice(first, end - first)
        at += batch.num_rows
        if at >= stop:
            return
