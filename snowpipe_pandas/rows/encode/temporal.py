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
from .segments import Choice, Segment, Texts, missing_cells, offsets_of, texts, value, values_of
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
    missing = missing_cells(array)
    stamps = _by_fraction(_ticks(array, missing), missing, unit, pa.timestamp, _stamps)
    return value(['"', stamps, '"' if array.type.tz is None else 'Z"'], missing, location.end)


def times(array: pa.Array, location: CellLocation) -> list[Segment]:
    """`"03:04:05.000006"`."""
    missing = missing_cells(array)
    ticks = _ticks(array, missing)
    bad = np.flatnonzero((ticks < 0) | (ticks >= 86400 * _PER_SECOND[array.type.unit]))
    if len(bad):
        raise location.invalid(int(bad[0]), int(ticks[bad[0]]), "lies outside of one day")
    clocks = _by_fraction(ticks, missing, array.type.unit, pa.time64, _strings)
    return value(['"', clocks, '"'], missing, location.end)


def durations(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Write exact seconds: quotient and remainder are written separately."""
    unit = array.type.unit
    missing = missing_cells(array)
    ticks = _ticks(array, missing)
    # The least 64-bit integer has no absolute value in 64 bits with a sign, so sizes are unsigned.
    sizes = np.abs(ticks).view(np.uint64)
    whole, rest = np.divmod(sizes, np.uint64(_PER_SECOND[unit]))
    fractions = _by_fraction(rest.astype(np.int64), missing, unit, pa.duration, _fractions)
    sign = Choice(("", "-"), ticks < 0)
    seconds = texts(_strings(pa.array(whole, mask=missing)))
    return value(['"', sign, seconds, ".", fractions, '"'], missing, location.end)


def _ticks(array: pa.Array, missing: np.ndarray | None) -> np.ndarray:
    """Return the counts of the type's unit, 0 at nulls, where anything may lie."""
    kind = pa.int32() if array.type.bit_width == 32 else pa.int64()
    ticks = values_of(array.view(kind)).astype(np.int64, copy=False)
    return ticks if missing is None else np.where(missing, 0, ticks)


def _by_fraction(
    ticks: np.ndarray,
    missing: np.ndarray | None,
    unit: str,
    kind: Callable[[str], pa.DataType],
    written: Callable[[pa.Array], pa.StringArray],
) -> Texts:
    """Write ticks in microseconds, and in nanoseconds those that have any; nulls are not written.

    Three rows with 5, 5_000 and 7 nanoseconds: all are written with nine digits, the second also with six;
    it is number 3 of the texts, so the rows show the texts 0, 3 and 2.
    """

    def texts_in(unit: str, ticks: np.ndarray, missing: np.ndarray | None = None) -> Texts:
        return texts(written(pa.array(ticks, mask=missing).view(kind(unit))))

    if unit != "ns":
        return texts_in("us", ticks * (10**6 // _PER_SECOND[unit]), missing)
    micros = ticks // 1000
    has_nanos = micros * 1000 != ticks
    if not has_nanos.any():
        return texts_in("us", micros, missing)
    nine = texts_in("ns", ticks, missing)
    rows = np.flatnonzero(~has_nanos if missing is None else ~(has_nanos | missing))
    if not len(rows):
        return nine
    at = np.arange(len(ticks), dtype=np.int32)
    at[rows] = np.arange(len(ticks), len(ticks) + len(rows))
    six = texts_in("us", micros[rows])
    return Texts((nine.arrays[0], *six.arrays), at)


def _strings(array: pa.Array) -> pa.StringArray:
    return array.cast(pa.string())


def _stamps(array: pa.Array) -> pa.StringArray:
    """Write instants, with ISO 8601's `T` in place of Arrow's space: the new text is not shared."""
    text = array.cast(pa.string())
    borders = offsets_of(text)
    written = borders[:-1][np.diff(borders) > 0] if text.null_count else borders[:-1]
    if len(written):
        np.frombuffer(text.buffers()[2], np.uint8)[written + 10] = ord("T")
    return text


def _fractions(array: pa.Array) -> pa.StringArray:
    """Write the part of a second after the point, with its leading zeros."""
    # One second more, without its leading 1, keeps all zeros.
    digits = pc.add(array.view(pa.int64()), _PER_SECOND[array.type.unit]).cast(pa.string())
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
