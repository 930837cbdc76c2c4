"""Opens Arrow's own objects, and whatever offers Arrow's C stream or array."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import DataError, UnsupportedColumnError
from ...shown import counted
from ..translated import translated
from .datasets import open_dataset, read
from .parts import Opened

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_POLARS_LIES = re.compile(r"\b(?:Object|Unknown|U?Int128)\b")
"""Types of polars whose Arrow form holds addresses of memory, or that Arrow does not know."""

_DUCKDB_LIES = {
    "bit": "text (CAST ... AS VARCHAR)",
    "time with time zone": "TIMESTAMPTZ or text",
    "uhugeint": "HUGEINT or text",
    "bignum": "text (CAST ... AS VARCHAR)",
    "variant": "JSON",
    "union": "one of its types",
    "interval": "text, or a number of seconds",
    "geometry": "text",
}
"""Types of DuckDB whose Arrow form is missing or is not the value DuckDB shows; and what to cast them to."""


def open_arrow(source: Any) -> Opened | None:
    """Open a source of Arrow data; None for everything else.

    Raises:
        UnsupportedColumnError: columns of a foreign type whose Arrow form is not the value.
        DataError: the source can't be read.
    """
    if isinstance(source, pa.Table):
        return _open_table(source)
    if isinstance(source, pa.RecordBatch):  # not by way of the C interface: names end there at a NUL
        return _open_batch(source)
    what = f"the {type(source).__name__}"
    if isinstance(source, pa.dataset.Dataset):
        return open_dataset(source, what)
    if isinstance(source, pa.dataset.Scanner):
        return Opened(source.projected_schema, None, partial(read, what, source.to_batches))
    if hasattr(source, "__arrow_c_stream__"):  # readers, polars, duckdb
        refuse_lies(source)
        return _open_stream(source, what)
    if hasattr(source, "__arrow_c_array__"):
        with translated(what):
            return _open_batch(pa.record_batch(source))
    return None


def _open_table(table: pa.Table) -> Opened:
    def between(start: int, stop: int) -> Iterator[pa.RecordBatch]:
        yield from table.slice(start, stop - start).to_batches()

    return Opened.in_ranges(table.schema, table.num_rows, between)


def _open_batch(batch: pa.RecordBatch) -> Opened:
    def between(start: int, stop: int) -> Iterator[pa.RecordBatch]:
        yield batch.slice(start, stop - start)

    return Opened.in_ranges(batch.schema, batch.num_rows, between)


def _open_stream(source: Any, what: str) -> Opened:
    """Open a stream; a frame that has a height and can be sliced has a stream for any range."""
    with translated(what):
        reader = pa.RecordBatchReader.from_stream(source)
        rows = getattr(source, "height", None)
        rows = rows if isinstance(rows, int) else None
        whole = _sliced(source, 0, rows) if rows is not None and hasattr(source, "slice") else None
    if rows is None or whole is None:
        return Opened(reader.schema, rows, partial(read, what, lambda: reader))

    def stream(start: int, stop: int) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_stream(_sliced(whole, start, stop - start))

    return Opened.in_ranges(reader.schema, rows, lambda start, stop: read(what, partial(stream, start, stop)))


def _sliced(source: Any, start: int, length: int) -> Any:
    """Slice a foreign frame, as polars does: by the first row and the number of rows."""
    part = source.slice(start, length)
    if part.height != length:
        raise DataError(f"a slice of {counted(length, 'row')} has {part.height:,}")
    return part


def refuse_lies(source: Any) -> None:
    """Check the types that polars and DuckDB name, before their Arrow stream is trusted.

    Raises:
        UnsupportedColumnError: columns whose Arrow form is not the value.
    """
    home = type(source).__module__.split(".")[0].lstrip("_")
    problems: dict[str, str] = {}
    with translated(f"the {type(source).__name__}"):
        if home == "duckdb" and hasattr(source, "types"):
            for name, kind in zip(source.columns, source.types, strict=True):
                lie = _duckdb_lie(kind)
                if lie:
                    problems[name] = f"{kind} has no Arrow form of its own; cast it to {_DUCKDB_LIES[lie]}"
        elif home in ("polars", "narwhals") and hasattr(source, "schema"):
            for name, dtype in dict(source.schema).items():
                lies = _POLARS_LIES.findall(_QUOTED.sub("", repr(dtype)))
                if lies:
                    problems[name] = f"{dtype} has no Arrow form of its own; {_polars_advice(lies[0])}"
    if problems:
        listed = "; ".join(f"{name!r}: {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {listed}", columns=list(problems))


def _polars_advice(lie: str) -> str:
    if lie.endswith("Int128"):
        return "use .cast(pl.Decimal(38, 0)) or .cast(pl.String)"
    return "convert it to a type of polars, for example with .map_elements(str, return_dtype=pl.String)"


def _duckdb_lie(kind: Any) -> str:
    """Return the type inside of `kind` whose Arrow form lies, "" if there is none."""
    if kind.id in _DUCKDB_LIES:
        return str(kind.id)
    if kind.id not in ("list", "array", "struct", "map"):
        return ""
    inner = (_duckdb_lie(child) for _, child in kind.children if hasattr(child, "id"))
    return next(filter(None, inner), "")
