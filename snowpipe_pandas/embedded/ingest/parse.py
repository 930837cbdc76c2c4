"""NDJSON into a table: every row that fits, and the reason for each that does not.

Lines are split without a loop, DuckDB reads and converts them column-wise, and a row with any problem is left
out and told. As with ON_ERROR = CONTINUE, a bad row never stops others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from ..sql.declared import DeclaredColumn, duckdb_type
from ..sql.quoting import literal, quoted
from .columns import BatchColumn, computed, match
from .lines import Body, lines_of

_WHOLE_ROW_PROBLEMS = (
    "WHEN rejected THEN 'rejected by the fault desk'",
    "WHEN NOT ok THEN 'the line is no valid JSON object'",
)

# Names of our own in the batch, which no column of a user's table is likely to have.
_PROBLEM, _CHUNK, _LINE = '"_snowpipe problem"', '"_snowpipe chunk"', '"_snowpipe line"'

BAD_ROWS = (
    f"SELECT {_CHUNK} AS chunk, rtrim({_LINE}, chr(13) || chr(10)) AS line, {_PROBLEM} AS problem, "  # noqa: S608
    f"row_number() OVER () AS number FROM _batch WHERE {_PROBLEM} IS NOT NULL"
)
"""Reads the bad rows that `parse_rows` has found, in order."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows ready to insert: they stand in the cursor's temporary table `_batch`, the bad ones with them.

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
) -> Parsed:
    """Read the NDJSON of all bodies and cast it to the target's types.

    `odd` are the columns of which odd values are expected; those that have some are added, for the next time.
    """
    cursor.register("_lines", lines_of(bodies))
    try:
        cursor.execute(
            # CASE, not AND: DuckDB may ask for the type of a line before it knows that the line is JSON.
            "CREATE OR REPLACE TEMP TABLE _valid AS SELECT chunk, rejected, ok, "
            "CASE WHEN NOT ok THEN line END AS raw, CASE WHEN ok THEN line ELSE '{}' END AS line FROM "
            "(SELECT *, CASE WHEN strict AND json_valid(line) THEN json_type(line) = 'OBJECT' "
            "ELSE false END AS ok FROM _lines)"
        )
        return _parse(cursor, target, set() if odd is None else odd)
    finally:
        cursor.unregister("_lines")


