"""Columns of Python objects: one Arrow type that holds every value whole, or a refusal of the odd row.

The type is decided by the Python types of all values that are there, never by a part of them. Where values
of two kinds share a wider type (dates and datetimes, integers and decimals), it is that one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from ..encode.cell_location import CellLocation
from ..encode.python_objects import json_texts
from ..instants import (
    MAX_TICKS,
    instant_array,
    is_zoned,
    moment,
    nanoseconds_of,
    span,
    tick_array,
    ticks_of,
    unit_for,
)
from ..shown import shown
from ..types import JSON_FIELD, UUID_FIELD, is_json_field, is_uuid_field

Objects = np.ndarray[Any, np.dtype[np.object_]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

MAX_NUMBER = 10**38 - 1
"""The largest number of Snowflake's NUMBER(38,0)."""

_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool, np.bool_), "bool"),
    ((np.timedelta64, timedelta), "timedelta"),  # before integers: NumPy's is a subclass of them
    ((np.longdouble,), "longdouble"),
    ((int, np.integer), "int"),
    ((float, np.floating), "float"),
    ((Decimal,), "decimal"),
    ((str,), "text"),
    ((bytes, bytearray, memoryview), "bytes"),
    ((datetime, np.datetime64), "datetime"),  # before dates: a datetime is one
    ((date,), "date"),
    ((time,), "time"),
    ((UUID,), "UUID"),
    ((dict, list, tuple, np.ndarray), "json"),
)
_HINTS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((complex, np.complexfloating), "split it into its .real and .imag"),
    (np.longdouble, "no column holds all its digits; use .astype('float64')"),
    (pd.Interval, "use .map(str), or its .left and .right as two columns"),
    (pd.Period, "use .map(lambda v: v.to_timestamp()), or .map(str)"),
    (enum.Enum, "use .map(lambda v: v.value)"),
    ((set, frozenset), "use .map(sorted)"),
    (Mapping, "use .map(dict)"),
    ((pd.Series, pd.Index), "use .map(lambda v: v.tolist())"),
)


class UnsupportedError(Exception):
    """Internal: why a column can't be sent, and what to do."""


def missing_of(values: Objects) -> Flags:
    """Return which values pandas calls missing: None, NaN of any type, NaT of any type, NA."""
    try:
        return np.asarray(pd.isna(values))
    except Exception:  # noqa: BLE001  # Decimal("sNaN") raises, and foreign objects may
        return np.fromiter(map(is_missing, values), bool, len(values))


def is_missing(value: object) -> bool:
    """Tell of one value what `missing_of` tells of many."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)


def object_field(name: str, values: Objects, missing: Flags) -> pa.Field:
    """Return the field that holds every value whole.

    Raises:
        UnsupportedError: there is none; the text names the row that is odd.
    """
    present = values[~missing]
    if not len(present):
        return pa.field(name, pa.null())
    cells = present.tolist()
    kinds = {kind_of(kind) for kind in set(map(type, cells))}
    if "json" in kinds:
        return pa.field(name, pa.string(), metadata=JSON_FIELD)
    for together, decide in _DECIDED:
        if kinds <= together:
            try:
                return decide(name, cells)
            except _OddValueError as odd:
                row = np.flatnonzero(~missing)[odd.number]
                raise UnsupportedError(f"(object) row {row} ({shown(cells[odd.number])}): {odd}") from None
    raise UnsupportedError(_mixed(values, missing))


def kind_of(kind: type) -> str:
    """Return the kind of values of a Python type, "" for those that no column can hold."""
    return next((name for classes, name in _KINDS if issubclass(kind, classes)), "")


class _OddValueError(Exception):
    """Internal: value number `number` does not fit, and why."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(problem)
        self.number = number


