"""A table's columns as a batch of rows names them: the spellings of a name, nulls, absent keys, defaults.

Three things differ: a value, a `null` that is written, and a key that is not there. A written null is a
null, in a VARIANT column a VARIANT that holds null (`IS NULL` is false of it). For an absent key the column's
DEFAULT is taken, or null where it has none.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from ..sql.declared import DeclaredColumn, duckdb_type
from ..sql.quoting import literal, quoted
from .conversions import Conversion, Steps, conversion, read_as

SHOWN = 40
"""Characters of a bad value in its message."""


class BatchColumn:
    """A column of the table, and the spellings of its name that the batch's rows use.

    Args:
        number: of the column in the batch.
        target: the table's column.
        keys: the spellings.
        plain: convert values the plain way, which leaves odd ones open.

    Attributes:
        target: the table's column.
        keys: the spellings.
        steps: what has to be computed before `stored` and `problems` can be asked.
        odd: SQL that tells whether a value is left open; None where none ever is.
    """

    def __init__(
        self, number: int, target: DeclaredColumn, keys: tuple[str, ...], *, plain: bool = False
    ) -> None:
        self.target = target
        self.keys = keys
        self.steps = Steps(number)
        values = [f"{reading(rank)}.{quoted(key)}" for rank, key in enumerate(keys)]
        self._value = self.steps.add(f"coalesce({', '.join(values)})" if len(values) > 1 else values[0])
        types = ", ".join(map(_json_type, keys))
        is_text = f"coalesce({types}) = 'VARCHAR'"
        self._conversion: Conversion = conversion(target, self._value, is_text, self.steps, plain=plain)
        self.odd = self._conversion.odd

    def stored(self) -> str:
        """Return the SQL of the value as the table stores it."""
        value, cast = self._value, self._conversion.cast
        column = self.target
        if column.kind != "VARIANT" and column.default is None:
            return cast
        there = "CAST('null' AS JSON)" if column.kind == "VARIANT" else "NULL"
        absent = f"CAST({column.default or 'NULL'} AS {duckdb_type(column.type)})"
        return (
            f"CASE WHEN {value} IS NOT NULL THEN {cast} WHEN {self._present} THEN {there} ELSE {absent} END"
        )

    def problems(self) -> list[str]:
        """Return the CASE branches that find what the column does not take."""
        name, wrong = self.target.name, self._conversion.wrong
        shown = f"left(CAST({self._value} AS VARCHAR), {SHOWN})"
        branches = []
        if wrong != "false":
            told = f"{literal(f'column {name}: ')} || {shown} || {literal(self._refused)}"
            branches.append(f"WHEN {wrong} THEN {told}")
        if not self.target.nullable:
            told = literal(f"column {name} is NOT NULL and has no value")
            branches.append(f"WHEN {self._is_missing} THEN {told}")
        return branches

    def named_twice(self) -> str:
        """Return the CASE branch that finds rows with more than one value for this column."""
        found = f"len(list_filter(json_keys(line), lambda k: k IN ({self._listed})))"
        return f"WHEN {found} > 1 THEN {literal(f'column {self.target.name} is there twice')}"

    @property
    def _refused(self) -> str:
        if self.target.kind == "VARCHAR":
            return f" is too long a text for {self.target.type}"
        return f" is no {self.target.type}"

    @property
    def _is_missing(self) -> str:
        """A VARIANT's null is a value; for an absent key a DEFAULT stands in."""
        value, has_default = f"{self._value} IS NULL", self.target.default is not None
        if self.target.kind == "VARIANT":
            return "false" if has_default else f"{value} AND NOT {self._present}"
        return f"{value} AND {self._present}" if has_default else value

    @property
    def _present(self) -> str:
        return f"list_has_any(json_keys(line), [{self._listed}])"

    @property
    def _listed(self) -> str:
        return ", ".join(literal(key) for key in self.keys)


def _json_type(key: str) -> str:
    """The JSON type of a key's value; by a reading of its own, since it is asked for few rows."""
    return f"json_type(json_transform(line, {literal(json.dumps({key: 'JSON'}))}).{quoted(key)})"


def match(
    keys: list[str], target: list[DeclaredColumn], odd: Collection[str]
) -> tuple[list[BatchColumn], list[str]]:
    """Find the columns that keys mean, without regard to case; those named in `odd` have odd values.

    Returns:
        The columns that some key means, in the table's order; the keys that mean none.
    """
    by_name = {column.name.upper(): column.name for column in target}
    spellings: dict[str, list[str]] = {}
    unknown = []
    for key in keys:
        name = by_name.get(key.upper())
        if name is None:
            unknown.append(key)
        else:
            spellings.setdefault(name, []).append(key)
    meant = [column for column in target if column.name in spellings]
    found = [
        BatchColumn(number, column, tuple(spellings[column.name]), plain=column.name not in odd)
        for number, column in enumerate(meant)
    ]
    return found, unknown


def computed(columns: list[BatchColumn], source: str) -> str:
    """Return a subquery of `source`, which has lines: with the columns' values, and all their steps done.

    It reads each line once for all first spellings, once for all second ones: DuckDB tells no fields of one
    struct apart that differ in case only. Then the first steps of all columns are done, then the second ones.
    """
    for rank in range(max((len(column.keys) for column in columns), default=0)):
        shape = {c.keys[rank]: read_as(c.target) for c in columns if rank < len(c.keys)}
        read = f"json_transform(line, {literal(json.dumps(shape))}) AS {reading(rank)}"
        source = f"(SELECT *, {read} FROM {source})"  # noqa: S608
    for depth in range(max((len(column.steps.named) for column in columns), default=0)):
        now = [c.steps.named[depth] for c in columns if depth < len(c.steps.named)]
        done = ", ".join(f"{expression} AS {name}" for name, expression in now)
        source = f"(SELECT *, {done} FROM {source})"  # noqa: S608
    return source


def reading(rank: int) -> str:
    """Return the name of the struct that holds values of keys of this rank among the spellings."""
    return f"_r{rank}"
