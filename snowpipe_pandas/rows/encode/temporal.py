"""Dates, times, timestamps and durations as JSON strings: ISO 8601, and exact seconds.

The text depends on the value, not on the unit of its type: six digits of a second, or nine where the value
has nanoseconds. pandas 2 and 3 read the same file with other units, and a load that goes on after an upgrade
compares these bytes (`ROW_FORMAT`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cell_location import CellLocation
from .segments import BLANK, Choice, Segment, Texts, missing_cells, offsets_of, texts, value, values_of
from .text import quoted

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
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
    _check_years(array.cast(pa.int64()), 86400 * _PER_SECOND[unit], array, location)
    stamps = _by_fraction(_ticks(array), unit, pa.timestamp, _stamps)
    return value(['"', stamps, '"' if array.type.tz is None else 'Z"'], missing_cells(array), location.end)


def times(array: pa.Array, location: CellLocation) -> list[Segment]:
    """`"03:04:05.000006"`."""
    ticks = _ticks(array)
    bad = np.flatnonzero((ticks < 0) | (ticks >= 86400 * _PER_SECOND[array.type.unit]))
    if len(bad):
        raise location.invalid(int(bad[0]), int(ticks[bad[0]]), "lies outside of one day")
    clocks = _by_fraction(ticks, array.type.unit, pa.time64, _strings)
    return value(['"', clocks, '"'], missing_cells(array), location.end)


def durations(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Exact seconds: quotient and remainder are written apart."""
    unit = array.type.unit
    ticks = _ticks(array)
    # The least 64-bit integer has no size in 64 bits with a sign, so sizes have none.
    sizes = np.abs(ticks).view(np.uint64)
    whole, rest = np.divmod(sizes, np.uint64(_PER_SECOND[unit]))
    fractions = _by_fraction(rest.astype(np.int64), unit, pa.duration, _fractions)
    sign = Choice(("", "-"), ticks < 0)
    return value(
        ['"', sign, texts(_strings(pa.array(whole))), ".", fractions, '"'], missing_cells(array), location.end
    )


def _ticks(array: pa.Array) -> np.ndarray:
    """Return the counts of the type's unit, 0 at nulls, where anything may lie."""
    kind = pa.int32() if array.type.bit_width == 32 else pa.int64()
    ticks = values_of(array.view(kind)).astype(np.int64, copy=False)
    missing = missing_cells(array)
    return ticks if missing is None else np.where(missing, 0, ticks)


def _by_fraction(
    ticks: np.ndarray,
    unit: str,
    kind: Callable[[str], pa.DataType],
    written: Callable[[pa.Array], pa.StringArray],
) -> Texts:
    """Write ticks in microseconds, and in nanoseconds those that have any.

    Three rows with 5, 5_000 and 7 nanoseconds: all are written with nine digits, the second also with six;
    it is number 3 of the texts, so the rows show the texts 0, 3 and 2.
    """
    if unit != "ns":
        return texts(written(pa.array(ticks * (10**6 // _PER_SECOND[unit])).view(kind("us"))))
    micros = ticks // 1000
    is_micro = micros * 1000 == ticks
    if is_micro.all():
        return texts(written(pa.array(micros).view(kind("us"))))
    nine = written(pa.array(ticks).view(kind("ns")))
    if not is_micro.any():
        return texts(nine)
    rows = np.flatnonzero(is_micro)
    at = np.arange(len(ticks), dtype=np.int32)
    at[rows] = np.arange(len(ticks), len(ticks) + len(rows))
    return Texts((nine, written(pa.array(micros[rows]).view(kind("us"))), BLANK), at)


def _strings(array: pa.Array) -> pa.StringArray:
    return array.cast(pa.string())


def _stamps(array: pa.Array) -> pa.StringArray:
    """Write instants, with ISO 8601's `T` put where Arrow writes a space: the fresh text is nobody else's."""
    text = array.cast(pa.string())
    if len(text):
        np.frombuffer(text.buffers()[2], np.uint8)[offsets_of(text)[:-1] + 10] = ord("T")
    return text


def _fractions(array: pa.Array) -> pa.StringArray:
    """Write the part of a second behind the point, with its leading zeros."""
    per_second = _PER_SECOND[array.type.unit]
    # Plus one second, and without that leading 1, it has all its zeros.
    digits = pa.array(values_of(array.view(pa.int64())) + per_second).cast(pa.string())
    return pc.utf8_slice_codeunits(digits, 1)


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