def insert_good(cursor: duckdb.DuckDBPyConnection, parsed: Parsed, table: str) -> None:
    """Insert what `parse_rows` found good into `table` (quoted as SQL needs it).

    Columns that no row names are left to the table: they get their defaults.
    """
    if not parsed.good:
        return
    names = ", ".join(quoted(name) for name in parsed.columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM _batch WHERE {_PROBLEM} IS NULL")  # noqa: S608


def _parse(cursor: duckdb.DuckDBPyConnection, target: list[DeclaredColumn], odd: set[str]) -> Parsed:
    """Convert the plain way first; if that leaves values open, convert again, their columns the whole way."""
    keys, doubled = _keys(cursor)
    while True:
        columns, unknown = match(keys, target, odd)
        _fill_batch(cursor, columns, _values(columns, target), _problems(columns, target, unknown, doubled))
        left_open = _left_open(cursor, columns)
        if not left_open:
            names = [column.target.name for column in columns] or [target[0].name]
            return Parsed(tuple(names), *_count(cursor))
        odd |= left_open


def _values(columns: list[BatchColumn], target: list[DeclaredColumn]) -> list[str]:
    if columns:
        return [f"{column.stored()} AS {quoted(column.target.name)}" for column in columns]
    first = target[0]  # rows like {}: one column has to stand for them
    return [f"CAST({first.default or 'NULL'} AS {duckdb_type(first.type)}) AS {quoted(first.name)}"]


def _problems(
    columns: list[BatchColumn], target: list[DeclaredColumn], unknown: list[str], doubled: bool
) -> str:
    """Return the CASE that tells what is wrong with a row, or which of its values are left open."""
    branches = [*_WHOLE_ROW_PROBLEMS]
    if unknown:
        branches.append(_unknown(unknown))
    branches += [column.named_twice() for column in columns if doubled or len(column.keys) > 1]
    odd = {number: column.odd for number, column in enumerate(columns) if column.odd}
    if odd:
        told = ", ".join(f"CASE WHEN {is_odd} THEN '{number} ' ELSE '' END" for number, is_odd in odd.items())
        branches.append(f"WHEN {_any(list(odd.values()))} THEN concat(chr(1), {told})")
    branches += [branch for column in columns for branch in column.problems()]
    present = {column.target.name for column in columns}
    branches += [
        _missing(c) for c in target if not c.nullable and c.default is None and c.name not in present
    ]
    return f"CASE {' '.join(branches)} END"


def _any(conditions: list[str]) -> str:
    """Return the OR of conditions as a balanced tree: a chain of a thousand is too deep for DuckDB."""
    if len(conditions) == 1:
        return conditions[0]
    half = len(conditions) // 2
    return f"({_any(conditions[:half])} OR {_any(conditions[half:])})"


def _left_open(cursor: duckdb.DuckDBPyConnection, columns: list[BatchColumn]) -> set[str]:
    """Return the names of columns with values that the plain way has left open."""
    if not any(column.odd for column in columns):
        return set()
    found = cursor.execute(
        f"SELECT DISTINCT {_PROBLEM}[2:] FROM _batch WHERE starts_with({_PROBLEM}, chr(1))"  # noqa: S608
    ).fetchall()
    return {columns[int(number)].target.name for (numbers,) in found for number in numbers.split()}


def _keys(cursor: duckdb.DuckDBPyConnection) -> tuple[list[str], bool]:
    """Return all keys of the batch, and whether some row has one of them twice."""
    found = cursor.execute(
        "SELECT DISTINCT unnest(keys), len(keys) > len(list_distinct(keys)) "
        "FROM (SELECT DISTINCT json_keys(line) AS keys FROM _valid WHERE ok)"
    ).fetchall()
    return sorted({key for key, _ in found}), any(doubled for _, doubled in found)


def _fill_batch(
    cursor: duckdb.DuckDBPyConnection, columns: list[BatchColumn], values: list[str], problem: str
) -> None:
    selected = ", ".join([*values, f"{problem} AS {_PROBLEM}", f"chunk AS {_CHUNK}"])
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE _batch AS SELECT * EXCLUDE (_raw), "  # noqa: S608
        f"CASE WHEN {_PROBLEM} IS NOT NULL THEN _raw END AS {_LINE} FROM "
        f"(SELECT {selected}, coalesce(raw, line) AS _raw FROM {computed(columns, '_valid')})"
    )


def _count(cursor: duckdb.DuckDBPyConnection) -> tuple[int, int, str | None, int | None]:
    """Count good and bad rows of the batch; tell the last problem, and the body that held it."""
    good, bad, last, chunk = cursor.execute(
        f"SELECT count(*) FILTER ({_PROBLEM} IS NULL), count({_PROBLEM}), "  # noqa: S608
        f"last({_PROBLEM}) FILTER ({_PROBLEM} IS NOT NULL), max({_CHUNK}) FILTER ({_PROBLEM} IS NOT NULL) "
        "FROM _batch"
    ).fetchall()[0]
    return good, bad, last, chunk


def _unknown(keys: list[str]) -> str:
    listed = ", ".join(literal(key) for key in keys)
    found = f"list_filter(json_keys(line), lambda k: k IN ({listed}))"
    return f"WHEN len({found}) > 0 THEN 'no such column: ' || array_to_string({found}, ', ')"


def _missing(column: DeclaredColumn) -> str:
    return f"WHEN true THEN {literal(f'column {column.name} is NOT NULL and has no value')}"
