"""Snowflake's names of column types, with their synonyms and default parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..errors import UsageError

_DECLARED = re.compile(r"\s*([A-Za-z_][\w ]*?)\s*(\(.*\))?\s*", re.DOTALL)
_NUMBERS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")

_INTEGERS = ("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT")
_CHARS = ("CHAR", "CHARACTER", "NCHAR")
_SYNONYMS = {
    **dict.fromkeys(("NUMBER", "DECIMAL", "DEC", "NUMERIC", *_INTEGERS), "NUMBER"),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"), "FLOAT"),
    **dict.fromkeys(("VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2", *_CHARS), "VARCHAR"),
    **dict.fromkeys(("CHAR VARYING", "CHARACTER VARYING", "NCHAR VARYING"), "VARCHAR"),
    **dict.fromkeys(("BINARY", "VARBINARY"), "BINARY"),
    **{name: name for name in ("BOOLEAN", "DATE", "TIME", "VARIANT", "OBJECT", "ARRAY")},
    **dict.fromkeys(("TIMESTAMP", "DATETIME", "TIMESTAMP WITHOUT TIME ZONE"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP_NTZ", "TIMESTAMPNTZ"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP_LTZ", "TIMESTAMPLTZ", "TIMESTAMP WITH LOCAL TIME ZONE"), "TIMESTAMP_LTZ"),
    **dict.fromkeys(("TIMESTAMP_TZ", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), "TIMESTAMP_TZ"),
    **dict.fromkeys(("DECFLOAT", "FILE", "GEOGRAPHY", "GEOMETRY", "MAP", "UUID", "VECTOR"), "OTHER"),
}
"""What each name means; OTHER are types of Snowflake whose values are not judged here."""


@dataclass(frozen=True, slots=True)
class TargetType:
    """A type of the target table.

    Attributes:
        kind: its name without synonyms and parameters, "OTHER" for those that are not judged.
        size: most digits of a NUMBER, characters of a VARCHAR, bytes of a BINARY; None where not limited.
        scale: digits of a NUMBER after the point.
    """

    kind: str
    size: int | None = None
    scale: int = 0

    @property
    def is_timestamp(self) -> bool:
        """Whether it holds a date with a time of day."""
        return self.kind.startswith("TIMESTAMP")


@lru_cache(maxsize=1024)  # a load on an open channel meets the same ones again
def parse_type(declared: str) -> TargetType:
    """Parse a type as `CREATE TABLE` writes it.

    Raises:
        UsageError: it is not a type of Snowflake; names it.

    >>> parse_type("decimal(10, 2)")
    TargetType(kind='NUMBER', size=10, scale=2)
    """
    parts = _DECLARED.fullmatch(declared)
    name = " ".join(parts[1].upper().split()) if parts else ""
    kind = _SYNONYMS.get(name)
    if parts is None or kind is None:
        raise UsageError(f"{declared!r} is not a column type of Snowflake; NUMBER(38,0) or VARCHAR are")
    numbers = _NUMBERS.fullmatch(parts[2] or "")
    size, scale = (int(numbers[1]), int(numbers[2] or 0)) if numbers else (None, 0)
    if kind == "NUMBER":
        return TargetType(kind, size or 38, scale)
    if kind == "VARCHAR" and size is None and name in _CHARS:
        size = 1
    return TargetType(kind, size if kind in ("VARCHAR", "BINARY") else None)


def reported_type(declared: str) -> TargetType:
    """Parse a type that a server reports; an unknown one is not judged.

    >>> reported_type("HYPERLOGLOG").kind
    'OTHER'
    """
    try:
        return parse_type(declared)
    except UsageError:
        return TargetType("OTHER")
