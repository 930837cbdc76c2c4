"""NDJSON into a table: every row that fits, and the reason for each that does not.

Lines are split without a loop, DuckDB reads and converts them column-wise, and a row with any problem is left
out and reported. As with ON_ERROR = CONTINUE, a bad row never stops others.

A line is read twice: first for its keys, by which it is a usual one or is put right (`unusual.py`), then for
its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ..sql.declared import DeclaredColumn, duckdb_type
from ..sql.quoting import literal, quoted
from .columns import BatchColumn, any_of, computed, missing
from .lines import Body, lines_of
from .names import Names, Spellings, most_usual
from .unusual import INVALID, IS_STRICT, put_right

BAD_ROWS = (
    "SELECT chunk, rtrim(line, chr(13) || chr(10)) AS line, problem, number FROM _batch "
    "WHERE problem IS NOT NULL"
)
"""Reads the bad rows that `parse_rows` has found; `number` is their order."""

_COUNT = (
    "SELECT count(*) FILTER (problem IS NULL), count(problem), arg_max(problem, number), "
    "arg_max(chunk, number) FILTER (problem IS NOT NULL), "
    "list(DISTINCT problem[2:]) FILTER (starts_with(problem, chr(1))) FROM _batch"
)
"""Counts good and bad rows; returns the last problem, its body, and which columns' values are left open."""

_SAMPLE = 64
"""Lines whose keys show how the batch's rows look."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows ready to insert: they are in the cursor's temporary table `_batch`, the bad ones with them.

    `last_bad_chunk` is the number of the body that held the last bad row.
    """

    columns: tuple[str, ...]
    good: int
    bad: int
    last_problem: str | None
    last_bad_chunk: int | None


