"""Parameters of a statement, as the SQL API binds them: a type and a text for each `?`."""

from __future__ import annotations

import datetime as dt
import math
import operator
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, NoReturn

from .. import arguments
from ..errors import UsageError

MOST_DIGITS = 38
"""Of a NUMBER."""

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_OFFSET_ZERO = 1440
"""Added to the offset from UTC, so that none is negative; in minutes."""

_WANTED = "a str, int, float, Decimal, bool, bytes, date, time, datetime or None"


def bindings(params: Any) -> dict[str, dict[str, str | None]]:
    """Return the `bindings` of a request.

    Args:
        params: the values of the statement's `?`, in order; None for none.

    Raises:
        UsageError: it is not a list, or the SQL API does not take a value of this type.

    >>> bindings(["it's", 7, None])["2"]
    {'type': 'FIXED', 'value': '7'}
    """
    if params is None:
        return {}
    wanted = "a list with one value for each ? of the statement, such as params=[7]"
    given = arguments.items("params", params, wanted=wanted)
    return {str(at): _binding(f"params[{at - 1}]", value) for at, value in enumerate(given, start=1)}


def _binding(name: str, value: Any) -> dict[str, str | None]:
    try:
        kind, text = _typed(name, value)
    except UsageError:
        raise
    except Exception:  # noqa: BLE001  # of a foreign subclass, or a time zone that fails
        _refuse(name, value, _WANTED)
    return {"type": kind, "value": text}


def _typed(name: str, value: Any) -> tuple[str, str | None]:
    if _is_missing(value):
        return "TEXT", None
    if issubclass(type(value), str):
        plain = arguments.plain_text(value, nul=True)
        if plain is None:
            _refuse(name, value, "a text without lone surrogates")
        return "TEXT", plain
    if type(value) is bool or _is_numpy_bool(value):
        return "BOOLEAN", "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return "BINARY", bytes(value).hex().upper()
    if isinstance(value, Decimal | Real):
        return _number(name, value)
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date):
        return "DATE", str((value - _EPOCH.date()).days * 86_400_000)
    if isinstance(value, dt.time) and value.tzinfo is None:
        since = dt.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        return "TIME", str((since // _MICROSECOND + value.microsecond) * 1000)
    return _refuse(name, value, f"{_WANTED}; bind JSON as text, with PARSE_JSON(?)")


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, or one of pandas' missing values (`NaT` is a datetime too)."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _is_numpy_bool(value: Any) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_")


def _number(name: str, value: Any) -> tuple[str, str]:
    if isinstance(value, Integral):
        whole = operator.index(value)
        if abs(whole) >= 10**MOST_DIGITS:
            _refuse(name, value, f"a whole number of at most {MOST_DIGITS} digits")
        return "FIXED", str(whole)
    if isinstance(value, Decimal):
        parts = value.as_tuple()
        if not isinstance(parts.exponent, int):  # NaN and the infinities
            _refuse(name, value, "a Decimal that is a number")
        if max(len(parts.digits), -parts.exponent, len(parts.digits) + parts.exponent) > MOST_DIGITS:
            _refuse(name, value, f"a Decimal of at most {MOST_DIGITS} digits")
        return "FIXED", format(value, "f")
    plain = arguments.plain_number(value)
    if isinstance(value, float) and not math.isfinite(plain):
        return "REAL", "NaN" if math.isnan(plain) else "inf" if plain > 0 else "-inf"
    if not math.isfinite(plain) or plain != value:
        _refuse(name, value, "a number that a float holds, or a Decimal")
    return "REAL", repr(plain)


def _moment(value: dt.datetime) -> tuple[str, str]:
    """Return a moment in nanoseconds since the epoch; a pandas Timestamp has nanoseconds of its own."""
    offset = value.utcoffset()
    clock = dt.datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    )
    nanoseconds = ((clock - (offset or dt.timedelta()) - _EPOCH) // _MICROSECOND) * 1000
    nanoseconds += int(getattr(value, "nanosecond", 0))
    if offset is None:
        return "TIMESTAMP_NTZ", str(nanoseconds)
    return "TIMESTAMP_TZ", f"{nanoseconds} {offset // dt.timedelta(minutes=1) + _OFFSET_ZERO}"


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    arguments.refuse(name, value, wanted)
