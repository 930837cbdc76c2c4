"""Parameters of a statement: each `?` becomes the literal that its binding means."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from ...errors import UsageError

_EPOCH = dt.datetime(1970, 1, 1)
_NUMBER = re.compile(r"-?\d{1,38}(?:\.\d{0,37})?")
_REAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?|NaN|-?inf", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,30}", re.ASCII)
_ZONED = re.compile(r"(-?\d{1,30}) (\d{1,4})", re.ASCII)
_OFFSET_ZERO = 1440
_PLACES = (sqlglot.TokenType.PLACEHOLDER, sqlglot.TokenType.QDCOLON)
"""A `?`, and what the tokenizer takes for an operator of other dialects: `?::`."""


def with_values(text: str, bindings: Mapping[str, Any]) -> str:
    """Return a statement with its parameters written into it.

    Args:
        text: a statement with a `?` for each value.
        bindings: for "1", "2" and so on a type and a text.

    Raises:
        UsageError: there are more or fewer of them than the statement has, or one can't be read.
    """
    try:
        tokens = sqlglot.tokenize(text, read="snowflake")
    except sqlglot.errors.TokenError:
        raise UsageError("the SQL can't be read: a quote or a comment is not ended") from None
    places = [token.start for token in tokens if token.token_type in _PLACES]
    if set(bindings) != {str(number) for number in range(1, len(places) + 1)}:
        raise UsageError(f"parameters of the statement: {len(places)}, bound values: {len(bindings)}")
    parts, end = [], 0
    for number, place in enumerate(places, start=1):
        parts += [text[end:place], " ", _literal(bindings[str(number)]), " "]
        end = place + 1
    return "".join([*parts, text[end:]])


def _literal(binding: Any) -> str:
    kind, value = (binding.get("type"), binding.get("value")) if isinstance(binding, dict) else (None, None)
    write = _WRITTEN.get(str(kind).upper())
    if write is None:
        raise UsageError(f"bind type {str(kind)[:40]!r} is not recognized")
    if value is None:
        return "NULL"
    if isinstance(value, str):
        try:
            return write(value)
        except (ValueError, OverflowError):
            pass
    raise UsageError(f"{kind} value {str(value)[:60]!r} is not recognized")


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError
    return str(exp.Literal.string(value).sql(dialect="snowflake"))


def _matching(pattern: re.Pattern[str], value: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError
    return match


def _fixed(value: str) -> str:
    return f"({_matching(_NUMBER, value)[0]})"


def _real(value: str) -> str:
    return f"CAST('{_matching(_REAL, value)[0]}' AS DOUBLE)"


def _boolean(value: str) -> str:
    return {"true": "TRUE", "false": "FALSE", "1": "TRUE", "0": "FALSE"}.get(value.lower()) or _refuse()


def _binary(value: str) -> str:
    return f"TO_BINARY('{bytes.fromhex(value).hex()}', 'HEX')"


def _date(value: str) -> str:
    days, rest = divmod(int(_matching(_WHOLE, value)[0]), 86_400_000)
    if rest:
        raise ValueError
    return f"CAST('{(_EPOCH + dt.timedelta(days=days)).date().isoformat()}' AS DATE)"


def _time(value: str) -> str:
    nanoseconds = int(_matching(_WHOLE, value)[0])
    if not 0 <= nanoseconds < 86_400 * 10**9:
        raise ValueError
    return _cast(_clock(nanoseconds)[11:], "TIME", nanoseconds)


def _ntz(value: str) -> str:
    nanoseconds = int(_matching(_WHOLE, value)[0])
    digits = 9 if nanoseconds % 1000 else 6  # the engine's type for six digits holds more years
    return f"CAST('{_clock(nanoseconds)}' AS TIMESTAMP_NTZ({digits}))"


def _ltz(value: str) -> str:
    nanoseconds = int(_matching(_WHOLE, value)[0])
    return _cast(f"{_clock(nanoseconds)}+00:00", "TIMESTAMP_TZ", nanoseconds)


def _tz(value: str) -> str:
    match = _matching(_ZONED, value)
    if abs(int(match[2]) - _OFFSET_ZERO) >= _OFFSET_ZERO:
        raise ValueError
    return _ltz(match[1])


def _cast(text: str, kind: str, nanoseconds: int) -> str:
    """Write a time; one with more than microseconds stays a text, which a column reads whole."""
    return f"'{text}'" if nanoseconds % 1000 else f"CAST('{text}' AS {kind})"


def _clock(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 10**9)
    return f"{(_EPOCH + dt.timedelta(seconds=seconds)).isoformat(sep=' ')}.{fraction:09}"


def _refuse() -> str:
    raise ValueError


_WRITTEN: dict[str, Callable[[str], str]] = {
    "TEXT": _text,
    "FIXED": _fixed,
    "REAL": _real,
    "BOOLEAN": _boolean,
    "BINARY": _binary,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": _ntz,
    "TIMESTAMP_LTZ": _ltz,
    "TIMESTAMP_TZ": _tz,
}