def _mixed(values: Objects, missing: Flags) -> str:
    """Tell of the first value of the rarer kind: that one is odd, wherever it stands."""
    rows = np.flatnonzero(~missing).tolist()
    by_kind: dict[str, list[int]] = {}
    for row in rows:
        kind = type(values[row])
        by_kind.setdefault(kind_of(kind) or kind.__name__, []).append(row)
    # Of kinds that are equally rare, the later one is odd.
    rows_of_kinds = list(by_kind.values())
    row = min(reversed(rows_of_kinds), key=len)[0]
    value = values[row]
    odd = type(value).__name__
    hint = next((text for classes, text in _HINTS if isinstance(value, classes)), "")
    if len(rows_of_kinds) == 1:
        hint = hint or "convert it, for example with .astype(str)"
        return f"(object) row {row} ({shown(value)}): no column holds values of type {odd}; {hint}"
    usual = type(values[max(rows_of_kinds, key=len)[0]]).__name__
    hint = hint or "make them one type, for example with .astype(str)"
    return (
        f"(object) mixes types: row {row} ({shown(value)}) is of type {odd}, others of type {usual}; {hint}"
    )


def _fixed(
    kind: pa.DataType, metadata: dict[bytes, bytes] | None = None
) -> Callable[[str, list[Any]], pa.Field]:
    return lambda name, cells: pa.field(name, kind, metadata=metadata)


def _integers(name: str, cells: list[Any]) -> pa.Field:
    numbers = list(map(int, cells))  # NumPy's own compare by rounding, in older versions
    least, most = min(numbers), max(numbers)
    if least >= -(2**63) and most < 2**63:
        return pa.field(name, pa.int64())
    if least >= 0 and most < 2**64:
        return pa.field(name, pa.uint64())
    problem = "has more than the 38 digits of NUMBER; use .astype(str)"
    _refuse_first(numbers, lambda value: abs(value) > MAX_NUMBER, problem)
    return pa.field(name, pa.decimal128(38, 0))


def _floats(name: str, cells: list[Any]) -> pa.Field:
    types = set(map(type, cells))
    if types <= {np.float16}:
        return pa.field(name, pa.float16())
    if types <= {np.float16, np.float32}:
        return pa.field(name, pa.float32())
    integers = {kind for kind in types if kind_of(kind) == "int"}
    if integers:
        # A float beyond this has fewer digits than the integer, even where it is the same number.
        problem = "is an integer of more digits than the floats beside it; use .map(Decimal) or .astype(str)"
        _refuse_first(cells, lambda value: type(value) in integers and abs(int(value)) > 2**53, problem)
    return pa.field(name, pa.float64())


def _decimals(name: str, cells: list[Any]) -> pa.Field:
    numbers = [value if isinstance(value, Decimal) else Decimal(int(value)) for value in cells]
    _refuse_first(numbers, lambda value: not value.is_finite(), "is no number that a column can hold")
    try:
        return pa.field(name, pa.array(numbers).type)
    except pa.ArrowInvalid:
        raise _OddValueError(
            max(range(len(numbers)), key=lambda number: _digits(numbers[number])),
            "the column needs more than 76 digits; use .astype(str)",
        ) from None


