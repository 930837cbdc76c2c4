"""A result as a DataFrame: each column in the pandas type that holds all of its values exactly.

The only module of `sql` that knows pandas.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from .results import Column, Row

DataFrame = pd.DataFrame
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_EPOCH = dt.datetime(1970, 1, 1)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?")
_BILLION = 10**9
_DAY_NS = 86_400 * _BILLION
_MOST_OFFSET = 1440
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_INT64 = range(-(2**63), 2**63)
_TIMESTAMP64 = range(-(2**63) + 1, 2**63)
"""One value less than Int64, whose lowest number means NaT."""


class UnreadableValueError(ValueError):
    """A value does not match its column's type, or no type of pandas holds it."""


def frame_of(columns: Sequence[Column], rows: Sequence[Row]) -> pd.DataFrame:
    """Make a DataFrame of a whole result.

    Raises:
        UnreadableValueError: names the column and the row.
    """
    made = [_series(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    frame = pd.DataFrame(dict(enumerate(made)), index=pd.RangeIndex(len(rows)))
    frame.columns = pd.Index([column.name for column in columns], dtype=_text_type())
    return frame


def _series(column: Column, values: list[str | None]) -> pd.Series:
    read, make = _KINDS.get(column.type, (_text, _of_texts))
    if column.type == "fixed" and column.scale:
        read, make = _decimal, _of_objects
    parsed: list[Any] = []
    for number, value in enumerate(values):
        try:
            parsed.append(None if value is None else read(value))
        except (ValueError, ArithmeticError, KeyError) as error:
            why = str(error) if isinstance(error, UnreadableValueError) else f"is not a valid {column.type}"
            raise UnreadableValueError(f"column {column.name!r}, row {number}: {value!r:.60} {why}") from None
    try:
        made: pd.Series = make(parsed)
        return made
    except UnreadableValueError as error:
        raise UnreadableValueError(f"column {column.name!r} {error}") from None


def _plain_integer(text: str) -> int:
    """Read a whole number as the service writes it: ASCII digits with an optional sign, nothing else."""
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def _decimal(text: str) -> Decimal:
    if _DECIMAL.fullmatch(text) is None:  # Python's would take more: 1e999999999, which fills no memory yet
        raise ValueError
    return Decimal(text)


def _real(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise ValueError
    return float(text)


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]


def _date(text: str) -> dt.date:
    ordinal = _plain_integer(text) + _EPOCH_DAY
    if not 1 <= ordinal <= dt.date.max.toordinal():
        raise UnreadableValueError(
            "days from 1970 is not a date of the years 1 to 9999; select TO_VARCHAR of it"
        )
    return dt.date.fromordinal(ordinal)


def _nanoseconds(text: str) -> int:
    """Read seconds with a fraction, exactly."""
    seconds = _decimal(text) * _BILLION
    if seconds != seconds.to_integral_value():
        raise ValueError
    return int(seconds)


def _zoned(text: str) -> tuple[int, int]:
    """Read seconds with a fraction, and the offset from UTC in minutes after a space."""
    seconds, _, offset = text.partition(" ")
    minutes = _plain_integer(offset) - _MOST_OFFSET
    if not -_MOST_OFFSET < minutes < _MOST_OFFSET:
        raise ValueError
    return _nanoseconds(seconds), minutes


def _text(text: str) -> str:
    return text


def _text_type() -> Any:
    """Return the type that this pandas uses for texts: `object` before 3, `str` since."""
    return pd.Series(["a"]).dtype


def _of_texts(values: list[Any]) -> pd.Series:
    texts: pd.Series = pd.Series(values, dtype=_text_type())
    return texts


def _of_objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)


def _of_integers(values: list[Any]) -> pd.Series:
    fits = all(value is None or value in _INT64 for value in values)
    return pd.Series(values, dtype="Int64" if fits else object)


def _of_floats(values: list[Any]) -> pd.Series:
    return pd.Series([np.nan if value is None else value for value in values], dtype="float64")


def _of_booleans(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype="boolean")


def _of_times(values: list[Any]) -> pd.Series:
    """Make times of day. Python's have microseconds: if one needs more, all are texts with nine digits."""
    if any(value is not None and not 0 <= value < _DAY_NS for value in values):
        raise UnreadableValueError("holds a time outside of a day")
    if any(value is not None and value % 1000 for value in values):
        return _of_texts([None if value is None else _time_text(value) for value in values])
    return _of_objects(
        [None if value is None else (_EPOCH + _microseconds(value)).time() for value in values]
    )


def _time_text(nanoseconds: int) -> str:
    return f"{(_EPOCH + _microseconds(nanoseconds)).time():%H:%M:%S}.{nanoseconds % _BILLION:09}"


def _microseconds(nanoseconds: int) -> dt.timedelta:
    return dt.timedelta(microseconds=nanoseconds // 1000)


def _of_clocks(values: list[Any]) -> pd.Series:
    return _of_moments(values, None)


def _of_instants(values: list[Any]) -> pd.Series:
    return _of_moments(values, dt.UTC)


def _of_zoned(values: list[Any]) -> pd.Series:
    """Make times with offsets: of one type where all have the same offset, else objects with their own."""
    offsets = {value[1] for value in values if value is not None}
    if len(offsets) <= 1:
        zone = _zone(offsets.pop() if offsets else 0)
        return _of_moments([None if value is None else value[0] for value in values], zone)
    return _of_objects([None if value is None else _moment(value[0], _zone(value[1])) for value in values])


def _zone(minutes: int) -> dt.tzinfo:
    return dt.timezone(dt.timedelta(minutes=minutes)) if minutes else dt.UTC


def _of_moments(values: list[Any], zone: dt.tzinfo | None) -> pd.Series:
    """Make times in nanoseconds where all fit into 64 bits, else objects."""
    if all(value is None or value in _TIMESTAMP64 for value in values):
        numbers = np.array([-(2**63) if value is None else value for value in values], dtype="int64")
        moments = pd.Series(numbers.view("datetime64[ns]"))
        return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)
    return _of_objects([None if value is None else _moment(value, zone) for value in values])


def _moment(nanoseconds: int, zone: dt.tzinfo | None) -> dt.datetime:
    """Make one time: a Timestamp of pandas, or Python's where that can't hold it."""
    if nanoseconds in _TIMESTAMP64:
        moment = pd.Timestamp(nanoseconds, unit="ns")
        return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)
    try:
        if nanoseconds % 1000:
            raise OverflowError
        clock = _EPOCH + _microseconds(nanoseconds)
        return clock if zone is None else clock.replace(tzinfo=dt.UTC).astimezone(zone)
    except OverflowError:
        raise UnreadableValueError(
            f"holds a time that no type of Python and pandas holds exactly ({nanoseconds} ns since 1970); "
            "select TO_VARCHAR of it"
        ) from None


_KINDS: dict[str, tuple[Callable[[str], Any], Callable[[list[Any]], pd.Series]]] = {
    "fixed": (_plain_integer, _of_integers),
    "real": (_real, _of_floats),
    "boolean": (_boolean, _of_booleans),
    "date": (_date, _of_objects),
    "time": (_nanoseconds, _of_times),
    "timestamp_ntz": (_nanoseconds, _of_clocks),
    "timestamp_ltz": (_nanoseconds, _of_instants),
    "timestamp_tz": (_zoned, _of_zoned),
    "binary": (bytes.fromhex, _of_objects),
}
"""How values of a type are read, and how a column of them is made; all else is text, JSON included."""
