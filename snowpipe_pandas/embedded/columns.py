"""A table's columns as a batch of rows names them: the spellings of a name, nulls, absent keys, defaults.

Three things differ: a value, a `null` that is written, and a key that is not there. A written null is a
null, in a VARIANT column a VARIANT that holds null (`IS NULL` is false of it). For an absent key the column's
DEFAULT is taken, or null where it has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .conversions import Conversion, conversion, read_as
from .declared import DeclaredColumn, duckdb_type

SHOWN = 40
"""Characters of a bad value in its message."""


@dataclass(frozen=True, slots=True)
class BatchColumn:
    """A column of the table, and the spellings of its name that the batch's rows use."""

    target: DeclaredColumn
    keys: tuple[str, ...]

    @property
    def read_as(self) -> str:
        """The type in which DuckDB's JSON reader hands out its values."""
        return read_as(self.target)

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
            told = f"{_text(f'column {name}: ')} || {shown} || {_text(self._refused)}"
            branches.append(f"WHEN {wrong} THEN {told}")
        if not self.target.nullable:
            told = _text(f"column {name} is NOT NULL and has no value")
            branches.append(f"WHEN {self._is_missing} THEN {told}")
        return branches

    def named_twice(self) -> str:
        """Return the CASE branch that finds rows with more than one value for this column."""
        found = f"len(list_filter(json_keys(line), lambda k: k IN ({self._listed})))"
        return f"WHEN {found} > 1 THEN {_text(f'column {self.target.name} is there twice')}"

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
    def _conversion(self) -> Conversion:
        types = [self._of_key(key) for key in self.keys]
        return conversion(self.target, self._value, f"(coalesce({', '.join(types)}) = 'VARCHAR')")

    @property
    def _value(self) -> str:
        values = [f"{reading(rank)}.{_quote(key)}" for rank, key in enumerate(self.keys)]
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"

    @property
    def _present(self) -> str:
        return f"list_has_any(json_keys(line), [{self._listed}])"

    @property
    def _listed(self) -> str:
        return ", ".join(_text(key) for key in self.keys)

    def _of_key(self, key: str) -> str:
        """The JSON type of a key's value; by a reading of its own, since it is asked for few rows."""
        return f"json_type(json_transform(line, {_text(json.dumps({key: 'JSON'}))}).{_quote(key)})"


def match(keys: list[str], target: list[DeclaredColumn]) -> tuple[list[BatchColumn], list[str]]:
    """Find the columns that keys mean, without regard to case.

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
    found = [BatchColumn(c, tuple(spellings[c.name])) for c in target if c.name in spellings]
    return found, unknown


def readings(columns: list[BatchColumn]) -> str:
    """Return the SQL that reads the batch's lines: a struct of all first spellings, one of all second ones.

    DuckDB tells no fields of one struct apart that differ in case only.
    """
    most = max((len(column.keys) for column in columns), default=0)
    parts = []
    for rank in range(most):
        shape = {c.keys[rank]: c.read_as for c in columns if rank < len(c.keys)}
        parts.append(f", json_transform(line, {_text(json.dumps(shape))}) AS {reading(rank)}")
    return "".join(parts)


def reading(rank: int) -> str:
    """Return the name of the struct that holds values of keys of this rank among the spellings."""
    return f"_r{rank}"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
