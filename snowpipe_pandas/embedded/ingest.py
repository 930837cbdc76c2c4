"""NDJSON into a table: every row that fits, and the reason for each that does not.

One way for good and bad rows: lines are split without a loop, DuckDB reads and casts them column-wise,
and a row with any problem is left out and told. As with ON_ERROR = CONTINUE, a bad row never stops others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .sql import DeclaredColumn, duckdb_type

_LOOSE = re.compile(rb"NaN|Inf|,\s*[}\]]")
"""Texts which DuckDB's reader takes and RFC 8259 does not; lines with them are looked at again."""

_JSON_KINDS = {"OBJECT": "OBJECT", "ARRAY": "ARRAY"}
_LENGTH = re.compile(r"VARCHAR\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows ready to insert: they stand in the cursor's temporary table `_good`."""

    columns: tuple[str, ...]
    good: int
    bad: int
    last_problem: str | None


def parse_rows(cursor: duckdb.DuckDBPyConnection, ndjson: bytes, target: list[DeclaredColumn]) -> Parsed:
    """Read NDJSON and cast it to the target's types."""
    lines = _lines(ndjson)
    cursor.register("_lines", pa.table({"line": lines, "strict": _strict(lines, ndjson)}))
    try:
        return _parse(cursor, target)
    finally:
        cursor.unregister("_lines")


def insert_good(cursor: duckdb.DuckDBPyConnection, parsed: Parsed, table: str) -> None:
    """Insert what `parse_rows` found good into `table` (quoted as SQL needs it)."""
    if not parsed.good:
        return
    names = ", ".join(_quote(name) for name in parsed.columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM _good WHERE _problem IS NULL")  # noqa: S608


def _parse(cursor: duckdb.DuckDBPyConnection, target: list[DeclaredColumn]) -> Parsed:
    cursor.execute(
        # CASE, not AND: DuckDB may ask for the type of a line before it knows that the line is JSON.
        "CREATE OR REPLACE TEMP TABLE _valid AS SELECT ok, CASE WHEN ok THEN line ELSE '{}' END AS line FROM "
        "(SELECT line, CASE WHEN strict AND json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END "
        "AS ok FROM _lines)"
    )
    keys = [
        row[0]
        for row in cursor.execute("SELECT DISTINCT unnest(json_keys(line)) FROM _valid WHERE ok").fetchall()
    ]
    chosen, unknown = _match(sorted(keys), target)
    shape = json.dumps({key: _read_as(column) for key, column in chosen.items()}).replace("'", "''")
    values, problems = [], ["WHEN NOT ok THEN 'the line is no valid JSON object'"]
    if unknown:
        listed = ", ".join("'" + key.replace("'", "''") + "'" for key in unknown)
        found = f"list_filter(json_keys(line), lambda k: k IN ({listed}))"
        problems.append(f"WHEN len({found}) > 0 THEN 'no such column: ' || array_to_string({found}, ', ')")
    for key, column in chosen.items():
        value, problem = _cast(f"r.{_quote(key)}", column)
        values.append(f"{value} AS {_quote(column.name)}")
        problems.append(problem)
    present = {column.name for column in chosen.values()}
    problems += [_missing("NULL", c) for c in target if not c.nullable and c.name not in present]
    read = f"json_transform(line, '{shape}')" if chosen else "NULL"
    selected = ", ".join([*values, f"CASE {' '.join(problems)} END AS _problem"])
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE _good AS SELECT {selected} "  # noqa: S608
        f"FROM (SELECT line, ok, {read} AS r FROM _valid)"
    )
    good, bad, last = cursor.execute(
        "SELECT count(*) FILTER (_problem IS NULL), count(_problem), "
        "last(_problem) FILTER (_problem IS NOT NULL) FROM _good"
    ).fetchall()[0]
    return Parsed(tuple(column.name for column in chosen.values()), good if chosen else 0, bad, last)


def _lines(ndjson: bytes) -> pa.LargeStringArray:
    """Split at newlines, which no JSON string holds unescaped; blank lines and `\\r` are tolerated."""
    if not ndjson.endswith(b"\n"):
        ndjson += b"\n"
    ends = np.flatnonzero(np.frombuffer(ndjson, np.uint8) == ord("\n"))
    offsets = np.concatenate([np.zeros(1, np.int64), ends + 1])
    lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(ndjson))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        # Lines that are no UTF-8 become text that is no JSON, so that they alone are rejected.
        return pa.array([_text_of(line) for line in ndjson.splitlines()], pa.large_string())
    if b"\n\n" in ndjson or b"\r" in ndjson or ndjson[:1] == b"\n":
        lines = lines.filter(pc.not_equal(pc.ascii_trim_whitespace(lines), ""))
    return lines


def _text_of(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return "no UTF-8"


def _strict(lines: pa.LargeStringArray, ndjson: bytes) -> pa.BooleanArray:
    """Tell which lines a strict reader takes; only suspicious lines are read one by one."""
    if not _LOOSE.search(ndjson):
        return pa.repeat(pa.scalar(True), len(lines))
    suspicious = pc.match_substring_regex(lines, _LOOSE.pattern.decode())
    answers = [
        not suspect or _is_strict(line)
        for suspect, line in zip(suspicious.to_pylist(), lines.to_pylist(), strict=True)
    ]
    return pa.array(answers, pa.bool_())


def _is_strict(line: str) -> bool:
    try:
        json.loads(line, parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _match(keys: list[str], target: list[DeclaredColumn]) -> tuple[dict[str, DeclaredColumn], list[str]]:
    """Find each key's column, without regard to case; a column has one spelling in a batch."""
    by_name = {column.name.upper(): column for column in target}
    chosen: dict[str, DeclaredColumn] = {}
    unknown = []
    for key in keys:
        column = by_name.pop(key.upper(), None)
        if column is None:
            unknown.append(key)
        else:
            chosen[key] = column
    return chosen, unknown


def _read_as(column: DeclaredColumn) -> str:
    return "JSON" if duckdb_type(column.type) == "JSON" else "VARCHAR"


def _cast(value: str, column: DeclaredColumn) -> tuple[str, str]:
    """Return the cast of a value, and the CASE branches that find it bad."""
    stored = duckdb_type(column.type)
    if stored == "BLOB":
        cast = f"TRY(from_base64({value}))"
    elif stored == "JSON":
        cast = value
    else:
        cast = f"TRY_CAST({value} AS {stored})"
    name = _text(column.name)
    shown = f"left(CAST({value} AS VARCHAR), 40)"
    wrong = f"{value} IS NOT NULL AND {cast} IS NULL"
    if column.type in _JSON_KINDS:
        wrong = f"{value} IS NOT NULL AND json_type({value}) NOT IN ('{_JSON_KINDS[column.type]}', 'NULL')"
    branches = [
        f"WHEN {wrong} THEN 'column ' || {name} || ': ' || {shown} || {_text(f' is no {column.type}')}"
    ]
    if length := _LENGTH.fullmatch(column.type):
        branches.append(
            f"WHEN length({value}) > {length[1]} THEN 'column ' || {name} || ': the text is too long'"
        )
    if stored == "JSON":
        cast = f"CASE WHEN json_type({value}) = 'NULL' THEN NULL ELSE {value} END"
    if not column.nullable:
        branches.append(_missing(value, column))
    return cast, " ".join(branches)


def _missing(value: str, column: DeclaredColumn) -> str:
    return f"WHEN {value} IS NULL THEN {_text(f'column {column.name} is NOT NULL and has no value')}"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
