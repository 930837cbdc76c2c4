"""Compares rows with the table that is to take them: what would surely be rejected, and why."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..shown import counted, shown, visible
from ..target_column import TargetColumn
from .encode.column_writers import null_values
from .encode.encoder import Nulls
from .target_types import TargetType, reported_type
from .types import is_json_field, is_number_field, is_semi_structured, is_string, snowflake_type
from .value_check import ColumnJudge

if TYPE_CHECKING:
    from .sources.source import Source

FIRST_ROWS = 2048
"""Rows that are read to find out whether a column has values."""

_TEXT_HINTS = {
    "NUMBER": "; convert them, for example with pd.to_numeric",
    "FLOAT": "; convert them, for example with pd.to_numeric",
    "BOOLEAN": "; convert them to True and False",
    "DATE": "; convert them, for example with pd.to_datetime",
    "TIME": "; convert them to datetime.time",
    "TIMESTAMP": "; convert them, for example with pd.to_datetime",
    "BINARY": "; pass them as bytes",
}
"""What to do with texts that can't become what the column holds."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why rows would be rejected: a column is unknown or missing, or its type, values or nulls do not fit."""

    column: str
    kind: Literal["unknown", "type", "value", "missing", "null"]
    message: str

    def __str__(self) -> str:
        return visible(self.message)


