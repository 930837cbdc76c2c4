"""What can be compared: kinds of columns, the SQL that measures them, and which kinds match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from ..rows.types import snowflake_type

Kind = Literal["number", "float", "boolean", "text", "date", "time", "instant"]
"""Times are without a zone, instants with one."""

NULLS, MINIMUM, MAXIMUM, TOTAL = "NULLS", "MINIMUM", "MAXIMUM", "TOTAL"
MEASURES = (NULLS, MINIMUM, MAXIMUM, TOTAL)

_SOURCE_KINDS: dict[str, Kind] = {
    "NUMBER": "number",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP_NTZ": "time",
    "TIMESTAMP_TZ": "instant",
}
_TABLE_FAMILIES = {
    "number": ("NUMBER", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"),
    "float": ("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL"),
    "boolean": ("BOOLEAN",),
    "text": ("VARCHAR", "TEXT", "STRING", "CHAR", "CHARACTER", "NVARCHAR"),
    "date": ("DATE",),
    "time": ("TIMESTAMP_NTZ", "DATETIME"),
    "instant": ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"),
}
_ALSO = {("number", "float"), ("float", "number")}
"""Kinds of a source, and of a table that holds their values too; what it rounds is a difference."""


def kind_of(field: pa.Field) -> Kind | None:
    """Return the kind of a source's column; None if it can't be compared."""
    if pa.types.is_duration(field.type):
        return None
    return _SOURCE_KINDS.get(_bare(snowflake_type(field)))


def goes_with(kind: Kind, table_type: str) -> bool:
    """Whether a table's column holds values of a kind as they are, so that measures can be equal."""
    bare = _bare(table_type)
    family = next((name for name, types in _TABLE_FAMILIES.items() if bare in types), "")
    return kind == family or (kind, family) in _ALSO


def _bare(kind: str) -> str:
    return kind.partition("(")[0].strip().upper()


@dataclass(frozen=True, slots=True)
class Sql:
    """How SQL measures a column: its least value, its largest value and its total."""

    minimum: Callable[[str], str] | None
    maximum: Callable[[str], str] | None
    total: Callable[[str], str]

    def of(self, measure: str, column: str) -> str | None:
        """Return the expression for a measure of a column; None where the kind has no such measure."""
        if measure == NULLS:
            return f"COUNT(*) - COUNT({column})"
        made = {MINIMUM: self.minimum, MAXIMUM: self.maximum, TOTAL: self.total}[measure]
        return None if made is None else made(column)


def _least(column: str) -> str:
    return f"MIN({column})"


def _largest(column: str) -> str:
    return f"MAX({column})"


_OF_TIMES = Sql(
    lambda column: f"DATE_PART(EPOCH_NANOSECOND, MIN({column}))",
    lambda column: f"DATE_PART(EPOCH_NANOSECOND, MAX({column}))",
    lambda column: f"SUM(DATE_PART(EPOCH_NANOSECOND, {column}))",
)
SQL: dict[Kind, Sql] = {
    "number": Sql(_least, _largest, lambda column: f"SUM({column})"),
    "float": Sql(_least, _largest, lambda column: f"SUM({column})"),
    "boolean": Sql(None, None, lambda column: f"COUNT_IF({column})"),
    "text": Sql(_least, _largest, lambda column: f"SUM(MD5_NUMBER_LOWER64({column}))"),
    "date": Sql(_least, _largest, lambda column: f"SUM(DATEDIFF(day, '1970-01-01'::DATE, {column}))"),
    "time": _OF_TIMES,
    "instant": _OF_TIMES,
}
"""Times are counted in nanoseconds from 1970, in UTC; texts by the lower half of their MD5."""
