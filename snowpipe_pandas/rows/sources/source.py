"""Opens anything tabular as a stream of Arrow record batches.

Names and types are checked here, before a row is rendered; every problem is named at once. Frames are
converted slice by slice, so that a large one is never copied whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import DataError, EmptySourceError, UnsupportedColumnError
from ..encode.cell_location import BinaryFormat
from ..translated import translated
from ..types import snowflake_type
from .arrow import open_arrow
from .dicts import chunks_of_dicts, is_row, series_of_dicts
from .frames import Series, frame_batches, frame_columns, named_series
from .names import ColumnCase, check_distinct, sent_names
from .parts import Opened, Part, joined
from .slicing import cut


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
    waiting_since: Callable[[], float | None] = lambda: None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches small enough to render side by side.

        Raises:
            DataError: a later part of the source has other columns, or loses values in its types.
        """
        for batch in self._batches():
            if batch.schema.names != self.schema.names:
                batch = batch.rename_columns(self.schema.names)
            yield from cut(batch)


@dataclass(frozen=True, slots=True)
class _Options:
    """How a source is read: with its index, and the text form of bytes inside of Python objects."""

    index: bool
    binary_format: BinaryFormat


def open_source(
    source: Any,
    *,
    index: bool = False,
    columns: Mapping[str, str] | None = None,
    column_case: ColumnCase = "keep",
    binary_format: BinaryFormat = "base64",
) -> Source:
    """Open a source of rows.

    Args:
        source: a pandas DataFrame; a pyarrow Table, RecordBatch, reader, scanner or dataset; anything with
            `__arrow_c_stream__` or `__arrow_c_array__` (polars, duckdb); a list or an iterator of dicts; an
            iterator of any of these parts, which are matched by the names of their columns.
        index: include a DataFrame's index as columns.
        columns: new names, `{"old": "NEW"}`.
        column_case: "upper" folds all names.
        binary_format: text form of bytes inside of dicts and lists: "base64", "hex" or "utf-8".

    Raises:
        EmptySourceError: no columns.
        DuplicateColumnError: names collide, with regard to case or without.
        UnsupportedColumnError: columns whose values have no row JSON form; names all of them.
        InvalidValueError: a category can't be written.
        DataError: not tabular, or a name can't name a column.
    """
    opened = _opened(source, _Options(index, binary_format))
    names = sent_names(opened.schema.names, columns, column_case)
    check_types(opened.schema)
    schema = pa.schema([f.with_name(n) for f, n in zip(opened.schema, names, strict=True)])
    return Source(schema, opened.total_rows, opened.batches)


def _opened(source: Any, options: _Options, first_row: int = 0) -> Opened:
    if _is_frame(source):
        return _open_frame(source, options, first_row)
    if isinstance(source, np.ndarray) or _is_series(source):
        raise not_tabular(source)
    if options.index and (_is_arrow(source) or _is_rows(source)):
        raise DataError("index=True needs a pandas DataFrame: other sources have no index")
    opened = open_arrow(source)
    if opened is not None:
        return opened
    if _is_rows(source):
        return _open_dicts(source, options, first_row)
    if isinstance(source, Iterable) and not isinstance(source, str | bytes | Mapping):
        return _open_parts(_iterator(source), options)
    raise not_tabular(source)


def _iterator(source: Iterable[Any]) -> Iterator[Any]:
    try:
        return iter(source)
    except TypeError:
        raise not_tabular(source) from None


def _is_frame(source: Any) -> bool:
    """Look through all bases: a subclass, such as GeoPandas has, is a DataFrame."""
    return any(
        base.__name__ == "DataFrame" and base.__module__.split(".")[0] == "pandas"
        for base in type(source).__mro__
    )


def _is_series(source: Any) -> bool:
    return any(
        base.__name__ in ("Series", "Index") and base.__module__.split(".")[0] in ("pandas", "polars")
        for base in type(source).__mro__
    )


def _open_frame(source: Any, options: _Options, first_row: int) -> Opened:
    with translated("the DataFrame"):
        frame = pd.DataFrame(source)  # without what a subclass does in its own way
        named = named_series(frame, index=options.index)
        return _of_series(named, len(frame), options, first_row)


