"""Values of Python objects: which are missing, and their conversion to the type of their column."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..encode.cell_location import CellLocation
from ..encode.python_objects import json_texts
from ..instants import instant_array, moment, span, tick_array
from ..types import is_json_field, is_number_field, is_uuid_field

Objects = np.ndarray[Any, np.dtype[np.object_]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


def missing_of(values: Objects) -> Flags:
    """Return which values pandas calls missing: None, NaN of any type, NaT of any type, NA."""
    try:
        return np.asarray(pd.isna(values))
    except Exception:  # noqa: BLE001  # Decimal("sNaN") raises, and foreign objects may
        return np.fromiter(map(is_missing, values), bool, len(values))


def is_missing(value: object) -> bool:
    """Return for one value what `missing_of` returns for many."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)


def object_array(values: Objects, missing: Flags, field: pa.Field, location: CellLocation) -> pa.Array:
    """Convert a slice of a column to the field that was found for the whole column.

    Raises:
        InvalidValueError: a cell has no such form; names column and row.
    """

    def cells() -> list[Any]:
        present = values.copy()
        present[missing] = None
        return list(present)

    if is_json_field(field):
        return json_texts(cells(), missing, location)
    try:
        if _is_plain(field):
            return pa.array(values, field.type, mask=missing)
        return _converted(cells(), field)
    except Exception:  # reported with the cell that failed
        for number, cell in enumerate(cells()):
            try:
                _converted([cell], field)
            except Exception as error:  # noqa: BLE001  # whatever a foreign value raises
                raise location.invalid(number, cell, conversion_problem(error, field.type)) from None
        raise


def conversion_problem(error: Exception, kind: pa.DataType) -> str:
    """Return in a few words why a cell did not become the type."""
    if isinstance(error, UnicodeEncodeError):
        return "holds a lone surrogate; clean the text"
    return f"does not fit {kind} ({str(error).splitlines()[0][:100] if str(error) else type(error).__name__})"


def _is_plain(field: pa.Field) -> bool:
    """Return whether Arrow reads these Python values unchanged."""
    kind = field.type
    plain = pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    marked = is_uuid_field(field) or is_number_field(field)
    return not marked and bool(plain or pa.types.is_binary(kind) or pa.types.is_null(kind))


def _converted(cells: list[Any], field: pa.Field) -> pa.Array:
    kind = field.type
    if is_uuid_field(field):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if is_number_field(field):
        return pa.array([None if cell is None else digits_of(cell) for cell in cells], pa.string())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return instant_array([None if cell is None else moment(cell) for cell in cells], kind)
    if pa.types.is_duration(kind):
        return tick_array([None if cell is None else span(cell) for cell in cells], kind)
    if pa.types.is_float64(kind):
        cells = [None if cell is None else float(cell) for cell in cells]
    return pa.array(cells, kind)


def digits_of(value: Any) -> str:
    """Return a Decimal or an integer with all of its digits and no exponent."""
    return f"{value:f}" if isinstance(value, Decimal) else str(int(value))
