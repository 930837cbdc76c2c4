"""Reads pandas columns as Arrow: one Arrow type per column, then slices of all columns together.

Missing values of pandas (NaN in NumPy floats, NaT, None, NA) become nulls. Columns of Python objects are
typed in `object_columns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from ...errors import DataError, DuplicateColumnError, UnsupportedColumnError
from ..encode.cell_location import BinaryFormat, CellLocation
from ..translated import translated
from .names import check_distinct, check_texts
from .object_columns import UnsupportedError, object_field
from .object_values import conversion_problem, missing_of, object_array
from .slicing import size_of

MAX_SLICE_ROWS = 65_536
MAX_SLICE_CELLS = 1_048_576
FIRST_SLICE_ROWS = 2048
SLICE_BYTES = 8 * 1024 * 1024
"""Slices become about this much NDJSON: each costs some microseconds per column, and all of it is memory."""

_HINTS = {
    "interval": "convert it: df[c].astype(str), or its .left and .right as two columns",
    "period": "convert it: df[c].dt.to_timestamp(), or df[c].astype(str)",
    "Sparse": "convert it: df[c].sparse.to_dense()",
}

RowOf: TypeAlias = Callable[[int], int]
"""Returns the number, in the whole source, of a row of a column."""

Series: TypeAlias = "pd.Series[Any]"

Held: TypeAlias = "np.ndarray | pd.api.extensions.ExtensionArray"
"""What a Series holds."""


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """A column that can be sent: its field, and what converts its rows `start` to `stop`."""

    field: pa.Field
    array: Callable[[int, int], pa.Array]


def named_series(frame: pd.DataFrame, *, index: bool) -> list[tuple[str, Series]]:
    """Return a frame's columns with their names, those of its index first if they are included.

    Raises:
        DataError: MultiIndex columns, or names that can't name a column.
        DuplicateColumnError: names are not unique.
    """
    if frame.columns.nlevels > 1:
        raise DataError(
            "the frame has MultiIndex columns; join their levels first: "
            "df.columns = ['_'.join(map(str, c)) for c in df.columns]"
        )
    named: list[tuple[Any, Series]] = list(frame.items())
    if index:
        named = _index_levels(frame.index, {name for name, _ in named}) + named
    names = [name for name, _ in named]
    check_texts(names)
    check_distinct(names)
    return [(str(name), values) for name, values in named]


def _index_levels(index: pd.Index, taken: set[Any]) -> list[tuple[Any, Series]]:
    """Return the levels of an index, under their own names, else `index`, or `level_0` and so on."""
    levels = []
    for number, name in enumerate(index.names):
        made_up = "index" if index.nlevels == 1 else f"level_{number}"
        levels.append((made_up if name is None else str(name), index.get_level_values(number).to_series()))
    names = [name for name, _ in levels]
    clashing = sorted({name for name in names if name in taken or names.count(name) > 1})
    if clashing:
        raise DuplicateColumnError(
            f"levels of the index have the names of columns or of each other: {clashing}; "
            "rename them, for example with df.rename_axis(index=[...])",
            columns=clashing,
        )
    return levels


def frame_columns(
    named: Sequence[tuple[str, Series]], binary_format: BinaryFormat, first_row: int = 0
) -> list[FrameColumn]:
    """Decide what each column becomes; `first_row` is the number of the first row, for messages.

    Raises:
        UnsupportedColumnError: columns that have no row JSON form; names all of them.
        InvalidValueError: a category can't be written.
    """

    def row_of(number: int) -> int:
        return first_row + number

    columns: list[FrameColumn] = []
    problems: dict[str, str] = {}
    for name, values in named:
        with translated(f"column {name!r}"):
            try:
                columns.append(_column(name, values, binary_format, row_of))
            except UnsupportedError as unsupported:
                problems[name] = str(unsupported)
    if problems:
        listed = "; ".join(f"{name!r} {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {listed}", columns=list(problems))
    return columns


def frame_batches(columns: Sequence[FrameColumn], start: int, end: int) -> Iterator[pa.RecordBatch]:
    """Convert rows slice by slice; each slice is as long as the bytes per row of the last one allow."""
    schema = pa.schema([column.field for column in columns])
    most = max(1, min(MAX_SLICE_ROWS, MAX_SLICE_CELLS // max(1, len(columns))))
    length = min(most, FIRST_SLICE_ROWS)
    while start < end:
        stop = min(end, start + length)
        batch = pa.record_batch([column.array(start, stop) for column in columns], schema=schema)
        yield batch
        if stop < end:
            length = max(1, min(most, (stop - start) * SLICE_BYTES // max(1, size_of(batch))))
        start = stop


def _column(name: str, values: Series, binary_format: BinaryFormat, row_of: RowOf) -> FrameColumn:
    dtype = values.dtype

    def location(start: int) -> CellLocation:
        return CellLocation(name, lambda number: row_of(start + number), ",", binary_format)

    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(name, values, binary_format, row_of)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _zoned(name, values)
    # The array in the Series: slicing a Series, or any call on it, costs as much as converting a row.
    held: Held = values.to_numpy(copy=False) if isinstance(dtype, np.dtype) else values.array
    if isinstance(held, np.ndarray) and held.dtype.kind == "O":
        missing = missing_of(held)
        field = object_field(name, held, missing, row_of)
        return FrameColumn(
            field,
            lambda start, stop: object_array(held[start:stop], missing[start:stop], field, location(start)),
        )
    field = pa.field(name, _numpy_type(held.dtype) if isinstance(held, np.ndarray) else _extension_type(held))
    return FrameColumn(field, lambda start, stop: _array(held[start:stop], field, location(start)))


def _numpy_type(dtype: np.dtype[Any]) -> pa.DataType:
    if dtype.kind == "c":
        raise UnsupportedError(f"({dtype}): split it into df[c].real and df[c].imag")
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise UnsupportedError(f"({dtype}): no column holds all its digits; use .astype('float64')")
    try:
        return pa.from_numpy_dtype(dtype.newbyteorder("="))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnsupportedError(f"({dtype}): convert it, for example with .astype(str)") from error


def _extension_type(values: Held) -> pa.DataType:
    """Return the Arrow type of an extension dtype; one that has none raises, or reports the type null."""
    dtype = str(values.dtype)
    for mark, hint in _HINTS.items():
        if dtype.startswith(mark):
            raise UnsupportedError(f"({dtype}): {hint}")
    hint = f"({dtype}): Arrow knows no type for it; convert it, for example with .astype(str)"
    try:
        kind = pa.Array.from_pandas(values[:0]).type
    except Exception as error:  # whatever a foreign dtype raises
        raise UnsupportedError(hint) from error
    if pa.types.is_null(kind) and not isinstance(values.dtype, pd.ArrowDtype):
        raise UnsupportedError(hint)
    return kind


def _array(values: Held, field: pa.Field, location: CellLocation) -> pa.Array:
    if isinstance(values, np.ndarray) and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    try:
        array = pa.Array.from_pandas(values, type=field.type)
    except Exception as error:
        for number, value in enumerate(values):
            try:
                pa.array([value], type=field.type, from_pandas=True)
            except Exception as own:  # noqa: BLE001  # whatever a foreign value raises
                raise location.invalid(number, value, conversion_problem(own, field.type)) from None
        raise UnsupportedColumnError(
            f"columns can't be sent: {field.name!r} ({values.dtype}) {conversion_problem(error, field.type)}",
            columns=[field.name],
        ) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _zoned(name: str, values: Series) -> FrameColumn:
    """Convert instants to UTC: Arrow does not know every zone that pandas knows, and rows name none."""
    unit = values.dt.unit

    def array(start: int, stop: int) -> pa.Array:
        utc = values.iloc[start:stop].dt.tz_convert(None)
        return pa.Array.from_pandas(utc, type=pa.timestamp(unit)).view(pa.timestamp(unit, "UTC"))

    return FrameColumn(pa.field(name, pa.timestamp(unit, "UTC")), array)


def _categorical(name: str, values: Series, binary_format: BinaryFormat, row_of: RowOf) -> FrameColumn:
    """Write categories that some row has as in a plain column, once each."""
    values = values.cat.remove_unused_categories()
    names = values.cat.categories
    codes = values.cat.codes.to_numpy()

    def row_that_shows(category: int) -> int:
        return row_of(int(np.argmax(codes == category)))

    categories = _column(name, pd.Series(names, dtype=names.dtype), binary_format, row_that_shows)
    dictionary = categories.array(0, len(names))
    kind = pa.dictionary(pa.from_numpy_dtype(codes.dtype), dictionary.type)

    def array(start: int, stop: int) -> pa.Array:
        part = codes[start:stop]
        return pa.DictionaryArray.from_arrays(pa.array(part, mask=part < 0), dictionary)

    return FrameColumn(pa.field(name, kind, metadata=categories.field.metadata), array)
