"""Lines that can't be read as the others are: not objects, other keys, keys spelled in another way.

They are few in most batches. Each is judged, and either has a problem or is written again with the usual
spellings. What they hold is data here, never a part of SQL: a hundred thousand keys cost what their rows do.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..sql.quoting import literal
from .lines import in_batches
from .names import Names, Spellings

INVALID = "the line is not a valid JSON object"
_REJECTED = "rejected by an injected fault"
_SHOWN_KEYS, _SHOWN_CHARACTERS = 10, 40
"""How much of unknown keys a message shows."""

_TEXT = r'"(?:[^"\\]|\\.)*"'
IS_STRICT = rf"regexp_full_match(line, '(?:[^\",nNiI]|null|{_TEXT}|,\s*(?:{_TEXT}|null|[-0-9tf{{\[]))*', 's')"
"""SQL for whether a line which DuckDB's reader takes is strict JSON: no NaN, no extra comma."""

_JUDGE = (
    "CREATE OR REPLACE TEMP TABLE _judged AS SELECT number, problem, "  # noqa: S608
    "CASE WHEN problem IS NULL THEN line ELSE '{}' END AS line FROM (SELECT number, line, "
    # CASE, not AND: DuckDB may ask for the type of a line before it knows that the line is JSON.
    f"CASE WHEN rejected THEN {literal(_REJECTED)} WHEN NOT json_valid(line) THEN {literal(INVALID)} "
    f"WHEN json_type(line) <> 'OBJECT' OR NOT {IS_STRICT} THEN {literal(INVALID)} END AS problem "
    "FROM _unusual)"
)

_NAME = (
    "CREATE OR REPLACE TEMP TABLE _named AS SELECT number, unnest(keys) AS key, "
    "generate_subscripts(keys, 1) AS place FROM (SELECT number, json_keys(line) AS keys FROM _judged)"
)

_UNKNOWN = (
    "SELECT number, 'no such column: ' || array_to_string(list(left(key, "  # noqa: S608
    f"{_SHOWN_CHARACTERS}) ORDER BY place)[:{_SHOWN_KEYS}], ', ') || CASE WHEN count(*) > {_SHOWN_KEYS} "
    f"THEN ' and ' || (count(*) - {_SHOWN_KEYS}) || ' more' ELSE '' END AS reason "
    "FROM _named JOIN _meant USING (key) WHERE is_unknown GROUP BY number"
)

_TWICE = (
    "SELECT number, 'column ' || arg_min(name, position) || ' is there twice' AS reason FROM "
    "(SELECT number, position, any_value(name) AS name FROM _named JOIN _meant USING (key) "
    "WHERE position IS NOT NULL GROUP BY number, position HAVING count(*) > 1) GROUP BY number"
)

_WRITE = (
    "SELECT number, '{' || coalesce(string_agg(to_json(own) || ':' || each.value, ',') "
    "FILTER (own IS NOT NULL), '') || '}' AS line FROM (SELECT * FROM _judged WHERE number IN "
    "(SELECT number FROM _named JOIN _meant USING (key) WHERE must_change)) AS row, "
    "json_each(row.line) AS each JOIN _meant ON each.key = _meant.key GROUP BY number"
)

_RESULT = (
    "SELECT number, problem, CASE WHEN problem IS NULL THEN line ELSE '{}' END AS line FROM "  # noqa: S608
    "(SELECT number, coalesce(judged.problem, unknown.reason, twice.reason) AS problem, "
    "coalesce(written.line, judged.line) AS line FROM _judged AS judged "
    f"LEFT JOIN ({_UNKNOWN}) AS unknown USING (number) LEFT JOIN ({_TWICE}) AS twice USING (number) "
    f"LEFT JOIN ({_WRITE}) AS written USING (number)) ORDER BY number"
)


def put_right(
    cursor: duckdb.DuckDBPyConnection,
    lines: pa.Table,
    numbers: np.ndarray[Any, Any],
    names: Names,
    spellings: Spellings,
    target: list[str],
) -> pa.Table:
    """Judge the lines of these numbers; return all lines, those ones with their problem or written again.

    Args:
        cursor: a connection, for temporary tables.
        lines: the batch, with an empty column `problem`.
        numbers: of the lines that are not as the others, in order.
        names: what keys mean.
        spellings: the keys by which values are read; learns more of them.
        target: names of the table's columns.
    """
    cursor.register("_unusual", lines.select(["number", "line", "rejected"]).take(pa.array(numbers)))
    try:
        cursor.execute(_JUDGE).fetchall()  # runs it to its end
    finally:
        cursor.unregister("_unusual")
    cursor.execute(_NAME).fetchall()
    found = cursor.execute("SELECT key FROM _named GROUP BY key ORDER BY min((number, place))").fetchall()
    keys = [key for (key,) in found]
    spellings.learn(keys)
    cursor.register("_meant", _meant(keys, names, spellings, target))
    try:
        judged: pa.Table = cursor.sql(_RESULT).to_arrow_table()
    finally:
        cursor.unregister("_meant")
    mask = np.zeros(lines.num_rows, bool)
    mask[numbers] = True
    for name in ("line", "problem"):
        column = lines.column(name).combine_chunks()
        replaced = pc.replace_with_mask(
            column, pa.array(mask), judged.column(name).combine_chunks().cast(column.type)
        )
        lines = lines.set_column(lines.column_names.index(name), name, replaced)
    return in_batches(lines)


def _meant(keys: list[str], names: Names, spellings: Spellings, target: list[str]) -> pa.Table:
    """Find for each key which column it means, and by which key its values are read."""
    positions = [names.find(key) for key in keys]
    return pa.table(
        {
            "key": pa.array(keys, pa.large_string()),
            "position": pa.array(positions, pa.int32()),
            "name": pa.array([None if p is None else target[p] for p in positions], pa.large_string()),
            "own": pa.array([spellings.own_key(key) for key in keys], pa.large_string()),
            "must_change": pa.array([spellings.must_change(key) for key in keys], pa.bool_()),
            "is_unknown": pa.array([p is None and not names.ignores_others for p in positions], pa.bool_()),
        }
    )
