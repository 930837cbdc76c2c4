"""What a JSON value becomes in a column: Snowflake's documented conversions, as DuckDB's SQL.

Values come from DuckDB's JSON reader, as JSON (texts in quotes, all else bare) or as the text that they hold.
DuckDB's own casts take more than Snowflake does (`1_000`, `+-5`, `infinity`, `2026/01/02`, the hour 24), so
a text is cast only if a pattern has found it well-formed. What costs time stands behind the plain cases: CASE
and coalesce ask their later parts only for rows that are left.

`check()` of the client has the same rules, written on their own; tests hold one against the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from .declared import DeclaredColumn, duckdb_type

_BLANK = r"(?:[ ]|\\[tnr])*"
"""Blanks around a number, as JSON writes them."""

_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)"
_YEAR = r"(?:\d{3}[1-9]|\d\d[1-9]\d|\d[1-9]\d\d|[1-9]\d{3})"
_ZONE = r"(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?" + _ZONE
_DATE = _YEAR + r"-\d\d-\d\d"
_MOMENT = rf"{_DATE}(?:[T ]{_CLOCK})?"

_TRUE = ("true", "t", "yes", "y", "on", "1")
_FALSE = ("false", "f", "no", "n", "off", "0")

_SCALES = ((31_536_000_000, 10**9), (31_536_000_000_000, 10**6), (31_536_000_000_000_000, 10**3))
"""Whole numbers in text are seconds, milliseconds, microseconds or nanoseconds since 1970, by their size."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a column reads a key's value.

    Attributes:
        read_as: the type for DuckDB's JSON reader.
        cast: the value as the column stores it, null where it has none.
        wrong: whether a value that is there does not fit.
    """

    read_as: str
    cast: str
    wrong: str


def conversion(column: DeclaredColumn, value: str, is_text: str) -> Conversion:
    """Return how `column` takes the SQL expression `value`.

    Args:
        column: the target.
        value: the key's value, read as `read_as(column)`.
        is_text: SQL that tells whether the key's value is a JSON string; asked where it matters only.
    """
    read, cast = read_as(column), _cast(column, value, is_text)
    wrong = f"{value} IS NOT NULL AND {cast} IS NULL"
    if column.kind in ("OBJECT", "ARRAY"):
        wrong = f"{value} IS NOT NULL AND json_type({value}) <> '{column.kind}'"
    elif column.kind == "VARCHAR":
        wrong = f"length({value}) > {column.parameters[0]}" if column.parameters else "false"
    elif column.kind == "VARIANT":
        wrong = "false"
    elif column.kind == "BINARY" and column.parameters:
        wrong = f"{wrong} OR octet_length({cast}) > {column.parameters[0]}"
    return Conversion(read, cast, wrong)


def read_as(column: DeclaredColumn) -> str:
    """Return the type in which DuckDB's JSON reader is to hand out the column's values."""
    stored = duckdb_type(column.type)
    as_text = stored == "VARCHAR" or stored.startswith(("DATE", "TIME", "TEXT"))
    return "VARCHAR" if as_text or column.kind not in _FROM_JSON else "JSON"


def _cast(column: DeclaredColumn, value: str, is_text: str) -> str:
    stored = duckdb_type(column.type)
    if column.kind in _FROM_JSON:
        return _FROM_JSON[column.kind](value, stored)
    if column.kind in _MOMENTS:
        return _moment(value, stored, is_text, _MOMENTS[column.kind])
    return value if column.kind == "VARCHAR" else f"TRY_CAST({value} AS {stored})"


def _number(value: str, stored: str) -> str:
    """Rounded to the scale, half away from zero, where it then has no digits too many."""
    bare = f"CAST({value} AS VARCHAR)"
    text = f"coalesce({_number_in_text(bare)}, {bare})"
    plain = f"CASE WHEN regexp_matches({text}, '[eE]') THEN {_without_exponent(text)} ELSE {text} END"
    exact = f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN TRY_CAST({plain} AS {stored}) END"
    short = f"coalesce(TRY_CAST({bare} AS {stored}), {exact})"
    return f"CASE WHEN contains({bare}, 'e') THEN {exact} ELSE {short} END"


def _without_exponent(text: str) -> str:
    """Write all digits: with an exponent, DuckDB's cast drops digits instead of rounding, or gives up."""
    sign = f"regexp_extract({text}, '^-')"
    whole = f"regexp_extract({text}, '^[+-]?(\\d*)', 1)"
    digits = f"({whole} || regexp_extract({text}, '\\.(\\d*)', 1))"
    point = f"(length({whole}) + CAST(regexp_extract({text}, '[eE](.*)', 1) AS INTEGER))"
    return (
        f"{sign} || CASE WHEN {point} <= 0 THEN '0.' || repeat('0', -{point}) || {digits} "
        f"WHEN {point} >= length({digits}) THEN {digits} || repeat('0', {point} - length({digits})) "
        f"ELSE {digits}[:{point}] || '.' || {digits}[{point} + 1:] END"
    )


def _number_in_text(bare: str) -> str:
    return f"nullif(regexp_extract({bare}, '\"{_BLANK}{_NUMBER}{_BLANK}\"', 1), '')"


