"""Reads pandas DataFrames as Arrow: one Arrow type per column, then slices of the frame.

Columns of dtype `object` are judged by their values. Missing values of pandas (NaN in NumPy floats, NaT,
None, NA) become nulls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from ...errors import (
    DataError,
    DuplicateColumnError,
    EmptySourceError,
    InvalidValueError,
    UnsupportedColumnError,
)
from ..encode.python_objects import json_texts
from ..types import JSON_FIELD, is_json_field
from .slicing import size_of

MAX_SLICE_ROWS = 65_536
MAX_SLICE_CELLS = 1_048_576
FIRST_SLICE_ROWS = 2048
SLICE_BYTES = 8 * 1024 * 1024
"""Slices become about so much NDJSON: each costs some microseconds per column, and all of it is memory."""

_HINTS = {
    "interval": "convert it: df[c].astype(str), or its .left and .right as two columns",
    "period": "convert it: df[c].dt.to_timestamp(), or df[c].astype(str)",
    "Sparse": "convert it: df[c].sparse.to_dense()",
    "complex": "split it into df[c].real and df[c].imag",
}
_INFERRED = {
    "string": pa.string(),
    "bytes": pa.binary(),
    "boolean": pa.bool_(),
    "floating": pa.float64(),
    "mixed-integer-float": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "empty": pa.null(),
}
_BY_VALUES = frozenset({"integer", "decimal", "datetime", "datetime64", "timedelta", "timedelta64"})
"""Kinds whose exact Arrow type (width, precision, zone) the values decide."""


def with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its index as columns, named by the index or `index`."""
    names = [
        str(name) if name is not None else ("index" if frame.index.nlevels == 1 else f"level_{number}")
        for number, name in enumerate(frame.index.names)
    ]
    taken = [name for name in names if name in frame.columns]
    if taken:
        raise DuplicateColumnError(f"the index has the names of columns: {taken}; rename it", columns=taken)
    return frame.rename_axis(index=names if len(names) > 1 else names[0]).reset_index()


def frame_schema(frame: pd.DataFrame) -> pa.Schema:
    """Return the Arrow schema of a frame.

    Raises:
        EmptySourceError: no columns.
        DuplicateColumnError: two columns of one name.
        DataError: names that are no strings.
        UnsupportedColumnError: columns that have no row JSON form; names all of them.
    """
    _check_names(frame)
    fields: list[pa.Field] = []
    problems: dict[str, str] = {}
    for name in frame.columns:
        try:
            fields.append(_field(name, frame[name]))
        except _UnsupportedError as unsupported:
            problems[name] = str(unsupported)
    if problems:
        told = "; ".join(f"{name!r} {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {told}", columns=list(problems))
    return pa.schema(fields)


