"""Files of one format as one source: columns match by name, types are unified before a row is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import DataError
from ..encode.cell_location import BinaryFormat, CellLocation
from ..translated import translated
from .conform import conformed, has_same_form, shown_type, widens
from .csv_files import open_csv
from .datasets import open_parquet, read
from .ipc_files import open_ipc
from .names import check_distinct
from .parts import Opened
from .paths import Found, shown_path
from .stamps import Stamp, stamp_of, unchanged

_ADVICE = "give all files the same columns and types, or send them one by one"

_OPENERS: dict[str, Callable[[str], Opened]] = {
    "Parquet": open_parquet,
    "CSV": open_csv,
    "Arrow IPC": open_ipc,
}


@dataclass(frozen=True, slots=True)
class _File:
    """A file, its stamp when it was opened, and its rows."""

    path: str
    stamp: Stamp
    opened: Opened

    def batches(self, start: int, stop: int | None) -> Iterator[pa.RecordBatch]:
        """Yield rows `start` to `stop - 1`; to the end if `stop` is None."""
        what = f"the file {shown_path(self.path)}"
        with translated(what), unchanged(self.path, self.stamp):
            between = self.opened.between
            if between is None or stop is None:
                yield from read(what, self.opened.batches)
            else:
                yield from read(what, lambda: between(start, stop))


def open_files(found: Found, binary_format: BinaryFormat) -> Opened:
    """Open files of Parquet, CSV or Arrow IPC; each is closed again until its rows are needed.

    Raises:
        DataError: a file can't be read, or its columns differ from those of the others.
    """
    files = [_open(path, _OPENERS[found.format]) for path in found.paths]
    fields = list(files[0].opened.schema)
    for file in files[1:]:
        fields = _unified(fields, files[0], file)
    rows = _Rows(files, fields, binary_format)
    if rows.total is None:
        return Opened(rows.schema, None, lambda: rows.between(0, None))
    return Opened.in_ranges(rows.schema, rows.total, rows.between)


def _open(path: str, opener: Callable[[str], Opened]) -> _File:
    with translated(f"the file {shown_path(path)}"):
        stamp = stamp_of(path)
        opened = opener(path)
    check_distinct(opened.schema.names)
    return _File(path, stamp, opened)


def _unified(fields: list[pa.Field], first: _File, file: _File) -> list[pa.Field]:
    """Return the fields that hold the values of the files so far, and those of one more.

    Raises:
        DataError: it has other columns, or a type that can't be unified with those before.
    """
    found = file.opened.schema
    names = [field.name for field in fields]
    more = [name for name in found.names if name not in names]
    less = [name for name in names if name not in found.names]
    if more or less:
        problems = [f"has columns that {shown_path(first.path)} lacks: {more}"] if more else []
        problems += [f"lacks columns of {shown_path(first.path)}: {less}"] if less else []
        raise DataError(
            f"the file {shown_path(file.path)} {' and '.join(problems)}; {_ADVICE}", columns=more or less
        )
    return [_wider(field, found.field(field.name), file) for field in fields]


def _wider(wanted: pa.Field, found: pa.Field, file: _File) -> pa.Field:
    if has_same_form(found, wanted) or widens(found.type, wanted.type):
        return wanted
    if widens(wanted.type, found.type):
        return found
    raise DataError(
        f"column {wanted.name!r} is {shown_type(found)} in the file {shown_path(file.path)}, "
        f"{shown_type(wanted)} in those before; {_ADVICE}",
        columns=[wanted.name],
    )


class _Rows:
    """The rows of all files, in the columns and types of all; immutable."""

    def __init__(self, files: list[_File], fields: list[pa.Field], binary_format: BinaryFormat) -> None:
        self._files = files
        self._binary_format: BinaryFormat = binary_format
        self.schema = pa.schema(fields)
        counts = [file.opened.total_rows for file in files]
        self._starts = list(accumulate((count or 0 for count in counts), initial=0))
        self.total = None if None in counts else self._starts[-1]

    def between(self, start: int, stop: int | None) -> Iterator[pa.RecordBatch]:
        """Read rows `start` to `stop - 1`, to the end if `stop` is None, from the files that hold them."""
        row = start
        begin = 0 if stop is None else bisect_right(self._starts, start) - 1
        for file, at in zip(self._files[begin:], self._starts[begin:], strict=False):
            if stop is not None and at >= stop:
                return
            end = None if stop is None else min(stop - at, file.opened.total_rows or 0)
            for batch in file.batches(max(start - at, 0), end):
                yield self._conformed(file, batch, row)
                row += batch.num_rows

    def _conformed(self, file: _File, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        if batch.schema.equals(self.schema):
            return batch
        arrays, fields = [], []
        for wanted in self.schema:
            index = batch.schema.get_field_index(wanted.name)
            location = CellLocation(wanted.name, lambda cell: first_row + cell, ",", self._binary_format)
            try:
                array, field = conformed(
                    batch.column(index), batch.schema.field(index), wanted, location, cut=False
                )
            except DataError as error:
                if type(error) is not DataError:
                    raise
                raise DataError(
                    f"the file {shown_path(file.path)}: {error}; {_ADVICE}", columns=error.columns
                ) from None
            arrays.append(array)
            fields.append(field)
        return pa.record_batch(arrays, schema=pa.schema(fields))
