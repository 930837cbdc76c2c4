"""Rejected rows as a frame: rows of the source, each with its number and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from ..errors import DataError
from .encode.encoder import Encoder
from .find import Hits, Sought, find_rows
from .sources.again import Again
from .sources.dicts import is_row
from .types import is_json_field, is_number_field

NUMBER, REASON, JSON = "rejected_row", "rejected_reason", "rejected_json"
"""Columns before the source's own; if the source has such a name, they get trailing underscores."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that the service has rejected: its text, why, and the range of rows that it can be."""

    line: str
    reason: str
    first_row: int
    end_row: int


def rejected_frame(rejected: Sequence[Rejected], again: Again | None, encoder: Encoder) -> pd.DataFrame:
    """Return rejected rows in the order of the source, as the source has them, if it is still there.

    Rows that the source lacks, or no longer has, come last, without number and without values.
    """
    numbers, hits, given_names = _found(rejected, again, encoder)
    known = sorted(numbers, key=lambda place: numbers[place])
    unknown = sorted(
        (place for place in range(len(rejected)) if place not in numbers),
        key=lambda place: (rejected[place].first_row, rejected[place].line),
    )
    rows = pd.DataFrame()
    if known and again is not None:
        rows = _values(again.given, [numbers[place] for place in known], hits, given_names)
    if unknown:
        rows = _with_empty_rows(rows, len(unknown))
    order = known + unknown
    own: tuple[Any, ...] = (
        pd.array([numbers.get(place) for place in order], dtype="Int64"),
        [rejected[place].reason for place in order],
        [rejected[place].line for place in order],
    )
    for at, (name, column) in enumerate(zip(own_names(rows), own, strict=True)):
        rows.insert(at, name, column)
    return rows


def own_names(rows: pd.DataFrame) -> list[str]:
    """Return the names of the columns for number, reason and text before a source's columns."""
    names = []
    for name in (NUMBER, REASON, JSON):
        while name in rows.columns:
            name += "_"
        names.append(name)
    return names


def numbers_of(rejected: Sequence[Rejected], again: Again, encoder: Encoder) -> dict[int, int]:
    """Return the numbers of those rows that the source has, by their places."""
    return _found(rejected, again, encoder)[0]


def _found(
    rejected: Sequence[Rejected], again: Again | None, encoder: Encoder
) -> tuple[dict[int, int], list[Hits], tuple[str, ...]]:
    """Return the numbers of the rows that are found, by their places; their batches, and the source's names.

    A source that has changed may no longer be readable as rows: what is not found by then stays so.
    """
    sought = [Sought(row.line.encode(), row.first_row, row.end_row) for row in rejected]
    numbers: dict[int, int] = {}
    kept: list[Hits] = []
    names: tuple[str, ...] = ()
    in_memory = again is not None and _is_indexable(again.given)
    try:
        source = again.open() if again is not None and sought else None
        if source is not None:
            names = source.given_names
            for hits in find_rows(source, encoder, sought):
                numbers.update(zip(hits.sought, hits.numbers, strict=True))
                if not in_memory:
                    kept.append(hits)
    except DataError:
        pass
    return numbers, kept, names


def _is_indexable(given: Any) -> bool:
    """Return whether its rows can be taken by their numbers, unchanged."""
    return isinstance(given, pd.DataFrame) or (isinstance(given, list) and bool(given) and is_row(given[0]))


def _values(given: Any, numbers: Sequence[int], hits: Sequence[Hits], names: Sequence[str]) -> pd.DataFrame:
    """Return rows of a source by their numbers."""
    if isinstance(given, pd.DataFrame):
        return pd.DataFrame(given.iloc[list(numbers)])
    if _is_indexable(given):
        rows = [given[number] for number in numbers]
        return pd.DataFrame(
            {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}
        )
    found = [number for hit in hits for number in hit.numbers]
    places = {number: place for place, number in enumerate(found)}
    order = [places[number] for number in numbers]
    batches = [hit.batch for hit in hits]
    return pd.DataFrame(
        {
            name: _column(
                [batch.schema.field(at) for batch in batches], [b.column(at) for b in batches], order
            )
            for at, name in enumerate(names)
        }
    )


def _column(fields: Sequence[pa.Field], arrays: Sequence[pa.Array], order: Sequence[int]) -> pd.Series:
    """Return a column in the type of pandas that keeps its values; texts of objects as objects.

    Batches before its first value may have it as nulls.
    """
    read: Callable[[str], Any] | None = None
    if any(map(is_json_field, fields)):
        read = json.loads
    elif any(map(is_number_field, fields)):
        read = Decimal
    if read is None:
        kind = next((a.type for a in arrays if not pa.types.is_null(a.type)), pa.null())
        chunks = pa.chunked_array([a.cast(kind) if pa.types.is_null(a.type) else a for a in arrays], kind)
        return pd.Series(pd.arrays.ArrowExtensionArray(chunks.take(pa.array(order))))
    texts = [text for array in arrays for text in array.to_pylist()]
    return pd.Series([None if texts[at] is None else read(texts[at]) for at in order], dtype=object)


def _with_empty_rows(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Append rows without values, as objects: other types would change to make room."""
    if not len(rows.columns):
        return pd.DataFrame(index=pd.RangeIndex(count))
    index = rows.index
    if isinstance(index, pd.MultiIndex):
        index = index.append(pd.MultiIndex.from_tuples([(None,) * index.nlevels] * count, names=index.names))
    else:
        index = pd.Index([*index, *[None] * count], dtype=object, name=index.name)
    columns = {
        place: pd.Series([*rows.iloc[:, place], *[None] * count], dtype=object, index=index)
        for place in range(len(rows.columns))
    }
    widened = pd.DataFrame(columns, index=index)
    widened.columns = rows.columns
    return widened
