"""An iterator of tabular parts as one source: columns match by name, all parts have the load's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from ...errors import DataError
from ..encode.cell_location import BinaryFormat, CellLocation
from ..types import is_semi_structured
from .conform import conformed, other_type

Between: TypeAlias = Callable[[int, int], Iterator[pa.RecordBatch]]
"""Reads rows `start` to `stop - 1` of a source without those before them. Several threads may call it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source as Arrow.

    Attributes:
        schema: its fields.
        total_rows: number of rows, None where it is unknown.
        batches: yields the rows.
        waiting_since: returns since when the rows of the last batch waited to be read, None if they did not.
        between: reads a range of rows, None where that can't be done.
        close: releases the source, whether its rows were read or not.
    """

    schema: pa.Schema
    total_rows: int | None
    batches: Callable[[], Iterator[pa.RecordBatch]]
    waiting_since: Callable[[], float | None] = lambda: None
    between: Between | None = None
    close: Callable[[], None] = lambda: None

    @classmethod
    def in_ranges(cls, schema: pa.Schema, total_rows: int, between: Between) -> Opened:
        """Return a source in which any range of rows can be read."""
        return cls(schema, total_rows, lambda: between(0, total_rows), between=between)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a source.

    Attributes:
        opened: its rows.
        name: how messages name it, such as `part 3 of the source`.
        of_dicts: its rows are dicts: a column that none of them has is all missing.
        cut: it ends where the time was up.
        advice: what to do if it does not match the parts before.
    """

    opened: Opened
    name: str
    of_dicts: bool = False
    cut: bool = False
    advice: str = "give all parts the same columns and types, for example with dtype= or .astype()"


def joined(first: Part, rest: Callable[[int, int], Part | None], binary_format: BinaryFormat) -> Opened:
    """Join parts.

    Args:
        first: the first part; its columns are the load's.
        rest: opens a part, given its number and that of its first row; returns None after the last part.
        binary_format: text form of bytes.
    """
    return Opened(first.opened.schema, None, lambda: _batches(first, rest, binary_format))


def _batches(
    first: Part, rest: Callable[[int, int], Part | None], binary_format: BinaryFormat
) -> Iterator[pa.RecordBatch]:
    load = _Load(list(first.opened.schema), binary_format)
    number = 0
    part: Part | None = first
    while part is not None:
        load.begin(part)
        for batch in part.opened.batches():
            yield load.conformed(part, batch)
        number += 1
        part = rest(number, load.rows)


class _Load:
    """What the parts of a load have in common: columns, rows, and types as far as values have shown them."""

    def __init__(self, fields: list[pa.Field], binary_format: BinaryFormat) -> None:
        self.rows = 0
        self._fields = fields
        self._names = [field.name for field in fields]
        # A column that was all missing so far has no type yet: pandas reads an empty one as floats.
        self._decided = [False] * len(fields)
        self._cut = False
        self._rows_before = 0
        self._binary_format: BinaryFormat = binary_format

    def begin(self, part: Part) -> None:
        """Refuse columns other than the load's; once time has cut a part, text must not depend on where."""
        self._cut = self._cut or part.cut
        self._rows_before = self.rows
        found = part.opened.schema.names
        more = [name for name in found if name not in self._names]
        less = [] if part.of_dicts else [name for name in self._names if name not in found]
        if more or less:
            problems = [f"has columns that the first part lacks: {more}"] if more else []
            problems += [f"lacks columns of the first part: {less}"] if less else []
            raise DataError(
                f"{part.name} {' and '.join(problems)}; {part.advice}",
                columns=more or less,
            )

    def conformed(self, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Put a batch's columns in the load's order and form."""
        arrays, fields = [], []
        for position, name in enumerate(self._names):
            index = batch.schema.get_field_index(name)
            if index < 0:
                array, field = pa.nulls(batch.num_rows), pa.field(name, pa.null())
            else:
                array, field = batch.column(index), batch.schema.field(index)
            array, field = self._column(part, position, array, field)
            arrays.append(array)
            fields.append(field)
        self.rows += batch.num_rows
        return pa.record_batch(arrays, schema=pa.schema(fields))

    def _column(
        self, part: Part, position: int, array: pa.Array, found: pa.Field
    ) -> tuple[pa.Array, pa.Field]:
        if not self._decided[position] and array.null_count == len(array):
            return array, found
        first_row = self.rows
        location = CellLocation(found.name, lambda cell: first_row + cell, ",", self._binary_format)
        try:
            self._decide(position, found)
            return conformed(array, found, self._fields[position], location, cut=self._cut)
        except DataError as error:
            if type(error) is not DataError:
                raise
            raise DataError(f"{part.name}: {error}; {part.advice}", columns=error.columns) from None

    def _decide(self, position: int, found: pa.Field) -> None:
        """Let the first values of a column decide its type."""
        if self._decided[position]:
            return
        if self._cut and self._rows_before and is_semi_structured(found):
            # Nulls of such a column are left out; those of the parts before were written.
            raise other_type(found, pa.field(found.name, pa.null()))
        self._fields[position] = found
        self._decided[position] = True
