"""Declared columns: Snowflake's names of types, and the DuckDB types that keep their values."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from sqlglot import exp, parse_one

NANOSECOND_DIGITS = 7
"""Times declared with this many digits or more are stored in nanoseconds, others in microseconds."""

EARLIEST, LATEST = "1677-09-21T00:12:43.145224193", "2262-04-11T23:47:16.854775806"
"""What nanoseconds in 64 bits hold. Snowflake's own timestamps hold the years 1 to 9999."""

_FROM_DUCKDB = {
    "BIGINT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "SMALLINT": "NUMBER(38,0)",
    "TINYINT": "NUMBER(38,0)",
    "HUGEINT": "NUMBER(38,0)",
    "UBIGINT": "NUMBER(38,0)",
    "UINTEGER": "NUMBER(38,0)",
    "USMALLINT": "NUMBER(38,0)",
    "UTINYINT": "NUMBER(38,0)",
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    '"NULL"': "VARCHAR",
    "BLOB": "BINARY",
    "JSON": "VARIANT",
    "TIME": "TIME(6)",
    "TIME_NS": "TIME(9)",
    "TIMESTAMP": "TIMESTAMP_NTZ(6)",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ(6)",
    "TIMESTAMPTZ_NS": "TIMESTAMP_TZ(9)",
    "TIMESTAMP_NS WITH TIME ZONE": "TIMESTAMP_TZ(9)",
}
"""DuckDB's types of columns which no CREATE TABLE declared, such as those of CREATE TABLE AS."""

_SAME = ("VARCHAR", "BOOLEAN", "DATE")
"""Types of one name in both."""

_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")
_PARTS = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column as `CREATE TABLE` declared it.

    Attributes:
        name: its name, as the service stores it.
        type: Snowflake's name with its parameters.
        nullable: whether it takes null.
        default: DuckDB's SQL of what the column gets where a row has no key for it, None where that is null.
        written_default: the same as it was written, for those who look.
        identity: first number and step of AUTOINCREMENT or IDENTITY.
        sequence: name of the account's own sequence for `identity`.
    """

    name: str
    type: str
    nullable: bool
    default: str | None = None
    written_default: str | None = None
    identity: tuple[int, int] | None = None
    sequence: str | None = None

    @property
    def kind(self) -> str:
        """The type without its parameters."""
        return self.type.partition("(")[0]

    @property
    def parameters(self) -> tuple[int, ...]:
        """The type's numbers: of digits, of characters, of bytes."""
        parts = _PARTS.fullmatch(self.type)
        return () if parts is None else tuple(int(part) for part in parts.groups()[1:] if part is not None)


def name_of_stored(stored: str) -> str:
    """Return Snowflake's name of a DuckDB type; that of a type without one is DuckDB's own."""
    return _FROM_DUCKDB.get(stored, stored.replace("DECIMAL", "NUMBER"))


def is_declarable(declared: str) -> bool:
    """Return whether a name that `name_of_stored` returned is one of a Snowflake type."""
    return declared in _FROM_DUCKDB.values() or declared in _SAME or declared.startswith("NUMBER(")


@functools.cache
def duckdb_type(declared: str) -> str:
    """Return the DuckDB type that stores a declared Snowflake type.

    >>> duckdb_type("TIMESTAMP_TZ(9)"), duckdb_type("NUMBER(38,0)"), duckdb_type("VARIANT")
    ('TIMESTAMPTZ_NS', 'DECIMAL(38, 0)', 'JSON')
    """
    column = DeclaredColumn("", declared, nullable=True)
    if column.kind in _SEMI_STRUCTURED:
        return "JSON"
    if column.kind == "BINARY":
        return "BLOB"
    digits = column.parameters[0] if column.parameters else 9
    if column.kind in ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"):
        return "TIMESTAMPTZ_NS" if digits >= NANOSECOND_DIGITS else "TIMESTAMPTZ"
    if column.kind == "TIMESTAMP_NTZ":
        return "TIMESTAMP_NS" if digits >= NANOSECOND_DIGITS else "TIMESTAMP"
    if column.kind == "TIME":
        return "TIME_NS" if digits >= NANOSECOND_DIGITS else "TIME"
    return str(parse_one(declared, read="snowflake", into=exp.DataType).sql(dialect="duckdb"))


def span(declared: str) -> tuple[str, str] | None:
    """Return the earliest and the latest time that a column of this type holds here, None where any."""
    return (EARLIEST, LATEST) if duckdb_type(declared) in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS") else None


def cut_to_digits(value: str, declared: str) -> str | None:
    """Return SQL of a stored time without the digits that its type has no room for, None where it has room.

    >>> cut_to_digits("T", "TIMESTAMP_NTZ(9)") is None
    True
    """
    column = DeclaredColumn("", declared, nullable=True)
    if not column.kind.startswith("TIME") or not column.parameters or column.parameters[0] in (6, 9):
        return None
    digits, stored = column.parameters[0], duckdb_type(declared)
    unit, native = ("ns", 9) if digits >= NANOSECOND_DIGITS else ("us", 6)
    step = 10 ** (native - digits)
    since = f"epoch_{unit}({value})"
    whole = f"({since} - (({since} % {step}) + {step}) % {step})"
    made = f"make_timestamp_ns({whole})" if unit == "ns" else f"make_timestamp({whole})"
    return f"CAST({made} AS {stored})"
