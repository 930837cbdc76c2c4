"""A table's columns as a batch of rows fills them: values, nulls, absent keys, defaults.

Three things differ: a value, a `null` that is written, and a key that is not there. A written null is a
null, in a VARIANT column a VARIANT that holds null (`IS NULL` is false of it). For an absent key the column's
DEFAULT is taken, or null where it has none.

Names of the user's occur in texts only: a column is a number here, its value a field of a struct by place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..sql.declared import DeclaredColumn, cut_to_digits, duckdb_type
from ..sql.quoting import literal
from .conversions import Conversion, Steps, conversion, read_as

SHOWN = 40
"""Characters of a bad value in its message."""

_LOOSE = r"'^(?:[\[{]|-?(?:[nN][aA][nN]|[iI][nN][fF]))'"
"""Values that may hold a literal or a comma that RFC 8259 does not allow."""


class BatchColumn:
    """A column of the table that the batch's rows name.

    Args:
        number: of the column in the batch.
        target: the table's column.
        key: the key of its values.
        plain: convert values the plain way, which leaves odd ones open.

    Attributes:
        target: the table's column.
        key: the key of its values.
        steps: what has to be computed before `stored` and `problems` can be asked.
        odd: SQL for whether a value is left open; None where none ever is.
    """

    def __init__(self, number: int, target: DeclaredColumn, key: str, *, plain: bool = False) -> None:
        self.target = target
        self.key = key
        self.steps = Steps(number)
        self._value = self.steps.add(f"struct_extract_at(_values, {number + 1})")
        is_text = f"json_type(struct_extract_at({_read({key: 'JSON'})}, 1)) = 'VARCHAR'"
        self._conversion: Conversion = conversion(target, self._value, is_text, self.steps, plain=plain)
        self.odd = self._conversion.odd

    def stored(self) -> str:
        """Return the SQL of the value as the table stores it."""
        value, column = self._value, self.target
        cast = cut_to_digits(self._conversion.cast, column.type) or self._conversion.cast
        if not self._tells_absent:
            return cast
        there = "CAST('null' AS JSON)" if column.kind == "VARIANT" else "NULL"
        absent = f"CAST({column.default or 'NULL'} AS {duckdb_type(column.type)})"
        return (
            f"CASE WHEN {value} IS NOT NULL THEN {cast} WHEN {self._present} THEN {there} ELSE {absent} END"
        )

    def asks_for_keys(self) -> str | None:
        """Return the SQL for whether a row's keys must be known for this column; None: never."""
        return f"{self._value} IS NULL" if self._tells_absent else None

    def maybe_loose(self) -> str | None:
        """Return the SQL for whether a value may not be strict JSON; None: then it does not fit."""
        kind = self.target.kind
        if kind in ("VARCHAR", "VARIANT", "OBJECT", "ARRAY") or (kind == "BOOLEAN" and self.odd is None):
            return f"regexp_matches({self._value}, {_LOOSE})"
        return None

    def problems(self) -> list[str]:
        """Return the CASE branches that find what the column does not take."""
        name, wrong = self.target.name, self._conversion.wrong
        shown = f"left(CAST({self._value} AS VARCHAR), {SHOWN})"
        branches = []
        if wrong != "false":
            problem = f"{literal(f'column {name}: ')} || {shown} || {literal(self._refused)}"
            branches.append(f"WHEN {wrong} THEN {problem}")
        if not self.target.nullable:
            branches.append(f"WHEN {self._is_missing} THEN {literal(missing(self.target))}")
        return branches

    @property
    def _tells_absent(self) -> bool:
        return self.target.kind == "VARIANT" or self.target.default is not None

    @property
    def _refused(self) -> str:
        if self.target.kind == "VARCHAR":
            return f" is too long a text for {self.target.type}"
        return f" is not a valid {self.target.type}"

    @property
    def _is_missing(self) -> str:
        """A VARIANT's null is a value; for an absent key a DEFAULT replaces it."""
        value, has_default = f"{self._value} IS NULL", self.target.default is not None
        if self.target.kind == "VARIANT":
            return "false" if has_default else f"{value} AND NOT {self._present}"
        return f"{value} AND {self._present}" if has_default else value

    @property
    def _present(self) -> str:
        return f"list_contains(_keys, {literal(self.key)})"


def missing(column: DeclaredColumn) -> str:
    """Return the problem of a row without a value for a column that needs one."""
    return f"column {column.name} is NOT NULL and has no value"


def computed(columns: Sequence[BatchColumn], source: str) -> str:
    """Return a subquery of `source`, which has lines: with the columns' values, and all their steps done.

    It reads each line once. Then the first steps of all columns are done, then the second ones.
    """
    if not columns:
        return source
    source = f"(SELECT *, {_read({c.key: read_as(c.target) for c in columns})} AS _values FROM {source})"  # noqa: S608
    for depth in range(max(len(column.steps.named) for column in columns)):
        now = [c.steps.named[depth] for c in columns if depth < len(c.steps.named)]
        done = ", ".join(f"{expression} AS {name}" for name, expression in now)
        source = f"(SELECT *, {done} FROM {source})"  # noqa: S608
    asked = [asks for column in columns if (asks := column.asks_for_keys()) is not None]
    if asked:
        keys = f"CASE WHEN {any_of(asked)} THEN json_keys(line) END AS _keys"
        source = f"(SELECT *, {keys} FROM {source})"  # noqa: S608
    return source


def any_of(conditions: Sequence[str]) -> str:
    """Return the OR of conditions as a balanced tree: a chain of a thousand is too deep for DuckDB."""
    if len(conditions) < 2:
        return conditions[0] if conditions else "false"
    half = len(conditions) // 2
    return f"({any_of(conditions[:half])} OR {any_of(conditions[half:])})"


def _read(shape: dict[str, str]) -> str:
    return f"json_transform(line, {literal(json.dumps(shape))})"