def _of_series(named: list[tuple[str, Series]], rows: int, options: _Options, first_row: int) -> Opened:
    columns = frame_columns(named, options.binary_format, first_row)
    schema = pa.schema([column.field for column in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        with translated("the source"):
            yield from frame_batches(columns, rows)

    return Opened(schema, rows, batches)


def _open_dicts(rows: Sequence[Any], options: _Options, first_row: int) -> Opened:
    with translated("the list of dicts"):
        return _of_series(series_of_dicts(rows, first_row), len(rows), options, first_row)


def _open_parts(source: Iterator[Any], options: _Options) -> Opened:
    """Open an iterator of parts, or of dicts; its own failures are the user's and leave as they are."""
    nothing = object()
    first = next(source, nothing)
    if first is nothing:
        raise EmptySourceError("the iterator yielded nothing, so its columns are not known")
    of_dicts = is_row(first)
    parts: Iterator[Any] = chunks_of_dicts(first, source) if of_dicts else chain([first], source)
    if of_dicts and options.index:
        raise DataError("index=True needs pandas DataFrames: dicts have no index")

    def opened(part: Any, number: int, first_row: int) -> Part:
        if of_dicts:
            told = f"rows {first_row:,} to {first_row + len(part) - 1:,}"
            return Part(_open_dicts(part, options, first_row), told, of_dicts=True)
        if not (_is_frame(part) or _is_arrow(part) or _is_rows(part)):
            raise DataError(f"part {number} of the source: {not_tabular(part)}")
        part_opened = _opened(part, options, first_row)
        if number:
            check_distinct(part_opened.schema.names)
            check_types(part_opened.schema)
        return Part(part_opened, f"part {number}")

    def rest(number: int, first_row: int) -> Part | None:
        part = next(parts, nothing)
        return None if part is nothing else opened(part, number, first_row)

    return joined(opened(next(parts), 0, 0), rest, options.binary_format)


def _is_rows(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and is_row(source[0])


def _is_arrow(source: Any) -> bool:
    return isinstance(source, pa.dataset.Dataset | pa.dataset.Scanner) or any(
        hasattr(source, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    )


def check_types(schema: pa.Schema) -> None:
    """Refuse fields that have no row JSON form.

    Raises:
        UnsupportedColumnError: names all of them, with what to do.
    """
    problems = {}
    for field in schema:
        try:
            snowflake_type(field)
        except TypeError as error:
            problems[field.name] = str(error)
    if problems:
        told = "; ".join(f"{name!r}: {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {told}", columns=list(problems))


def not_tabular(source: Any) -> DataError:
    """Return the error for something that is no source, with what would make it one."""
    advice = "pass a DataFrame, an Arrow table or stream, an iterator of those, or a list of dicts"
    if isinstance(source, np.ndarray):
        fields = "pd.DataFrame(array)" if source.dtype.names else "pd.DataFrame(array, columns=[...])"
        advice = f"make a frame of it, which keeps each column's type: {fields}"
    elif _is_series(source):
        advice = "make a frame of it: .to_frame()"
    elif isinstance(source, str | bytes | PathLike):
        advice = "read it first, for example with pd.read_csv() or pyarrow.dataset.dataset()"
    elif isinstance(source, Mapping):
        advice = "make a frame of it, pd.DataFrame(...), or pass it in a list if it is a row"
    else:
        for method, result in _MATERIALISES:
            if callable(getattr(type(source), method, None)):
                advice = f"call .{method}() first, {result}"
                break
    return DataError(f"a {type(source).__name__} is not tabular: {advice}")


_MATERIALISES = (
    ("collect", "which reads it"),
    ("compute", "which reads it"),
    ("to_arrow", "which makes an Arrow table of it"),
    ("toArrow", "which makes an Arrow table of it"),
    ("to_pandas", "which makes a DataFrame of it"),
    ("toPandas", "which makes a DataFrame of it"),
)
"""Methods of lazy and distributed frames whose results are sources."""
