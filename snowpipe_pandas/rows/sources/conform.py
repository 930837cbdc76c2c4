"""One load, one schema: columns of later parts are written in the type with which the load began.

What matters is the text that is written: integers of all widths have one form, and so do times of all
units. Where forms differ, a part is converted if that loses nothing, else it is refused by name.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DataError
from ..encode.cell_location import CellLocation
from ..encode.column_writers import json_of, null_values, plain_values
from ..types import is_bytes, is_json_field, is_list, is_number_field, is_string


def conformed(
    array: pa.Array, found: pa.Field, wanted: pa.Field, location: CellLocation, *, cut: bool
) -> tuple[pa.Array, pa.Field]:
    """Return a part's column in the form of the load's, and its field.

    Args:
        array: the column.
        found: its field.
        wanted: the load's.
        location: says where a cell is.
        cut: parts end where the time was up. Then nothing is converted whose text would differ if the parts
            were one: 1 and 2.0 are 1.0 and 2.0 in one part, 1 and 2 in two.

    Raises:
        DataError: the values can't be held whole in that form.
    """
    if pa.types.is_null(found.type):
        return pa.nulls(len(array), wanted.type), wanted
    if has_same_form(found, wanted):
        return array, found.with_name(wanted.name)
    if len(array) == array.null_count:
        return pa.nulls(len(array), wanted.type), wanted
    if cut and not (pa.types.is_integer(found.type) and pa.types.is_float64(wanted.type)):
        raise other_type(found, wanted)
    if is_json_field(wanted):
        return _as_json(array, found, location), wanted
    try:
        values = plain_values(array)
        if is_number_field(wanted) and pa.types.is_integer(values.type):
            return values.cast(pa.string()), wanted
        if is_number_field(found):
            values = values.cast(pa.decimal128(38, 0))  # fails where there is a fraction
        cast = _cast(values, _plain_type(wanted.type))
    except (pa.ArrowException, _LossError) as error:
        detail = f" ({str(error).splitlines()[0][:100]})" if str(error) else ""
        raise other_type(found, wanted, detail) from None
    return cast, pa.field(wanted.name, cast.type)


def other_type(found: pa.Field, wanted: pa.Field, detail: str = "") -> DataError:
    """Return the error for a column whose values can't be held in the load's type."""
    return DataError(
        f"column {wanted.name!r} is {shown_type(found)} in it, "
        f"{shown_type(wanted)} in the parts before{detail}",
        columns=[wanted.name],
    )


def shown_type(field: pa.Field) -> str:
    """Return how a message names a field's type."""
    if is_json_field(field):
        return "dicts and lists (object)"
    return "Decimal (object)" if is_number_field(field) else str(field.type)


def widens(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether `conformed` makes the wider type of any value, or refuses one that is too long."""
    found, wanted = _plain_type(found), _plain_type(wanted)
    if pa.types.is_null(found):
        return True
    if pa.types.is_decimal(wanted):
        return bool(
            pa.types.is_integer(found) or (pa.types.is_decimal(found) and found.scale <= wanted.scale)
        )
    if pa.types.is_floating(wanted):
        narrow = pa.types.is_floating(found) and found.bit_width <= wanted.bit_width
        return bool(narrow or (pa.types.is_integer(found) and pa.types.is_float64(wanted)))
    return bool(pa.types.is_date(found) and pa.types.is_timestamp(wanted) and wanted.tz is None)


class _LossError(Exception):
    """Internal: a conversion would lose something."""


def has_same_form(found: pa.Field, wanted: pa.Field) -> bool:
    """Return whether both fields' values are written in the same way; nulls match everything."""
    if is_json_field(found) or is_json_field(wanted):
        return is_json_field(found) and is_json_field(wanted)
    if is_number_field(found) or is_number_field(wanted):
        return all(
            is_number_field(field) or pa.types.is_decimal(_plain_type(field.type))
            for field in (found, wanted)
        )
    return _same_form(found.type, wanted.type)


def _same_form(found: pa.DataType, wanted: pa.DataType) -> bool:
    found, wanted = _plain_type(found), _plain_type(wanted)
    if pa.types.is_null(found) or found == wanted:
        return True
    if is_list(found) and is_list(wanted):
        return _same_form(found.value_type, wanted.value_type)
    if pa.types.is_struct(found) and pa.types.is_struct(wanted):
        return [f.name for f in found] == [f.name for f in wanted] and all(
            _same_form(f.type, w.type) for f, w in zip(found, wanted, strict=True)
        )
    if pa.types.is_map(found) and pa.types.is_map(wanted):
        return _same_form(found.key_type, wanted.key_type) and _same_form(found.item_type, wanted.item_type)
    return _form(found) != "" and _form(found) == _form(wanted)


def _form(kind: pa.DataType) -> str:
    """Return the name of the form that several simple types share, else nothing."""
    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz is not None else "local time"
    if pa.types.is_decimal(kind):
        return f"decimal of scale {kind.scale}"
    for name, matches in _FORMS:
        if matches(kind):
            return name
    return ""


_FORMS = (
    ("integer", pa.types.is_integer),
    ("text", is_string),
    ("bytes", is_bytes),
    ("date", pa.types.is_date),
    ("time", pa.types.is_time),
    ("duration", pa.types.is_duration),
)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of dictionaries and runs."""
    while pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    return kind


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Convert between kinds of numbers, and days to times; everything else loses something."""
    found = array.type
    if pa.types.is_floating(found) and pa.types.is_floating(wanted):
        narrow = array.cast(wanted, safe=False)
        _check_equal(array, narrow.cast(found, safe=False))
        return narrow
    number = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
    if any(kind(found) for kind in number) and any(kind(wanted) for kind in number):
        if (pa.types.is_floating(found) and pa.types.is_decimal(wanted)) or (
            pa.types.is_decimal(found) and pa.types.is_floating(wanted)
        ):
            raise _LossError("binary and decimal fractions are not the same")
        return array.cast(_widest(wanted))
    if pa.types.is_date(found) and pa.types.is_timestamp(wanted) and wanted.tz is None:
        return array.cast(pa.timestamp("us"))
    raise _LossError


def _widest(kind: pa.DataType) -> pa.DataType:
    """Return the type of the same form that holds the most: a later part may have longer numbers."""
    if pa.types.is_integer(kind):
        return pa.int64()
    return pa.decimal128(38, kind.scale) if pa.types.is_decimal(kind) else kind


def _check_equal(values: pa.Array, back: pa.Array) -> None:
    before = values.to_numpy(zero_copy_only=False)
    if not np.array_equal(before, back.to_numpy(zero_copy_only=False), equal_nan=True):
        raise _LossError("some values have more digits")


def _as_json(array: pa.Array, found: pa.Field, location: CellLocation) -> pa.Array:
    """Write values as JSON texts, as they would be written among dicts and lists."""
    written = json_of(array, found, location)
    missing = null_values(array)
    return written if missing is None else pc.if_else(pa.array(missing), None, written)
