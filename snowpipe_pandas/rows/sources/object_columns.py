"""Columns of Python objects: one Arrow type that holds every value whole, or a refusal of the odd row.

The type is decided by the Python types of all values that are present, never by some of them. Where values
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

from ...shown import shown
from ..instants import MAX_TICKS, is_zoned, moment, nanoseconds_of, span, ticks_of, unit_for
from ..types import JSON_FIELD, UUID_FIELD, number_field
from .object_values import Flags, Objects

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


def object_field(name: str, values: Objects, missing: Flags, row_of: Callable[[int], int]) -> pa.Field:
    """Return the field that holds every value whole; `row_of` returns a row's number in the whole source.

    Raises:
        UnsupportedError: there is none; the message names the odd row.
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
                row = row_of(int(np.flatnonzero(~missing)[odd.number]))
                raise UnsupportedError(f"(object) row {row} ({shown(cells[odd.number])}): {odd}") from None
    raise UnsupportedError(_mixed(values, missing, row_of))


def kind_of(kind: type) -> str:
    """Return the kind of values of a Python type, "" for those that no column can hold."""
    return next((name for classes, name in _KINDS if issubclass(kind, classes)), "")


class _OddValueError(Exception):
    """Internal: value number `number` does not fit, and why."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(problem)
        self.number = number


def _mixed(values: Objects, missing: Flags, row_of: Callable[[int], int]) -> str:
    """Describe the first value of the rarer kind: that one is odd, wherever it is."""
    rows = np.flatnonzero(~missing).tolist()
    by_kind: dict[str, list[int]] = {}
    for row in rows:
        kind = type(values[row])
        by_kind.setdefault(kind_of(kind) or kind.__name__, []).append(row)
    # Of kinds that are equally rare, the later one is odd.
    rows_of_kinds = list(by_kind.values())
    at = min(reversed(rows_of_kinds), key=len)[0]
    row, value = row_of(at), values[at]
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
        problem = (
            "is an integer with more digits than the floats beside it; use .map(Decimal) or .astype(str)"
        )
        _refuse_first(cells, lambda value: type(value) in integers and abs(int(value)) > 2**53, problem)
    return pa.field(name, pa.float64())


def _decimals(name: str, cells: list[Any]) -> pa.Field:
    numbers = [value if isinstance(value, Decimal) else Decimal(int(value)) for value in cells]
    _refuse_first(numbers, lambda value: not value.is_finite(), "is not a number that a column can hold")
    try:
        kind = pa.array(numbers).type
    except pa.ArrowInvalid:
        raise _OddValueError(
            max(range(len(numbers)), key=lambda number: _digits(numbers[number])),
            "the column needs more than 76 digits; use .astype(str)",
        ) from None
    # Each value keeps its own digits: its text must not depend on the values beside it.
    return number_field(name, kind.precision, kind.scale)


def _digits(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    return max(len(digits), abs(int(exponent)))


def _instants(name: str, cells: list[Any]) -> pa.Field:
    moments = [_checked(number, moment, value) for number, value in enumerate(cells)]
    zoned = [is_zoned(value) for value in moments]
    if any(zoned) and not all(zoned):
        odd = zoned.index(_rarer(zoned))
        problem = "has a time zone, others have none" if zoned[odd] else "has no time zone, others have one"
        raise _OddValueError(
            odd, f"{problem}; bring them to one form, for example pd.to_datetime(df[c], utc=True)"
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
    """Refuse values that exceed 64 bits in the unit that others need."""
    per_tick = 1000 if unit == "ns" else 1
    _refuse_first(
        values,
        lambda value: abs(ticks_of(value)) * per_tick + nanoseconds_of(value) > MAX_TICKS,
        "is out of the range of nanoseconds, which others have; round them, or use .astype(str)"
        if unit == "ns"
        else "is longer than 64 bits of microseconds; use .astype(str)",
    )


def _times(name: str, cells: list[Any]) -> pa.Field:
    _refuse_first(
        cells,
        lambda value: value.tzinfo is not None,
        "has a zone, which TIME can't hold; use .map(lambda v: v.replace(tzinfo=None))",
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
"""Kinds that one type holds together, and the function that decides which."""
