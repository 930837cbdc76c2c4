"""Dates, times, timestamps and durations as JSON strings: ISO 8601, and exact seconds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cell_location import CellLocation
from .segments import Choice, Segment, missing_cells, offsets_of, texts, value
from .text import quoted

_UNIT_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_DAY, _LAST_DAY = -719162, 2932896
"""0001-01-01 and 9999-12-31 as days since 1970-01-01."""


def dates(array: pa.Array, location: CellLocation) -> list[Segment]:
    """`"2026-01-02"`."""
    days = array.cast(pa.date32())
    _check_years(days.cast(pa.int32()), 1, array, location)
    return quoted(days.cast(pa.string()), array, location)


def timestamps(array: pa.Array, location: CellLocation) -> list[Segment]:
    """`"2026-01-02T03:04:05.000000006"`, in UTC with `Z` where the type has a zone."""
    unit = array.type.unit
    _check_years(array.cast(pa.int64()), 86400 * _UNIT_PER_SECOND[unit], array, location)
    text = array.view(pa.int64()).cast(pa.timestamp(unit)).cast(pa.string())
    _put_t(text)
    return quoted(text, array, location, after='"' if array.type.tz is None else 'Z"')


def _put_t(text: pa.StringArray) -> None:
    """Put ISO 8601's `T` where Arrow writes a space, in location: Arrow's fresh text is nobody else's."""
    borders = offsets_of(text)
    full = borders[:-1][np.diff(borders) > 0] if text.null_count else borders[:-1]
    if len(full):
        np.frombuffer(text.buffers()[2], np.uint8)[full + 10] = ord("T")


def _check_years(values: pa.Array, per_day: int, array: pa.Array, location: CellLocation) -> None:
    """Refuse years outside of 0001 to 9999, which neither ISO 8601 nor Snowflake has."""
    if values.null_count == len(values):
        return
    limits = pc.min_max(values).as_py()
    low, high = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day - 1
    if limits["min"] >= low and limits["max"] <= high:
        return
    bad = pc.or_(pc.less(values, low), pc.greater(values, high))
    number = pc.index(bad, True).as_py()
    raise location.invalid(number, values[number].as_py(), "lies outside of the years 0001 to 9999")


def times(array: pa.Array, location: CellLocation) -> list[Segment]:
    """`"03:04:05.000006"`."""
    return quoted(array.cast(pa.string()), array, location)


def durations(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Seconds with the unit's fraction, exact: quotient and remainder are written apart."""
    per_second = _UNIT_PER_SECOND[array.type.unit]
    ticks = np.asarray(pc.fill_null(array.view(pa.int64()), 0).to_numpy(zero_copy_only=False))
    negative = ticks < 0
    sizes = np.abs(ticks).view(np.uint64)  # the least 64-bit integer has no size in 64 bits with a sign
    segments: list[Segment] = [
        '"',
        Choice(("", "-"), negative),
        texts(_written(sizes // np.uint64(per_second))),
    ]
    if per_second > 1:
        # The remainder plus one unit, without its leading 1, is the remainder with leading zeros.
        digits = _written(sizes % np.uint64(per_second) + np.uint64(per_second))
        segments += [".", texts(pc.utf8_slice_codeunits(digits, 1))]
    return value([*segments, '"'], missing_cells(array), location.end)


def _written(values: np.ndarray) -> pa.StringArray:
    return pa.array(values).cast(pa.string())
