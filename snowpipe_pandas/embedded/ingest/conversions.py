"""What a JSON value becomes in a column: Snowflake's documented conversions, as steps of DuckDB's SQL.

Values come from DuckDB's JSON reader, as JSON (texts in quotes, all else bare) or as the text that they hold.
DuckDB's own casts take more than Snowflake does (`1_000`, `+-5`, `infinity`, `2026/01/02`, the hour 24), so
a text is cast only if a pattern has found it well-formed.

DuckDB needs about a millisecond to plan the whole way of one column. So there are two: the plain way takes
what is usual and marks which values are odd; only columns that have some are done the whole way. Each step
has a name, since an expression that holds another one twice is planned and run twice.

`check()` of the client has the same rules, written on their own; tests hold one against the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..sql.declared import DeclaredColumn, duckdb_type

_BLANK = r"(?:[ ]|\\[tnr])*"
"""Blanks around a number, as JSON writes them."""

_DIGITS = r"([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d{1,3}))?"
_DIGIT_NAMES = "['sign', 'whole', 'rest', 'bare_rest', 'power']"

_YEAR = r"(?:\d{3}[1-9]|\d\d[1-9]\d|\d[1-9]\d\d|[1-9]\d{3})"
_ZONE = r"[+-](?:0\d|1[0-4])(?::?[0-5]\d)?"
_SECONDS = r"[0-5]\d(?:\.\d{1,9})?"
_HOUR = r"[01]\d|2[0-3]"
_CLOCK = rf"(?:{_HOUR}):[0-5]\d(?::{_SECONDS})?(?:Z|{_ZONE})?"
_MOMENT = rf"{_YEAR}-\d\d-\d\d(?:[T ]{_CLOCK})?"

_ODD_CLOCK = rf"({_HOUR})(?::([0-5]\d)(?::({_SECONDS}))?)?(Z| ?{_ZONE})?"
_ODD_DAY = rf"(?:({_YEAR})-(\d\d)-(\d\d)|(\d\d)/(\d\d)/({_YEAR}))"
_CLOCK_NAMES = "'hour', 'minute', 'second', 'zone'"
_DAY_NAMES = "'year', 'month', 'day', 'us_month', 'us_day', 'us_year'"

_TRUE = ("true", "t", "yes", "y", "on", "1")
_FALSE = ("false", "f", "no", "n", "off", "0")

_SCALES = ((31_536_000_000, 10**9), (31_536_000_000_000, 10**6), (31_536_000_000_000_000, 10**3))
"""Whole numbers in text are seconds, milliseconds, microseconds or nanoseconds since 1970, by their size."""


class Steps:
    """Named expressions of one column; each may use those before it.

    Attributes:
        named: names and expressions, in order.
    """

    def __init__(self, number: int) -> None:
        self.named: list[tuple[str, str]] = []
        self._number = number

    def add(self, expression: str) -> str:
        """Add a step; return its name."""
        name = f"_c{self._number}_{len(self.named)}"
        self.named.append((name, expression))
        return name


@dataclass(frozen=True, slots=True)
class Conversion:
    """A value in a column.

    Attributes:
        cast: the value as the column stores it, null where it has none.
        wrong: whether a value that is there does not fit.
        odd: whether the plain way can't decide; None where it is not the plain way, or always can.
    """

    cast: str
    wrong: str
    odd: str | None


def conversion(column: DeclaredColumn, value: str, is_text: str, steps: Steps, *, plain: bool) -> Conversion:
    """Add the steps by which `column` takes a value, and return the names of what they lead to.

    Args:
        column: the target.
        value: name of the key's value, read as `read_as(column)`.
        is_text: SQL for whether the key's value is a JSON string; asked where it matters only.
        steps: the column's steps so far.
        plain: go the plain way.
    """
    odd = None
    if plain and column.kind in _PLAIN:
        cast, odd = _PLAIN[column.kind](column, value, steps)
    else:
        cast = _cast(column, value, is_text, steps)
    wrong = f"{value} IS NOT NULL AND {cast} IS NULL"
    if column.kind in ("OBJECT", "ARRAY"):
        wrong = f"{value} IS NOT NULL AND json_type({value}) <> '{column.kind}'"
    elif column.kind == "VARCHAR":
        wrong = f"length({value}) > {column.parameters[0]}" if column.parameters else "false"
    elif column.kind == "VARIANT":
        wrong = "false"
    elif column.kind == "BINARY" and column.parameters:
        wrong = f"({wrong} OR octet_length({cast}) > {column.parameters[0]})"
    return Conversion(cast, wrong, odd)


def read_as(column: DeclaredColumn) -> str:
    """Return the type in which DuckDB's JSON reader is to return the column's values."""
    return "JSON" if column.kind in (*_FROM_JSON, "VARIANT", "OBJECT", "ARRAY") else "VARCHAR"


def _cast(column: DeclaredColumn, value: str, is_text: str, steps: Steps) -> str:
    stored = duckdb_type(column.type)
    if column.kind in _FROM_JSON:
        return _FROM_JSON[column.kind](steps.add(f"CAST({value} AS VARCHAR)"), stored, steps)
    if column.kind in _MOMENTS:
        return _moment(value, stored, is_text, steps, _MOMENTS[column.kind])
    if column.kind in ("VARCHAR", "VARIANT", "OBJECT", "ARRAY"):
        return value
    return steps.add(f"TRY_CAST({value} AS {stored})")


def _plain_number(column: DeclaredColumn, value: str, steps: Steps) -> tuple[str, str]:
    bare = steps.add(f"CAST({value} AS VARCHAR)")
    cast = steps.add(f"TRY_CAST({bare} AS {duckdb_type(column.type)})")
    return cast, f"starts_with({bare}, '\"') OR contains({bare}, 'e')"


def _plain_float(column: DeclaredColumn, value: str, steps: Steps) -> tuple[str, str]:
    cast = steps.add(f"TRY_CAST(CAST({value} AS VARCHAR) AS DOUBLE)")
    return cast, f"{value} IS NOT NULL AND isfinite({cast}) IS DISTINCT FROM true"


def _plain_boolean(column: DeclaredColumn, value: str, steps: Steps) -> tuple[str, str]:
    bare = steps.add(f"CAST({value} AS VARCHAR)")
    cast = steps.add(f"CASE {bare} WHEN 'true' THEN true WHEN 'false' THEN false END")
    return cast, f"{value} IS NOT NULL AND {cast} IS NULL"


def _plain_date(column: DeclaredColumn, value: str, steps: Steps) -> tuple[str, str]:
    """A day that is written as DuckDB would write it; a pattern would take longer than the cast."""
    cast = steps.add(f"TRY_CAST({value} AS DATE)")
    return cast, f"strlen({value}) <> 10 OR CAST({cast} AS VARCHAR) IS DISTINCT FROM {value}"


def _plain_moment(column: DeclaredColumn, value: str, steps: Steps) -> tuple[str, str]:
    plain = steps.add(f"regexp_full_match({value}, '{_MOMENTS[column.kind]}')")
    written = _cast_iso(value, duckdb_type(column.type))
    return steps.add(f"CASE WHEN {plain} THEN {written} END"), f"NOT {plain}"


def _cast_iso(text: str, stored: str) -> str:
    """A date is the day as it is written, whatever hour and zone follow."""
    return f"TRY_CAST(left({text}, 10) AS DATE)" if stored == "DATE" else f"TRY_CAST({text} AS {stored})"


def _number(bare: str, stored: str, steps: Steps) -> str:
    """Rounded to the scale, half away from zero, where it then has no digits too many.

    Numbers with an exponent are written out first: DuckDB's cast drops their digits instead of rounding.
    """
    pattern = f'^"?{_BLANK}{_DIGITS}{_BLANK}"?$'
    odd = steps.add(f"starts_with({bare}, '\"') OR contains({bare}, 'e')")
    parts = steps.add(f"CASE WHEN {odd} THEN regexp_extract({bare}, '{pattern}', {_DIGIT_NAMES}) END")
    rest = steps.add(f"{parts}.rest || {parts}.bare_rest")
    moved = f"CASE WHEN {parts}.power <> ''"
    digits = steps.add(
        f"{moved} THEN repeat('0', {_FAR}) || {parts}.whole || {rest} || repeat('0', {_FAR}) END"
    )
    point = steps.add(f"{moved} THEN {_FAR} + length({parts}.whole) + CAST({parts}.power AS INTEGER) END")
    written = f"coalesce({digits}[:{point}] || '.' || {digits}[{point} + 1:], {parts}.whole || '.' || {rest})"
    text = f"CASE WHEN {odd} THEN {parts}.sign || {written} ELSE {bare} END"
    return steps.add(f"TRY_CAST({text} AS {stored})")


_FAR = 1000
"""No exponent moves the point of a number farther."""


def _float(bare: str, stored: str, steps: Steps) -> str:
    """NaN and infinities are texts; a number beyond the range of FLOAT is not an infinity."""
    pattern = f'^"{_BLANK}({_DIGITS}){_BLANK}"$'
    in_text = f"nullif(regexp_extract({bare}, '{pattern}', 1), '')"
    number = steps.add(f"CASE WHEN starts_with({bare}, '\"') THEN {in_text} ELSE {bare} END")
    read = steps.add(f"TRY_CAST({number} AS DOUBLE)")
    special = " ".join(f"WHEN '\"{name}\"' THEN CAST('{name}' AS DOUBLE)" for name in ("nan", "inf", "-inf"))
    return steps.add(f"CASE WHEN isfinite({read}) THEN {read} ELSE CASE lower({bare}) {special} END END")


def _boolean(bare: str, stored: str, steps: Steps) -> str:
    """Listed texts, in any case; a number is false where it is zero."""
    texts = "".join(
        f" WHEN '\"{text}\"' THEN {meant}"
        for meant, texts in (("true", _TRUE), ("false", _FALSE))
        for text in texts
    )
    return steps.add(
        f"CASE lower({bare}) WHEN 'true' THEN true WHEN 'false' THEN false{texts} "
        f"ELSE TRY_CAST({bare} AS DOUBLE) <> 0 END"
    )


def _binary(bare: str, stored: str, steps: Steps) -> str:
    """Base64; a bare number or `true` would be base64 too, but is not a text."""
    return steps.add(f"CASE WHEN starts_with({bare}, '\"') THEN TRY(from_base64({bare}[2:-2])) END")


_FROM_JSON = {"NUMBER": _number, "FLOAT": _float, "BOOLEAN": _boolean, "BINARY": _binary}

_MOMENTS = {
    "DATE": _MOMENT,
    "TIME": _CLOCK,
    "TIMESTAMP_NTZ": _MOMENT,
    "TIMESTAMP_TZ": _MOMENT,
    "TIMESTAMP_LTZ": _MOMENT,
}

_PLAIN = {
    "NUMBER": _plain_number,
    "FLOAT": _plain_float,
    "BOOLEAN": _plain_boolean,
    **dict.fromkeys(_MOMENTS, _plain_moment),
    "DATE": _plain_date,
}


def _moment(value: str, stored: str, is_text: str, steps: Steps, pattern: str) -> str:
    """ISO 8601; other documented forms are brought to it first. Whole numbers in text are an epoch's."""
    plain = steps.add(f"regexp_full_match({value}, '{pattern}')")
    odd = steps.add(f"CASE WHEN NOT {plain} THEN trim({value}, ' ' || chr(9) || chr(10) || chr(13)) END")
    iso = _odd_moment(odd, steps) if pattern == _MOMENT else _odd_clock(odd, steps)
    text = steps.add(f"CASE WHEN {plain} THEN {value} ELSE {iso} END")
    is_whole = f"ltrim({odd}[2:], '0123456789') = '' AND ltrim({odd}[1], '+-0123456789') = ''"
    number = steps.add(f"CASE WHEN {is_whole} AND {is_text} THEN TRY_CAST({odd} AS BIGINT) END")
    since = _from_epoch(_nanoseconds(number, steps), stored)
    return steps.add(f"CASE WHEN {text} IS NOT NULL THEN {_cast_iso(text, stored)} ELSE {since} END")


