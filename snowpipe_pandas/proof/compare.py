"""Compares the columns of a source with those of a table, measure by measure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..names import quote_identifier
from ..rows.sources.frames import named_series
from ..rows.sources.source import Source
from ..target_column import TargetColumn
from .kinds import MEASURES, NULLS, SQL, TOTAL, Kind, goes_with, kind_of
from .summary import Summary, summary
from .verification import ALL, Measured

FLOAT_TOLERANCE = 1e-12
"""Relative difference that summing floats in another order may cause."""

PIECE_ROWS = 1_000_000
"""Rows of a frame that are measured at once."""

COLUMNS_AT_ONCE = 100
"""Columns that one statement measures."""

Query = Callable[[str], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table that are compared, and its columns by the names that keys of rows use.

    Attributes:
        name: the table as SQL names it.
        where: a condition on its rows, None for all of them.
        columns: its columns, by their names in upper case.
        query: runs SQL.
    """

    name: str
    where: str | None
    columns: Mapping[str, TargetColumn]
    query: Query

    def measure(self, expressions: Sequence[str]) -> list[Any]:
        """Return the values of expressions over the rows."""
        condition = "" if self.where is None else f" WHERE ({self.where})"
        named = ", ".join(f"{text} AS M{number}" for number, text in enumerate(expressions))
        found = self.query(f"SELECT {named} FROM {self.name}{condition}")  # noqa: S608
        return [_plain(value) for value in found.iloc[0].tolist()]


@dataclass(frozen=True, slots=True)
class Given:
    """The source's side.

    Attributes:
        source: the source, opened as for the load.
        given: what the user gave.
        index: whether its index was sent.
        omits_nulls: whether keys of nulls were left out.
        without: numbers of rows that are not compared, since they were rejected; None where these are not
            known.
        rejected: how many there are.
    """

    source: Source
    given: Any
    index: bool
    omits_nulls: bool
    without: frozenset[int] | None
    rejected: int | None


def compare(given: Given, table: Table) -> Iterator[Measured]:
    """Yield all measures of rows and columns."""
    kinds: dict[str, Kind] = {}
    why: dict[str, str] = {}
    for field in given.source.schema:
        why[field.name] = _hindrance(field, given, table)
        kind = kind_of(field)
        if kind is not None and not why[field.name]:
            kinds[field.name] = kind
    rows, summaries = _summaries(given, kinds)
    yield _compared_rows(rows, given, table)
    names = list(kinds)
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        yield from _compared_columns(names[start : start + COLUMNS_AT_ONCE], kinds, summaries, table)
    for name, reason in why.items():
        if reason:
            yield Measured(name, ALL, why=reason)


def _hindrance(field: Any, given: Given, table: Table) -> str:
    """Say why a column can't be compared, "" if it can."""
    if given.without is None:
        return "which rows were rejected is not known"
    column = table.columns.get(field.name.upper())
    if column is None:
        return "the table has no such column"
    kind = kind_of(field)
    if kind is None:
        return f"values of such a type have no measures ({column.type})"
    if not goes_with(kind, column.type):
        return f"a {kind} of the source is in a column of type {column.type}"
    if given.omits_nulls and column.has_default:
        return "rows that leave it out have the column's DEFAULT"
    return ""


def _summaries(given: Given, kinds: Mapping[str, Kind]) -> tuple[int, dict[str, Summary]]:
    """Measure the source, without the rows that were rejected; returns the number of its rows, too."""
    totals = {name: Summary() for name in kinds}
    rows = 0
    for count, columns in _pieces(given):
        rows += count
        for name, kind in kinds.items():
            totals[name].add(summary(kind, columns[name]))
    return rows, totals


def _pieces(given: Given) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the source's rows piece by piece: how many, and their columns by the names that were sent."""
    names = given.source.schema.names
    without = np.array(sorted(given.without or ()), dtype=np.int64)
    if isinstance(given.given, pd.DataFrame):
        series = [values for _, values in named_series(given.given, index=given.index)]
        for start in range(0, len(given.given), PIECE_ROWS):
            stop = min(len(given.given), start + PIECE_ROWS)
            keep = _kept(start, stop, without)
            yield (
                len(keep) if keep is not None else stop - start,
                {
                    name: values.iloc[start:stop] if keep is None else values.iloc[keep + start]
                    for name, values in zip(names, series, strict=True)
                },
            )
        return
    start = 0
    for batch in given.source.batches():
        keep = _kept(start, start + batch.num_rows, without)
        start += batch.num_rows
        left = batch if keep is None else batch.take(keep)
        yield left.num_rows, dict(zip(names, left.columns, strict=True))


def _kept(start: int, stop: int, without: np.ndarray) -> np.ndarray | None:
    """Return the positions of the rows of a piece that are compared, None for all."""
    dropped = without[(without >= start) & (without < stop)]
    return np.delete(np.arange(stop - start), dropped - start) if len(dropped) else None


def _compared_rows(rows: int, given: Given, table: Table) -> Measured:
    (found,) = table.measure(["COUNT(*)"])
    if given.without is None and given.rejected is None:
        return Measured(ALL, "ROWS", rows, found, None, "how many rows were rejected is not known")
    wanted = rows if given.without is not None else rows - (given.rejected or 0)
    return Measured(ALL, "ROWS", wanted, found, wanted == found)


def _compared_columns(
    names: Sequence[str], kinds: Mapping[str, Kind], summaries: Mapping[str, Summary], table: Table
) -> Iterator[Measured]:
    wanted = []
    for name in names:
        column = quote_identifier(table.columns[name.upper()].name)
        for measure in MEASURES:
            expression = SQL[kinds[name]].of(measure, column)
            if expression is not None and (measure == NULLS or not summaries[name].odd):
                wanted.append((name, measure, expression))
    found = table.measure([expression for _, _, expression in wanted])
    for (name, measure, _), value in zip(wanted, found, strict=True):
        yield _compared(name, measure, kinds[name], summaries[name], value)
    for name in names:
        if summaries[name].odd:
            yield Measured(name, TOTAL, why="NaN or an infinity is among the values")


def _compared(name: str, measure: str, kind: Kind, summary: Summary, found: Any) -> Measured:
    source = {NULLS: summary.nulls, TOTAL: summary.total}.get(measure)
    if measure not in (NULLS, TOTAL):
        source = summary.minimum if measure == MEASURES[1] else summary.maximum
    if kind == "boolean" and source is None:
        source = 0  # as COUNT_IF counts no values
    equal = _equal(source, found, summary.magnitude if measure == TOTAL else 0.0)
    if kind in ("time", "instant") and measure not in (NULLS, TOTAL):
        source, found = _moment(source, kind), _moment(found, kind)
    return Measured(name, measure, source, found, equal)


def _equal(wanted: Any, found: Any, magnitude: float) -> bool:
    if wanted is None or found is None:
        return wanted is found
    if isinstance(wanted, float) or isinstance(found, float):
        return bool(abs(float(wanted) - float(found)) <= FLOAT_TOLERANCE * magnitude)
    return bool(wanted == found)


def _plain(value: Any) -> Any:
    """Convert a value of SQL to Python's form; pandas marks missing ones in several ways."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, Decimal) and value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return int(value)
    return value


def _moment(nanoseconds: int | None, kind: Kind) -> Any:
    """Return a time in readable form, where that can be exact."""
    if nanoseconds is None:
        return None
    zone = dt.UTC if kind == "instant" else None
    try:
        return pd.Timestamp(nanoseconds, unit="ns", tz=zone)
    except (OverflowError, ValueError):
        return nanoseconds
