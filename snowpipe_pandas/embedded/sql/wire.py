"""Results as the SQL API returns them: metadata of columns, and every value as a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import UsageError
from .commands import Done, Rows
from .types import MAX_BYTES, MAX_CHARACTERS

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_NO_OFFSET = " 1440"
"""Means UTC: the engine keeps moments, not their offsets."""

Texts = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class WireResult:
    """A result in the SQL API's words: its columns' metadata, and for each column its values as texts."""

    columns: list[dict[str, Any]]
    values: list[Texts]
    rows: int


def wire_result(result: Rows | Done) -> WireResult:
    """Write a result in the SQL API's words.

    Raises:
        UsageError: a column has a type that Snowflake doesn't have.
    """
    if isinstance(result, Done):
        return _of_done(result)
    columns, values = [], []
    for name, kind, column in zip(result.names, result.kinds, result.table.columns, strict=True):
        described, texts = _column(name, kind, column)
        columns.append(described)
        values.append(texts)
    return WireResult(columns, values, result.table.num_rows)


def _of_done(done: Done) -> WireResult:
    if done.rows is None:
        return WireResult([_described("status", "text", length=MAX_CHARACTERS)], [[done.message]], 1)
    name = f"number of rows {done.verb}"
    return WireResult([_described(name, "fixed", precision=19, scale=0)], [[str(done.rows)]], 1)


def _column(name: str, kind: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    arrow = column.type
    if kind == "JSON":
        return _described(name, "variant"), column.to_pylist()
    for is_kind, write in _WRITERS:
        if is_kind(arrow):
            return write(name, column)
    raise UsageError(f"column {name} is of the type {kind[:40]}, which Snowflake does not have; cast it")


def _described(name: str, kind: str, **facts: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "type": kind,
        "nullable": True,
        "scale": None,
        "precision": None,
        "length": None,
        "byteLength": None,
        "collation": None,
    }
    return described | facts


def _each(column: pa.ChunkedArray, write: Callable[[Any], str]) -> Texts:
    return [None if value is None else write(value) for value in column.to_pylist()]


def _integers(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "fixed", precision=38, scale=0), _each(column, str)


def _decimals(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    facts = {"precision": column.type.precision, "scale": column.type.scale}
    return _described(name, "fixed", **facts), _each(column, lambda value: format(value, "f"))


def _reals(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "real"), _each(column, lambda value: "NaN" if value != value else repr(value))


def _booleans(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "boolean"), _each(column, lambda value: "true" if value else "false")


def _texts(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    facts = {"length": MAX_CHARACTERS, "byteLength": MAX_CHARACTERS}
    return _described(name, "text", **facts), column.to_pylist()


def _binaries(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    facts = {"length": MAX_BYTES, "byteLength": MAX_BYTES}
    return _described(name, "binary", **facts), _each(column, lambda value: value.hex().upper())


def _dates(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "date"), _each(pc.cast(column, pa.int32()), str)


def _times(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "time", precision=0, scale=_DIGITS[column.type.unit]), _seconds(column)


def _timestamps(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    facts = {"precision": 0, "scale": _DIGITS[column.type.unit]}
    if column.type.tz is None:
        return _described(name, "timestamp_ntz", **facts), _seconds(column)
    zoned = [None if text is None else text + _NO_OFFSET for text in _seconds(column)]
    return _described(name, "timestamp_tz", **facts), zoned


def _seconds(column: pa.ChunkedArray) -> Texts:
    step = _NANOSECONDS[column.type.unit]
    return _each(pc.cast(column, pa.int64()), lambda value: _with_fraction(value * step))


def _with_fraction(nanoseconds: int) -> str:
    """Write nanoseconds as seconds with nine digits after the point.

    >>> _with_fraction(-1)
    '-0.000000001'
    """
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}{seconds}.{fraction:09}"


def _lists(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "array"), _each(column, _json)


def _objects(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    if pa.types.is_map(column.type):
        return _described(name, "object"), _each(column, lambda pairs: _json(dict(pairs)))
    return _described(name, "object"), _each(column, _json)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _nulls(name: str, column: pa.ChunkedArray) -> tuple[dict[str, Any], Texts]:
    return _described(name, "text", length=MAX_CHARACTERS), [None] * len(column)


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., tuple[dict[str, Any], Texts]]], ...] = (
    (pa.types.is_integer, _integers),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_floating, _reals),
    (pa.types.is_boolean, _booleans),
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), _texts),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), _binaries),
    (pa.types.is_date32, _dates),
    (pa.types.is_time, _times),
    (pa.types.is_timestamp, _timestamps),
    (lambda kind: pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind), _lists),
    (lambda kind: pa.types.is_struct(kind) or pa.types.is_map(kind), _objects),
    (pa.types.is_null, _nulls),
)
