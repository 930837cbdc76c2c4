"""Opens anything tabular as a stream of Arrow record batches.

Names and types are checked here, before a row is rendered; every problem is named at once. Frames are
converted slice by slice, so that a large one is never copied whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import DataError, EmptySourceError, UnsupportedColumnError
from ...shown import counted
from ...waits import FOR_EVER_S
from ..encode.cell_location import BinaryFormat
from ..translated import translated
from ..types import snowflake_type
from .arrow import open_arrow
from .dicts import CHUNK_ROWS, is_row, series_of_dicts
from .feed import Feed
from .file_rows import open_files
from .frames import Series, frame_batches, frame_columns, named_series
from .lazy_frames import is_lazy_frame, open_lazy_frame
from .names import ColumnCase, check_distinct, sent_names
from .ndjson_files import open_ndjson
from .not_tabular import is_open_file, is_series, not_tabular
from .parts import Between, Opened, Part, joined
from .paths import find_files, names_files
from .slicing import cut


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to send.

    Attributes:
        schema: the fields, with the names that are sent.
        total_rows: number of rows, None where the source does not know it.
        waiting_since: returns since when the rows of the last batch waited to be read, on the monotonic
            clock, in seconds; None if they did not wait.
        first_row: number of the first row, for messages; that of a part counts in the whole source.
        given_names: the names that the fields have in what the user gave.
        close: releases the source, whether its rows were read or not: an iterator is read by a thread.
    """

    schema: pa.Schema
    total_rows: int | None
    _batches: Callable[[], Iterator[pa.RecordBatch]]
    waiting_since: Callable[[], float | None]
    _between: Between | None = None
    first_row: int = 0
    given_names: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None

    @property
    def cuttable(self) -> bool:
        """Whether `part()` can read a range of rows without those before it."""
        return self._between is not None

    def part(self, start: int, stop: int) -> Source:
        """Return rows `start` to `stop - 1` as a source of its own, of the same schema.

        Types are those of the whole source, and so each row has the same text. Parts share nothing that
        changes: each may be read in a thread of its own.

        Args:
            start: the first row, counted from 0.
            stop: the row after the last one.

        Raises:
            DataError: the source is not `cuttable`, or has no such rows.

        >>> open_source(pd.DataFrame({"A": [1, 2, 3]})).part(1, 3).total_rows
        2
        """
        between, total = self._between, self.total_rows
        if between is None or total is None:
            raise DataError("the source can't be read in ranges: it gives its rows in order, once")
        if not 0 <= start <= stop <= total:
            raise DataError(
                f"the source has {counted(total, 'row')}; {start:,} to {stop:,} is not a range of them"
            )
        return Source(
            self.schema,
            stop - start,
            partial(between, start, stop),
            self.waiting_since,
            lambda first, end: between(start + first, start + end),
            self.first_row + start,
            self.given_names,
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches small enough to render side by side.

        Raises:
            DataError: a later part of the source has other columns, or values that the types would lose.
        """
        for batch in self._batches():
            if batch.schema.names != self.schema.names:
                batch = batch.rename_columns(self.schema.names)
            yield from cut(batch)


@dataclass(frozen=True, slots=True)
class _Options:
    """How a source is read: with its index, the text form of bytes inside of Python objects, and how long a
    dict of an iterator waits for others."""

    index: bool
    binary_format: BinaryFormat
    patience_s: float


def open_source(
    source: Any,
    *,
    index: bool = False,
    columns: Mapping[str, str] | None = None,
    column_case: ColumnCase = "keep",
    binary_format: BinaryFormat = "base64",
    patience_s: float = FOR_EVER_S,
) -> Source:
    """Open a source of rows.

    Args:
        source: a pandas DataFrame; a pyarrow Table, RecordBatch, reader, scanner or dataset; anything with
            `__arrow_c_stream__` or `__arrow_c_array__` (polars, duckdb); a LazyFrame of polars; a list or an
            iterator of dicts; an iterator of any of these parts, which are matched by the names of their
            columns; a path, a glob, a folder or a list of paths (Parquet, CSV, Arrow IPC, NDJSON).
        index: include a DataFrame's index as columns.
        columns: new names, `{"old": "NEW"}`.
        column_case: "upper" folds all names.
        binary_format: text form of bytes inside of dicts and lists: "base64", "hex" or "utf-8".
        patience_s: seconds that a dict of an iterator waits for others, with which its types are decided.

    Raises:
        EmptySourceError: no columns.
        DuplicateColumnError: names collide, with regard to case or without.
        UnsupportedColumnError: columns whose values have no row JSON form; names all of them.
        InvalidValueError: a category can't be written.
        DataError: not tabular, or a name can't name a column.
    """
    opened = _opened(source, _Options(index, binary_format, patience_s))
    given = tuple(opened.schema.names)
    try:
        names = sent_names(list(given), columns, column_case)
        check_types(opened.schema)
    except BaseException:
        opened.close()
        raise
    schema = pa.schema([f.with_name(n) for f, n in zip(opened.schema, names, strict=True)])
    return Source(
        schema,
        opened.total_rows,
        opened.batches,
        opened.waiting_since,
        opened.between,
        given_names=given,
        close=opened.close,
    )


def can_be_read_again(source: Any) -> bool:
    """Return whether a source that is read now yields its rows again when it is opened again.

    It is not opened to find out. A foreign stream may be used up, so of foreign objects only frames count.

    >>> can_be_read_again([{"A": 1}]), can_be_read_again(iter([{"A": 1}]))
    (True, False)
    """
    if isinstance(source, Iterator | pa.dataset.Scanner):
        return False
    if isinstance(source, pa.Table | pa.RecordBatch | pa.dataset.Dataset):
        return True
    if _is_frame(source) or is_lazy_frame(source) or not hasattr(source, "__arrow_c_stream__"):
        return True
    return isinstance(getattr(source, "height", None), int)


def _opened(source: Any, options: _Options, first_row: int = 0) -> Opened:
    if _is_frame(source):
        return _open_frame(source, options, first_row)
    if isinstance(source, np.ndarray) or is_series(source) or is_open_file(source):
        raise not_tabular(source)
    of_files = names_files(source)
    if options.index and (of_files or _is_arrow(source) or is_lazy_frame(source) or _is_rows(source)):
        raise DataError("index=True needs a pandas DataFrame: other sources have no index")
    if of_files:
        return _open_files(source, options)
    opened = open_arrow(source)
    if opened is not None:
        return opened
    if is_lazy_frame(source):
        return open_lazy_frame(source)
    if _is_rows(source):
        return _open_dicts(source, first_row, options)
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | memoryview | Mapping):
        return _open_parts(_iterator(source), options)
    raise not_tabular(source)


def _iterator(source: Iterable[Any]) -> Iterator[Any]:
    try:
        return iter(source)
    except TypeError:
        raise not_tabular(source) from None


def _is_frame(source: Any) -> bool:
    """Return whether it is a DataFrame, by all bases: GeoPandas has a subclass."""
    return any(
        base.__name__ == "DataFrame" and base.__module__.split(".")[0] == "pandas"
        for base in type(source).__mro__
    )


def _open_frame(source: Any, options: _Options, first_row: int) -> Opened:
    with translated("the DataFrame"):
        # A subclass may override anything; a copy of a short plain frame would cost as much as its rows.
        frame = source if type(source) is pd.DataFrame else pd.DataFrame(source)
        named = named_series(frame, index=options.index)
        return _of_series(named, len(frame), options, first_row)


def _of_series(named: list[tuple[str, Series]], rows: int, options: _Options, first_row: int) -> Opened:
    columns = frame_columns(named, options.binary_format, first_row)
    schema = pa.schema([column.field for column in columns])

    def between(start: int, stop: int) -> Iterator[pa.RecordBatch]:
        with translated("the source"):
            yield from frame_batches(columns, start, stop)

    return Opened.in_ranges(schema, rows, between)


def _open_dicts(rows: Sequence[Any], first_row: int, options: _Options) -> Opened:
    with translated("the list of dicts"):
        return _of_series(series_of_dicts(rows, first_row), len(rows), options, first_row)


def _open_files(source: Any, options: _Options) -> Opened:
    found = find_files(source)
    if found.format == "NDJSON":
        open_dicts = partial(_open_dicts, options=options)
        return open_ndjson(found.paths, open_dicts, options.binary_format)
    return open_files(found, options.binary_format)


def _open_parts(source: Iterator[Any], options: _Options) -> Opened:
    """Open an iterator of parts, or of dicts; its own exceptions are the user's and pass unchanged."""
    feed = Feed(source)
    try:
        return _of_feed(feed, options)
    except BaseException:
        feed.close()  # an error that is kept, as notebooks do, keeps the feed alive
        raise


def _of_feed(feed: Feed, options: _Options) -> Opened:
    first = feed.first()
    if not first:
        raise EmptySourceError("the iterator yielded nothing, so its columns are not known")
    of_dicts = is_row(first[0])
    if of_dicts and options.index:
        raise DataError("index=True needs pandas DataFrames: dicts have no index")
    since: float | None = None

    def part(number: int, first_row: int) -> Part | None:
        nonlocal since
        taken = feed.take(CHUNK_ROWS if of_dicts else 1, options.patience_s)
        if not taken.items:
            return None
        if not of_dicts:
            return _part(taken.items[0], options, number, first_row)
        since = taken.since
        name = f"rows {first_row:,} to {first_row + len(taken.items) - 1:,} of the source"
        try:
            opened = _open_dicts(taken.items, first_row, options)
        except UnsupportedColumnError as error:
            if not number and not taken.cut and len(taken.items) < CHUNK_ROWS:
                raise  # these are all rows there are
            # All rows together may have a type that these alone have not.
            raise UnsupportedColumnError(f"{name}: {error}; {_LIST_ADVICE}", columns=error.columns) from None
        return Part(opened, name, of_dicts=True, cut=taken.cut, advice=_LIST_ADVICE)

    parts = joined(cast(Part, part(0, 0)), part, options.binary_format)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from parts.batches()
        finally:
            feed.close()

    return Opened(parts.schema, None, batches, lambda: since, close=feed.close)


def _part(part: Any, options: _Options, number: int, first_row: int) -> Part:
    if not (_is_frame(part) or _is_arrow(part) or _is_rows(part)):
        raise DataError(f"part {number} of the source: {not_tabular(part)}")
    opened = _opened(part, options, first_row)
    if number:
        check_distinct(opened.schema.names)
        check_types(opened.schema)
    return Part(opened, f"part {number} of the source")


_LIST_ADVICE = "pass list(rows), so that all rows are looked at before the first is sent"


def _is_rows(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and is_row(source[0])


def _is_arrow(source: Any) -> bool:
    return isinstance(source, pa.dataset.Dataset | pa.dataset.Scanner) or any(
        hasattr(source, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    )


def check_types(schema: pa.Schema) -> None:
    """Refuse fields that have no row JSON form.

    Raises:
        UnsupportedColumnError: names all of them, with what to do.
    """
    problems = {}
    for field in schema:
        try:
            snowflake_type(field)
        except TypeError as error:
            problems[field.name] = str(error)
    if problems:
        listed = "; ".join(f"{name!r}: {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {listed}", columns=list(problems))