def _digits(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    return max(len(digits), abs(int(exponent)))


def _instants(name: str, cells: list[Any]) -> pa.Field:
    moments = [_checked(number, moment, value) for number, value in enumerate(cells)]
    zoned = [is_zoned(value) for value in moments]
    if any(zoned) and not all(zoned):
        odd = zoned.index(_rarer(zoned))
        told = "has a time zone, others have none" if zoned[odd] else "has no time zone, others have one"
        raise _OddValueError(
            odd, f"{told}; bring them to one form, for example pd.to_datetime(df[c], utc=True)"
        )
    if not any(isinstance(value, datetime) for value in moments):
        return pa.field(name, pa.date32())
    unit = unit_for(moments)
    if unit == "ns":
        _check_ticks(moments, unit)
    return pa.field(name, pa.timestamp(unit, "UTC" if zoned[0] else None))


def _rarer(flags: list[bool]) -> bool:
    """Return which of two flags is rarer; of equally many, the one that comes later."""
    return not flags[0] if 2 * flags.count(flags[0]) >= len(flags) else flags[0]


def _check_ticks(values: list[Any], unit: str) -> None:
    """Refuse values out of the range of 64 bits in the unit that others need."""
    per_tick = 1000 if unit == "ns" else 1
    _refuse_first(
        values,
        lambda value: abs(ticks_of(value)) * per_tick + nanoseconds_of(value) > MAX_TICKS,
        "lies out of the range of nanoseconds, which others have; round them, or use .astype(str)"
        if unit == "ns"
        else "is longer than 64 bits of microseconds; use .astype(str)",
    )


def _times(name: str, cells: list[Any]) -> pa.Field:
    _refuse_first(
        cells,
        lambda value: value.tzinfo is not None,
        "has a zone, which TIME has not; use .map(lambda v: v.replace(tzinfo=None))",
    )
    return pa.field(name, pa.time64("us"))


def _durations(name: str, cells: list[Any]) -> pa.Field:
    spans = [_checked(number, span, value) for number, value in enumerate(cells)]
    unit = unit_for(spans)
    _check_ticks(spans, unit)
    return pa.field(name, pa.duration(unit))


def _checked(number: int, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (ValueError, OverflowError, TypeError, ArithmeticError) as error:
        raise _OddValueError(
            number, f"can't be held ({error}); convert it, for example with .astype(str)"
        ) from None


def _refuse_first(cells: Iterable[Any], is_odd: Callable[[Any], bool], problem: str) -> None:
    for number, value in enumerate(cells):
        if is_odd(value):
            raise _OddValueError(number, problem)


_DECIDED: tuple[tuple[frozenset[str], Callable[[str, list[Any]], pa.Field]], ...] = (
    (frozenset({"bool"}), _fixed(pa.bool_())),
    (frozenset({"text"}), _fixed(pa.string())),
    (frozenset({"bytes"}), _fixed(pa.binary())),
    (frozenset({"UUID"}), _fixed(pa.string(), UUID_FIELD)),
    (frozenset({"int"}), _integers),
    (frozenset({"int", "float"}), _floats),
    (frozenset({"int", "decimal"}), _decimals),
    (frozenset({"date", "datetime"}), _instants),
    (frozenset({"time"}), _times),
    (frozenset({"timedelta"}), _durations),
)
"""Kinds that one type holds together, and what decides which."""


def object_array(values: Objects, missing: Flags, field: pa.Field, location: CellLocation) -> pa.Array:
    """Convert a slice of a column to the field that all of the column was found to need.

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
    except Exception:  # told with the cell that failed
        for number, cell in enumerate(cells()):
            try:
                _converted([cell], field)
            except Exception as error:  # noqa: BLE001  # whatever a foreign value raises
                raise location.invalid(number, cell, conversion_problem(error, field.type)) from None
        raise


def conversion_problem(error: Exception, kind: pa.DataType) -> str:
    """Tell why a cell did not become the type, in a few words."""
    if isinstance(error, UnicodeEncodeError):
        return "holds a lone surrogate; clean the text"
    return f"does not fit {kind} ({str(error).splitlines()[0][:100] if str(error) else type(error).__name__})"


def _is_plain(field: pa.Field) -> bool:
    """Whether Arrow reads these Python values as they are."""
    kind = field.type
    plain = pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    return not is_uuid_field(field) and bool(plain or pa.types.is_binary(kind) or pa.types.is_null(kind))


def _converted(cells: list[Any], field: pa.Field) -> pa.Array:
    kind = field.type
    if is_uuid_field(field):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return instant_array([None if cell is None else moment(cell) for cell in cells], kind)
    if pa.types.is_duration(kind):
        return tick_array([None if cell is None else span(cell) for cell in cells], kind)
    if pa.types.is_float64(kind):
        cells = [None if cell is None else float(cell) for cell in cells]
    elif pa.types.is_decimal(kind):
        cells = [cell if cell is None or isinstance(cell, Decimal) else Decimal(int(cell)) for cell in cells]
    return pa.array(cells, kind)
