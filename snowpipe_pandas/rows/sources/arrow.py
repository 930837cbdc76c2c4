"""Opens what Arrow has, and what hands out Arrow's C stream or array."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.dataset  # makes pa.dataset known

from ...errors import UnsupportedColumnError
from ..translated import translated
from .parts import Opened
from .slicing import MAX_BATCH_ROWS

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
"""Types of DuckDB whose Arrow form is another value than DuckDB shows, or none; and what to cast them to."""


def open_arrow(source: Any) -> Opened | None:
    """Open a source of Arrow data; None for everything else.

    Raises:
        UnsupportedColumnError: columns of a foreign type whose Arrow form is not the value.
        DataError: the source can't be read.
    """
    if isinstance(source, pa.Table):
        return Opened(source.schema, source.num_rows, lambda: iter(source.to_batches()))
    if isinstance(source, pa.RecordBatch):  # not by way of the C interface: names end there at a NUL
        return Opened(source.schema, source.num_rows, lambda: iter([source]))
    what = f"the {type(source).__name__}"
    if isinstance(source, pa.dataset.Dataset):
        with translated(what):
            return Opened(
                source.schema, source.count_rows(), partial(_read, what, partial(_dataset_batches, source))
            )
    if isinstance(source, pa.dataset.Scanner):
        return Opened(source.projected_schema, None, partial(_read, what, source.to_batches))
    if hasattr(source, "__arrow_c_stream__"):  # readers, polars, duckdb
        _refuse_lies(source)
        with translated(what):
            reader = pa.RecordBatchReader.from_stream(source)
            rows = getattr(source, "height", None)
        return Opened(
            reader.schema, rows if isinstance(rows, int) else None, partial(_read, what, lambda: reader)
        )
    if hasattr(source, "__arrow_c_array__"):
        with translated(what):
            batch = pa.record_batch(source)
        return Opened(batch.schema, batch.num_rows, lambda: iter([batch]))
    return None


def _read(what: str, batches: Callable[[], Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Yield batches; a failure of the reader leaves as an error of ours."""
    with translated(what):
        iterator = iter(batches())
    while True:
        with translated(what):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch


def _dataset_batches(source: pa.dataset.Dataset) -> Iterator[pa.RecordBatch]:
    """Read Parquet a row group at a time: Arrow's own scan reads ahead by a gigabyte and more."""
    try:
        fragments = list(source.get_fragments())
    except ValueError:  # a filter, of which fragments know nothing
        fragments = []
    if fragments and all(isinstance(f, pa.dataset.ParquetFileFragment) for f in fragments):
        options = pa.dataset.ParquetFragmentScanOptions(pre_buffer=False)
        for fragment in fragments:
            for group in fragment.split_by_row_group():
                yield from group.to_batches(
                    source.schema, batch_size=MAX_BATCH_ROWS, fragment_scan_options=options
                )
    else:
        yield from source.to_batches(batch_size=MAX_BATCH_ROWS)


def _refuse_lies(source: Any) -> None:
    """Ask polars and DuckDB for their own types before their Arrow stream is believed."""
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
        told = "; ".join(f"{name!r}: {problem}" for name, problem in problems.items())
        raise UnsupportedColumnError(f"columns can't be sent: {told}", columns=list(problems))


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