def frame_batches(frame: pd.DataFrame, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Convert a frame slice by slice; each slice is as long as the bytes per row of the last one allow."""
    most = max(1, min(MAX_SLICE_ROWS, MAX_SLICE_CELLS // max(1, len(schema))))
    rows = min(most, FIRST_SLICE_ROWS)
    start = 0
    while start < len(frame):
        part = frame.iloc[start : start + rows]
        arrays = [_array(part.iloc[:, number], field, start) for number, field in enumerate(schema)]
        batch = pa.record_batch(arrays, schema=schema)
        yield batch
        start += len(part)
        rows = max(1, min(most, len(part) * SLICE_BYTES // max(1, size_of(batch))))


class _UnsupportedError(Exception):
    """Internal: why a column can't be sent, and what to do."""


def _check_names(frame: pd.DataFrame) -> None:
    if len(frame.columns) == 0:
        raise EmptySourceError("the frame has no columns; nothing can be sent")
    if frame.columns.nlevels > 1:
        raise DataError(
            "the frame has MultiIndex columns; join their levels first: "
            "df.columns = ['_'.join(map(str, c)) for c in df.columns]"
        )
    others = [name for name in frame.columns if not isinstance(name, str)]
    if others:
        raise DataError(
            f"column names must be strings, these are not: {others[:5]}; "
            "use df.columns = df.columns.astype(str)",
            columns=[str(name) for name in others],
        )
    doubled = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if doubled:
        raise DuplicateColumnError(
            f"column names are not unique: {doubled}; rename them before sending", columns=doubled
        )


def _field(name: str, values: pd.Series[Any]) -> pa.Field:
    dtype = values.dtype
    for mark, hint in _HINTS.items():
        if str(dtype).startswith(mark):
            raise _UnsupportedError(f"({dtype}): {hint}")
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return _object_field(name, values)
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _field(name, dtype.categories.to_series())
        return pa.field(name, pa.dictionary(_index_type(len(dtype.categories)), categories.type))
    try:
        return pa.field(name, pa.Array.from_pandas(values.iloc[:0]).type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
        raise _UnsupportedError(f"({dtype}): convert it, for example with .astype(str)") from error


def _index_type(categories: int) -> pa.DataType:
    """The width of pandas' own codes."""
    return pa.int8() if categories < 2**7 else pa.int16() if categories < 2**15 else pa.int32()


def _object_field(name: str, values: pd.Series[Any]) -> pa.Field:
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in _INFERRED:
        return pa.field(name, _INFERRED[kind])
    if kind in _BY_VALUES:
        return pa.field(name, _type_by_values(values, kind))
    if all(isinstance(value, UUID) for value in _present(values)):
        return pa.field(name, pa.string(), metadata={b"snowpipe": b"uuid"})
    if any(isinstance(value, dict | list | tuple | np.ndarray) for value in _present(values)):
        return pa.field(name, pa.string(), metadata=JSON_FIELD)
    row, value = _first_odd(values)
    raise _UnsupportedError(
        f"(object) mixes types: row {row} holds a {type(value).__name__}; "
        "convert it, for example with .astype(str)"
    )


def _type_by_values(values: pd.Series[Any], kind: str) -> pa.DataType:
    try:
        return pa.Array.from_pandas(values).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if kind == "integer":
            least, most = min(values.dropna()), max(values.dropna())
            if least >= 0 and most < 2**64:
                return pa.uint64()
            if least > -(10**38) and most < 10**38:
                return pa.decimal128(38, 0)
        raise _UnsupportedError(
            f"(object of {kind}): values are too large or of several kinds; convert it with .astype(str)"
        ) from None


def _present(values: pd.Series[Any]) -> Iterator[Any]:
    """Yield the values that are there; most questions are answered by the first."""
    return (
        value
        for value in values
        if value is not None
        and value is not pd.NA
        and value is not pd.NaT
        and not (isinstance(value, float) and value != value)
    )


def _first_odd(values: pd.Series[Any]) -> tuple[int, Any]:
    """Find the first value whose type differs from the first one's."""
    first = type(next(_present(values)))
    rows = np.flatnonzero(values.notna()).tolist()
    odd = next((row for row in rows if type(values.iloc[row]) is not first), rows[0])
    return odd, values.iloc[odd]


def _array(values: pd.Series[Any], field: pa.Field, first_row: int) -> pa.Array:
    if is_json_field(field):
        return json_texts(values, field.name, first_row)
    if field.metadata is not None and field.metadata.get(b"snowpipe") == b"uuid":
        return pa.array(
            [str(value) if present else None for value, present in zip(values, values.notna(), strict=True)],
            pa.string(),
        )
    try:
        array = pa.Array.from_pandas(values, type=field.type)
    except UnicodeEncodeError:
        raise _bad_cell(values, field, first_row, "holds a lone surrogate; clean the text") from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError, TypeError) as error:
        raise _bad_cell(values, field, first_row, f"does not fit {field.type} ({error})") from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _bad_cell(values: pd.Series[Any], field: pa.Field, first_row: int, problem: str) -> InvalidValueError:
    """Name the cell that made a whole conversion fail."""
    row, value = next((cell for cell in enumerate(values) if not _converts(cell[1], field.type)), (0, None))
    shown = ascii(value)[:60]
    return InvalidValueError(
        f"column {field.name!r}, row {first_row + row} ({shown}): {problem}",
        column=field.name,
        row=first_row + row,
        value=value,
    )


def _converts(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], type=kind, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
        return False
    return True
