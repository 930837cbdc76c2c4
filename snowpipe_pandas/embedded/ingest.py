"""NDJSON into a table: every row that fits, and the reason for each that does not.

One way for good and bad rows: lines are split without a loop, DuckDB reads and casts them column-wise,
and a row with any problem is left out and told. As with ON_ERROR = CONTINUE, a bad row never stops others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .sql import DeclaredColumn, duckdb_type

_LOOSE = re.compile(rb"NaN|Inf|,\s*[}\]]")
"""Texts which DuckDB's reader takes and RFC 8259 does not; lines with them are looked at again."""

_JSON_KINDS = {"OBJECT": "OBJECT", "ARRAY": "ARRAY"}
_LENGTH = re.compile(r"VARCHAR\((\d+)\)")
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


class Body(Protocol):
    """One append's rows; the first `reject` of them are bad whatever they hold."""

    @property
    def ndjson(self) -> bytes:
        """The rows."""

    @property
    def reject(self) -> int:
        """How many of the first rows are bad."""


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
    cursor: duckdb.DuckDBPyConnection, bodies: Sequence[Body], target: list[DeclaredColumn]
) -> Parsed:
    """Read the NDJSON of all bodies and cast it to the target's types."""
    cursor.register("_lines", _lines(bodies))
    try:
        return _parse(cursor, target)
    finally:
        cursor.unregister("_lines")


def insert_good(cursor: duckdb.DuckDBPyConnection, parsed: Parsed, table: str) -> None:
    """Insert what `parse_rows` found good into `table` (quoted as SQL needs it)."""
    if not parsed.good:
        return
    names = ", ".join(_quote(name) for name in parsed.columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM _batch WHERE {_PROBLEM} IS NULL")  # noqa: S608


def _parse(cursor: duckdb.DuckDBPyConnection, target: list[DeclaredColumn]) -> Parsed:
    cursor.execute(
        # CASE, not AND: DuckDB may ask for the type of a line before it knows that the line is JSON.
        "CREATE OR REPLACE TEMP TABLE _valid AS SELECT chunk, rejected, ok, "
        "CASE WHEN NOT ok THEN line END AS raw, CASE WHEN ok THEN line ELSE '{}' END AS line FROM (SELECT *, "
        "CASE WHEN strict AND json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END AS ok "
        "FROM _lines)"
    )
    keys = [
        row[0]
        for row in cursor.execute("SELECT DISTINCT unnest(json_keys(line)) FROM _valid WHERE ok").fetchall()
    ]
    chosen, unknown = _match(sorted(keys), target)
    shape = json.dumps({key: _read_as(column) for key, column in chosen.items()}).replace("'", "''")
    values, problems = [], list(_WHOLE_ROW_PROBLEMS)
    if unknown:
        listed = ", ".join("'" + key.replace("'", "''") + "'" for key in unknown)
        found = f"list_filter(json_keys(line), lambda k: k IN ({listed}))"
        problems.append(f"WHEN len({found}) > 0 THEN 'no such column: ' || array_to_string({found}, ', ')")
    for key, column in chosen.items():
        value, problem = _cast(f"r.{_quote(key)}", column)
        values.append(f"{value} AS {_quote(column.name)}")
        problems.append(problem)
    if not chosen:  # rows like {}: all their values are NULL
        values.append(f"CAST(NULL AS {duckdb_type(target[0].type)}) AS {_quote(target[0].name)}")
    present = {column.name for column in chosen.values()}
    problems += [_missing("NULL", c) for c in target if not c.nullable and c.name not in present]
    read = f"json_transform(line, '{shape}')" if chosen else "NULL"
    problem = f"CASE {' '.join(problems)} END"
    selected = ", ".join([*values, f"{problem} AS {_PROBLEM}", f"chunk AS {_CHUNK}"])
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE _batch AS SELECT * EXCLUDE (_raw), "  # noqa: S608
        f"CASE WHEN {_PROBLEM} IS NOT NULL THEN _raw END AS {_LINE} FROM "
        f"(SELECT {selected}, coalesce(raw, line) AS _raw FROM (SELECT *, {read} AS r FROM _valid))"
    )
    good, bad, last, chunk = cursor.execute(
        f"SELECT count(*) FILTER ({_PROBLEM} IS NULL), count({_PROBLEM}), "  # noqa: S608
        f"last({_PROBLEM}) FILTER ({_PROBLEM} IS NOT NULL), max({_CHUNK}) FILTER ({_PROBLEM} IS NOT NULL) "
        "FROM _batch"
    ).fetchall()[0]
    names = tuple(column.name for column in chosen.values()) or (target[0].name,)
    return Parsed(names, good, bad, last, chunk)


def _lines(bodies: Sequence[Body]) -> pa.Table:
    """Split at newlines, which no JSON string holds unescaped; blank lines and `\\r` are tolerated.

    Each line comes with the number of its body, whether a strict reader takes it, and whether it is to be
    rejected.
    """
    texts = [body.ndjson if body.ndjson.endswith(b"\n") else body.ndjson + b"\n" for body in bodies]
    ndjson = b"".join(texts)
    ends = np.flatnonzero(np.frombuffer(ndjson, np.uint8) == ord("\n"))
    offsets = np.concatenate([np.zeros(1, np.int64), ends + 1])
    lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(ndjson))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        # Lines that are no UTF-8 become text that is no JSON, so that they alone are rejected.
        lines = pa.array([_text_of(line) for line in ndjson.split(b"\n")[:-1]], pa.large_string())
    chunk = np.searchsorted(np.cumsum([len(text) for text in texts]), ends, side="right")
    table = pa.table({"line": lines, "chunk": chunk})
    if b"\n\n" in ndjson or b"\r" in ndjson or ndjson[:1] == b"\n":
        table = table.filter(pc.not_equal(pc.ascii_trim_whitespace(table.column("line")), ""))
    lines = table.column("line").combine_chunks()
    return table.append_column("strict", _strict(lines, ndjson)).append_column(
        "rejected", _first(table.column("chunk").to_numpy(), [body.reject for body in bodies])
    )


def _first(chunk: np.ndarray[Any, Any], counts: list[int]) -> pa.Array:
    """Tell which lines are among the first ones of their body."""
    starts = np.searchsorted(chunk, chunk)
    return pa.array(np.arange(len(chunk)) - starts < np.array(counts)[chunk])


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