def _odd_moment(text: str, steps: Steps) -> str:
    """Write `31-Jan-2026`, `01/31/2026`, an hour without minutes and a zone after a blank as ISO 8601."""
    names = f"[{_DAY_NAMES}, {_CLOCK_NAMES}]"
    parts = steps.add(f"regexp_extract({text}, '^{_ODD_DAY}(?:[T ]{_ODD_CLOCK})?$', {names})")
    day = steps.add(
        f"CASE WHEN {parts}.year <> '' THEN {parts}.year || '-' || {parts}.month || '-' || {parts}.day "
        f"WHEN {parts}.us_year <> '' "
        f"THEN {parts}.us_year || '-' || {parts}.us_month || '-' || {parts}.us_day "
        f"WHEN {text} LIKE '__-___-____' "
        f"THEN nullif(strftime(try_strptime({text}, '%d-%b-%Y'), '%Y-%m-%d'), '0000') END"
    )
    return f"{day} || CASE WHEN {parts}.hour <> '' THEN 'T' || {_clock(parts)} ELSE '' END"


def _odd_clock(text: str, steps: Steps) -> str:
    parts = steps.add(f"regexp_extract({text}, '^{_ODD_CLOCK}$', [{_CLOCK_NAMES}])")
    return f"CASE WHEN {parts}.minute <> '' THEN {_clock(parts)} END"