def without_missing(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Schema:
    """Return the schema with fields marked as not nullable that have no null in any batch."""
    missing: set[str] = set()
    for batch in batches:
        arrays = zip(schema.names, batch.columns, strict=True)
        missing.update(
            name for name, array in arrays if name not in missing and null_values(array) is not None
        )
    return pa.schema([field.with_nullable(field.name in missing) for field in schema])


def find_problems(
    schema: pa.Schema,
    target: Sequence[TargetColumn],
    batches: Iterable[pa.RecordBatch] | None = None,
    *,
    nulls: Nulls = "emit",
) -> list[Problem]:
    """Compare a source with a table's columns; names match without regard to case.

    Args:
        schema: the source's fields.
        target: the table's columns.
        batches: the source's rows; without them, names alone are compared.
        nulls: how nulls are sent, as in `stream()`.

    >>> find_problems(pa.schema([("CARIER", pa.string())]), target)
    [Problem(column='CARIER', kind='unknown', message="no column 'CARIER'; did you mean 'CARRIER'?")]
    """
    left = {column.name.upper(): column for column in target}
    findings: list[_Column | Problem] = []
    for number, field in enumerate(schema):
        column = left.pop(field.name.upper(), None)
        if column is None:
            findings.append(_unknown(field.name, target))
        elif batches is not None:
            findings.append(_Column(number, field, column, nulls))
    _read([finding for finding in findings if isinstance(finding, _Column)], batches or ())
    problems: list[Problem] = []
    for finding in findings:
        problems += [finding] if isinstance(finding, Problem) else finding.problems()
    return problems + [_left_out(c) for c in left.values() if not c.nullable and not c.has_default]


def settled_problems(rows: Source, target: Sequence[TargetColumn]) -> list[Problem]:
    """Return what the target surely rejects in every row, without reading the whole source.

    These are columns that the target lacks, columns that it needs, and columns of which it takes no value at
    all, by the types and the values of the first rows, since a column without values fits anywhere.

    Args:
        rows: the source.
        target: the table's columns; where none are known, nothing is sure.
    """
    if not target:
        return []
    named = find_problems(rows.schema, target)
    if rows.total_rows == 0:
        return [problem for problem in named if problem.kind == "unknown"]
    by_name = {column.name.upper(): column for column in target}
    apart = [
        field
        for field in rows.schema
        if (column := by_name.get(field.name.upper())) is not None
        and _never(field, reported_type(column.type))
        and ColumnJudge(field, column).needs_values
    ]
    if not apart or not rows.cuttable or rows.total_rows is None:
        return named
    first = rows.part(0, min(rows.total_rows, FIRST_ROWS)).batches()
    names = [field.name for field in apart]
    judged = find_problems(pa.schema(apart), target, (batch.select(names) for batch in first))
    return named + [problem for problem in judged if problem.kind == "type"]


def _read(columns: list[_Column], batches: Iterable[pa.RecordBatch]) -> None:
    """Read the rows once, if the types do not settle everything for each column."""
    columns = [column for column in columns if column.wants_rows]
    first_row = 0
    for batch in batches if columns else ():
        for column in columns:
            column.look(batch.column(column.number), first_row)
        first_row += batch.num_rows


class _Column:
    """What is found in a field whose column exists.

    Args:
        number: of the field.
        field: the source's field.
        column: the table's column.
        nulls: how nulls are sent.
    """

    def __init__(self, number: int, field: pa.Field, column: TargetColumn, nulls: Nulls) -> None:
        self.number = number
        self._field = field
        self._column = column
        self._target = reported_type(column.type)
        self._judge = ColumnJudge(field, column)
        self._absent = nulls == "omit" or is_semi_structured(field)
        self._values = self._bad = self._missing = 0
        self._first_bad: tuple[int, Any] | None = None
        self._first_missing: int | None = None

    @property
    def wants_rows(self) -> bool:
        """Whether rows can show more than the types do."""
        return self._judge.needs_values or self._nulls_matter

    @property
    def _nulls_matter(self) -> bool:
        """Whether a missing value is rejected: a VARIANT takes a written null, a DEFAULT an absent key."""
        if self._column.nullable or (self._absent and self._column.has_default):
            return False
        return self._absent or self._target.kind != "VARIANT"

    def look(self, array: pa.Array, first_row: int) -> None:
        """Read the next rows."""
        missing = null_values(array)
        gone = 0 if missing is None else int(np.count_nonzero(missing))
        if gone and missing is not None and self._first_missing is None:
            self._first_missing = first_row + int(np.argmax(missing))
        self._missing += gone
        self._values += len(array) - gone
        if not self._judge.needs_values or gone == len(array):
            return
        refused = self._judge.refused(array, first_row)
        bad = refused.true_count
        if bad and self._first_bad is None:
            at = pc.index(refused, True).as_py()
            self._first_bad = first_row + at, _value(array[at])
        self._bad += bad

    def problems(self) -> list[Problem]:
        """Return what was found."""
        found = []
        if self._first_bad is not None:
            found.append(self._of_values(*self._first_bad))
        if self._missing and self._nulls_matter:
            found.append(self._of_nulls())
        return found

    def _of_values(self, row: int, value: Any) -> Problem:
        name, declared = self._field.name, self._column.type
        first = f"first row {row:,}: {shown(value)}"
        if self._bad == self._values and _never(self._field, self._target):
            types = f"column {name!r} is {snowflake_type(self._field)}, the table's is {declared}: "
            do_not = "does not" if self._bad == 1 else "do not"
            values = f"{self._bad:,} of {counted(self._values, 'value')} {do_not} fit"
            return Problem(name, "type", f"{types}{values}, {first}")
        bad = f"{self._bad:,} of {counted(self._values, 'text' if self._is_text else 'value')}"
        are = "is" if self._bad == 1 else "are"
        not_taken = "too long for" if self._target.kind == "VARCHAR" else "not valid for"
        text = f"{bad} {are} {not_taken} {declared}, {first}{self._hint}"
        return Problem(name, "value", f"column {name!r}: {text}")

    @property
    def _is_text(self) -> bool:
        marked = is_json_field(self._field) or is_number_field(self._field)
        return is_string(self._field.type) and not marked

    @property
    def _hint(self) -> str:
        kind = "TIMESTAMP" if self._target.is_timestamp else self._target.kind
        if kind == "VARCHAR":
            return "; shorten them or widen the column"
        if self._is_text:
            return _TEXT_HINTS.get(kind, "")
        return "; they have more digits than it, so widen the column" if kind == "NUMBER" else ""

    def _of_nulls(self) -> Problem:
        rows = self._missing + self._values
        text = (
            f"column {self._field.name!r} has missing values and is NOT NULL in the table: "
            f"{self._missing:,} of {rows:,}, first row {self._first_missing:,}"
        )
        if self._column.has_default:
            text += '; nulls="omit" uses the column\'s DEFAULT instead'
        return Problem(self._field.name, "null", text)


def _never(field: pa.Field, target: TargetType) -> bool:
    """Return whether the two types have nothing in common, so that no other values would help."""
    source = reported_type(snowflake_type(field)).kind
    if source == "VARCHAR":
        return target.kind in ("ARRAY", "OBJECT")
    return source != target.kind and target.kind != "VARCHAR"


def _value(scalar: pa.Scalar) -> Any:
    """Return a cell as a Python value; times that Python can't hold as Arrow's number and type."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return f"{scalar.cast(pa.int64()).as_py()} {scalar.type}"


def _unknown(name: str, target: Sequence[TargetColumn]) -> Problem:
    close = difflib.get_close_matches(name.upper(), [column.name for column in target], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return Problem(name, "unknown", f"no column {name!r}{hint}")


def _left_out(column: TargetColumn) -> Problem:
    message = f"column {column.name!r} is NOT NULL in the table and not in the data"
    return Problem(column.name, "missing", message)
