"""What an answer of the SQL API says of a result: its columns, its partitions, its rows as texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..rest import fields
from ..rest.fields import UnreadableError
from ..shown import counted

MAX_COLUMNS = 10_000
MAX_PARTITIONS = 100_000
MAX_SCALE = 38


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result.

    Attributes:
        name: as the service reports it; two columns may have one name.
        type: the SQL API's name of its type, in lower case.
        scale: digits after the point, of numbers and times; 0 where it is not reported.
    """

    name: str
    type: str
    scale: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a result: its columns, the rows of each partition, and its bytes (0: not reported)."""

    columns: tuple[Column, ...]
    rows: int
    partition_rows: tuple[int, ...]
    reported_bytes: int


Row = list[str | None]


def read_layout(answer: Mapping[str, Any]) -> Layout:
    """Read `resultSetMetaData`.

    Raises:
        UnreadableError: it is not as documented.
    """
    meta = fields.table(answer.get("resultSetMetaData"), "resultSetMetaData")
    columns = tuple(_column(column) for column in _list(meta, "rowType", MAX_COLUMNS))
    partitions = [fields.table(p, "a partition") for p in _list(meta, "partitionInfo", MAX_PARTITIONS)]
    counts = tuple(_known(partition, "rowCount") for partition in partitions)
    rows = fields.count(meta, "numRows")
    if rows is None:
        rows = sum(counts)
    if counts and sum(counts) != rows:
        raise UnreadableError(f"numRows is {rows}, and its partitions have {sum(counts)}")
    size = sum(fields.count(partition, "uncompressedSize") or 0 for partition in partitions)
    return Layout(columns, rows, counts or (rows,), size)


def read_rows(answer: Mapping[str, Any], layout: Layout, partition: int) -> tuple[list[Row], int]:
    """Read the `data` of one partition; return its rows, and how many characters they hold.

    Raises:
        UnreadableError: it is not as documented, or not as its layout says.
    """
    rows = answer.get("data")
    if rows is None and layout.partition_rows[partition] == 0:
        return [], 0
    if not isinstance(rows, list) or len(rows) != layout.partition_rows[partition]:
        found = counted(len(rows), "row") if isinstance(rows, list) else "not a list"
        said = counted(layout.partition_rows[partition], "row")
        raise UnreadableError(f"data is {found}, where the service said {said}")
    width, characters = len(layout.columns), 0
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            raise UnreadableError(f"a row does not have {counted(width, 'value')}, as the service said")
        for value in row:
            if value is None:
                continue
            if type(value) is not str:
                raise UnreadableError("a value is neither text nor null")
            characters += len(value)
    return rows, characters


def _column(entry: object) -> Column:
    column = fields.table(entry, "a column")
    name = fields.token(column, "name")
    if name is None:
        raise UnreadableError("a column has no name")
    scale = fields.count(column, "scale") or 0
    if scale > MAX_SCALE:
        raise UnreadableError(f"a column has scale {scale}")
    return Column(name, fields.word(column, "type").lower(), scale)


def _list(meta: Mapping[str, Any], name: str, limit: int) -> list[Any]:
    value = meta.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        raise UnreadableError(f"{name} is not a list of at most {limit:,}")
    return value


def _known(meta: Mapping[str, Any], name: str) -> int:
    value = fields.count(meta, name)
    if value is None:
        raise UnreadableError(f"{name} is missing")
    return value