def parse_rows(
    cursor: duckdb.DuckDBPyConnection,
    bodies: Sequence[Body],
    target: list[DeclaredColumn],
    odd: set[str] | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Parsed:
    """Read the NDJSON of all bodies and cast it to the target's types.

    Args:
        cursor: a connection, for temporary tables.
        bodies: the appends.
        target: the table's columns.
        odd: the columns in which odd values are expected; those that have some are added, for the next time.
        mapping: keys of the rows, spelled exactly so, and the columns that they fill; other keys are ignored.
            None: keys are names of columns.
    """
    names = Names(target, mapping)
    spellings = Spellings(names)
    lines = lines_of(bodies)
    shape, keys = most_usual(_sampled(cursor, lines))
    spellings.learn(keys)
    numbers = _unusual(cursor, lines, shape, spellings.usual())
    lines = lines.append_column("raw", lines.column("line"))
    lines = lines.append_column("problem", pa.nulls(lines.num_rows, pa.large_string()))
    if len(numbers):
        lines = put_right(cursor, lines, numbers, names, spellings, [column.name for column in target])
    cursor.register("_lines", lines)
    try:
        return _converted(cursor, target, spellings, set() if odd is None else odd)
    finally:
        cursor.unregister("_lines")


def insert_good(cursor: duckdb.DuckDBPyConnection, parsed: Parsed, table: str) -> None:
    """Insert what `parse_rows` found good into `table` (quoted as SQL needs it).

    Columns that no row names are left to the table: they get their defaults.
    """
    if not parsed.good:
        return
    names = ", ".join(quoted(name) for name in parsed.columns)
    values = ", ".join(f"c{number}" for number in range(len(parsed.columns)))
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM _batch WHERE problem IS NULL")  # noqa: S608


def _sampled(cursor: duckdb.DuckDBPyConnection, lines: pa.Table) -> list[list[str]]:
    """Return the keys of some lines, spread over the batch."""
    if not lines.num_rows:
        return []
    some = np.unique(np.linspace(0, lines.num_rows - 1, _SAMPLE).astype(np.int64)).tolist()
    # Slices, since Arrow's `take` would copy the whole batch first.
    cursor.register("_some", pa.concat_tables(lines.select(["line"]).slice(number, 1) for number in some))
    try:
        found = cursor.execute(
            "SELECT keys FROM (SELECT CASE WHEN json_valid(line) THEN json_keys(line) END AS keys "
            "FROM _some) WHERE len(keys) > 0"
        )
        return [keys for (keys,) in found.fetchall()]
    finally:
        cursor.unregister("_some")


def _unusual(
    cursor: duckdb.DuckDBPyConnection, lines: pa.Table, shape: list[str], usual: list[str]
) -> np.ndarray[Any, Any]:
    """Return the numbers of lines that can't be read as they are, in order."""
    is_shape = (
        f"keys = {_list(shape)}" if set(shape) <= set(usual) and len(set(shape)) == len(shape) else "false"
    )
    within = f"list_has_all({_list(usual)}, keys) AND len(keys) = len(list_distinct(keys))"

    def found(keys: str) -> np.ndarray[Any, Any]:
        # An aggregate, since a WHERE would be asked before the keys are there, and read the line again.
        (numbers,) = cursor.execute(
            "SELECT list(number) FILTER (is_usual IS DISTINCT FROM true) FROM (SELECT number, "  # noqa: S608
            f"CASE WHEN odd_end OR rejected OR len(keys) = 0 THEN false WHEN {is_shape} THEN true "
            f"ELSE {within} END AS is_usual FROM (SELECT *, {keys} AS keys FROM _all))"
        ).fetchall()[0]
        return np.sort(np.array(numbers or [], np.int64))

    cursor.register("_all", lines.select(["number", "line", "odd_end", "rejected"]))
    try:
        return found("json_keys(line)")
    except duckdb.InvalidInputException:  # a line is not JSON; checking each one first costs a fifth more
        return found("CASE WHEN json_valid(line) THEN json_keys(line) END")
    finally:
        cursor.unregister("_all")


def _converted(
    cursor: duckdb.DuckDBPyConnection, target: list[DeclaredColumn], spellings: Spellings, odd: set[str]
) -> Parsed:
    """Convert the plain way first; if that leaves values open, convert again, their columns the whole way."""
    meant = [(target[position], key) for position, key in sorted(spellings.keys.items())]
    while True:
        columns = [
            BatchColumn(number, column, key, plain=column.name not in odd)
            for number, (column, key) in enumerate(meant)
        ]
        _fill_batch(cursor, columns, target)
        good, bad, last_problem, last_bad_chunk, left_open = cursor.execute(_COUNT).fetchall()[0]
        if not left_open:
            named = [column.target.name for column in columns] or [target[0].name]
            return Parsed(tuple(named), good, bad, last_problem, last_bad_chunk)
        odd |= {columns[int(number)].target.name for numbers in left_open for number in numbers.split()}


def _fill_batch(
    cursor: duckdb.DuckDBPyConnection, columns: list[BatchColumn], target: list[DeclaredColumn]
) -> None:
    """Convert the lines into the table `_batch`: columns by number, and what is wrong with each row."""
    loose = any_of([maybe for column in columns if (maybe := column.maybe_loose()) is not None])
    converted = (
        f"(SELECT number, chunk, line, raw, problem, {', '.join(_values(columns, target))}, "  # noqa: S608
        f"{_left_open_by(columns)} AS left_open, {_problem(columns, target)} AS why, {loose} AS loose "
        f"FROM {computed(columns, '_lines')})"
    )
    judged = (
        "CASE WHEN problem IS NOT NULL THEN problem WHEN left_open IS NOT NULL THEN left_open "
        f"WHEN why IS NOT NULL OR loose THEN CASE WHEN {IS_STRICT} THEN why ELSE {literal(INVALID)} END END"
    )
    # Planned as it is: there is nothing to gain, and the optimizer takes half of a wide table's time.
    cursor.execute("PRAGMA disable_optimizer")
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE _batch AS SELECT * EXCLUDE (raw), "  # noqa: S608
        "CASE WHEN problem IS NOT NULL THEN raw END AS line FROM (SELECT * EXCLUDE (line, left_open, why, "
        f"loose) REPLACE ({judged} AS problem) FROM {converted})"
    ).fetchall()  # runs it to its end
    cursor.execute("PRAGMA enable_optimizer")


def _values(columns: list[BatchColumn], target: list[DeclaredColumn]) -> list[str]:
    if columns:
        return [f"{column.stored()} AS c{number}" for number, column in enumerate(columns)]
    first = target[0]  # rows like {}: one column has to represent them
    return [f"CAST({first.default or 'NULL'} AS {duckdb_type(first.type)}) AS c0"]


def _left_open_by(columns: list[BatchColumn]) -> str:
    """Return the SQL of a text with the numbers of the columns that the plain way leaves open, else NULL."""
    odd = {number: column.odd for number, column in enumerate(columns) if column.odd}
    if not odd:
        return "NULL"
    numbers = ", ".join(f"CASE WHEN {is_odd} THEN '{number} ' ELSE '' END" for number, is_odd in odd.items())
    return f"CASE WHEN {any_of(list(odd.values()))} THEN concat(chr(1), {numbers}) END"


def _problem(columns: list[BatchColumn], target: list[DeclaredColumn]) -> str:
    """Return the SQL that says what is wrong with a row's values, by the first column that does not fit."""
    branches = [branch for column in columns for branch in column.problems()]
    present = {column.target.name for column in columns}
    branches += [
        f"WHEN true THEN {literal(missing(column))}"
        for column in target
        if not column.nullable and column.default is None and column.name not in present
    ]
    return f"CASE {' '.join(branches)} END" if branches else "NULL"


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(literal, texts))}]::VARCHAR[]"
