"""An iterator of tabular parts as one source: columns match by name, all parts have the load's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from ...errors import DataError
from ..encode.cell_location import BinaryFormat, CellLocation
from .conform import conformed


@dataclass(frozen=True, slots=True)
class Opened:
    """A source as Arrow: its fields, its rows' number where it is known, and its batches."""

    schema: pa.Schema
    total_rows: int | None
    batches: Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a source. Where `may_lack_columns`, columns that it has not are missing values (dicts)."""

    opened: Opened
    may_lack_columns: bool = False


def joined(first: Part, rest: Callable[[int, int], Part | None], binary_format: BinaryFormat) -> Opened:
    """Join parts.

    Args:
        first: the first part; its columns are the load's.
        rest: opens part number n, whose first row has that number; None behind the last part.
        binary_format: text form of bytes.
    """
    return Opened(first.opened.schema, None, lambda: _batches(first, rest, binary_format))


def _batches(
    first: Part, rest: Callable[[int, int], Part | None], binary_format: BinaryFormat
) -> Iterator[pa.RecordBatch]:
    fields = list(first.opened.schema)
    rows = 0
    number = 0
    part: Part | None = first
    while part is not None:
        _check_columns(number, part, fields)
        for batch in part.opened.batches():
            yield _conformed_batch(number, batch, fields, rows, binary_format)
            rows += batch.num_rows
        number += 1
        part = rest(number, rows)


def _check_columns(number: int, part: Part, fields: list[pa.Field]) -> None:
    """Refuse other columns than the load has."""
    found = part.opened.schema.names
    wanted = [field.name for field in fields]
    more = [name for name in found if name not in wanted]
    less = [] if part.may_lack_columns else [name for name in wanted if name not in found]
    if more or less:
        told = [f"has columns which the first part had not: {more}"] if more else []
        told += [f"lacks columns of the first part: {less}"] if less else []
        raise DataError(
            f"part {number} of the source {' and '.join(told)}; give all parts the same columns",
            columns=more or less,
        )


def _conformed_batch(
    number: int, batch: pa.RecordBatch, fields: list[pa.Field], first_row: int, binary_format: BinaryFormat
) -> pa.RecordBatch:
    """Put columns in the load's order and form; one that was all missing so far gets its type."""
    arrays, own = [], []
    for position, wanted in enumerate(fields):
        index = batch.schema.get_field_index(wanted.name)
        if index < 0:
            arrays.append(pa.nulls(batch.num_rows, wanted.type))
            own.append(wanted)
            continue
        found, array = batch.schema.field(index), batch.column(index)
        if pa.types.is_null(wanted.type) and array.null_count < len(array):
            fields[position] = wanted = found.with_name(wanted.name)
        location = CellLocation(wanted.name, lambda cell: first_row + cell, ",", binary_format)
        try:
            array, field = conformed(array, found, wanted, location)
        except DataError as error:
            if type(error) is not DataError:
                raise
            raise DataError(f"part {number} of the source: {error}", columns=error.columns) from None
        arrays.append(array)
        own.append(field)
    return pa.record_batch(arrays, schema=pa.schema(own))
