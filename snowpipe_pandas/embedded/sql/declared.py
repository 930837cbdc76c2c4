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

_SYNONYMS = {
    "DECIMAL": "NUMBER",
    "INT": "NUMBER(38,0)",
    "BIGINT": "NUMBER(38,0)",
    "SMALLINT": "NUMBER(38,0)",
    "TINYINT": "NUMBER(38,0)",
    "DOUBLE": "FLOAT",
    "REAL": "FLOAT",
    "TEXT": "VARCHAR",
    "CHAR": "VARCHAR",
    "DATETIME": "TIMESTAMP_NTZ",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "TIMESTAMPTZ": "TIMESTAMP_TZ",
    "TIMESTAMPLTZ": "TIMESTAMP_LTZ",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "VARBINARY": "BINARY",
}
"""sqlglot's names of types, where Snowflake's documents have another."""

_FROM_DUCKDB = {
    "BIGINT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "SMALLINT": "NUMBER(38,0)",
    "TINYINT": "NUMBER(38,0)",
    "HUGEINT": "NUMBER(38,0)",
    "DOUBLE": "FLOAT",
    "BLOB": "BINARY",
    "JSON": "VARIANT",
    "TIME": "TIME(6)",
    "TIME_NS": "TIME(9)",
    "TIMESTAMP": "TIMESTAMP_NTZ(6)",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ(6)",
}
"""DuckDB's types of columns which no CREATE TABLE declared, such as those of CREATE TABLE AS."""

_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")
_PARTS = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column as `CREATE TABLE` declared it.

    `type` is Snowflake's name with its parameters; `default` is DuckDB's SQL of what the column gets where a
    row has no value for it, None where that is null.
    """

    name: str
    type: str
    nullable: bool
    default: str | None = None

    @property
    def kind(self) -> str:
        """The type without its parameters."""
        return self.type.partition("(")[0]

    @property
    def parameters(self) -> tuple[int, ...]:
        """The type's numbers: of digits, of characters, of bytes."""
        parts = _PARTS.fullmatch(self.type)
        return () if parts is None else tuple(int(part) for part in parts.groups()[1:] if part is not None)


def snowflake_name(kind: exp.DataType | None) -> str:
    """Write a type as Snowflake's documents do, with the parameters that it has by default."""
    if kind is None:
        return "VARCHAR"
    name, _, parameters = str(kind.sql(dialect="snowflake")).upper().partition("(")
    name = name.strip()
    if name in _SEMI_STRUCTURED:
        return name
    parameters = "(" + parameters.replace(" ", "") if parameters else ""
    if name == "CHAR" and not parameters:
        parameters = "(1)"
    name = _SYNONYMS.get(name, name)
    if not parameters and name.startswith("TIME"):
        parameters = "(9)"
    if name == "NUMBER" and "," not in parameters:
        parameters = parameters[:-1] + ",0)"
    return name + parameters


def name_of_stored(stored: str) -> str:
    """Return Snowflake's name of a DuckDB type."""
    return _FROM_DUCKDB.get(stored, stored.replace("DECIMAL", "NUMBER"))


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
