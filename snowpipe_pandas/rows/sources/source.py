"""Opens anything tabular as a stream of Arrow record batches.

Names and types are checked here, before a row is rendered; every problem is named at once. Frames are
converted slice by slice, so that a large one is never copied whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal

import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import DataError, DuplicateColumnError, EmptySourceError, UnsupportedColumnError
from ..types import snowflake_type
from .frames import frame_batches, frame_schema, with_index
from .slicing import MAX_BATCH_ROWS, cut

ColumnCase = Literal["keep", "upper"]


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to send.

    Attributes:
        schema: the fields, with the names that are sent.
        total_rows: number of rows, None where the source does not know it.
    """

    schema: pa.Schema
    total_rows: int | None
    _batches: Callable[[], Iterator[pa.RecordBatch]]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches small enough to render side by side.

        Raises:
            DataError: a later part of the source has other columns.
        """
        for batch in self._batches():
            if batch.schema.names != self.schema.names:
                batch = batch.rename_columns(self.schema.names)
            yield from cut(batch)


def open_source(
    source: Any,
    *,
    index: bool = False,
    columns: Mapping[str, str] | None = None,
    column_case: ColumnCase = "keep",
) -> Source:
    """Open a source of rows.

    Args:
        source: a pandas DataFrame; a pyarrow Table, RecordBatch, reader, scanner or dataset; anything with
            `__arrow_c_stream__` or `__arrow_c_array__` (polars, duckdb); an iterator of those; a list of
            dicts.
        index: include a DataFrame's index as columns.
        columns: new names, `{"old": "NEW"}`.
        column_case: "upper" folds all names.

    Raises:
        EmptySourceError: no columns.
        DuplicateColumnError: names collide.
        UnsupportedColumnError: columns whose values have no row JSON form; names all of them.
        DataError: not tabular.
    """
    schema, total_rows, batches = _opened(source, index)
    names = _names(schema, columns, column_case)
    _check_types(schema)
    return Source(
        pa.schema([f.with_name(n) for f, n in zip(schema, names, strict=True)]), total_rows, batches
    )


_Opened = tuple[pa.Schema, int | None, Callable[[], Iterator[pa.RecordBatch]]]


def _opened(source: Any, index: bool) -> _Opened:
    if _is_pandas(source):
        return _open_frame(with_index(source) if index else source)
    if index:
        raise DataError("index=True needs a pandas DataFrame: other sources have no index")
    opened = _open_arrow(source)
    if opened is not None:
        return opened
    if isinstance(source, list) and source and all(isinstance(row, dict) for row in source):
        table = _table_of_dicts(source)
        return table.schema, table.num_rows, lambda: iter(table.to_batches())
    if isinstance(source, Iterable) and not isinstance(source, str | bytes | Mapping):
        return _open_parts(iter(source))
    raise _not_tabular(source)


def _open_arrow(source: Any) -> _Opened | None:
    """Open what Arrow has, or what hands out Arrow's C stream or array; None for everything else."""
    if isinstance(source, pa.Table):
        return source.schema, source.num_rows, lambda: iter(source.to_batches())
    if isinstance(source, pa.RecordBatch):  # not by way of the C interface: names end there at a NUL
        return source.schema, source.num_rows, lambda: iter([source])
    if isinstance(source, pa.dataset.Dataset):
        return source.schema, source.count_rows(), partial(_dataset_batches, source)
    if isinstance(source, pa.dataset.Scanner):
        return source.projected_schema, None, source.to_batches
    if hasattr(source, "__arrow_c_stream__"):  # readers, polars, duckdb
        reader = _reader(source)
        return reader.schema, getattr(source, "height", None), lambda: iter(reader)
    if hasattr(source, "__arrow_c_array__"):
        batch = pa.record_batch(source)
        return batch.schema, batch.num_rows, lambda: iter([batch])
    return None


def _dataset_batches(source: pa.dataset.Dataset) -> Iterator[pa.RecordBatch]:
    """Read Parquet a row group at a time: Arrow's own scan reads ahead by a gigabyte and more."""
    try:
        fragments = list(source.get_fragments())
    except ValueError:  # a filter, of which fragments know nothing
        fragments = []
    if fragments and all(isinstance(f, pa.dataset.ParquetFileFragment) for f in fragments):
        options = pa.dataset.ParquetFragmentScanOptions(pre_buffer=False)
        for fragment in fragments:
            for group in fragment.split_by_row_group():
                yield from group.to_batches(
                    source.schema, batch_size=MAX_BATCH_ROWS, fragment_scan_options=options
                )
    else:
        yield from source.to_batches(batch_size=MAX_BATCH_ROWS)


def _reader(source: Any) -> pa.RecordBatchReader:
    try:
        return pa.RecordBatchReader.from_stream(source)
    except pa.ArrowInvalid as error:  # a stream of arrays, such as a Series
        raise _not_tabular(source) from error


def _not_tabular(source: Any) -> DataError:
    return DataError(
        f"a {type(source).__name__} is not tabular: pass a DataFrame, an Arrow table or stream, "
        "an iterator of those, or a list of dicts"
    )


def _open_frame(frame: Any) -> _Opened:
    schema = frame_schema(frame)
    return schema, len(frame), lambda: frame_batches(frame, schema)


def _table_of_dicts(rows: list[dict[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    try:
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"the list's values do not make columns: {error}; build a DataFrame from it"
        ) from error


def _open_parts(parts: Iterator[Any]) -> _Opened:
    """Open an iterator of tabular parts; all need the same column names, types may drift as CSV chunks do."""
    first = next(parts, None)
    if first is None:
        raise EmptySourceError("the iterator yielded nothing, so its columns are not known")
    schema, _, first_batches = _opened(first, index=False)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from first_batches()
        for number, part in enumerate(parts, start=1):
            found, _, part_batches = _opened(part, index=False)
            if found.names != schema.names:
                raise DataError(
                    f"part {number} of the iterator has columns {found.names}, the first had {schema.names}",
                    columns=[name for name in found.names if name not in schema.names],
                )
            _check_types(found)
            yield from part_batches()

    return schema, None, batches


def _is_pandas(source: Any) -> bool:
    """Ask for the type's home instead of importing pandas for sources that are something else."""
    return type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns")


def _names(schema: pa.Schema, columns: Mapping[str, str] | None, column_case: ColumnCase) -> list[str]:
    if not schema.names:
        raise EmptySourceError("the source has no columns; nothing can be sent")
    renamed = columns or {}
    unknown = [name for name in renamed if name not in schema.names]
    if unknown:
        raise DataError(f"columns= names columns that the source has not: {unknown}", columns=unknown)
    names = [renamed.get(name, name) for name in schema.names]
    if column_case == "upper":
        names = [name.upper() for name in names]
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise DuplicateColumnError(
            f"column names are not unique: {doubled}; rename them, or pass columns={{...}}", columns=doubled
        )
    return names


def _check_types(schema: pa.Schema) -> None:
    problems = {}
    for field in schema:
        try:
            snowflake_type(field)
        except TypeError as error:
            problems[field.name] = str(error)
    if problems:
        told = "; ".join(f"{name!r}: {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {told}", columns=list(problems))