def _float(value: str, stored: str) -> str:
    """NaN and infinities are texts; a number beyond the range of FLOAT is no infinity."""
    bare = f"CAST({value} AS VARCHAR)"
    special = " ".join(f"WHEN '\"{name}\"' THEN CAST('{name}' AS DOUBLE)" for name in ("nan", "inf", "-inf"))
    return (
        f"coalesce({_finite(bare)}, CASE lower({bare}) {special} ELSE {_finite(_number_in_text(bare))} END)"
    )


def _finite(text: str) -> str:
    return f"nullif(nullif(TRY_CAST({text} AS DOUBLE), CAST('inf' AS DOUBLE)), CAST('-inf' AS DOUBLE))"


def _boolean(value: str, stored: str) -> str:
    """Listed texts, in any case; a number is false where it is zero."""
    bare = f"lower(CAST({value} AS VARCHAR))"
    texts = "".join(
        f" WHEN '\"{text}\"' THEN {meant}"
        for meant, texts in (("true", _TRUE), ("false", _FALSE))
        for text in texts
    )
    return (
        f"CASE {bare} WHEN 'true' THEN true WHEN 'false' THEN false{texts} "
        f"ELSE TRY_CAST({bare} AS DOUBLE) <> 0 END"
    )


def _binary(value: str, stored: str) -> str:
    """Base64; a bare number or `true` would be base64 too, but is no text."""
    bare = f"CAST({value} AS VARCHAR)"
    return f"CASE WHEN starts_with({bare}, '\"') THEN TRY(from_base64({bare}[2:-2])) END"


def _json(value: str, stored: str) -> str:
    return value


_FROM_JSON = {
    "NUMBER": _number,
    "FLOAT": _float,
    "BOOLEAN": _boolean,
    "BINARY": _binary,
    "VARIANT": _json,
    "OBJECT": _json,
    "ARRAY": _json,
}

_MOMENTS = {
    "DATE": _MOMENT,
    "TIME": _CLOCK,
    "TIMESTAMP_NTZ": _MOMENT,
    "TIMESTAMP_TZ": _MOMENT,
    "TIMESTAMP_LTZ": _MOMENT,
}


def _moment(value: str, stored: str, is_text: str, pattern: str) -> str:
    """ISO 8601; other documented forms are brought to it first. Whole numbers in text are an epoch's."""
    trimmed = f"trim({value}, ' ' || chr(9) || chr(10) || chr(13))"
    text = _as_iso(trimmed, day=pattern == _MOMENT)
    return (
        f"CASE WHEN regexp_full_match({value}, '{pattern}') THEN {_cast_iso(value, stored)} "
        f"WHEN regexp_full_match({trimmed}, '[+-]?\\d+') "
        f"THEN CASE WHEN {is_text} THEN {_from_epoch(trimmed, stored)} END "
        f"WHEN regexp_full_match({text}, '{pattern}') THEN {_cast_iso(text, stored)} END"
    )


def _cast_iso(text: str, stored: str) -> str:
    """A date is the day as it is written, whatever hour and zone follow."""
    return f"TRY_CAST(left({text}, 10) AS DATE)" if stored == "DATE" else f"TRY_CAST({text} AS {stored})"


def _as_iso(text: str, *, day: bool) -> str:
    """Write `01/31/2026`, `31-Jan-2026`, an hour without minutes and ` +02:00` behind a blank as ISO 8601."""
    if not day:
        return f"regexp_replace({text}, ' ([+-]\\d\\d:?\\d\\d)$', '\\1')"
    named = f"strftime(try_strptime({text}, '%d-%b-%Y'), '%Y-%m-%d')"
    text = (
        f"CASE WHEN regexp_full_match({text}, '\\d\\d-[A-Za-z]{{3}}-\\d{{4}}') THEN {named} ELSE {text} END"
    )
    text = f"regexp_replace({text}, '^(\\d\\d)/(\\d\\d)/(\\d{{4}})', '\\3-\\1-\\2')"
    text = f"regexp_replace({text}, '^(.{{10}}[T ]\\d\\d)( ?[Z+-].*)?$', '\\1:00\\2')"
    return f"regexp_replace({text}, '^(.{{16,}}) ([+-]\\d\\d:?\\d\\d)$', '\\1\\2')"


def _from_epoch(text: str, stored: str) -> str:
    number = f"CAST(TRY_CAST({text} AS BIGINT) AS HUGEINT)"
    scales = " ".join(f"WHEN abs({number}) < {limit} THEN {number} * {factor}" for limit, factor in _SCALES)
    nanoseconds = f"CASE {scales} ELSE {number} END"
    if stored.startswith("TIMESTAMP") and stored.endswith("_NS"):
        return f"CAST(make_timestamp_ns(TRY_CAST({nanoseconds} AS BIGINT)) AS {stored})"
    if stored.startswith("TIME") and not stored.startswith("TIMESTAMP"):
        of_day = f"make_timestamp_ns(CAST({_modulo(nanoseconds, 86_400 * 10**9)} AS BIGINT))"
        return f"TRY_CAST(CAST({of_day} AS VARCHAR)[12:] AS {stored})"
    microseconds = f"({nanoseconds} - {_modulo(nanoseconds, 1000)}) // 1000"
    return f"CAST(make_timestamp(CAST({microseconds} AS BIGINT)) AS {stored})"


def _modulo(number: str, by: int) -> str:
    """The remainder from below: DuckDB's own has the number's sign."""
    return f"((({number}) % {by} + {by}) % {by})"
