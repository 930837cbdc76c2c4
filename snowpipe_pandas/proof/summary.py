"""Measures a column of a source, piece by piece, in Python; it shares nothing with what writes rows."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .kinds import Kind

_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_EPOCH = dt.datetime(1970, 1, 1)
_IN_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DIGITS = 200
"""Digits of sums of decimals: more than the sum of any column needs."""


@dataclass(slots=True)
class Summary:
    """The measures of a column's values.

    Attributes:
        nulls: how many are missing.
        minimum, maximum: the least and the largest one; None if there is none, or the kind has no order.
        total: their sum, or what replaces it; None if there is no value.
        magnitude: the sum of their absolute values, by which rounding in sums of floats is judged.
        odd: whether NaN or an infinity is among them, which no sum shows.
    """

    nulls: int = 0
    minimum: Any = None
    maximum: Any = None
    total: Any = None
    magnitude: float = 0.0
    odd: bool = False

    def add(self, other: Summary) -> None:
        """Add the measures of more values."""
        self.nulls += other.nulls
        self.minimum = _of_both(min, self.minimum, other.minimum)
        self.maximum = _of_both(max, self.maximum, other.maximum)
        with localcontext() as context:
            context.prec = _DIGITS
            self.total = _of_both(lambda a, b: a + b, self.total, other.total)
        self.magnitude += other.magnitude
        self.odd = self.odd or other.odd


def _of_both(join: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def summary(kind: Kind, column: pd.Series | pa.Array) -> Summary:
    """Measure values of a column of pandas, or of Arrow."""
    values = _of_arrow(column) if isinstance(column, pa.Array) else _of_pandas(column)
    found = Summary(nulls=len(column) - len(values))
    if values:
        _MEASURED[kind](found, values)
    return found


def _of_pandas(column: pd.Series) -> list[Any]:
    """Return the values that are there as Python has them, times of 64 bits as nanoseconds from 1970."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.ArrowDtype):
        chunks = pa.chunked_array(pa.array(column))
        return [value for chunk in chunks.chunks for value in _of_arrow(chunk)]
    present = column[column.notna()]
    if isinstance(present.dtype, np.dtype | pd.DatetimeTZDtype) and present.dtype.kind == "M":
        unit = _IN_NS[present.dt.unit]
        return [value * unit for value in present.astype("int64").tolist()]
    if isinstance(present.dtype, np.dtype) and present.dtype.kind == "f" and present.dtype.itemsize < 8:
        return [float(str(value)) for value in present.to_numpy()]  # rows have the shortest digits
    return present.tolist()


def _of_arrow(array: pa.Array) -> list[Any]:
    array = array.drop_null()
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _of_arrow(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return [value * _IN_NS[kind.unit] for value in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return [float(str(value)) for value in array.to_numpy(zero_copy_only=False)]
    values: list[Any] = array.to_pylist()
    return values


def _numbers(found: Summary, values: Sequence[Any]) -> None:
    exact = [value if isinstance(value, Decimal) else _number(value) for value in values]
    with localcontext() as context:
        context.prec = _DIGITS
        found.minimum, found.maximum, found.total = min(exact), max(exact), sum(exact)
        found.magnitude = float(sum(abs(value) for value in exact))


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else int(value)


def _floats(found: Summary, values: Sequence[Any]) -> None:
    numbers = [float(value) for value in values]
    if not all(map(math.isfinite, numbers)):
        found.odd = True
        return
    found.minimum, found.maximum, found.total = min(numbers), max(numbers), math.fsum(numbers)
    found.magnitude = math.fsum(map(abs, numbers))


def _booleans(found: Summary, values: Sequence[Any]) -> None:
    found.total = sum(map(bool, values))


def _texts(found: Summary, values: Sequence[Any]) -> None:
    counts = Counter(map(str, values))
    found.minimum, found.maximum = min(counts), max(counts)
    found.total = sum(times * _md5_number(text) for text, times in counts.items())


def _md5_number(text: str) -> int:
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "big")


def _dates(found: Summary, values: Sequence[Any]) -> None:
    dates = [value.date() if isinstance(value, dt.datetime) else value for value in values]
    found.minimum, found.maximum = min(dates), max(dates)
    found.total = sum(date.toordinal() - _EPOCH_DAY for date in dates)


def _times(found: Summary, values: Sequence[Any]) -> None:
    numbers = [value if isinstance(value, int) else _nanoseconds(value) for value in values]
    found.minimum, found.maximum, found.total = min(numbers), max(numbers), sum(numbers)


def _nanoseconds(moment: Any) -> int:
    """Return the nanoseconds from 1970 of a datetime, or of a Timestamp, which has more digits."""
    more = moment.nanosecond if isinstance(moment, pd.Timestamp) else 0
    plain = moment.to_pydatetime(warn=False) if isinstance(moment, pd.Timestamp) else moment
    if plain.tzinfo is not None:
        plain = plain.astimezone(dt.UTC).replace(tzinfo=None)
    return (plain - _EPOCH) // dt.timedelta(microseconds=1) * 1000 + more


_MEASURED: dict[Kind, Callable[[Summary, Sequence[Any]], None]] = {
    "number": _numbers,
    "float": _floats,
    "boolean": _booleans,
    "text": _texts,
    "date": _dates,
    "time": _times,
    "instant": _times,
}
