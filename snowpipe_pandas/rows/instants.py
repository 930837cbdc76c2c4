"""Python's dates, datetimes and durations, whole: as ticks for Arrow, and as texts inside of nested values.

Texts follow one rule everywhere (`ROW_FORMAT`): six digits of a second, or nine where there are nanoseconds,
whatever unit the value came in. pandas 2 and 3 read the same file with other units.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

Moment: TypeAlias = "date | datetime"
"""A day, or an instant; a pandas Timestamp is an instant, with nanoseconds."""

EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
MAX_TICKS = 2**63 - 1
_DAY_UNITS = frozenset("YMWD")
_FINE_UNITS = frozenset({"ps", "fs", "as"})


def moment(value: Any) -> Moment:
    """Return a date, datetime, Timestamp or NumPy datetime as one of the first three, whole.

    Raises:
        ValueError: the value has no unit, is finer than nanoseconds, or lies outside of the years 1 to 9999.

    >>> moment(np.datetime64("2026-01-01"))
    datetime.date(2026, 1, 1)
    """
    if type(value) is datetime or type(value) is date:
        return value
    if isinstance(value, np.datetime64):
        unit = np.datetime_data(value)[0]
        if unit in _DAY_UNITS:
            day = value.astype("M8[D]").item()
            if not isinstance(day, date):
                raise ValueError("lies outside of the years 0001 to 9999")
            return day
        value = pd.Timestamp(_in_nanoseconds(value, unit, "M8[ns]"))
    if isinstance(value, pd.Timestamp) and not 1 <= value.year <= 9999:
        raise ValueError("lies outside of the years 0001 to 9999")
    return value  # type: ignore[no-any-return]


def span(value: Any) -> timedelta:
    """Return a timedelta, Timedelta or NumPy timedelta as one of the first two, whole.

    Raises:
        ValueError: the value has no fixed length, or is finer than nanoseconds.
    """
    if isinstance(value, np.timedelta64):
        unit = np.datetime_data(value)[0]
        if unit in ("Y", "M", "generic"):
            raise ValueError("a duration of this unit has no fixed length")
        return pd.Timedelta(_in_nanoseconds(value, unit, "m8[ns]"))
    return value  # type: ignore[no-any-return]


def _in_nanoseconds(value: Any, unit: str, target: str) -> Any:
    """Convert units that pandas lacks to nanoseconds, if that loses nothing."""
    if unit == "generic":
        raise ValueError("has no unit")
    if unit not in _FINE_UNITS:
        return value
    coarse = value.astype(target)
    if coarse.astype(value.dtype) != value:
        raise ValueError("is finer than nanoseconds")
    return coarse


def is_zoned(value: Moment | time) -> bool:
    """Return whether a value has a time zone."""
    return getattr(value, "tzinfo", None) is not None and value.utcoffset() is not None  # type: ignore[union-attr]


def ticks_of(value: Moment | timedelta) -> int:
    """Return microseconds since 1970 (in UTC if there is a zone), or of a duration; without nanoseconds."""
    if not isinstance(value, timedelta):
        value = _since_epoch(value)
    return (value.days * 86400 + value.seconds) * 10**6 + value.microseconds


def _since_epoch(value: Moment) -> timedelta:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day) - EPOCH
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    return value - EPOCH_UTC if is_zoned(value) else value.replace(tzinfo=None) - EPOCH


def nanoseconds_of(value: Moment | timedelta) -> int:
    """Return the nanoseconds after the microseconds; only pandas' types have any."""
    if isinstance(value, pd.Timestamp):
        return value.nanosecond
    return value.nanoseconds if isinstance(value, pd.Timedelta) else 0


def unit_for(values: Sequence[Moment | timedelta]) -> str:
    """Return the coarsest unit, "us" or "ns", that holds all of the values."""
    exact = (pd.Timestamp, pd.Timedelta)
    return "ns" if any(nanoseconds_of(value) for value in values if isinstance(value, exact)) else "us"


def instant_array(values: Sequence[Moment | None], kind: pa.DataType) -> pa.Array:
    """Return moments (None is null) as an array of days or timestamps.

    Raises:
        OverflowError: a value is too far away for the type's unit.
    """
    if pa.types.is_date(kind):
        return pa.array(values, kind)
    midnight = [
        value
        if value is None or isinstance(value, datetime)
        else datetime(value.year, value.month, value.day)
        for value in values
    ]
    return tick_array(midnight, kind)


def tick_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return instants or durations (None is null) as an array; Arrow itself drops nanoseconds of objects.

    Raises:
        OverflowError: a value is too large for the type's unit.
    """
    if kind.unit == "us":
        return pa.array(values, kind)
    ticks = [None if value is None else ticks_of(value) * 1000 + nanoseconds_of(value) for value in values]
    return pa.array(ticks, pa.int64()).view(kind)


def moment_text(value: Any) -> str:
    """Return a day as `2026-01-02`, an instant as `2026-01-02T03:04:05.000006`, with `Z` where it has a zone.

    Raises:
        ValueError, OverflowError: the value can't be held whole.
    """
    value = moment(value)
    if not isinstance(value, datetime):
        return str(value.isoformat())
    stamp = EPOCH + _since_epoch(value)
    return (
        stamp.isoformat(timespec="microseconds")
        + _nine(nanoseconds_of(value))
        + ("Z" if is_zoned(value) else "")
    )


def time_text(value: time) -> str:
    """Return `03:04:05.000006`.

    Raises:
        ValueError: the time has a zone, which TIME can't hold.
    """
    if value.tzinfo is not None:
        raise ValueError("a time of day with a zone can't be held whole")
    return value.isoformat(timespec="microseconds")


def duration_text(value: Any) -> str:
    """Return seconds, exact: `86403.000000001`."""
    value = span(value)
    ticks = ticks_of(value) * 1000 + nanoseconds_of(value)
    seconds, rest = divmod(abs(ticks), 10**9)
    fraction = f"{rest // 1000:06}" + _nine(rest % 1000)
    return f"{'-' if ticks < 0 else ''}{seconds}.{fraction}"


def _nine(nanoseconds: int) -> str:
    return f"{nanoseconds:03}" if nanoseconds else ""
