"""Compares rows with the table that is to take them: what would surely be rejected."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from .encode.column_writers import null_values
from .types import snowflake_type

_TAKES = {
    "NUMBER": {"NUMBER", "FLOAT", "VARCHAR"},
    "FLOAT": {"FLOAT", "NUMBER", "VARCHAR"},
    "BOOLEAN": {"BOOLEAN", "VARCHAR"},
    "TIMESTAMP_NTZ": {"TIMESTAMP_NTZ", "DATE", "VARCHAR"},
    "TIMESTAMP_TZ": {"TIMESTAMP_TZ", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "DATE", "VARCHAR"},
    "TIMESTAMP_LTZ": {"TIMESTAMP_TZ", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "DATE", "VARCHAR"},
    "DATE": {"DATE", "TIMESTAMP_NTZ", "VARCHAR"},
    "TIME": {"TIME", "VARCHAR"},
    "BINARY": {"BINARY", "VARCHAR"},
    "ARRAY": {"ARRAY"},
    "OBJECT": {"OBJECT"},
}
"""Which kinds of values a column of the target can hold; VARCHAR and VARIANT take all of them."""


class TargetColumn(Protocol):
    """A column of the target table."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def type(self) -> str:
        """Its Snowflake type, with parameters."""

    @property
    def nullable(self) -> bool:
        """Whether it takes null."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why rows would be rejected: a column is unknown, does not fit, is missing, or has nulls."""

    column: str
    kind: Literal["unknown", "type", "missing", "null"]
    message: str

    def __str__(self) -> str:
        return self.message


def without_missing(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Schema:
    """Return the schema with those fields not nullable that have no null in any batch."""
    missing: set[str] = set()
    for batch in batches:
        arrays = zip(schema.names, batch.columns, strict=True)
        missing.update(
            name for name, array in arrays if name not in missing and null_values(array) is not None
        )
    return pa.schema([field.with_nullable(field.name in missing) for field in schema])


def find_problems(
    schema: pa.Schema, target: Sequence[TargetColumn], nulls: Collection[str] = ()
) -> list[Problem]:
    """Compare a source's fields with a table's columns; names match without regard to case.

    Args:
        schema: the source's fields.
        target: the table's columns.
        nulls: names of those fields that are known to hold nulls.

    >>> find_problems(pa.schema([("CARIER", pa.string())]), target)
    [Problem(column='CARIER', kind='unknown', message="no column 'CARIER'; did you mean 'CARRIER'?")]
    """
    by_name = {column.name.upper(): column for column in target}
    problems: list[Problem] = []
    for field in schema:
        column = by_name.pop(field.name.upper(), None)
        if column is None:
            problems.append(Problem(field.name, "unknown", _unknown(field.name, target)))
        elif not _fits(_kind(snowflake_type(field)), _kind(column.type)):
            message = f"column {field.name!r} is {snowflake_type(field)}, the table's is {column.type}"
            problems.append(Problem(field.name, "type", message))
        elif field.name in nulls and not column.nullable:
            message = f"column {field.name!r} has missing values and is NOT NULL in the table"
            problems.append(Problem(field.name, "null", message))
    problems += [
        Problem(
            column.name, "missing", f"column {column.name!r} is NOT NULL in the table and not in the data"
        )
        for column in by_name.values()
        if not column.nullable
    ]
    return problems


def _unknown(name: str, target: Sequence[TargetColumn]) -> str:
    close = difflib.get_close_matches(name.upper(), [column.name for column in target], n=1)
    return f"no column {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _kind(declared: str) -> str:
    return declared.partition("(")[0]


def _fits(source: str, target: str) -> bool:
    return target not in _TAKES or source in _TAKES[target]