def _clock(parts: str) -> str:
    minute = f"CASE WHEN {parts}.minute = '' THEN '00' ELSE {parts}.minute END"
    second = f"CASE WHEN {parts}.second = '' THEN '' ELSE ':' || {parts}.second END"
    return f"{parts}.hour || ':' || {minute} || {second} || ltrim({parts}.zone, ' ')"


def _nanoseconds(number: str, steps: Steps) -> str:
    whole = steps.add(f"CAST({number} AS HUGEINT)")
    scales = " ".join(f"WHEN abs({whole}) < {limit} THEN {whole} * {factor}" for limit, factor in _SCALES)
    return steps.add(f"CASE {scales} ELSE {whole} END")


def _from_epoch(nanoseconds: str, stored: str) -> str:
    if stored.startswith("TIMESTAMP") and stored.endswith("_NS"):
        return f"CAST(make_timestamp_ns(TRY_CAST({nanoseconds} AS BIGINT)) AS {stored})"
    if stored.startswith("TIME") and not stored.startswith("TIMESTAMP"):
        of_day = f"make_timestamp_ns(CAST({_modulo(nanoseconds, 86_400 * 10**9)} AS BIGINT))"
        return f"TRY_CAST(CAST({of_day} AS VARCHAR)[12:] AS {stored})"
    microseconds = f"({nanoseconds} - {_modulo(nanoseconds, 1000)}) // 1000"
    return f"CAST(make_timestamp(CAST({microseconds} AS BIGINT)) AS {stored})"


def _modulo(number: str, by: int) -> str:
    """The remainder from below: DuckDB's own has the number's sign."""
    return f"(({number} % {by} + {by}) % {by})"
